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
PIECE = 4  # comparisons that a piece of a power costs
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
        # SymPy takes the power of every piece of a choice, and compares the pieces and conditions
        choices = [z for z in sp.Mul.make_args(base.expr) if isinstance(z, sp.Piecewise)]
        pieces = sum(len(z.args) for choice in choices for z in choice.atoms(sp.Piecewise))
        self._count(PIECE * pieces)
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
        # only SymPy's own functions of one node are known to be no exponential function
        may_be_power = function is sp.exp or not isinstance(function, type)
        if may_be_power and any(term.expr.has(sp.log) for term in arguments):
            return max(self.growth(*_as_power(term)) for term in arguments)
        return max((term.growth for term in arguments), default=1.0)

    def _extremum(self, arguments: Sequence[Any]) -> None:
        # SymPy merges the arguments of inner calls into those of the outer one
        inner = (len(e.args) if isinstance(e, sp.Min | sp.Max) else 1 for e in arguments)
        if (n := sum(inner)) > EXTREMA:
            raise TooLargeError(f"min and max may have {EXTREMA} arguments, inner ones included")
        self._count(n * n)

    def _count(self, pairs: int) -> None:
        self.pairs += pairs
        if self.pairs > PAIRS:
            raise TooLargeError("too many comparisons in min, max and powers of where")


def _as_power(term: Term) -> tuple[Term, Term]:
    """Base and exponent of exp(n*log(2)), which SymPy makes the power 2^n."""
    logs = {log: sp.Dummy() for log in term.expr.atoms(sp.log)}
    base = sp.Tuple(*(argument for log in logs for argument in log.args))
    return Term(base, term.growth), Term(term.expr.xreplace(logs), term.growth)


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
