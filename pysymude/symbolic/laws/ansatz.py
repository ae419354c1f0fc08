# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""Candidate functions: products of powers of factors, and functions with a rational derivative."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import sympy as sp

from pysymude.symbolic.exact.normal_form import NormalForm
from pysymude.symbolic.exact.polynomials import ExactField
from pysymude.symbolic.null_space.modular import Residues, evaluate, inverse, tangent

__all__ = [
    "Ansatz",
    "Factor",
    "Primitive",
    "Sampled",
    "Term",
    "directions",
    "factors_of",
    "logarithms",
    "powers_of_degree",
    "primitive_rates",
    "sampled",
    "sampled_along",
    "slopes_of",
]


@dataclass(frozen=True)
class Factor:
    """A factor of candidate functions: `expr` in coordinates, to powers 0 .. `highest`."""

    expr: sp.Expr
    highest: int = 10**6
    weight: int = 1


@dataclass(frozen=True)
class Primitive:
    """A candidate of which only the derivative is rational: d(expr) = weight d(inner).

    A logarithm log(g) has the weight 1/g and the inner function g.
    """

    expr: sp.Expr
    weight: sp.Expr
    inner: sp.Expr

    @classmethod
    def of(cls, expr: sp.Expr) -> Primitive:
        """A rational function of the coordinates."""
        return cls(expr, cast("sp.Expr", sp.S.One), expr)

    @classmethod
    def log(cls, g: sp.Expr) -> Primitive:
        """The logarithm of one."""
        return cls(cast("sp.Expr", sp.log(g)), cast("sp.Expr", 1 / g), g)


@dataclass(frozen=True)
class Term:
    """One candidate: the product of factors to `powers`, or a primitive."""

    powers: tuple[tuple[int, int], ...] = ()
    primitive: Primitive | None = None


@dataclass(frozen=True, eq=False)
class Sampled:
    """Factors at sample points: values and logarithmic rates, int64 of shape (factors, points)."""

    values: Residues
    log_rates: Residues


