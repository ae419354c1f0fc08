"""The functions of MathML, by the types of libSBML's nodes, as SymPy has them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import sympy as sp

from pysymude.interchange.packages import needed

__all__ = ["MANY", "of_one", "refused", "relations"]

_S: Any = sp.S

_ONE: dict[str, Callable[[Any], Any]] = {
    "ABS": sp.Abs, "EXP": sp.exp, "LN": sp.log,
    "SIN": sp.sin, "COS": sp.cos, "TAN": sp.tan,
    "SEC": lambda x: 1 / sp.cos(x), "CSC": lambda x: 1 / sp.sin(x), "COT": lambda x: 1 / sp.tan(x),
    "SINH": sp.sinh, "COSH": sp.cosh, "TANH": sp.tanh,
    "SECH": lambda x: 1 / sp.cosh(x), "CSCH": lambda x: 1 / sp.sinh(x), "COTH": lambda x: 1 / sp.tanh(x),
    "ARCSIN": sp.asin, "ARCCOS": sp.acos, "ARCTAN": sp.atan,
    "ARCSEC": lambda x: sp.acos(1 / x), "ARCCSC": lambda x: sp.asin(1 / x),
    "ARCCOT": lambda x: sp.atan(1 / x),
    "ARCSINH": sp.asinh, "ARCCOSH": sp.acosh, "ARCTANH": sp.atanh,
    "ARCSECH": lambda x: sp.acosh(1 / x), "ARCCSCH": lambda x: sp.asinh(1 / x),
    "ARCCOTH": lambda x: sp.atanh(1 / x),
}  # fmt: skip

_REFUSED = {
    "FUNCTION_DELAY": "delays have no place in an ordinary differential equation",
    "FUNCTION_FLOOR": "floor has no derivative where it jumps, and no engine has it",
    "FUNCTION_CEILING": "ceiling has no derivative where it jumps, and no engine has it",
    "FUNCTION_FACTORIAL": "no engine has the factorial",
    "FUNCTION_QUOTIENT": "no engine has the integer quotient",
    "FUNCTION_REM": "no engine has the remainder",
}

MANY: dict[str, Any] = {"min": sp.Min, "max": sp.Max}
"""Functions of several arguments."""


@cache
def of_one() -> dict[int, Callable[[Any], Any]]:
    """Functions of one argument by the type of their node."""
    libsbml = needed("libsbml")
    return {getattr(libsbml, f"AST_FUNCTION_{name}"): build for name, build in _ONE.items()}


@cache
def relations() -> dict[int, str]:
    """The signs of comparisons by the type of their node."""
    libsbml = needed("libsbml")
    signs = {"LT": "<", "LEQ": "<=", "GT": ">", "GEQ": ">=", "EQ": "==", "NEQ": "!="}
    return {getattr(libsbml, f"AST_RELATIONAL_{name}"): sign for name, sign in signs.items()}


@cache
def refused() -> dict[int, str]:
    """Why a node is refused, by its type."""
    libsbml = needed("libsbml")
    return {getattr(libsbml, f"AST_{name}"): reason for name, reason in _REFUSED.items()}
