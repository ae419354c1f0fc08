# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""Determining equations, and their solutions among candidate functions: exact linear algebra.

Every equation is linear in xi, eta_1 .. eta_m and their derivatives D, D^2 along the field; a
candidate function needs its value and these two at random points mod p, and no equation is ever
written out.  Unknowns that depend on fewer variables than the points (velocities, networks) make the
equations split by themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import sympy as sp

from pysymude.model.symbols import t
from pysymude.symbolic.exact.normal_form import NormalForm
from pysymude.symbolic.exact.polynomials import ExactField, Fraction, Polynomial
from pysymude.symbolic.laws.ansatz import Ansatz, Factor, Term, factors_of
from pysymude.symbolic.null_space.modular import (
    PRIMES,
    Residues,
    evaluate,
    inverse,
    null_space,
    power,
    sample,
    tangent,
)
from pysymude.symbolic.symmetries.joint_form import admissible_parameters, numerators
from pysymude.symbolic.symmetries.time_functions import TimeFunction

__all__ = ["Coefficients", "Hunt"]

Coefficients = tuple[sp.Expr, sp.Expr, sp.Expr]
"""Of a function, its first and its second derivative along the field, in one equation."""

_P = PRIMES[0]
_SPARE = 15  # equations beyond the number of unknowns


@dataclass(frozen=True)
class _Candidate:
    """A product of powers times a function of time."""

    term: Term
    time: int
    coordinates: sp.Expr
    user: sp.Expr


@dataclass(frozen=True)
class _Jet:
    """Functions at the points with their derivatives along the field, each of shape (functions, points)."""

    value: Residues
    first: Residues
    second: Residues


def _factors(form: NormalForm, exact: ExactField, variables: set[sp.Symbol]) -> tuple[Factor, ...]:
    """What candidates are made of: coordinates that depend on `variables` and parameters only.

    Sines, cosines and exponentials of multiples of time are left to `TimeFunction`.
    """
    constants = {c.symbol for c in form.of_kind("parameter")}
    found: list[Factor] = []
    for g in factors_of(form, exact, time=True):
        free = cast("set[sp.Symbol]", form.to_user(g.expr).free_symbols)
        c = form.coordinates.get(cast("sp.Symbol", g.expr))
        wave = c is not None and c.kind in ("sin", "cos", "exp")
        linear = wave and c is not None and sp.expand(cast("sp.Expr", c.of).diff(t, 2)) == 0
        if (
            free <= variables | constants
            and free & variables
            and not (linear and free <= {t} | constants)
        ):
            found.append(g)
    return tuple(found)


