# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false
"""The value of an expression at a point, to far more digits than are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mpmath
import sympy as sp

__all__ = ["value_at"]

_mp = mpmath.mp.clone()
_mp.dps = 100
_LARGEST = 1e6  # beyond, cancellation may cost more digits than there are to spare
_FUNCTIONS = {
    sp.sin: _mp.sin, sp.cos: _mp.cos, sp.tan: _mp.tan, sp.exp: _mp.exp, sp.log: _mp.log,
    sp.atan: _mp.atan, sp.sinh: _mp.sinh, sp.cosh: _mp.cosh, sp.tanh: _mp.tanh,
}  # fmt: skip


class _NoValueError(Exception):
    """The expression has another function, or an intermediate value is large."""


def value_at(expr: sp.Expr, point: Mapping[Any, Any], digits: int) -> sp.Expr:
    """As ``expr.evalf(digits, subs=point)``, where each subexpression is evaluated once.

    Examples
    --------
    >>> import sympy as sp
    >>> x = sp.Symbol("x")
    >>> value_at(sp.sqrt(x) - 1, {x: sp.Float(2, 40)}, 10)
    0.4142135624
    """
    known = {z: _mp.mpmathify(v) for z, v in point.items()}
    try:
        value = _value(expr, known)
    except (_NoValueError, ZeroDivisionError):
        return expr.evalf(digits, subs=point)
    if isinstance(value, _mp.mpc):
        return sp.Float(value.real, digits) + sp.I * sp.Float(value.imag, digits)
    return sp.Float(value, digits)


def _value(expr: Any, known: dict[Any, Any]) -> Any:
    found = known.get(expr)
    if found is None:
        found = known[expr] = _computed(expr, known)
        if abs(found) > _LARGEST:
            raise _NoValueError
    return found


def _computed(expr: Any, known: dict[Any, Any]) -> Any:
    if expr.is_Rational:
        return _mp.mpf(int(expr.p)) / int(expr.q)
    if expr.is_Add:
        return _mp.fsum(_value(a, known) for a in expr.args)
    if expr.is_Mul:
        return _mp.fprod(_value(a, known) for a in expr.args)
    if type(expr) is sp.Pow:
        base = _value(expr.base, known)
        if expr.exp.is_Integer:
            return base ** int(expr.exp)
        return _mp.power(base, _value(expr.exp, known))
    function = _FUNCTIONS.get(type(expr))
    if function is None:
        raise _NoValueError
    return function(_value(expr.args[0], known))
