# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false, reportPrivateUsage=false
"""Partial derivatives as SymPy's `diff` writes them, without what it asks and rebuilds at each node."""

from __future__ import annotations

from typing import Any, cast

import sympy as sp
from sympy.core.function import ArgumentIndexError

__all__ = ["derivative"]

# that of functions with the chain rule alone
_OF_FUNCTIONS = sp.Function._eval_derivative


def derivative(expr: Any, z: sp.Symbol, seen: dict[Any, sp.Expr] | None = None) -> sp.Expr:
    """The same expression as ``expr.diff(z)``; `seen` shares what expressions have in common.

    Examples
    --------
    >>> import sympy as sp
    >>> x, y = sp.symbols("x y")
    >>> derivative(x**2 * sp.sin(y * x), x)
    x**2*y*cos(x*y) + 2*x*sin(x*y)
    """
    seen = {} if seen is None else seen
    found = seen.get(expr)
    if found is None:
        found = seen[expr] = _derivative(expr, z, seen)
    return found


def _derivative(expr: Any, z: sp.Symbol, seen: dict[Any, sp.Expr]) -> sp.Expr:
    if expr == z:
        return cast("sp.Expr", sp.S.One)
    if expr.is_Symbol or expr.is_Number:
        return cast("sp.Expr", sp.S.Zero)
    kind = type(expr)
    if kind is sp.Add:
        return cast("sp.Expr", sp.Add(*(derivative(a, z, seen) for a in expr.args)))
    if kind is sp.Mul:
        return _of_product(expr.args, z, seen)
    if kind is sp.Pow:
        return _of_power(expr, z, seen)
    if kind._eval_derivative is _OF_FUNCTIONS:
        return _of_function(expr, z, seen)
    return cast("sp.Expr", expr.diff(z))


def _of_product(args: Any, z: sp.Symbol, seen: dict[Any, sp.Expr]) -> sp.Expr:
    terms: list[sp.Expr] = []
    for i, a in enumerate(args):
        slope = derivative(a, z, seen)
        if slope != 0:
            terms.append(cast("sp.Expr", sp.Mul(*args[:i], slope, *args[i + 1 :])))
    return cast("sp.Expr", sp.Add(*terms))


def _of_power(expr: Any, z: sp.Symbol, seen: dict[Any, sp.Expr]) -> sp.Expr:
    of_base, of_exponent = (derivative(a, z, seen) for a in expr.args)
    inner = of_base * expr.exp / expr.base if of_base != 0 else sp.S.Zero
    if of_exponent != 0:
        inner = of_exponent * sp.log(expr.base) + inner
    return cast("sp.Expr", expr * inner)


def _of_function(expr: Any, z: sp.Symbol, seen: dict[Any, sp.Expr]) -> sp.Expr:
    slopes = [derivative(a, z, seen) for a in expr.args]
    try:
        terms = [expr.fdiff(k) * s for k, s in enumerate(slopes, 1) if s.is_zero is not True]
    except ArgumentIndexError:
        return cast("sp.Expr", expr.diff(z))
    return cast("sp.Expr", sp.Add(*terms))
