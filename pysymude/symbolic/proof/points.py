# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false
"""The value of a rational expression at random points modulo a prime: one that is not zero decides."""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd
from random import Random
from typing import Any

import sympy as sp

__all__ = ["Relation", "differs_from_zero"]

# a variable, its power, and the expression of earlier variables that this is; or a sine and its cosine
Relation = tuple[sp.Symbol, int, sp.Expr]

_POINTS = 2
_DRAWS = 200  # for a point at which all roots exist
_LARGE = 2**61


class _NoValueError(Exception):
    """A denominator vanishes at the point, or a root does not exist."""


def differs_from_zero(
    expr: sp.Expr, relations: Sequence[Relation], circles: dict[sp.Symbol, sp.Symbol]
) -> bool:
    """Whether a value proves that an expression is not zero identically; false says nothing.

    Parameters
    ----------
    expr : SymPy expression
        Rational in its symbols.
    relations : sequence of Relation
        Roots, each after those that it contains.
    circles : mapping from symbol to symbol
        Sines to their cosines.
    """
    p = _prime([n for _, n, _ in relations])
    rng = Random(0)  # noqa: S311 - the same points in every run
    seen = 0
    for _ in range(_DRAWS):
        try:
            if _Point(p, rng, relations, circles).value(expr):
                return True
        except _NoValueError:
            continue
        seen += 1
        if seen == _POINTS:
            return False
    return False


def _prime(orders: Sequence[int]) -> int:
    """A prime modulo which odd roots exist and square roots are powers."""
    odd = [n >> ((n & -n).bit_length() - 1) for n in orders]
    p = _LARGE
    while True:
        p = int(sp.prevprime(p))
        if p % 4 == 3 and all(gcd(n, p - 1) == 1 for n in odd):
            return p


class _Point:
    """Values of symbols, drawn where they are needed first."""

    def __init__(
        self,
        p: int,
        rng: Random,
        relations: Sequence[Relation],
        circles: dict[sp.Symbol, sp.Symbol],
    ) -> None:
        self.p, self.rng = p, rng
        self.known: dict[Any, int] = {}
        for sine, cosine in circles.items():
            half = rng.randrange(2, p)
            over = pow(1 + half * half, -1, p)
            self.known[sine], self.known[cosine] = 2 * half * over % p, (1 - half * half) * over % p
        for variable, order, base in relations:
            self.known[variable] = self._root(self.value(base), order)

    def _root(self, base: int, order: int) -> int:
        found, odd = base, order
        while odd % 2 == 0:
            found, odd = pow(found, (self.p + 1) // 4, self.p), odd // 2
        if odd > 1:
            found = pow(found, pow(odd, -1, self.p - 1), self.p)
        if pow(found, order, self.p) != base:
            raise _NoValueError
        return found

    def value(self, expr: Any) -> int:
        """The residue of an expression."""
        found = self.known.get(expr)
        if found is None:
            found = self.known[expr] = self._value(expr)
        return found

    def _value(self, expr: Any) -> int:
        p = self.p
        if expr.is_Symbol:
            return self.rng.randrange(2, p)
        if expr.is_Rational:
            return int(expr.p) * pow(int(expr.q), -1, p) % p
        if expr.is_Add:
            return sum(map(self.value, expr.args)) % p
        if expr.is_Mul:
            product = 1
            for factor in expr.args:
                product = product * self.value(factor) % p
            return product
        base = self.value(expr.base)
        if base == 0 and expr.exp < 0:
            raise _NoValueError
        return pow(base, int(expr.exp), p)