@dataclass(frozen=True)
class Ansatz:
    """The candidates up to a degree, and how to write and to sample them."""

    gens: tuple[Factor, ...]
    primitives: tuple[Primitive, ...]
    degree: int

    def terms(self) -> list[Term]:
        """All candidates in ascending complexity: by degree, then earlier factors first."""
        found = [Term(powers) for powers in self._monomials()]
        # a primitive counts as degree one: it stands after the linear terms
        first = sum(1 for term in found if sum(k for _, k in term.powers) <= 1)
        return found[:first] + [Term(primitive=p) for p in self.primitives] + found[first:]

    def count(self) -> int:
        """How many candidates there are, without writing them down."""
        ways = [1] + [0] * self.degree
        for g in self.gens:
            for total in range(self.degree, 0, -1):
                powers = range(1, min(g.highest, total // g.weight) + 1)
                ways[total] += sum(ways[total - k * g.weight] for k in powers)
        return sum(ways[1:]) + len(self.primitives)

    def _monomials(self) -> Iterator[tuple[tuple[int, int], ...]]:
        for degree in range(1, self.degree + 1):
            yield from powers_of_degree(self.gens, degree)

    def expression(self, term: Term) -> sp.Expr:
        """The candidate as an expression in coordinates."""
        if term.primitive is not None:
            return term.primitive.expr
        return cast("sp.Expr", sp.Mul(*(self.gens[i].expr ** k for i, k in term.powers)))

    def rule(self, term: Term) -> tuple[sp.Expr, sp.Expr]:
        """(weight, inner): the candidate changes by weight * d(inner)."""
        if term.primitive is not None:
            return term.primitive.weight, term.primitive.inner
        return cast("sp.Expr", sp.S.One), self.expression(term)

    def rates(
        self, terms: list[Term], sampled: Sampled, primitives: dict[Primitive, Residues], p: int
    ) -> Residues:
        """d/dt of each candidate at the points, int64 of shape (terms, points)."""
        values, slopes = self._walk(terms, sampled, p)
        out = values * slopes % p
        for k, term in enumerate(terms):
            if term.primitive is not None:
                out[k] = primitives[term.primitive]
        return out

    def values(self, terms: list[Term], sampled: Sampled, p: int) -> Residues:
        """Each candidate's value; primitives get the residue 0."""
        return self._walk(terms, sampled, p)[0]

    def _walk(self, terms: list[Term], sampled: Sampled, p: int) -> tuple[Residues, Residues]:
        shape = (len(terms), *sampled.values.shape[1:])
        values = np.ones(shape, dtype=np.int64)
        slopes = np.zeros(shape, dtype=np.int64)
        place: dict[tuple[tuple[int, int], ...], int] = {}
        for row, term in enumerate(terms):
            if term.primitive is not None:
                values[row] = 0
                continue
            place[term.powers] = row
            (i, k), rest = term.powers[-1], term.powers[:-1]
            smaller = (*rest, (i, k - 1)) if k > 1 else rest
            before = place.get(smaller)
            if before is None and smaller:
                raise AssertionError("candidates are not in ascending order")
            base = values[before] if before is not None else 1
            slope = slopes[before] if before is not None else 0
            values[row] = base * sampled.values[i] % p
            slopes[row] = (slope + sampled.log_rates[i]) % p
        return values, slopes


def powers_of_degree(
    gens: tuple[Factor, ...], degree: int, start: int = 0
) -> Iterator[tuple[tuple[int, int], ...]]:
    """Exponent lists of one total weight, as pairs (generator, power) with ascending factors."""
    if degree == 0:
        yield ()
        return
    last = len(gens) - 1
    for i in range(start, last):
        w = gens[i].weight
        for k in range(min(gens[i].highest, degree // w), 0, -1):
            for rest in powers_of_degree(gens, degree - k * w, i + 1):
                yield ((i, k), *rest)
    if start <= last:
        k, left = divmod(degree, gens[last].weight)
        if not left and k <= gens[last].highest:
            yield ((last, k),)


def factors_of(form: NormalForm, exact: ExactField, *, time: bool) -> tuple[Factor, ...]:
    """What candidate functions are made of: states, atoms, reciprocals of denominators, time."""
    found: list[Factor] = []
    below = exact.denominators
    used = {z for rate in form.rates.values() for z in rate.free_symbols}
    angles = {z for c in form.of_kind("sin") for z in cast("sp.Expr", c.of).free_symbols} - used
    for c in form.coordinates.values():
        if c.kind == "state" or (c.kind == "time" and time):
            # an angle that appears in sines alone hardly ever stands in a law by itself
            found.append(
                Factor(c.symbol, weight=3 if c.symbol in angles and c.kind == "state" else 1)
            )
        elif c.kind == "sin":
            found.append(Factor(c.symbol, highest=1))
        elif c.kind == "root":
            # where 1/r is a candidate, r is a product of it with what stands under the root
            found.append(
                Factor(c.symbol, highest=c.order - 1, weight=2 if c.symbol in below else 1)
            )
        elif c.kind == "tied" or (c.of is not None and c.symbol in used):
            found.append(Factor(c.symbol))
    # time last: laws without it are simpler
    found.sort(key=lambda g: form.coordinates[cast("sp.Symbol", g.expr)].kind == "time")
    return (*found, *(Factor(1 / factor) for factor in below))


def logarithms(form: NormalForm, exact: ExactField, *, time: bool) -> tuple[Primitive, ...]:
    """Logarithms of coordinates and factors that divide their own rate of change."""
    # the logarithm of anything else has a pole that nothing cancels
    rates = [(c.symbol, exact.fraction(c.rate)) for c in form.of_kind("state")]
    candidates: list[sp.Expr] = [
        x for x, rate in rates if divmod(rate.top, exact.gens[x])[1].is_zero()
    ]
    if time:
        candidates += [c.symbol for c in form.of_kind("time") if c.symbol in exact.denominators]
    candidates += exact.curves_of_rates
    candidates += exact.denominators
    for c in form.of_kind("sin", "cos"):
        # integrals of 1/cos, 1/sin and tan
        candidates += [c.symbol, c.symbol + 1]
    unique: list[sp.Expr] = []
    for candidate in candidates:
        if candidate not in unique and -candidate not in unique:
            unique.append(candidate)
    return tuple(Primitive.log(g) for g in unique)


def sampled(
    form: NormalForm, gens: tuple[Factor, ...], points: dict[Any, Residues], p: int
) -> Sampled:
    """Factors and their logarithmic rates at points of the variety."""
    return sampled_along(gens, points, slopes_of(form, points, p), p)


def slopes_of(form: NormalForm, points: dict[Any, Residues], p: int) -> dict[Any, Residues]:
    """The rates of all coordinates at points."""
    seen: dict[Any, Residues] = {}
    return {z: evaluate(rate, points, p, seen) for z, rate in form.rates.items() if rate != 0}


def directions(
    form: NormalForm, points: dict[Any, Residues], p: int, *, time: bool = False
) -> dict[Any, Residues]:
    """The derivatives of all coordinates with respect to the states, one row a direction.

    With `time` those with respect to time are one more row, the first.
    """
    plain = form.of_kind("time", "state") if time else form.of_kind("state")
    slopes: dict[Any, Residues] = {
        c.symbol: np.eye(len(plain), dtype=np.int64)[k][:, None] for k, c in enumerate(plain)
    }
    moved = sp.Dummy()
    seen: dict[Any, tuple[Residues, Residues | None]] = {}
    for z, c in form.coordinates.items():
        if c.partials:
            total: Residues | None = None
            for argument, by in c.partials:
                part = tangent(argument, points, slopes, p, {})[1]
                if part is not None:
                    part = points[by] * part % p
                    total = part if total is None else (total + part) % p
            if total is not None:
                slopes[z] = total
        if c.of is None:
            continue
        inner = tangent(c.of, points, slopes, p, seen)[1]
        if inner is not None:
            change = form.slope(c, cast("sp.Expr", moved))
            slopes[z] = evaluate(change, {**points, moved: inner}, p, {})
    return slopes


def sampled_along(
    gens: tuple[Factor, ...], points: dict[Any, Residues], slopes: dict[Any, Residues], p: int
) -> Sampled:
    """As `sampled`, for given rates of the coordinates."""
    seen: dict[Any, tuple[Residues, Residues | None]] = {}
    found = [tangent(g.expr, points, slopes, p, seen) for g in gens]
    shape = np.broadcast_shapes(*(s.shape for pair in found for s in pair if s is not None))
    values = np.zeros((len(gens), *shape), dtype=np.int64)
    rates = np.zeros((len(gens), *shape), dtype=np.int64)
    for i, (value, slope) in enumerate(found):
        values[i] = value
        if slope is not None:
            rates[i] = slope
    return Sampled(values, rates * inverse(values, p) % p)


def primitive_rates(
    primitives: tuple[Primitive, ...],
    points: dict[Any, Residues],
    slopes: dict[Any, Residues],
    p: int,
) -> dict[Primitive, Residues]:
    """The rates of primitives at points."""
    seen: dict[Any, tuple[Residues, Residues | None]] = {}
    found: dict[Primitive, Residues] = {}
    for primitive in primitives:
        weight = tangent(primitive.weight, points, slopes, p, seen)[0]
        slope = tangent(primitive.inner, points, slopes, p, seen)[1]
        found[primitive] = np.zeros_like(weight) if slope is None else slope * weight % p
    return found
