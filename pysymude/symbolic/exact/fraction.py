"""Fractions of polynomials in flint, always in lowest terms."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pysymude.symbolic.exact.guarded import gcd, power, product, quotient

__all__ = ["Fraction", "Polynomial", "common_denominator", "reduced"]

Polynomial = Any  # flint.fmpq_mpoly has no type stubs


@dataclass(frozen=True)
class Fraction:
    """top / bottom, without common factors."""

    top: Polynomial
    bottom: Polynomial

    def __add__(self, other: Fraction) -> Fraction:
        if self.bottom == other.bottom:
            return reduced(self.top + other.top, self.bottom)
        return reduced(
            product(self.top, other.bottom) + product(other.top, self.bottom),
            product(self.bottom, other.bottom),
        )

    def __sub__(self, other: Fraction) -> Fraction:
        return self + Fraction(-other.top, other.bottom)

    def __mul__(self, other: Fraction) -> Fraction:
        return reduced(product(self.top, other.top), product(self.bottom, other.bottom))

    def __truediv__(self, other: Fraction) -> Fraction:
        return reduced(product(self.top, other.bottom), product(self.bottom, other.top))

    def __neg__(self) -> Fraction:
        return Fraction(-self.top, self.bottom)

    def __pow__(self, n: int) -> Fraction:
        if n < 0:
            return Fraction(power(self.bottom, -n), power(self.top, -n))
        return Fraction(power(self.top, n), power(self.bottom, n))


def reduced(top: Polynomial, bottom: Polynomial) -> Fraction:
    """The fraction in lowest terms."""
    if top.is_zero():
        return Fraction(top, bottom**0)
    if bottom.is_constant():
        return Fraction(top / bottom.leading_coefficient(), bottom**0)
    common = gcd(top, bottom)
    if not common.is_constant():
        top, bottom = quotient(top, common), quotient(bottom, common)
    return Fraction(top, bottom)


def common_denominator(
    fractions: Iterable[Fraction], one: Polynomial
) -> tuple[Polynomial, list[Polynomial]]:
    """The least common denominator and the numerators over it; `one` is the polynomial 1."""
    given, bottom = list(fractions), one
    for f in given:
        if f.bottom.is_constant():
            continue
        bottom = product(bottom, quotient(f.bottom, gcd(bottom, f.bottom)))
    return bottom, [product(f.top, quotient(bottom, f.bottom)) for f in given]
