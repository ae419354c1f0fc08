# SymPy annotates its classes in parts only
# pyright: reportReturnType=false
"""Coefficients as simple rationals, where the data cannot tell the difference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import sympy as sp

from pysymude.errors import InvalidInputError
from pysymude.fit.result.fit_result import FitResult

__all__ = ["simple_rationals", "simplest_within"]

_WIDTH = 2.0  # standard errors to each side


def simple_rationals(
    refit: FitResult,
    coefficients: Sequence[tuple[str, float, float]],
    variance: float,
    max_denominator: int,
) -> dict[str, sp.Rational | None]:
    """For each (name, value, error) a rational, or None where none is as good as the number itself."""
    if (
        isinstance(max_denominator, bool)
        or not isinstance(max_denominator, int)
        or max_denominator < 1
    ):
        raise InvalidInputError(
            f"max_denominator must be a positive whole number; found {max_denominator!r}"
        )
    from scipy.stats import chi2

    found: dict[str, Fraction | None] = {}
    moved: dict[str, float] = {}
    for name, value, error in coefficients:
        found[name] = simplest_within(
            value - _WIDTH * error, value + _WIDTH * error, max_denominator
        )
        if (exact := found[name]) is not None:
            moved[name] = abs(float(exact) - value) / error if error > 0 else 0.0
    while moved:
        values = dict(refit.values)
        values |= {name: float(exact) for name in moved if (exact := found[name]) is not None}
        raised = refit.objective.value(refit.layout.pack(values)) - refit.loss
        if raised <= chi2.ppf(0.95, len(moved)) * variance:
            break
        worst = max(moved, key=lambda name: moved[name])
        found[worst] = None
        del moved[worst]
    return {
        k: None if v is None else sp.Rational(v.numerator, v.denominator) for k, v in found.items()
    }


def simplest_within(low: float, high: float, max_denominator: int) -> Fraction | None:
    """The fraction of the smallest denominator in [low, high] other than 0, nearest to its middle.

    Examples
    --------
    >>> simplest_within(0.788, 0.809, 20), simplest_within(0.7071, 0.7072, 20)
    (Fraction(4, 5), None)
    """
    if not (math.isfinite(low) and math.isfinite(high)):
        return None
    middle = (low + high) / 2
    for q in range(1, max_denominator + 1):
        p = round(middle * q)
        if p != 0 and low <= p / q <= high:
            return Fraction(p, q)
    return None
