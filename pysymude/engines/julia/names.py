"""The operations of a tape by their names in Julia; a name of `FUNCTIONS` that is missing is refused."""

from __future__ import annotations

__all__ = ["INFIX", "NAMED"]

NAMED = {
    "sin": "sin_", "cos": "cos_", "tan": "tan_", "asin": "asin_", "acos": "acos_", "atan": "atan",
    "atan2": "atan", "sinh": "sinh", "cosh": "cosh", "tanh": "tanh", "asinh": "asinh",
    "acosh": "acosh_", "atanh": "atanh_", "exp": "exp", "log": "log_", "sqrt": "sqrt_",
    "erf": "erf_", "abs": "abs", "sign": "sign", "min": "min", "max": "max",
    "heaviside": "heaviside", "pow": "power", "select": "ifelse", "recip0": "recip0", "mul0": "mul0",
    "pow0": "pow0", "log0": "log0",
}  # fmt: skip
"""Functions; one with a trailing underscore is PySymUDE's own, NaN where Base's throws."""

INFIX = {
    "add": "+", "mul": "*", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!=",
    "and": "&", "or": "|",
}  # fmt: skip
"""Operators between two operands."""
