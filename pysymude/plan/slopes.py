"""The slope of every operation by its operands, as further operations.

Where a one-sided slope is infinite, as that of a root at zero, it is taken to be 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from pysymude.plan.emitter import Emitter
from pysymude.plan.tape import SignalCall

__all__ = ["SILENT", "UNBOUNDED", "slopes"]

SILENT = frozenset(
    {"const", "input", "sign", "switch", "heaviside",
     "lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not"}
)  # fmt: skip
"""Operations through which no derivative passes."""

UNBOUNDED = frozenset(
    {"exp", "sinh", "cosh", "tan", "log", "asin", "acos", "acosh", "atanh", "sqrt", "pow", "recip0"}
)
"""Operations that may be infinite or NaN at a finite operand (as `ipow` with negative exponents)."""

Slope = tuple[float, int]
"""A number times an operation."""


class _At:
    """One operation, and short ways to write its slopes."""

    def __init__(self, emit: Emitter, v: int) -> None:
        self.emit, self.v = emit, v
        op = emit.operations[v]
        self.a, self.b, self.data = op.args[0], op.args[-1], op.data

    def of(self, name: str, *args: int) -> int:
        return self.emit.emit(name, args)

    def square(self, i: int) -> int:
        return self.emit.ipow(i, 2)

    def plus(self, number: float, i: int, factor: float = 1.0) -> int:
        """number + factor * i."""
        emit = self.emit
        return emit.add(emit.const(number), emit.mul(emit.const(factor), i))

    def one_minus_square(self, i: int) -> int:
        return self.plus(1.0, self.square(i), -1.0)


_UNARY: dict[str, Callable[[_At], Slope]] = {
    "sin": lambda o: (1.0, o.of("cos", o.a)),
    "cos": lambda o: (-1.0, o.of("sin", o.a)),
    "tan": lambda o: (1.0, o.plus(1.0, o.square(o.v))),
    "asin": lambda o: (1.0, o.of("recip0", o.of("sqrt", o.one_minus_square(o.a)))),
    "acos": lambda o: (-1.0, o.of("recip0", o.of("sqrt", o.one_minus_square(o.a)))),
    "atan": lambda o: (1.0, o.emit.ipow(o.plus(1.0, o.square(o.a)), -1)),
    "sinh": lambda o: (1.0, o.of("cosh", o.a)),
    "cosh": lambda o: (1.0, o.of("sinh", o.a)),
    "tanh": lambda o: (1.0, o.one_minus_square(o.v)),
    "asinh": lambda o: (1.0, o.emit.ipow(o.of("sqrt", o.plus(1.0, o.square(o.a))), -1)),
    "acosh": lambda o: (1.0, o.of("recip0", o.of("sqrt", o.plus(-1.0, o.square(o.a))))),
    "atanh": lambda o: (1.0, o.of("recip0", o.one_minus_square(o.a))),
    "exp": lambda o: (1.0, o.v),
    "log": lambda o: (1.0, o.of("recip0", o.a)),
    "log0": lambda o: (1.0, _log0(o)),
    "sqrt": lambda o: (0.5, o.of("recip0", o.v)),
    "erf": lambda o: (2 / math.sqrt(math.pi), o.of("exp", o.emit.mul(o.emit.const(-1.0), o.square(o.a)))),
    "abs": lambda o: (1.0, o.of("sign", o.a)),
    "recip0": lambda o: (-1.0, o.square(o.v)),
    "ipow": lambda o: _ipow(o),
    "signal": lambda o: (1.0, _signal(o)),
}  # fmt: skip


def slopes(emit: Emitter, v: int, active: Callable[[int], bool]) -> list[tuple[int, Slope]]:
    """(operand, slope) of the number at `v`, written into `emit`, for its active operands.

    ``select`` and all that concerns networks are not among them.
    """
    name, args, _ = emit.operations[v]
    if name == "add":
        one = emit.const(1.0)
        return [(a, (1.0, one)) for a in args if active(a)]
    if name in ("mul", "mul0"):
        return [(a, (1.0, b)) for a, b in (args, args[::-1]) if active(a)]
    o = _At(emit, v)
    match name:
        case "atan2":
            both = (o.a, lambda: _atan2(o, 1.0, o.b)), (o.b, lambda: _atan2(o, -1.0, o.a))
        case "pow" | "pow0":
            both = (o.a, lambda: _by_base(o)), (o.b, lambda: _by_exponent(o))
        case _:
            both = ((o.a, lambda: _UNARY[name](o)),)
    return [(operand, slope()) for operand, slope in both if active(operand)]


def _ipow(o: _At) -> Slope:
    n = o.data
    # the value itself is at hand
    return (-1.0, o.square(o.v)) if n == -1 else (float(n), o.emit.ipow(o.a, n - 1))


def _signal(o: _At) -> int:
    call: SignalCall = o.data._replace(order=o.data.order + 1)
    return o.emit.const(0.0) if call.vanishes else o.emit.emit("signal", (o.a,), call)


def _log0(o: _At) -> int:
    emit = o.emit
    zero = emit.const(0.0)
    return emit.select(emit.relation("gt", o.a, zero), o.of("recip0", o.a), zero)


def _atan2(o: _At, factor: float, other: int) -> Slope:
    inverse = o.of("recip0", o.emit.add(o.square(o.a), o.square(o.b)))
    return factor, o.emit.mul(other, inverse)


def _by_base(o: _At) -> Slope:
    power = o.of("pow0", o.a, o.plus(-1.0, o.b))
    number = o.emit.value(o.b)
    return (1.0, o.emit.mul(o.b, power)) if number is None else (float(number), power)


def _by_exponent(o: _At) -> Slope:
    return 1.0, o.of("mul0", o.v, o.of("log0", o.a))
