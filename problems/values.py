# SymPy and SciPy annotate in parts only
# pyright: reportGeneralTypeIssues=false, reportAttributeAccessIssue=false, reportArgumentType=false, reportReturnType=false, reportOperatorIssue=false, reportCallIssue=false
"""Expressions evaluated at a point: in fractions where everything is rational, else with 60 digits."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

import mpmath
import sympy as sp

__all__ = ["Values", "digits", "product", "rank", "total"]

_mp = mpmath.mp.clone()
_mp.dps = 60
_SMALLEST_PIVOT = _mp.mpf("1e-25")
_FUNCTIONS = {
    sp.sin: _mp.sin, sp.cos: _mp.cos, sp.tan: _mp.tan, sp.exp: _mp.exp, sp.log: _mp.log,
    sp.atan: _mp.atan, sp.Abs: abs, sp.sign: _mp.sign,
    sp.sinh: _mp.sinh, sp.cosh: _mp.cosh, sp.tanh: _mp.tanh,
    sp.Ei: _mp.ei, sp.Si: _mp.si, sp.Ci: _mp.ci, sp.erf: _mp.erf, sp.floor: _mp.floor,
    sp.asin: _mp.asin, sp.asinh: _mp.asinh, sp.acos: _mp.acos, sp.cot: _mp.cot,
    sp.coth: _mp.coth, sp.sech: _mp.sech, sp.csch: _mp.csch, sp.sec: _mp.sec, sp.csc: _mp.csc,
}  # fmt: skip
_COMPARED = {
    sp.StrictLessThan: lambda a, b: a < b, sp.LessThan: lambda a, b: a <= b,
    sp.StrictGreaterThan: lambda a, b: a > b, sp.GreaterThan: lambda a, b: a >= b,
}  # fmt: skip
_CONSTANTS = {sp.I: _mp.mpc(0, 1), sp.pi: +_mp.pi, sp.E: +_mp.e}


class Values:
    """Expressions evaluated at one point; exact fractions as long as nothing is irrational."""

    def __init__(self, point: Mapping[Any, Any]) -> None:
        self.known: dict[Any, Any] = dict(point)

    def __call__(self, expr: Any) -> Any:
        found = self.known.get(expr)
        if found is None:
            found = self.known[expr] = self._computed(expr)
        return found

    def _computed(self, expr: Any) -> Any:
        if expr.is_Rational:
            return Fraction(int(expr.p), int(expr.q))
        if expr.is_Float:
            # the decimal that was written
            return Fraction(repr(float(expr)))
        if expr in _CONSTANTS:
            return _CONSTANTS[expr]
        if expr.is_Add:
            return total(self(arg) for arg in expr.args)
        if expr.is_Mul:
            return product(self(arg) for arg in expr.args)
        if expr.is_Pow and expr.base != sp.E:
            base, exponent = self(expr.base), self(expr.exp)
            if isinstance(exponent, Fraction) and exponent.denominator == 1:
                return base ** int(exponent)
            return _mp.power(digits(base), digits(exponent))
        if isinstance(expr, sp.Piecewise):
            return self(next(value for value, condition in expr.args if self._holds(condition)))
        if isinstance(expr, (sp.Max, sp.Min)):
            return (max if isinstance(expr, sp.Max) else min)(digits(self(a)) for a in expr.args)
        return _FUNCTIONS[sp.exp if expr.is_Pow else expr.func](digits(self(expr.args[-1])))

    def _holds(self, condition: Any) -> bool:
        if condition in (sp.true, sp.false):
            return bool(condition)
        return bool(_COMPARED[condition.func](*(digits(self(a)) for a in condition.args)))


def total(values: Iterable[Any]) -> Any:
    parts = list(values)
    whole = sum((v for v in parts if isinstance(v, Fraction)), Fraction(0))
    rest = [v for v in parts if not isinstance(v, Fraction)]
    return _mp.fsum([digits(whole), *rest]) if rest else whole


def product(values: Iterable[Any]) -> Any:
    parts = list(values)
    whole = math.prod((v for v in parts if isinstance(v, Fraction)), start=Fraction(1))
    rest = [v for v in parts if not isinstance(v, Fraction)]
    return _mp.fprod([digits(whole), *rest]) if rest else whole


def digits(value: Any) -> Any:
    """A number of 60 digits."""
    if isinstance(value, Fraction):
        return _mp.mpf(value.numerator) / value.denominator
    return _mp.mpmathify(value)


def rank(rows: list[list[Any]]) -> int:
    """The rank of a matrix, by elimination with the largest pivot there is; rows are scaled to 1 first."""
    sizes = [max(abs(v) for v in row) for row in rows]
    rows = [[v / size for v in row] for row, size in zip(rows, sizes, strict=True) if size]
    found = 0
    while rows and rows[0]:
        places = [(i, j) for i in range(len(rows)) for j in range(len(rows[0]))]
        i, j = max(places, key=lambda ij: abs(rows[ij[0]][ij[1]]))
        pivot = rows.pop(i)
        if abs(pivot[j]) < _SMALLEST_PIVOT:
            break
        found += 1
        rows = [
            [v - row[j] / pivot[j] * p for v, p in zip(row, pivot, strict=True)] for row in rows
        ]
        rows = [row[:j] + row[j + 1 :] for row in rows]
    return found
