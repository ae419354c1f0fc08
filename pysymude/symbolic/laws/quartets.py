# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportReturnType=false
"""Laws of four eigenvalues that square roots in square roots give: two coupled oscillators, and the like."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, cast

import sympy as sp

from pysymude.model.symbols import t
from pysymude.symbolic import effort
from pysymude.symbolic.exact.fraction import Fraction
from pysymude.symbolic.exact.matrix import Vector
from pysymude.symbolic.laws.eigenvalues import Quartic, is_negative, square_root

if TYPE_CHECKING:
    from pysymude.symbolic.laws.exponential_laws import Space

__all__ = ["quartet_laws"]

_MOST = 20  # dimensions


def quartet_laws(space: Space, low: Vector) -> Iterator[sp.Expr] | None:
    """Laws of the roots of an irreducible factor of degree four; None where no square roots express them.

    With w such that P(X) w = 0 and P = Q1 Q2, the function Q2(X) w belongs to the two roots of Q1: the roots
    that Q1 takes stand in the laws alone.
    """
    if len(space.action) > _MOST:
        return None
    quartic = Quartic.of(space.numbers, low)

    def value(e: Fraction) -> sp.Expr:
        return space.form.to_user(space.exact.rational(e))

    pairs = quartic.quadratics(value)
    if not pairs:
        return None
    return _laws(space, quartic, pairs, value(quartic.shift))


def _laws(
    space: Space, quartic: Quartic, pairs: Sequence[tuple[sp.Expr, sp.Expr]], shift: sp.Expr
) -> Iterator[sp.Expr]:
    for powers in _kernel(space, quartic):
        functions = [space.form.to_user(e) for e in space.expressions(powers)]
        for (u, v), (other, last) in (pairs, pairs[::-1]):
            effort.check()
            w = _sum((last, other, 1), functions[:3])
            moved = _sum((last, other, 1), functions[1:])
            rest = _sum((1, u / 2), (moved, w))
            alpha, under = -shift - u / 2, sp.expand(u**2 / 4 - v)
            turning = is_negative(under)
            if turning is None:
                continue
            beta = square_root(cast("sp.Expr", -under if turning else under))
            if turning:
                sine, cosine, damping = sp.sin(beta * t), sp.cos(beta * t), sp.exp(-alpha * t)
                yield damping * (beta * cosine * w - sine * rest)
                yield damping * (beta * sine * w + cosine * rest)
            else:
                for b in (beta, -beta):
                    yield sp.exp(-(alpha + b) * t) * _sum((1, b), (rest, w))


def _kernel(space: Space, quartic: Quartic) -> Iterator[list[Vector]]:
    """w with P(X) w = 0, and its derivatives along X + shift, up to the third."""
    numbers, n = space.numbers, len(space.action)
    A = [
        [e + quartic.shift if i == j else e for j, e in enumerate(row)]
        for i, row in enumerate(space.action)
    ]
    square = numbers.times(A, A)
    fourth = numbers.times(square, square)
    polynomial = [
        [
            fourth[i][j] + quartic.p * square[i][j] + quartic.q * A[i][j]
            + (quartic.r if i == j else numbers.zero)
            for j in range(n)
        ]
        for i in range(n)
    ]  # fmt: skip
    seen: list[Vector] = []
    for v in numbers.null_space([[row[j] for row in polynomial] for j in range(n)], n):
        if seen and len(numbers.reduced([*seen, v])[0]) == len(seen):
            continue
        powers = [v]
        for _ in range(3):
            powers.append(numbers.combination(powers[-1], A))
        seen += powers
        yield [numbers.combination(u, space.basis) for u in powers]


def _sum(factors: Sequence[object], functions: Sequence[sp.Expr]) -> sp.Expr:
    """A combination of polynomials, each monomial once."""
    total = sp.expand(sp.Add(*(c * f for c, f in zip(factors, functions, strict=True))))
    parts: dict[sp.Expr, list[sp.Expr]] = {}
    for term in sp.Add.make_args(total):
        number, monomial = term.as_independent(*total.free_symbols, as_Add=False)
        parts.setdefault(monomial, []).append(number)
    return sp.Add(*(sp.radsimp(sp.Add(*c)) * m for m, c in parts.items()))
