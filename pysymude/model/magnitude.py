"""Bounds on what SymPy computes while a text is read, so that no text can keep it busy for long."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

__all__ = ["LARGEST", "Budget", "Term", "TooLargeError"]

LARGEST = 2**1024  # where float64 ends

EXPONENT = 100  # largest number as an exponent
ROOT = 10**12  # largest number under a root, which SymPy factors
ROOTS = 40  # of numbers, whose products SymPy combines in pairs
BITS = 4_000_000  # of the numbers that all powers together may come to
EXTREMA = 8  # arguments of a min or max, which SymPy compares in pairs
PAIRS = 500  # comparisons in all
HEIGHT = 20  # of a constant, which SymPy may have to evaluate in order to know its sign


class TooLargeError(ArithmeticError):
    """The computation is refused; the message is for the author of the text."""


@dataclass(frozen=True, slots=True)
class Term:
    """A SymPy expression, and by how much the powers in it multiply the length of a number."""

    expr: Any
    growth: float = 1.0


@dataclass(slots=True)
class Budget:
    """What the powers, roots and comparisons of one text have cost so far."""

    bits: float = 0.0
    roots: int = 0
    pairs: int = 0

    def power(self, base: Term, exponent: Term) -> Term:
        """``base**exponent``.

        Raises
        ------
        TooLargeError
            The exponent, a number under a root, or all powers together are beyond their bound.
        """
        e = exponent.expr
        if e.is_Number and abs(e) > EXPONENT:
            raise TooLargeError(f"an exponent may be at most {EXPONENT}")
        if e.is_Number and not e.is_Integer:
            self._root(base.expr.as_coeff_Mul()[0])
        growth = self.growth(base, exponent)
        return Term(base.expr**e, growth)

    def _root(self, number: Any) -> None:
        if not number.is_Rational or _length(number) == 1:
            return
        self.roots += 1
        if _length(number) > ROOT:
            raise TooLargeError("the number under the root is above 1e12; write it as a decimal")
        if self.roots > ROOTS:
            raise TooLargeError(f"more than {ROOTS} roots of numbers; write them as decimals")

    def growth(self, base: Term, exponent: Term) -> float:
        """The growth of a power, after its numbers were counted towards the bound on all powers.

        Raises
        ------
        TooLargeError
            The bound is reached.
        """
        times = max((_size(n) for n in _numbers(exponent.expr)), default=1.0)
        growth = base.growth * exponent.growth * max(times, 1.0)
        self.bits += growth * max((_bits(n) for n in _numbers(base.expr)), default=1.0)
        if self.bits > BITS:
            raise TooLargeError("the numbers in these powers become too large")
        return growth

    def call(self, function: Any, arguments: Sequence[Term]) -> float:
        """The growth of a function's value.

        Raises
        ------
        TooLargeError
            SymPy would compare, evaluate or expand more than it should.
        """
        if function in (sp.Min, sp.Max):
            self._extremum([term.expr for term in arguments])
        for term in arguments:
            if not term.expr.free_symbols and _height(term.expr) > HEIGHT:
                raise TooLargeError("functions of numbers are nested too deeply; write a decimal")
        # to SymPy, exp(n*log(2)) is the power 2^n
        if any(term.expr.has(sp.log) for term in arguments):
            return max(self.growth(term, term) for term in arguments)
        return max((term.growth for term in arguments), default=1.0)

    def _extremum(self, arguments: Sequence[Any]) -> None:
        # SymPy merges the arguments of inner calls into those of the outer one
        inner = (len(e.args) if isinstance(e, sp.Min | sp.Max) else 1 for e in arguments)
        if (n := sum(inner)) > EXTREMA:
            raise TooLargeError(f"min and max may have {EXTREMA} arguments, inner ones included")
        self.pairs += n * n
        if self.pairs > PAIRS:
            raise TooLargeError("too many comparisons in all calls of min and max")


def _numbers(expr: Any) -> Iterable[Any]:
    return expr.atoms(sp.Number)


def _length(number: Any) -> int:
    return max(abs(int(number.p)), int(number.q))


def _height(expr: Any) -> int:
    return 1 + max((_height(argument) for argument in expr.args), default=0)


def _size(number: Any) -> float:
    return math.inf if abs(number) >= LARGEST else float(abs(number))


def _bits(number: Any) -> float:
    return float(_length(number).bit_length()) if number.is_Rational else 53.0
