# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""Candidates for integrals: what the terms of a derivative can come of, without integrating anything.

The derivative of b^(k+1) m along x is b^k m db/dx and more: so a term T suggests T b / (db/dx) for each
coordinate b, and log(b) where that is a number.  What else the derivative of a candidate contains
suggests further ones.  Linear algebra decides among them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

import sympy as sp

from pysymude.symbolic import effort
from pysymude.symbolic.exact.normal_form import NormalForm
from pysymude.symbolic.exact.polynomials import ExactField, Fraction
from pysymude.symbolic.laws.ansatz import Primitive
from pysymude.symbolic.laws.one_forms import Slope
from pysymude.symbolic.laws.rational_integrals import rational_primitives
from pysymude.symbolic.proof.derivative import derivative

__all__ = ["Term", "Terms", "integral_candidates"]

_ROUNDS = 4
_MOST = 400  # candidates
_MOST_FACTORS = 12
_LONGEST = 200  # terms of one derivative

# exponents of the bases that are not zero, as pairs (number of the base, exponent)
Term = tuple[tuple[int, int], ...]


@dataclass
class Terms:
    """Fractions as sums of products of powers: of coordinates, and of irreducible denominators."""

    form: NormalForm
    exact: ExactField
    factors: list[Any] = field(default_factory=list[Any])
    along: dict[Any, NormalForm] = field(default_factory=dict[Any, NormalForm])
    known: dict[tuple[int, Any], list[Term]] = field(default_factory=dict[Any, Any])

    @property
    def cut(self) -> int:
        """The number of coordinates that are not parameters."""
        return len(self.exact.symbols) - self.exact.n_parameters

    def of(self, value: Fraction) -> list[Term]:
        """The terms of a fraction without their coefficients; none where there are too many."""
        if len(value.top) > _LONGEST:
            return []
        below: dict[int, int] = {}
        for factor, power in value.bottom.factor()[1]:
            base, times = self._base(factor)
            if base is not None:
                below[base] = below.get(base, 0) - times * int(power)
        found: dict[Term, None] = {}
        for m in value.top.monoms():
            powers = dict(below)
            for i, k in enumerate(tuple(m)[: self.cut]):
                if k:
                    powers[i] = powers.get(i, 0) + int(k)
            found[_term(powers)] = None
        return list(found)

    def _base(self, factor: Any) -> tuple[int | None, int]:
        """The base of a factor, and of which power of it the factor is a multiple."""
        used = [i for i, k in enumerate(factor.degrees()) if k and i < self.cut]
        if not used:
            return None, 0
        if len(used) == 1 and len(factor) == 1:
            return used[0], 1
        factor = factor / factor.leading_coefficient()
        text = str(factor)
        if text in self._roots:
            return self._roots[text]
        if factor not in self.factors:
            self.factors.append(factor)
        return self.cut + self.factors.index(factor), 1

    @cached_property
    def _roots(self) -> dict[str, tuple[int, int]]:
        """Polynomials under roots: the number of the root, and its order."""
        found: dict[str, tuple[int, int]] = {}
        for c in self.form.of_kind("root"):
            inner = self.exact.fraction(c.of)
            if inner.bottom.is_constant() and not inner.top.is_constant():
                text = str(inner.top / inner.top.leading_coefficient())
                found[text] = self.exact.symbols.index(c.symbol), c.order
        return found

    def base(self, i: int) -> sp.Expr:
        """A base as an expression in the coordinates."""
        if i < self.cut:
            return cast("sp.Expr", self.exact.symbols[i])
        return self.exact.expression(self.factors[i - self.cut])

    def expression(self, term: Term) -> sp.Expr:
        """A term as an expression in the coordinates."""
        return cast("sp.Expr", sp.Mul(*(self.base(i) ** k for i, k in term)))

    def slope(self, expr: sp.Expr, x: sp.Symbol) -> list[Term]:
        """The terms of the partial derivative with respect to a state or to time, atoms following."""
        if x not in self.along:
            self.along[x] = self.form.along({x: cast("sp.Expr", sp.S.One)})
        found: list[Term] = []
        free = expr.free_symbols
        for z, rate in self.along[x].rates.items():
            if z in free and rate != 0:
                # summand by summand: over a common denominator numerators become long
                for part in sp.Add.make_args(derivative(expr, z)):
                    found += self.of(self.exact.fraction(part * rate))
        return list(dict.fromkeys(found))

    def origins(self, term: Term, x: sp.Symbol) -> list[Term | int]:
        """What a term of a derivative with respect to x can come of; a number means log of that base."""
        powers, own = dict(term), self.exact.symbols.index(x)
        found: list[Term | int] = []
        for b in self._reading(x):
            if b == own or (b in self._lasting and b not in powers):
                continue
            for inner in self._slope_of_base(b, x):
                # db/dx must be a factor of the term, but for b itself
                if all(
                    i == b or 0 < k <= powers.get(i, 0) or 0 > k >= powers.get(i, 0)
                    for i, k in inner
                ):
                    found += _raised(powers, b, inner)
        return found or _raised(powers, own, ())

    @property
    def _lasting(self) -> set[int]:
        """The bases that stay in their derivatives when raised to a power: not sin, cos, log, atan."""
        kinds = self.form.of_kind("root", "exp", "power")
        atoms = {self.exact.symbols.index(c.symbol) for c in kinds}
        return atoms | set(range(self.cut, self.cut + len(self.factors)))

    def _slope_of_base(self, b: int, x: sp.Symbol) -> list[Term]:
        if (b, x) not in self.known:
            self.known[b, x] = self.slope(self.base(b), x)
        return self.known[b, x]

    def _reading(self, x: sp.Symbol) -> list[int]:
        """The bases that change with x."""
        meaning = {c.symbol: c.meaning.free_symbols for c in self.form.coordinates.values()}
        found: list[int] = []
        for i in range(self.cut + len(self.factors)):
            if any(x in meaning[z] for z in self.base(i).free_symbols):
                found.append(i)
        return found


