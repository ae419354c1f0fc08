# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""Closed pairs of equations, and one equation with time: integrating factors.

Where V has X(V) = V div X, the form (P dy - Q dx) / V is exact.  Polynomials V are found by linear
algebra: x Q - y P for homogeneous fields and its weighted form are among them, and products of
invariant curves of any degree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, combinations_with_replacement
from typing import Any, cast

import numpy as np
import sympy as sp

from pysymude.model.symbols import t
from pysymude.symbolic.exact.fraction import common_denominator
from pysymude.symbolic.exact.normal_form import NormalForm
from pysymude.symbolic.exact.polynomials import ExactField, Flow, Fraction, Polynomial
from pysymude.symbolic.laws.ansatz import Primitive
from pysymude.symbolic.laws.rational_integrals import rational_primitives
from pysymude.symbolic.null_space.modular import Residues, evaluate, null_space

__all__ = ["Plane", "inverse_factors", "plane_candidates", "planes"]

_DEGREES = (2, 3, 4, 6, 8)
_MOST_TERMS = 60
_SPARE = 15


@dataclass(frozen=True)
class Plane:
    """A field P d/dx + Q d/dy with polynomials in two variables and the parameters."""

    exact: ExactField
    prime: int
    x: sp.Symbol
    y: sp.Symbol
    P: Polynomial
    Q: Polynomial

    @property
    def degree(self) -> int:
        """The total degree of the field in its variables."""
        i, j = self.exact.symbols.index(self.x), self.exact.symbols.index(self.y)
        monoms = [tuple(m) for poly in (self.P, self.Q) for m in poly.monoms()]
        return max((m[i] + m[j] for m in monoms), default=0)


def planes(form: NormalForm, exact: ExactField) -> Iterator[Plane]:
    """Pairs of states, or of time and a state, whose rates are rational in these alone."""
    parameters = {c.symbol for c in form.of_kind("parameter")}
    reads = {x: cast("sp.Expr", form.coordinates[x].rate).free_symbols for x in form.states}
    for x, y in [*combinations(form.states, 2), *((t, x) for x in form.states)]:
        rates = [cast("sp.Expr", sp.S.One if z == t else form.coordinates[z].rate) for z in (x, y)]
        used = reads.get(x, set()) | reads[y]
        if not used <= {x, y} | parameters or not {x, y} & used or rates[1] == 0:
            continue
        if x == t and t not in reads[y]:
            continue
        _, (P, Q) = common_denominator([exact.fraction(f) for f in rates], exact.one)
        if not P.is_zero() and max(len(P), len(Q)) <= _MOST_TERMS:
            yield Plane(exact, form.prime, x, y, P, Q)


def inverse_factors(
    plane: Plane, parameters: Mapping[Any, Residues], degree: int
) -> list[Polynomial]:
    """Polynomials V to a degree with X(V) = V div X."""
    exact, (x, y) = plane.exact, (plane.x, plane.y)
    i, j = exact.symbols.index(x), exact.symbols.index(y)
    flow = Flow({i: Fraction(plane.P, exact.one), j: Fraction(plane.Q, exact.one)}, exact.one)
    divergence = plane.P.derivative(i) + plane.Q.derivative(j)
    names = [
        exact.gens[x] ** picked.count(0) * exact.gens[y] ** picked.count(1)
        for d in range(degree + 1)
        for picked in combinations_with_replacement((0, 1), d)
    ]
    columns = [flow.slope(m) - divergence * m for m in names]
    found: list[Polynomial] = []
    for vector in _null_vectors(plane, columns, parameters):
        support = [int(k) for k in np.flatnonzero(vector)]
        exactly = exact.null_vector([[columns[k] for k in support]])
        if exactly is not None:
            total = exact.one * 0
            for c, k in zip(exactly, support, strict=True):
                total = total + exact.fraction(c).top * names[k]
            found.append(total)
    return found


def _null_vectors(
    plane: Plane, columns: Sequence[Polynomial], parameters: Mapping[Any, Residues]
) -> Residues:
    """Null vectors of the columns at random points modulo a prime."""
    rng = np.random.default_rng(11)
    count = len(columns) + _SPARE
    points: dict[Any, Residues] = dict(parameters)
    points |= {z: rng.integers(1, plane.prime, count, dtype=np.int64) for z in (plane.x, plane.y)}
    seen: dict[Any, Residues] = {}
    values = [evaluate(plane.exact.expression(c), points, plane.prime, seen) for c in columns]
    return null_space(np.array([np.broadcast_to(v, (count,)) for v in values]), plane.prime)[1]


def plane_candidates(plane: Plane, parameters: Mapping[Any, Residues]) -> Iterator[list[Primitive]]:
    """What the integrals of (P dy - Q dx) / V can be sums of, for each V."""
    seen: list[Polynomial] = []
    for degree in _DEGREES:
        fresh = [V for V in inverse_factors(plane, parameters, degree) if V not in seen]
        seen += fresh
        for V in fresh:
            yield rational_primitives(plane.exact, V, (plane.x, plane.y), plane.degree)
        if len(seen) > 1:
            # their quotient is a law
            quotient = plane.exact.expression(seen[1]) / plane.exact.expression(seen[0])
            yield [Primitive.of(cast("sp.Expr", quotient))]
        if seen:
            return
