# SymPy annotates its classes in parts only
# pyright: reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""Symmetries that the field should have: how far it is from them, at the smoothed data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import sympy as sp

from pysymude.errors import InvalidInputError
from pysymude.fit.problem.prepared import Prepared
from pysymude.fit.terms.sampled_terms import SampledTerm, in_solved_states
from pysymude.model.symbols import t
from pysymude.plan.enforcement import Enforced
from pysymude.plan.problem import Samples
from pysymude.symbolic.exact.normal_form import exact
from pysymude.symbolic.symmetries.generator import Generator

__all__ = ["equivariance_terms", "generators"]


def equivariance_terms(
    prepared: Prepared, symmetries: Sequence[Generator], weight: float
) -> list[SampledTerm]:
    """How far the field is from having each symmetry, at the smoothed data.

    The defect of a generator xi d/dt + eta . d/du is what `is_symmetry` asks to vanish,
    D eta - f D xi - X(f), which is the bracket [f, W] for xi = 0. Each component is divided by the root
    mean square of that state's slope.
    """
    if not symmetries:
        return []
    enforced, smoothed = prepared.enforced, prepared.smoothing.at()
    if smoothed is None:
        raise InvalidInputError(
            "equivariance= is measured at smoothed data, which needs six measurements of every state"
        )
    scale = np.sqrt(np.mean(smoothed.du**2, axis=0))
    scale = np.where(scale > 0, scale, 1.0)
    terms: list[SampledTerm] = []
    for k, generator in enumerate(symmetries, start=1):
        defect = [in_solved_states(enforced, d) for d in _defect(enforced, generator)]
        weights = np.tile(np.sqrt(weight / len(smoothed.t)) / scale, (len(smoothed.t), 1))
        samples = Samples.each(
            smoothed.t, smoothed.u @ enforced.mix.T, smoothed.p, weights, np.zeros_like(weights)
        )
        terms.append(SampledTerm(f"symmetry_{k}", tuple(defect), samples, prepared))
    return terms


def generators(given: Any) -> tuple[Generator, ...]:
    """What ``equivariance=`` names, as a tuple."""
    several = tuple(given) if isinstance(given, (list, tuple)) else (given,)
    for one in several:
        if not isinstance(one, Generator):
            raise InvalidInputError(
                f"equivariance= takes a Generator or a list of them; found {type(one).__name__} {one!r}"
            )
    return several


def _defect(enforced: Enforced, generator: Generator) -> list[sp.Expr]:
    system = enforced.system
    strangers = [x for x in generator.eta if x not in system.rhs]
    if strangers:
        raise InvalidInputError(
            f"equivariance= moves {strangers[0]}, which is no state of the system; its states are "
            f"{', '.join(map(str, system.states))}"
        )
    # the field that is learned: with its laws, in the user's coordinates
    field = enforced.model.rhs

    def along(expr: sp.Expr) -> sp.Expr:
        return expr.diff(t) + sp.Add(*(expr.diff(x) * f for x, f in field.items()))

    slowed = along(generator.xi)
    return [
        cast("sp.Expr", along(exact(generator.moves(x))) - f * slowed - generator(f))
        for x, f in field.items()
    ]