def integral_candidates(
    form: NormalForm, exact: ExactField, slopes: Sequence[Slope]
) -> tuple[Primitive, ...]:
    """Candidates for a potential with derivatives made of these; none where there are too many."""
    terms = Terms(form, exact)
    fresh: dict[tuple[Term, sp.Symbol], None] = {}
    for slope in slopes:
        found_terms = terms.of(exact.fraction(slope.value))
        fresh |= dict.fromkeys((term, slope.variable) for term in found_terms)
    variables = list(dict.fromkeys(slope.variable for slope in slopes))
    done: dict[tuple[Term, sp.Symbol], None] = {}
    found: dict[Term | int, None] = {}
    for _ in range(_ROUNDS):
        origins: dict[Term | int, None] = {}
        for term, x in fresh:
            effort.check()
            origins |= dict.fromkeys(o for o in terms.origins(term, x) if o not in found)
            if len(found) + len(origins) > _MOST:
                return ()
        done |= fresh
        found |= origins
        further = _further(terms, origins, variables)
        fresh = {pair: None for pair in further if pair not in done}
        if not fresh or len(terms.factors) > _MOST_FACTORS:
            break
    rational = [p for slope in slopes for p in _rational(form, exact, slope)]
    return tuple(dict.fromkeys([*_primitives(terms, found), *rational]))


def _rational(form: NormalForm, exact: ExactField, slope: Slope) -> list[Primitive]:
    """Of a derivative that is rational in its variable alone: logarithms and arctangents."""
    known = {slope.variable, *(c.symbol for c in form.of_kind("parameter"))}
    if not slope.value.free_symbols <= known:
        return []
    return rational_primitives(exact, exact.fraction(slope.value).bottom, (slope.variable,), 0)


def _further(
    terms: Terms, origins: Iterable[Term | int], variables: Sequence[sp.Symbol]
) -> Iterator[tuple[Term, sp.Symbol]]:
    for origin in origins:
        if isinstance(origin, int):
            continue
        expr = terms.expression(origin)
        for x in variables:
            yield from ((term, x) for term in terms.slope(expr, x))


def _primitives(terms: Terms, found: Iterable[Term | int]) -> tuple[Primitive, ...]:
    plain = [o for o in found if not isinstance(o, int)]
    # short products first: laws are led by them
    plain.sort(key=lambda term: (sum(abs(k) for _, k in term), len(term)))
    logs = [o for o in found if isinstance(o, int)]
    return (
        *(Primitive.of(terms.expression(term)) for term in plain),
        *(Primitive.log(terms.base(b)) for b in logs),
    )


def _raised(powers: dict[int, int], b: int, inner: Term) -> list[Term | int]:
    """The term times b and divided by db/dx; the number of b for a logarithm."""
    raised = dict(powers)
    raised[b] = raised.get(b, 0) + 1
    for i, k in inner:
        raised[i] = raised.get(i, 0) - k
    if raised[b]:
        return [_term(raised)]
    return [] if _term(raised) else [b]


def _term(powers: dict[int, int]) -> Term:
    return tuple(sorted((i, k) for i, k in powers.items() if k))
