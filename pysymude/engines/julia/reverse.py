"""The reverse mode of a tape as source: each operation's share of the cotangents, line by line."""

from __future__ import annotations

import math
from collections.abc import Callable

from pysymude.engines.julia.literals import number
from pysymude.plan.tape import Operation, Tape

__all__ = ["SILENT", "active", "shares"]

SILENT = frozenset(
    {"const", "sign", "heaviside", "lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not", "switch"}
)
"""Operations through which no derivative passes."""

# d: the cotangent of the result; v: the result; a, b: the operands
_UNARY: dict[str, str] = {
    "sin": "{d} * cos_({a})",
    "cos": "-{d} * sin_({a})",
    "tan": "{d} * (1 + {v} * {v})",
    "asin": "{d} / sqrt_(1 - {a} * {a})",
    "acos": "-{d} / sqrt_(1 - {a} * {a})",
    "atan": "{d} / (1 + {a} * {a})",
    "sinh": "{d} * cosh({a})",
    "cosh": "{d} * sinh({a})",
    "tanh": "{d} * (1 - {v} * {v})",
    "asinh": "{d} / sqrt_(1 + {a} * {a})",
    "acosh": "{d} / sqrt_({a} * {a} - 1)",
    "atanh": "{d} / (1 - {a} * {a})",
    "exp": "{d} * {v}",
    "log": "{d} / {a}",
    "sqrt": "{d} / (2 * {v})",
    "erf": f"{{d}} * {number(2 / math.sqrt(math.pi))} * exp(-{{a}} * {{a}})",
    "abs": "{d} * sign({a})",
    "recip0": "-{d} * {v} * {v}",
    "log0": "{d} * ifelse({a} > 0, recip0({a}), 0.0)",
}

_BINARY: dict[str, tuple[str, str]] = {
    "add": ("{d}", "{d}"),
    "mul": ("{d} * {b}", "{d} * {a}"),
    "pow": ("{d} * {b} * power({a}, {b} - 1)", "{d} * {v} * log_({a})"),
    "mul0": ("{d} * {b}", "{d} * {a}"),
    "pow0": ("{d} * {b} * pow0({a}, {b} - 1)", "{d} * mul0({v}, log0({a}))"),
    "atan2": ("{d} * {b} / ({a} * {a} + {b} * {b})", "-{d} * {a} / ({a} * {a} + {b} * {b})"),
    "min": ("ifelse({a} <= {b}, {d}, 0.0)", "ifelse({a} <= {b}, 0.0, {d})"),
    "max": ("ifelse({a} >= {b}, {d}, 0.0)", "ifelse({a} >= {b}, 0.0, {d})"),
}


def active(tape: Tape, wanted: Callable[[Operation], bool]) -> list[bool]:
    """For each operation, whether it depends on an operation that is `wanted`."""
    found: list[bool] = []
    for op in tape.operations:
        below = op.name not in SILENT and any(found[i] for i in op.args)
        found.append(wanted(op) or below)
    return found


def shares(op: Operation, d: str, v: str, names: list[str]) -> list[tuple[int, str]]:
    """(operand, cotangent) for an operation on numbers; `names` are its operands in source."""
    if op.name == "ipow":
        n = op.data
        slope = f"integer_power({names[0]}, Val({n - 1}))"
        return [(op.args[0], f"{d} * {number(float(n))} * {slope}")] if n else []
    if op.name == "select":
        c = names[0]
        yes, no = f"ifelse({c}, {d}, 0.0)", f"ifelse({c}, 0.0, {d})"
        return [(op.args[1], yes), (op.args[2], no)]
    if op.name in _UNARY:
        return [(op.args[0], _UNARY[op.name].format(d=d, v=v, a=names[0]))]
    first, second = _BINARY[op.name]
    a, b = names
    return [
        (op.args[0], first.format(d=d, v=v, a=a, b=b)),
        (op.args[1], second.format(d=d, v=v, a=a, b=b)),
    ]
