# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false
"""Rational expressions as sums of polynomials over products of denominators, grouped by these.

Denominators are not brought to a common one unless the groups do not vanish by themselves, which they
nearly always do in a law. A polynomial is a dict from monomials to numbers; a monomial is one whole number
that holds the exponent of each variable in bits of its own, so that a product is a sum.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from math import lcm
from typing import Any

import sympy as sp

from pysymude.symbolic import effort

__all__ = ["Groups", "Value"]

Number = int | Fraction
Poly = dict[int, Number]
Key = tuple[tuple[int, int], ...]  # denominators by number, and their powers
Value = dict[Key, Poly]

_BITS = 40
_MASK = (1 << _BITS) - 1


class Groups:
    """Arithmetic with some symbols as variables."""

    def __init__(self, symbols: Iterable[sp.Symbol]) -> None:
        self.place = {z: _BITS * k for k, z in enumerate(symbols)}
        self.bottoms: list[Poly] = []
        self._numbers: dict[frozenset[tuple[int, Number]], int] = {}
        self._seen: dict[Any, Value] = {}
        # 1/root = root^(n - 1)/base, so that roots stand in no denominator
        self.inverses: dict[int, Value] = {}

    def value(self, expr: Any) -> Value:
        """A rational expression of the symbols."""
        found = self._seen.get(expr)
        if found is None:
            effort.check()
            found = self._seen[expr] = self._value(expr)
        return found

    def _value(self, expr: Any) -> Value:
        if expr in self.place:
            return {(): {1 << self.place[expr]: 1}}
        if expr.is_Rational:
            return {(): {0: _number(expr)}} if expr != 0 else {}
        if expr.is_Add:
            return self.sum(map(self.value, expr.args))
        if expr.is_Mul:
            product: Value = {(): {0: 1}}
            for factor in sorted(map(self.value, expr.args), key=_size):
                product = self.product(product, factor)
            return product
        n = int(expr.exp)
        base = self.value(expr.base)
        return self.power(base, n) if n >= 0 else self.power(self.inverse(base), -n)

    def sum(self, values: Iterable[Value]) -> Value:
        """A sum, group by group."""
        total: Value = {}
        for value in values:
            for key, poly in value.items():
                into = total.setdefault(key, {})
                for m, c in poly.items():
                    into[m] = into.get(m, 0) + c
        return _without_zeros(total)

    def product(self, a: Value, b: Value) -> Value:
        """A product; denominators are multiplied, not expanded."""
        effort.afford(40 * _size(a) * _size(b), 2 * _size(a) * _size(b))
        # numbers without denominators, which one division of each brings back
        below, above = _denominator(a), _denominator(b)
        a, b, over = _times(a, below), _times(b, above), below * above
        total: Value = {}
        for key, left in a.items():
            for other, right in b.items():
                into = total.setdefault(_joined(key, other), {})
                for m, c in left.items():
                    for n, d in right.items():
                        into[m + n] = into.get(m + n, 0) + c * d
                effort.check()
        total = _without_zeros(total)
        if over == 1:
            return total
        return {k: {m: _divided(c, over) for m, c in v.items()} for k, v in total.items()}

    def power(self, a: Value, n: int) -> Value:
        """A power by repeated squares."""
        if len(a) == 1 and len(poly := next(iter(a.values()))) == 1:
            ((key, _),) = a.items()
            ((m, c),) = poly.items()
            return {tuple((d, k * n) for d, k in key) if n else (): {m * n: c**n}}
        found: Value = {(): {0: 1}}
        while n:
            if n & 1:
                found = self.product(found, a)
            n >>= 1
            if n:
                a = self.product(a, a)
        return found

    def inverse(self, a: Value) -> Value:
        """One over a value that is brought to one denominator."""
        key, top = self.together(a)
        if not top:
            raise ZeroDivisionError
        over = self._over(top)
        for d, k in key:
            over = self.product(over, self.power({(): self.bottoms[d]}, k))
        return over

    def _over(self, top: Poly) -> Value:
        """One over a polynomial: over each variable by itself where it is one product."""
        if len(top) > 1:
            lead = top[max(top)]
            bottom = self._bottom({m: _divided(c, lead) for m, c in top.items()})
            return {((bottom, 1),): {0: _divided(1, lead)}}
        ((monomial, number),) = top.items()
        found: Value = {(): {0: _divided(1, number)}}
        for shift in self.place.values():
            if k := (monomial >> shift) & _MASK:
                one = self.inverses.get(shift) or {((self._bottom({1 << shift: 1}), 1),): {0: 1}}
                found = self.product(found, self.power(one, k))
        return found

    def _bottom(self, poly: Poly) -> int:
        """The number of a denominator."""
        name = frozenset(poly.items())
        if name not in self._numbers:
            self._numbers[name] = len(self.bottoms)
            self.bottoms.append(poly)
        return self._numbers[name]

    def together(self, a: Value) -> tuple[Key, Poly]:
        """One denominator for all groups, and the numerator over it."""
        common: dict[int, int] = {}
        for key in a:
            for d, k in key:
                common[d] = max(common.get(d, 0), k)
        parts: list[Value] = []
        for key, poly in a.items():
            part: Value = {(): poly}
            have = dict(key)
            for d, k in common.items():
                for _ in range(k - have.get(d, 0)):
                    part = self.product(part, {(): self.bottoms[d]})
            parts.append(part)
        return tuple(sorted(common.items())), self.sum(parts).get((), {})

    def reduced(self, a: Value, variable: sp.Symbol, order: int, power: Value) -> Value:
        """With the `order`-th power of a variable replaced by its value."""
        shift = self.place[variable]
        parts: list[Value] = []
        for key, poly in a.items():
            by_power: dict[int, Poly] = {}
            for m, c in poly.items():
                high, low = divmod((m >> shift) & _MASK, order)
                rest = m - (high * order << shift)
                by_power.setdefault(high, {})[rest] = c
                del low
            for high, part in by_power.items():
                value: Value = {key: part}
                parts.append(self.product(value, self.power(power, high)) if high else value)
        return self.sum(parts)


def _without_zeros(value: Value) -> Value:
    cleaned = {key: {m: c for m, c in poly.items() if c} for key, poly in value.items()}
    return {key: poly for key, poly in cleaned.items() if poly}


def _denominator(value: Value) -> int:
    """That of all numbers in a value."""
    return lcm(*{c.denominator for poly in value.values() for c in poly.values()})


def _times(value: Value, n: int) -> Value:
    """A value times a multiple of its denominator: whole numbers."""
    if n == 1:
        return value
    return {
        key: {m: c.numerator * (n // c.denominator) for m, c in poly.items()}
        for key, poly in value.items()
    }


def _joined(a: Key, b: Key) -> Key:
    if not a or not b:
        return a or b
    total = dict(a)
    for d, k in b:
        total[d] = total.get(d, 0) + k
    return tuple(sorted(total.items()))


def _size(value: Value) -> int:
    return sum(map(len, value.values()))


def _number(expr: Any) -> Number:
    return int(expr.p) if expr.q == 1 else Fraction(int(expr.p), int(expr.q))


def _divided(a: Number, b: Number) -> Number:
    found = Fraction(a) / b
    return found.numerator if found.denominator == 1 else found
