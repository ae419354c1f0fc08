# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""Weights of coordinates in which the leading part of a field is homogeneous.

With x' = v, v' = -x^7 and the weights 1 and 4 the energy has the weight 8: few products of powers have
a weight so small, while thousands have its total degree.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import gcd
from typing import Any, cast

import sympy as sp

from pysymude.symbolic.exact.normal_form import NormalForm
from pysymude.symbolic.exact.polynomials import ExactField

__all__ = ["dominant_weights", "highest_weight"]

_SCALES = (1, 2, 3, 4)
_LARGEST = 60  # a weight, relative to the smallest
_ROUNDS = 60

Powers = tuple[int, ...]
# exponents of the leading terms of a numerator, and of a denominator
Shape = tuple[list[Powers], list[Powers]]


def dominant_weights(form: NormalForm, exact: ExactField) -> dict[sp.Symbol, int]:
    """Positive weights w of the states with the smallest d such that each f_i has a weight <= w_i + d.

    Coprime; all equal where total degrees are as good.  A sine, a logarithm or an exponential has the
    weight zero here, a root that of what stands under it, divided by its order.
    """
    shapes = _shapes(form, exact)
    best: tuple[float, list[int]] | None = None
    for scale in _SCALES:
        found = _least(shapes, scale)
        if found is not None and (best is None or found[0] / scale < best[0] - 1e-9):
            best = found[0] / scale, found[1]
    weights = best[1] if best else [1] * len(form.states)
    common = gcd(*weights)
    return {x: w // common for x, w in zip(form.states, weights, strict=True)}


def highest_weight(form: NormalForm, exact: ExactField, weights: dict[sp.Symbol, int]) -> int:
    """The largest weight of f_i x_j: no term of an energy weighs more."""
    values = list(weights.values())
    degrees = [_degree(shape, values) for shape in _shapes(form, exact)]
    return int(max(degrees, default=0)) + max(values, default=0)


def _least(shapes: list[Shape], scale: int) -> tuple[int, list[int]] | None:
    """The smallest d, and the least weights from `scale` on; None where they are too large."""
    for d in range(_LARGEST * scale):
        weights = [scale] * len(shapes)
        for _ in range(_ROUNDS):
            raised = [
                max(w, int(_degree(shape, weights)) - d)
                for w, shape in zip(weights, shapes, strict=True)
            ]
            if raised == weights:
                return d, weights
            if max(raised) > _LARGEST * scale:
                break
            weights = raised
    return None


def _degree(shape: Shape, weights: list[int]) -> float:
    top, bottom = (max((_dot(m, weights) for m in part), default=0.0) for part in shape)
    return top - bottom


def _dot(powers: Powers, weights: list[int]) -> int:
    return sum(k * w for k, w in zip(powers, weights, strict=True) if k)


def _shapes(form: NormalForm, exact: ExactField) -> list[Shape]:
    """For each rate the exponents of the states in numerator and denominator, roots written out."""
    places = [exact.symbols.index(x) for x in form.states]
    roots = {
        exact.symbols.index(c.symbol): (c.order, _leading(exact, c.of, places))
        for c in form.of_kind("root")
    }
    found: list[Shape] = []
    for x in form.states:
        fraction = exact.fraction(cast("sp.Expr", form.coordinates[x].rate))
        top, bottom = (
            _exponents((tuple(m) for m in part.monoms()), places, roots)
            for part in (fraction.top, fraction.bottom)
        )
        found.append((top, bottom))
    return found


def _leading(exact: ExactField, of: Any, places: list[int]) -> list[Powers]:
    return list({tuple(int(m[i]) for i in places) for m in exact.fraction(of).top.monoms()})


def _exponents(
    monoms: Iterable[Powers], places: list[int], roots: dict[int, tuple[int, list[Powers]]]
) -> list[Powers]:
    found: set[Powers] = set()
    for m in monoms:
        plain = tuple(int(m[i]) for i in places)
        inner = [(int(m[i]) / order, base) for i, (order, base) in roots.items() if m[i] and base]
        # one representative term under each root
        for factor, base in inner:
            top = max(base, key=sum)
            plain = tuple(round(a + factor * b) for a, b in zip(plain, top, strict=True))
        found.add(plain)
    return list(found)
