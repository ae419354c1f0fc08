# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false, reportConstantRedefinition=false
"""Laws that contain time: exp(-s t) t^k P(u), from polynomials that the Lie derivative maps to each other.

For an autonomous polynomial field the Lie derivative X is linear on polynomials.  On the largest space
W of polynomials (to a degree) with X W inside W it is a matrix; a chain (X - s) w_k = w_(k-1) gives
the law exp(-s t) (w_k - t w_(k-1) + t^2/2 w_(k-2) - ...).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import comb
from typing import Any, cast

import sympy as sp

from pysymude.model.symbols import t
from pysymude.symbolic import effort
from pysymude.symbolic.exact.coefficients import primitive_polynomials
from pysymude.symbolic.exact.fraction import Fraction, Polynomial, common_denominator
from pysymude.symbolic.exact.matrix import Field, Vector
from pysymude.symbolic.exact.normal_form import NormalForm
from pysymude.symbolic.exact.polynomials import ExactField
from pysymude.symbolic.laws.eigenvalues import (
    Unwritten,
    is_square_of_imaginary,
    monic_factors,
    root_of,
)
from pysymude.symbolic.laws.invariant_spaces import ModularFlow, MonomialFlow
from pysymude.symbolic.laws.quartets import quartet_laws

__all__ = ["Space", "Timed", "Unwritten", "highest_degree", "timed_laws"]

_HIGHEST = 4
_MOST = 130  # monomials
_LONGEST = 8  # terms under a root of parameters


@dataclass(frozen=True)
class Timed:
    """Laws that belong to one eigenvalue: one, or a pair.

    Attributes
    ----------
    exprs : tuple of SymPy expressions
    spans : tuple of SymPy expressions
        Polynomials in the states (and in t) whose gradients span those of the laws up to factors; empty
        where these contain roots of numbers.
    rates : tuple of SymPy expressions
        d/dt of the `spans`, if the laws are right.
    """

    exprs: tuple[sp.Expr, ...]
    spans: tuple[sp.Expr, ...] = ()
    rates: tuple[sp.Expr, ...] = ()

    def holds(self, flow: ModularFlow) -> bool:
        """Whether the spans have those rates at random points modulo a prime.

        They come of exact arithmetic; this is the second opinion.
        """
        return all(
            flow.has_rate(span, rate) for span, rate in zip(self.spans, self.rates, strict=True)
        )


def highest_degree(n: int, asked: int | None) -> int:
    """The degree of P to which `n` states are searched: 4 by default, less where these are many."""
    top = asked or _HIGHEST
    while top > 1 and comb(n + top, top) > _MOST:
        top -= 1
    return top


def timed_laws(
    form: NormalForm, exact: ExactField, flow: MonomialFlow, highest: int
) -> Iterator[Timed | Unwritten]:
    """Candidate laws exp(-s t) t^k P(u) in ascending degree of P to `highest`; may be dependent.

    What no square roots express is said to be left out.
    """
    states = list(form.states)
    for _, support in flow.supports(len(states), highest):
        effort.check()
        names = [sp.Mul(*(x**k for x, k in zip(states, m, strict=True))) for m in support]
        space = Space(form, exact, Field(exact.parameter_context), names)
        space.close(support)
        yield from space.laws()


@dataclass
class Space:
    """The largest invariant space of some monomials: a basis, and the Lie derivative's matrix.

    Attributes
    ----------
    basis : list of vectors
        Coefficients of the monomials `names`.
    action : list of vectors
        Row i holds the coordinates of X(basis_i).
    """

    form: NormalForm
    exact: ExactField
    numbers: Field
    names: list[sp.Expr]
    basis: list[Vector] = field(default_factory=list[Any])
    action: list[Vector] = field(default_factory=list[Any])

    def close(self, support: list[tuple[int, ...]]) -> None:
        """Finds the space: monomials, less and less of them, until their images lie inside."""
        zero, n = self.numbers.zero, len(self.names)
        place = {m: i for i, m in enumerate(support)}
        rows: dict[tuple[int, ...], Vector] = {}
        for k, name in enumerate(self.names):
            for powers, c in self._rate(name):
                rows.setdefault(powers, [zero] * n)[k] = c
        beyond = [row for m, row in rows.items() if m not in place]
        inside = [rows.get(m, [zero] * n) for m in support]
        images = [[row[k] for row in inside] for k in range(n)]
        basis = self.numbers.null_space(beyond, n)
        while basis:
            moved = self.numbers.times(basis, images)
            columns = [[*(v[j] for v in moved), *(-v[j] for v in basis)] for j in range(n)]
            pairs = self.numbers.null_space(columns, 2 * len(basis))
            kept = [self.numbers.combination(pair[: len(basis)], basis) for pair in pairs]
            if len(kept) == len(basis):
                break
            basis = kept
        if not basis:
            return
        self.basis, pivots = self.numbers.reduced(basis)
        moved = self.numbers.times(self.basis, images)
        self.action = [[v[j] for j in pivots] for v in moved]

    def _rate(self, name: sp.Expr) -> list[tuple[tuple[int, ...], Fraction]]:
        """The monomials of the rate of a monomial."""
        exact, context = self.exact, self.exact.parameter_context
        places = [exact.symbols.index(x) for x in self.form.states]
        rate = exact.rate(exact.fraction(name), exact.flow)
        ((_, bottom),) = exact.split(rate.bottom).items()
        under = Fraction(context.constant(1), context.from_dict(bottom))
        return [
            (
                tuple(m[i] for i in places),
                Fraction(context.from_dict(c), context.constant(1)) * under,
            )
            for m, c in exact.split(rate.top).items()
        ]

    def laws(self) -> Iterator[Timed | Unwritten]:
        """Laws from the factors of the characteristic polynomial."""
        if all(e.top.is_zero() for row in self.action for e in row):
            return
        for low, multiplicity in self._factors():
            if len(low) > 2:
                yield from self._further(low)
            elif len(low) == 2:
                yield from self._pairs(*low)
            # a simple eigenvalue zero belongs to a constant, or to a law without time
            elif multiplicity > 1 or not low[0].top.is_zero():
                yield from self._chains(-low[0], multiplicity)

    def _factors(self) -> list[tuple[Vector, int]]:
        """Monic factors of the characteristic polynomial without the leading 1, in ascending degree."""
        multiplicities: dict[str, tuple[Vector, int]] = {}
        for block in _blocks(self.action):
            part = [[self.action[i][j] for j in block] for i in block]
            for low, multiplicity in monic_factors(self.numbers, self.numbers.characteristic(part)):
                key = str([(str(c.top), str(c.bottom)) for c in low])
                before = multiplicities.get(key, (low, 0))[1]
                multiplicities[key] = low, before + multiplicity
        return sorted(multiplicities.values(), key=lambda pair: len(pair[0]))

    def _further(self, low: Vector) -> Iterator[Timed | Unwritten]:
        """Laws of a factor of a higher degree."""
        laws = quartet_laws(self, low) if len(low) == 4 else None
        if laws is None:
            coefficients = [self.form.to_user(self.exact.rational(c)) for c in low]
            yield Unwritten(tuple(coefficients))
        else:
            yield from (Timed((law,)) for law in laws)

    def _chains(self, root: Fraction, multiplicity: int) -> Iterator[Timed]:
        n = len(self.action)
        N = [
            [e - root if i == j else e for j, e in enumerate(r)] for i, r in enumerate(self.action)
        ]
        power = N
        for _ in range(multiplicity - 1):
            power = self.numbers.times(power, N)
        columns = [[row[j] for row in power] for j in range(n)]
        s = self.exact.rational(root)
        for part in self.numbers.null_space(columns, n):
            chain: list[Vector] = []
            while any(not e.top.is_zero() for e in part):
                chain.append(self.numbers.combination(part, self.basis))
                part = self.numbers.combination(part, N)
            pieces = self.expressions(chain)
            polynomial = pieces[0]
            for k, w in enumerate(pieces[1:], start=1):
                polynomial = cast("sp.Expr", polynomial + (-t) ** k / sp.factorial(k) * w)
            if not self.form.to_user(polynomial).free_symbols.isdisjoint(self.form.states):
                law = cast("sp.Expr", sp.exp(-s * t) * polynomial)
                rate = cast("sp.Expr", sp.Mul(s, polynomial, evaluate=False))
                yield Timed((self.form.to_user(law),), (polynomial,), (rate,))

    def _pairs(self, b: Fraction, c: Fraction) -> Iterator[Timed]:
        """Laws from w with X^2 w + b X w + c w = 0: no root is taken but in the exponent.

        With eigenvalues alpha +- beta, X w - (alpha -+ beta) w is an eigenfunction.
        """
        numbers = self.numbers
        A, n = self.action, len(self.action)
        square = numbers.times(A, A)
        kernel = [
            [square[i][j] + b * A[i][j] + (c if i == j else numbers.zero) for j in range(n)]
            for i in range(n)
        ]
        half = Fraction(numbers.context.constant(1) / 2, numbers.context.constant(1))
        alpha = -(b * half)
        under = alpha * alpha - c
        if len(under.top) > _LONGEST:
            return
        seen: list[Vector] = []
        for v in numbers.null_space([[row[j] for row in kernel] for j in range(n)], n):
            # X w belongs to the same pair as w
            if seen and len(numbers.reduced([*seen, v])[0]) == len(seen):
                continue
            moved = numbers.combination(v, A)
            seen += [v, moved]
            w, xw = (numbers.combination(u, self.basis) for u in (v, moved))
            yield self._pair(w, xw, alpha, under, b, c)

    def _pair(
        self, w: Vector, xw: Vector, alpha: Fraction, under: Fraction, b: Fraction, c: Fraction
    ) -> Timed:
        one = self.numbers.context.constant(1)
        rest = [x - alpha * y for x, y in zip(xw, w, strict=True)]
        spans = self.expressions([w, xw])
        rational = self.exact.rational
        rates = (spans[1], -rational(b) * spans[1] - rational(c) * spans[0])
        turning = is_square_of_imaginary(self.form.to_user(rational(under)))
        # beta = root / bottom, with one root for all of the law
        top, bottom = (-under.top if turning else under.top), under.bottom
        root = root_of(self.form.to_user(rational(Fraction(top * bottom, one))))
        beta, a = root / rational(Fraction(bottom, one)), rational(alpha)
        if turning:
            over = Fraction(one, top)
            P, Q = self.expressions([w, [e * over for e in rest]])
            turned, damping = beta * t, sp.exp(-a * t)
            first = damping * (sp.cos(turned) * P - root * sp.sin(turned) * Q)
            second = damping * (sp.sin(turned) * P + root * sp.cos(turned) * Q)
        else:
            over = Fraction(one, bottom)
            P, Q = self.expressions([rest, [e * over for e in w]])
            first = sp.exp(-(a + beta) * t) * (P + root * Q)
            second = sp.exp(-(a - beta) * t) * (P - root * Q)
        laws = (
            self.form.to_user(cast("sp.Expr", first)),
            self.form.to_user(cast("sp.Expr", second)),
        )
        return Timed(laws, (spans[0], spans[1]), cast("tuple[sp.Expr, ...]", rates))

    def expressions(self, vectors: Sequence[Vector]) -> list[sp.Expr]:
        """Polynomials in the states, without denominators or a factor that all coefficients share."""
        scaled = _without_content(vectors, self.numbers.context)
        return [
            cast(
                "sp.Expr",
                sp.Add(
                    *(
                        self.exact.factored(c) * m
                        for c, m in zip(v, self.names, strict=True)
                        if not c.is_zero()
                    )
                ),
            )
            for v in scaled
        ]


def _blocks(matrix: Sequence[Vector]) -> list[list[int]]:
    """The indices in groups of which each reaches all others through entries that are not zero."""
    n = len(matrix)
    reach = [{j for j in range(n) if not matrix[i][j].top.is_zero()} | {i} for i in range(n)]
    for k in range(n):
        for i in range(n):
            if k in reach[i]:
                reach[i] |= reach[k]
    found: list[list[int]] = []
    for i in range(n):
        if not any(i in block for block in found):
            found.append([j for j in range(n) if j in reach[i] and i in reach[j]])
    return found


def _without_content(vectors: Sequence[Vector], context: Any) -> list[list[Polynomial]]:
    entries = [e for v in vectors for e in v]
    whole = iter(primitive_polynomials(common_denominator(entries, context.constant(1))[1]))
    return [[next(whole) for _ in v] for v in vectors]
