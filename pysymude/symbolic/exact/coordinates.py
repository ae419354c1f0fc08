# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""Coordinates of normal forms: what they stand for, how they change, modulo which prime they are drawn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from math import gcd
from typing import Any, cast

import sympy as sp
from sympy.core.function import AppliedUndef

from pysymude.model.network import NetworkDerivative, NetworkOutput
from pysymude.model.signal import SignalValue
from pysymude.model.system import ODESystem

__all__ = ["PRIMES", "Coordinate", "NormalForm"]

# = 3 mod 4, so that square roots are powers; and r-th powers are one-to-one for r = 3, 5, 7
PRIMES = (2147483579, 2147483543, 2147483399, 2147483123, 2147482943, 2147482859, 2147482763)


@dataclass(frozen=True)
class Coordinate:
    """One coordinate of the normal form.

    `kind` is ``state``, ``time``, ``parameter``, ``hidden``, ``tied``, ``sin``, ``cos``, ``exp``,
    ``log``, ``root`` (of order `order`), ``power`` (to the `exponent`) or ``atan``.  `of` is the
    argument, in coordinates drawn before this one; `rate` is dz/dt, rational in all coordinates (None:
    parameters and hidden ones); `meaning` is the user's expression.

    A parameter with a `base` is a root of order `order` of that: of a prime, or of a polynomial in
    earlier parameters; another number is a parameter of which nothing is known. A tied coordinate
    changes with its `partials`: pairs of an argument and the coordinate that is its derivative by that.
    """

    symbol: sp.Symbol
    kind: str
    meaning: sp.Expr
    of: sp.Expr | None = None
    order: int = 0
    rate: sp.Expr | None = None
    exponent: sp.Expr | None = None
    base: sp.Expr | None = None
    partials: tuple[tuple[sp.Expr, sp.Symbol], ...] = ()


@dataclass(frozen=True)
class NormalForm:
    """A system in normal form.

    Attributes
    ----------
    states : tuple of symbols
        The user's states.
    coordinates : dict of symbol to Coordinate
        In an order in which each depends on earlier ones only.
    """

    system: ODESystem
    states: tuple[sp.Symbol, ...]
    coordinates: dict[sp.Symbol, Coordinate]

    @cached_property
    def prime(self) -> int:
        """The prime modulo which values are drawn: one modulo which all roots of numbers exist."""
        bases = [int(c.base) for c in self.of_kind("parameter") if isinstance(c.base, sp.Integer)]
        orders = [c.order for c in self.coordinates.values() if c.order]
        return next(p for p in _primes() if _has_roots(p, orders, bases))

    @cached_property
    def strange(self) -> tuple[Any, ...]:
        """What in the rates has no exact treatment, and counts as unknown."""
        hidden = [c.meaning for c in self.of_kind("hidden")]
        return tuple(m for m in hidden if not _has_unknown(m))

    @cached_property
    def numbers(self) -> dict[str, str]:
        """The numbers for which symbols stand."""
        found = [c for c in self.of_kind("parameter") if c.symbol != c.meaning]
        return {c.symbol.name: str(c.meaning) for c in found}

    def of_kind(self, *kinds: str) -> tuple[Coordinate, ...]:
        """The coordinates of some kinds, in order."""
        return tuple(c for c in self.coordinates.values() if c.kind in kinds)

    @property
    def rates(self) -> dict[sp.Symbol, sp.Expr]:
        """dz/dt of every coordinate that has one."""
        return {c.symbol: c.rate for c in self.coordinates.values() if c.rate is not None}

    def to_user(self, expr: sp.Expr) -> sp.Expr:
        """An expression in coordinates, written with the user's symbols."""
        table = {c.symbol: c.meaning for c in self.coordinates.values() if c.symbol != c.meaning}
        # meanings are in user symbols already, so one replacement is enough
        return cast("sp.Expr", expr.xreplace(table))

    def along(self, rhs: dict[sp.Symbol, sp.Expr]) -> NormalForm:
        """The same coordinates with the rates that follow from other rates of states and time."""
        rates: dict[sp.Symbol, sp.Expr] = dict(rhs)
        done: dict[sp.Symbol, Coordinate] = {}
        for z, c in self.coordinates.items():
            if c.of is not None:
                moving = [v for v in c.of.free_symbols if rates.get(cast("sp.Symbol", v), 0) != 0]
                inner = sp.Add(*(c.of.diff(v) * rates[cast("sp.Symbol", v)] for v in moving))
                rates[z] = self.slope(c, cast("sp.Expr", inner))
            elif c.partials:
                parts = [
                    by * a.diff(v) * rates.get(cast("sp.Symbol", v), 0)
                    for a, by in c.partials
                    for v in a.free_symbols
                ]
                rates[z] = cast("sp.Expr", sp.Add(*parts))
            done[z] = replace(c, rate=rates.get(z))
        return replace(self, coordinates=done)

    def slope(self, c: Coordinate, da: sp.Expr) -> sp.Expr:
        """The change of an atom that goes with a change `da` of its argument."""
        z, a = c.symbol, cast("sp.Expr", c.of)
        match c.kind:
            case "sin":
                return self._partner("cos", c) * da
            case "cos":
                return -self._partner("sin", c) * da
            case "exp":
                return z * da
            case "log":
                return da / a
            case "atan":
                return da / (1 + a**2)
            case "root":
                return z * da / (c.order * a)
            case _:
                return cast("sp.Expr", c.exponent) * z * da / a

    def _partner(self, kind: str, c: Coordinate) -> sp.Symbol:
        return next(d.symbol for d in self.of_kind(kind) if d.of == c.of)

    def total_rate(self, expr: sp.Expr) -> sp.Expr:
        """d(expr)/dt along the field, in coordinates."""
        free = expr.free_symbols
        terms = [expr.diff(z) * rate for z, rate in self.rates.items() if z in free]
        return cast("sp.Expr", sp.Add(*terms))


def _primes() -> Iterator[int]:
    yield from PRIMES
    p = PRIMES[-1]
    while True:
        p = int(sp.prevprime(p))
        yield p


def _has_roots(p: int, orders: list[int], bases: list[int]) -> bool:
    """Whether roots of some orders are powers modulo p = 3 mod 4, and those of some numbers exist."""
    odd = [n >> ((n & -n).bit_length() - 1) for n in orders]
    return (
        p % 4 == 3
        and all(gcd(n, p - 1) == 1 for n in odd)
        and all(pow(b, (p - 1) // 2, p) == 1 for b in bases)
    )


def _has_unknown(expr: Any) -> bool:
    return bool(expr.atoms(NetworkOutput, NetworkDerivative, AppliedUndef, SignalValue))
