"""Fractions of polynomials in flint, always in lowest terms."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

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
            self.top * other.bottom + other.top * self.bottom, self.bottom * other.bottom
        )

    def __sub__(self, other: Fraction) -> Fraction:
        return self + Fraction(-other.top, other.bottom)

    def __mul__(self, other: Fraction) -> Fraction:
        return reduced(self.top * other.top, self.bottom * other.bottom)

    def __truediv__(self, other: Fraction) -> Fraction:
        return reduced(self.top * other.bottom, self.bottom * other.top)

    def __neg__(self) -> Fraction:
        return Fraction(-self.top, self.bottom)

    def __pow__(self, n: int) -> Fraction:
        if n < 0:
            return Fraction(self.bottom**-n, self.top**-n)
        return Fraction(self.top**n, self.bottom**n)


def reduced(top: Polynomial, bottom: Polynomial) -> Fraction:
    """The fraction in lowest terms."""
    if top.is_zero():
        return Fraction(top, bottom**0)
    if bottom.is_constant():
        return Fraction(top / bottom.leading_coefficient(), bottom**0)
    common = top.gcd(bottom)
    if not common.is_constant():
        top, bottom = divmod(top, common)[0], divmod(bottom, common)[0]
    return Fraction(top, bottom)


def common_denominator(
    fractions: Iterable[Fraction], one: Polynomial
) -> tuple[Polynomial, list[Polynomial]]:
    """The least common denominator and the numerators over it; `one` is the polynomial 1."""
    given, bottom = list(fractions), one
    for f in given:
        bottom = bottom * divmod(f.bottom, bottom.gcd(f.bottom))[0]
    return bottom, [f.top * divmod(bottom, f.bottom)[0] for f in given]
