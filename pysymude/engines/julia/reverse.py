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

# The slope by each operand. v: the result; a, b: the operands. Where a one-sided slope is infinite it is 0.
_UNARY: dict[str, str] = {
    "sin": "cos_({a})",
    "cos": "-sin_({a})",
    "tan": "1 + {v} * {v}",
    "asin": "recip0(sqrt_(1 - {a} * {a}))",
    "acos": "-recip0(sqrt_(1 - {a} * {a}))",
    "atan": "1 / (1 + {a} * {a})",
    "sinh": "cosh({a})",
    "cosh": "sinh({a})",
    "tanh": "1 - {v} * {v}",
    "asinh": "1 / sqrt_(1 + {a} * {a})",
    "acosh": "recip0(sqrt_({a} * {a} - 1))",
    "atanh": "1 / (1 - {a} * {a})",
    "exp": "{v}",
    "log": "1 / {a}",
    "sqrt": "0.5 * recip0({v})",
    "erf": f"{number(2 / math.sqrt(math.pi))} * exp(-{{a}} * {{a}})",
    "abs": "sign({a})",
    "recip0": "-{v} * {v}",
    "log0": "ifelse({a} > 0, recip0({a}), 0.0)",
}

_BINARY: dict[str, tuple[str, str]] = {
    "mul": ("{b}", "{a}"),
    "pow": ("{b} * pow0({a}, {b} - 1)", "{v} * log0({a})"),
    "mul0": ("factor0({a}, {b})", "factor0({b}, {a})"),
    "pow0": ("{b} * pow0({a}, {b} - 1)", "mul0({v}, log0({a}))"),
    "atan2": ("{b} * recip0({a} * {a} + {b} * {b})", "{a} * -recip0({a} * {a} + {b} * {b})"),
}

# those whose cotangent passes to one of them
_CHOICE: dict[str, tuple[str, str]] = {
    "add": ("{d}", "{d}"),
    "min": ("ifelse({a} <= {b}, {d}, 0.0)", "ifelse({a} <= {b}, 0.0, {d})"),
    "max": ("ifelse({a} >= {b}, {d}, 0.0)", "ifelse({a} >= {b}, 0.0, {d})"),
}


def branches(tape: Tape) -> bool:
    """Whether a tape computes what it may not use: numbers there may be infinite, and have no say."""
    return any(op.name in ("select", "mul0", "pow0", "min", "max") for op in tape.operations)


def active(tape: Tape, wanted: Callable[[Operation], bool]) -> list[bool]:
    """For each operation, whether it depends on an operation that is `wanted`."""
    found: list[bool] = []
    for op in tape.operations:
        below = op.name not in SILENT and any(found[i] for i in op.args)
        found.append(wanted(op) or below)
    return found


def shares(
    op: Operation, d: str, v: str, names: list[str], *, guarded: bool
) -> list[tuple[int, str]]:
    """(operand, cotangent) for an operation on numbers; `names` are its operands in source.

    If `guarded`, or where the slope may be infinite though the whole is not, as in exp(-1/x^2), a
    cotangent that is 0 stays so.
    """
    guarded = guarded or op.name == "log" or (op.name == "ipow" and op.data < 0)
    if op.name == "select":
        c = names[0]
        yes, no = f"ifelse({c}, {d}, 0.0)", f"ifelse({c}, 0.0, {d})"
        return [(op.args[1], yes), (op.args[2], no)]
    a, b = names[0], names[-1]
    if op.name in _CHOICE:
        given = [share.format(d=d, a=a, b=b) for share in _CHOICE[op.name]]
        return list(zip(op.args, given, strict=True))
    times = "mul0({d}, {slope})" if guarded else "{d} * {slope}"
    return [
        (k, times.format(d=d, slope=slope if guarded else _factor(slope)))
        for k, slope in zip(op.args, _slopes(op, v, a, b), strict=False)
    ]


def _slopes(op: Operation, v: str, a: str, b: str) -> list[str]:
    if op.name == "ipow":
        n = op.data
        return [f"{number(float(n))} * integer_power({a}, Val({n - 1}))"] if n else []
    forms = (_UNARY[op.name],) if op.name in _UNARY else _BINARY[op.name]
    return [form.format(v=v, a=a, b=b) for form in forms]


def _factor(slope: str) -> str:
    """A slope as a factor."""
    return f"({slope})" if " + " in slope or " - " in slope or "/" in slope else slope
