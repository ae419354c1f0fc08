# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportReturnType=false
"""Eigenvalues as square roots give them: factors of characteristic polynomials, and quartics as two quadratics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import flint
import sympy as sp

from pysymude.symbolic.exact.fraction import Fraction, common_denominator
from pysymude.symbolic.exact.matrix import Field, Vector

__all__ = [
    "Quartic",
    "Unwritten",
    "is_negative",
    "is_square_of_imaginary",
    "monic_factors",
    "root_of",
    "square_root",
]

_DIGITS = 40
_READABLE = 60  # characters


def monic_factors(numbers: Field, coefficients: Sequence[Fraction]) -> list[tuple[Vector, int]]:
    """Irreducible factors of a polynomial with their multiplicities, each without its leading 1."""
    n = len(coefficients) - 1
    context = numbers.context
    terms: dict[tuple[int, ...], Any] = {}
    for k, whole in enumerate(common_denominator(coefficients, context.constant(1))[1]):
        terms |= {(*m, n - k): e for m, e in whole.to_dict().items()}
    wider = flint.fmpq_mpoly_ctx.get([*context.names(), "s"], "lex")
    found: list[tuple[Vector, int]] = []
    for factor, multiplicity in sorted(wider.from_dict(terms).factor()[1], key=str):
        parts: list[dict[tuple[int, ...], Any]] = [{} for _ in range(factor.degrees()[-1] + 1)]
        for m, e in factor.to_dict().items():
            parts[m[-1]][m[:-1]] = e
        if len(parts) < 2:
            continue
        polys = [context.from_dict(part) for part in reversed(parts)]
        lead = Fraction(context.constant(1), polys[0])
        low = [Fraction(c, context.constant(1)) * lead for c in polys[1:]]
        found.append((low, multiplicity))
    return found


def is_negative(number: sp.Expr) -> bool | None:
    """The sign of a real number; None for 0, and for what is no number."""
    if not number.is_number:
        return None
    value = sp.N(number, _DIGITS)
    if not value.is_Float or abs(value) < sp.Float("1e-30"):
        return None
    return bool(value < 0)


def square_root(number: sp.Expr) -> sp.Expr:
    """Of a positive number, with as few roots in roots as possible."""
    return cast("sp.Expr", sp.expand(sp.sqrtdenest(sp.sqrt(sp.radsimp(sp.expand(number))))))


def is_square_of_imaginary(square: sp.Expr) -> bool:
    """Whether an expression of real parameters is negative: by its signs, or as minus a square."""
    if square.is_number:
        return is_negative(square) is True
    # where a root is real, it is not negative
    roots = {p for p in square.atoms(sp.Pow) if p.exp.is_Rational and p.exp.q % 2 == 0}
    square = cast("sp.Expr", square.xreplace({p: sp.Dummy(nonnegative=True) for p in roots}))
    if square.is_nonpositive or square.is_nonnegative:
        return square.is_nonnegative is not True
    if not square.is_Add and square.could_extract_minus_sign():
        return True
    return not any(p.exp.is_Rational and p.exp.q > 1 for p in root_of(-square).atoms(sp.Pow))


def root_of(square: sp.Expr) -> sp.Expr:
    """A square root; of a square, either will do."""
    found = sp.sqrt(sp.factor(square))
    return cast("sp.Expr", found.replace(sp.Abs, lambda a: a))


@dataclass(frozen=True)
class Unwritten:
    """Laws exp(-s t) P of which s is a root of a polynomial that is not solved.

    Attributes
    ----------
    low : tuple of SymPy expressions
        The coefficients of the polynomial after the leading 1.
    """

    low: tuple[sp.Expr, ...]

    def __str__(self) -> str:
        s, degree = sp.Symbol("s"), len(self.low)
        whole = s**degree + sum(c * s ** (degree - 1 - k) for k, c in enumerate(self.low))
        text = str(whole)
        of = text if len(text) <= _READABLE else f"a polynomial of degree {degree}"
        return f"laws with exp(-s*t), s a root of {of}, which is not solved by square roots"


@dataclass(frozen=True)
class Quartic:
    """y^4 + p y^2 + q y + r, with s = y - shift; an irreducible quartic in s.

    References
    ----------
    .. [1] van der Waerden, Algebra I, sec. 64, for the resolvent cubic.
    """

    numbers: Field
    shift: Fraction
    p: Fraction
    q: Fraction
    r: Fraction

    @classmethod
    def of(cls, numbers: Field, low: Vector) -> Quartic:
        """From the coefficients of s^3, s^2, s and 1."""
        a, b, c, d = low
        m = a * _number(numbers, 1, 4)
        square = m * m
        p = b - _number(numbers, 6) * square
        q = c - _number(numbers, 2) * b * m + _number(numbers, 8) * square * m
        r = d - c * m + b * square - _number(numbers, 3) * square * square
        return cls(numbers, m, p, q, r)

    def quadratics(self, value: Callable[[Fraction], sp.Expr]) -> list[tuple[sp.Expr, sp.Expr]]:
        """Two real (u, v) with (y^2 + u y + v) times the other; none where that takes more than square roots.

        `value` gives the number that an element of the field is; a sign must be known.
        """
        p, q, r = value(self.p), value(self.q), value(self.r)
        if not all(e.is_number for e in (p, q, r)):
            return []
        if self.q.top.is_zero():
            under = sp.expand(p**2 - 4 * r)
            if is_negative(under) is None:
                return []
            if not is_negative(under):
                root = square_root(under)
                zero = cast("sp.Expr", sp.S.Zero)
                return [(zero, (p + root) / 2), (zero, (p - root) / 2)]
            s = square_root(r)
            u = square_root(2 * s - p)
            return [(u, s), (-u, s)]
        roots = [*map(value, self._resolvent_roots())]
        positive = [z for z in roots if is_negative(z) is False]
        # the product of all three is q^2: beside a negative one, one of the other two is positive
        positive += [self._beside(z, p, q) for z in roots if is_negative(z)]
        if not positive:
            return []
        z = positive[0]
        u = square_root(z)
        over = sp.radsimp(q / u)
        return [(u, (p + z - over) / 2), (-u, (p + z + over) / 2)]

    @staticmethod
    def _beside(z: sp.Expr, p: sp.Expr, q: sp.Expr) -> sp.Expr:
        """The larger one of the other two roots of the resolvent cubic."""
        half = sp.expand(p + z / 2)
        return cast("sp.Expr", square_root(half**2 - q**2 / z) - half)

    def _resolvent_roots(self) -> list[Fraction]:
        """Those z = u^2 that the field contains."""
        two, four = _number(self.numbers, 2), _number(self.numbers, 4)
        cubic = [
            self.numbers.one, two * self.p, self.p * self.p - four * self.r, -(self.q * self.q),
        ]  # fmt: skip
        return [-low[0] for low, _ in monic_factors(self.numbers, cubic) if len(low) == 1]


def _number(numbers: Field, top: int, bottom: int = 1) -> Fraction:
    constant = numbers.context.constant
    return Fraction(constant(flint.fmpq(top, bottom)), constant(1))