class Hunt:
    """One search: the candidates so far, the random numbers, and what was found.

    Parameters
    ----------
    form : NormalForm
    equations : for each equation the coefficients of xi, eta_1 .. eta_m
        In the form's coordinates.
    variables : what xi and eta may depend on
    times : functions of time, and the same in the form's coordinates
    """

    def __init__(
        self,
        form: NormalForm,
        equations: Sequence[Sequence[Coefficients]],
        variables: set[sp.Symbol],
        times: Sequence[tuple[TimeFunction, sp.Expr]],
    ) -> None:
        self.form, self.equations, self.times = form, equations, times
        self.blocks = len(equations[0])
        # seeded: the same system gives the same answer in every run
        self.rng = np.random.default_rng(0)
        self.parameters = admissible_parameters(form, self.rng)
        self.exact = ExactField(form)
        self.gens = _factors(form, self.exact, variables)
        self.candidates: list[_Candidate] = []
        self.points: dict[Any, Residues] = {}
        self.slopes: dict[Any, Residues] = {}
        self.values: Residues = np.zeros((0, 0), dtype=np.int64)
        self.solved = 0  # unknowns of the degrees that are done
        self.complete = True
        self._first: dict[sp.Expr, sp.Expr] = {}
        self._prolonged: dict[int, list[Fraction]] = {}

    def unknowns(self, degree: int) -> int:
        """How many unknowns there would be with the candidates to a degree."""
        by_degree = self._terms(degree)
        weights = [f.weight for f, _ in self.times]
        return self.blocks * sum(len(by_degree[k]) for w in weights for k in range(degree - w + 1))

    def degree(self, degree: int) -> list[Residues]:
        """The solutions among the candidates to a degree that those to lower degrees do not span.

        Each is its coefficients at the random parameter values, one for each unknown.
        """
        self._extend(degree)
        spread = -(-len(self.candidates) * self.blocks // len(self.equations))
        count = max(spread, len(self.candidates)) + _SPARE
        self.points = sample(self.form, count, _P, self.rng, self.parameters)
        self.slopes = self._rates()
        jet = self._without_relations(self._jet())
        self.values = jet.value
        _, vectors = null_space(self._columns(jet), _P)
        new = [vector for vector in vectors if np.flatnonzero(vector)[-1] >= self.solved]
        self.solved = len(self.candidates) * self.blocks
        return new

    def characteristic(self, solution: Residues, points: int) -> Residues:
        """W = eta - xi f of a solution with an eta for each state, int64 of shape (states, points)."""
        table = solution.reshape(-1, self.blocks)
        values = self.values[: len(table), :points]
        xi, *eta = ((table[:, b, None] * values % _P).sum(axis=0) % _P for b in range(self.blocks))
        f = [
            np.broadcast_to(self.slopes.get(x, 0), self._count())[:points] for x in self.form.states
        ]
        return np.stack([(e - xi * r % _P) % _P for e, r in zip(eta, f, strict=True)])

    def exactly(self, solution: Residues) -> tuple[sp.Expr, ...] | None:
        """xi, eta_1 .. eta_m of a solution in the user's symbols, the first coefficient of xi being 1."""
        support = [divmod(int(k), self.blocks) for k in np.flatnonzero(solution)]
        systems = [self._polynomials(equation, support) for equation in self.equations]
        if len(support) == 1:
            solves = all(column.is_zero() for (column,) in systems)
            coefficients = [cast("sp.Expr", sp.S.One)] if solves else None
        else:
            coefficients = self.exact.null_vector(systems)
        if coefficients is None:
            self.complete = False
            return None
        leading = next(
            (c for c, (_, b) in zip(coefficients, support, strict=True) if b == 0), coefficients[0]
        )
        parts: list[list[sp.Expr]] = [[] for _ in range(self.blocks)]
        for c, (k, b) in zip(coefficients, support, strict=True):
            parts[b].append(sp.factor(sp.cancel(c / leading)) * self.candidates[k].user)
        return tuple(self.form.to_user(sp.Add(*part)) for part in parts)

    # -- candidates ----------------------------------------------------------------------------

    def _terms(self, degree: int) -> list[list[Term]]:
        """Products of powers by degree."""
        rows: list[list[Term]] = [[Term()], *([] for _ in range(degree))]
        if degree:
            for term in Ansatz(self.gens, (), degree).terms():
                rows[sum(k * self.gens[i].weight for i, k in term.powers)].append(term)
        return rows

    def _extend(self, degree: int) -> None:
        """New candidates behind the old ones, in ascending degree."""
        rows = self._terms(degree)
        ansatz = Ansatz(self.gens, (), degree)
        known = {(c.term, c.time) for c in self.candidates}
        for total in range(degree + 1):
            for k, (f, inside) in enumerate(self.times):
                for term in rows[total - f.weight] if total >= f.weight else []:
                    if (term, k) in known:
                        continue
                    plain = ansatz.expression(term)
                    user = self.form.to_user(plain) * f.shown
                    self.candidates.append(_Candidate(term, k, plain * inside, user))

    def _without_relations(self, jet: _Jet) -> _Jet:
        """Leaves out candidates that are linear combinations of earlier ones as functions."""
        dependent, _ = null_space(jet.value, _P)
        if not dependent:
            return jet
        kept = sorted(set(range(len(self.candidates))) - set(dependent))
        # those of lower degrees were independent already: they stay in their places
        self.candidates = [self.candidates[k] for k in kept]
        return _Jet(jet.value[kept], jet.first[kept], jet.second[kept])

    # -- sampling ------------------------------------------------------------------------------

    def _jet(self) -> _Jet:
        """All candidates at the points."""
        products, place = self._products()
        waves = [self._sampled(inside) for _, inside in self.times]
        rows = np.array([place[c.term] for c in self.candidates])
        which = np.array([c.time for c in self.candidates])
        m = _Jet(products.value[rows], products.first[rows], products.second[rows])
        w = _Jet(
            *(np.stack([getattr(v, k) for v in waves])[which] for k in ("value", "first", "second"))
        )
        cross = m.first * w.first % _P
        return _Jet(
            m.value * w.value % _P,
            (m.first * w.value % _P + m.value * w.first) % _P,
            (m.second * w.value % _P + 2 * cross % _P + m.value * w.second) % _P,
        )

    def _products(self) -> tuple[_Jet, dict[Term, int]]:
        """Products of powers: D z^a = z^a L, D^2 z^a = z^a (L^2 + D L) with L = sum a_j D(z_j)/z_j."""
        terms = list(dict.fromkeys(c.term for c in self.candidates))
        points = self._count()
        powers = np.zeros((len(terms), len(self.gens)), dtype=np.int64)
        for row, term in enumerate(terms):
            for i, k in term.powers:
                powers[row, i] = k
        value = np.ones((len(terms), points), dtype=np.int64)
        slope = np.zeros((len(terms), points), dtype=np.int64)
        bend = np.zeros((len(terms), points), dtype=np.int64)
        for i, g in enumerate(self.gens):
            z = self._sampled(g.expr)
            over = inverse(z.value, _P)
            log_rate = z.first * over % _P
            change = (z.second * over - log_rate * log_rate % _P) % _P
            table = np.stack([power(z.value, k, _P) for k in range(int(powers[:, i].max()) + 1)])
            value = value * table[powers[:, i]] % _P
            slope = (slope + powers[:, i, None] * log_rate) % _P
            bend = (bend + powers[:, i, None] * change) % _P
        second = (slope * slope % _P + bend) % _P
        jet = _Jet(value, value * slope % _P, value * second % _P)
        return jet, {term: row for row, term in enumerate(terms)}

    def _count(self) -> int:
        return next(self.points[x].shape[0] for x in self.form.states)

    def _rates(self) -> dict[Any, Residues]:
        """The rates of all coordinates at the points."""
        seen: dict[Any, Residues] = {}
        moving = ((z, rate) for z, rate in self.form.rates.items() if rate != 0)
        return {z: evaluate(rate, self.points, _P, seen) for z, rate in moving}

    def _sampled(self, expr: sp.Expr) -> _Jet:
        """One expression in coordinates, each array of shape (points,)."""
        if expr not in self._first:
            self._first[expr] = self.form.total_rate(expr)
        value = evaluate(expr, self.points, _P, {})
        first, second = tangent(self._first[expr], self.points, self.slopes, _P, {})
        parts = (value, first, 0 if second is None else second)
        return _Jet(*(np.broadcast_to(np.asarray(a, dtype=np.int64), self._count()) for a in parts))

    def _columns(self, jet: _Jet) -> Residues:
        """The linear system: a row for each unknown, a column for each equation at each point."""
        seen: dict[Any, Residues] = {}
        columns = np.zeros(
            (len(self.candidates), self.blocks, len(self.equations), self._count()), dtype=np.int64
        )
        for i, equation in enumerate(self.equations):
            for b, coefficients in enumerate(equation):
                total = columns[:, b, i, :]
                for a, part in zip(coefficients, (jet.value, jet.first, jet.second), strict=True):
                    if a != 0:
                        total += evaluate(a, self.points, _P, seen) * part % _P
                total %= _P
        return columns.reshape(len(self.candidates) * self.blocks, -1)

    # -- exact coefficients --------------------------------------------------------------------

    def _polynomials(
        self, equation: Sequence[Coefficients], support: list[tuple[int, int]]
    ) -> list[Polynomial]:
        """What each unknown contributes to one equation, over one common denominator, in normal form."""
        exact = self.exact
        found: list[Fraction] = []
        for k, b in support:
            total = exact.fraction(sp.S.Zero)
            for order, a in enumerate(equation[b]):
                if a != 0:
                    total = total + exact.fraction(a) * self._derivative(k, order)
            found.append(total)
        return numerators(exact, found)

    def _derivative(self, candidate: int, order: int) -> Fraction:
        """A candidate, or its first or second derivative along the field."""
        known = self._prolonged.setdefault(candidate, [])
        if not known:
            known.append(self.exact.fraction(self.candidates[candidate].coordinates))
        while len(known) <= order:
            known.append(self.exact.rate(known[-1], self.exact.flow))
        return known[order]
