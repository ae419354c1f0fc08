"""Writing operations: equal ones share one place, and what is constant is worked out at once."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pysymude.plan.tape import Operation, Tape

__all__ = ["RELATIONS", "Emitter", "pruned"]

RELATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "lt": operator.lt, "le": operator.le, "gt": operator.gt,
    "ge": operator.ge, "eq": operator.eq, "ne": operator.ne,
}  # fmt: skip
"""Comparisons by the names of their operations."""


class Emitter:
    """Appends operations to those given, which keep their places."""

    def __init__(self, operations: Iterable[Operation] = ()) -> None:
        self.operations: list[Operation] = list(operations)
        self._places: dict[Any, int] = {}
        for i, op in enumerate(self.operations):
            self._places.setdefault(_key(*op), i)

    def emit(self, name: str, args: tuple[int, ...] = (), data: Any = None) -> int:
        """The place of this operation, as it stands."""
        key = _key(name, args, data)
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = len(self.operations)
            self.operations.append(Operation(name, args, data))
        return place

    def const(self, value: float | bool) -> int:
        """A number or a truth value."""
        return self.emit("const", (), value)

    def value(self, i: int) -> Any:
        """The number or truth value at `i`; None where it is not constant."""
        op = self.operations[i]
        return op.data if op.name == "const" else None

    def add(self, a: int, b: int) -> int:
        """a + b."""
        x, y = self.value(a), self.value(b)
        if x is not None and y is not None:
            return self.const(x + y)
        if x == 0:
            return b
        return a if y == 0 else self.emit("add", (a, b))

    def mul(self, a: int, b: int) -> int:
        """a b."""
        x, y = self.value(a), self.value(b)
        if x is not None and y is not None:
            return self.const(x * y)
        if x == 0 or y == 0:
            return self.const(0.0)
        if x == 1:
            return b
        return a if y == 1 else self.emit("mul", (a, b))

    def sub(self, a: int, b: int) -> int:
        """a - b."""
        return self.add(a, self.mul(self.const(-1.0), b))

    def ipow(self, a: int, n: int) -> int:
        """a to an integer power."""
        x = self.value(a)
        if x is not None and (x != 0 or n >= 0):
            return self.const(float(x) ** n)
        if n == 0:
            return self.const(1.0)
        return a if n == 1 else self.emit("ipow", (a,), n)

    def select(self, condition: int, yes: int, no: int) -> int:
        """`yes` where the condition holds, else `no`."""
        known = self.value(condition)
        if known is not None:
            return yes if known else no
        return yes if yes == no else self.emit("select", (condition, yes, no))

    def relation(self, name: str, a: int, b: int) -> int:
        """A comparison."""
        x, y = self.value(a), self.value(b)
        if x is not None and y is not None:
            return self.const(bool(RELATIONS[name](x, y)))
        return self.emit(name, (a, b))

    def logic(self, name: str, args: tuple[int, ...]) -> int:
        """``and``, ``or`` and ``not``."""
        known = [self.value(a) for a in args]
        if name == "not":
            return self.emit(name, args) if known[0] is None else self.const(not known[0])
        decides = name == "or"
        if any(k is not None and bool(k) is decides for k in known):
            return self.const(decides)
        left = [a for a, k in zip(args, known, strict=True) if k is None]
        if not left:
            return self.const(not decides)
        return left[0] if len(left) == 1 else self.emit(name, args)

    def folded(self, op: Operation, args: tuple[int, ...]) -> int:
        """`op` at other operands, simplified where they are constant."""
        match op.name:
            case "add":
                return self.add(*args)
            case "mul":
                return self.mul(*args)
            case "ipow":
                return self.ipow(args[0], op.data)
            case "select":
                return self.select(*args)
            case "and" | "or" | "not":
                return self.logic(op.name, args)
            case name if name in RELATIONS:
                return self.relation(name, *args)
            case _:
                return self.emit(op.name, args, op.data)


def _key(name: str, args: tuple[int, ...], data: Any) -> Any:
    if name in ("add", "mul", "mul0"):
        a, b = args
        return (name, b, a) if b < a else (name, a, b)
    # True equals 1.0
    return (name, args, data, True) if data is True or data is False else (name, args, data)


def pruned(
    inputs: tuple[str, ...], operations: Sequence[Operation], outputs: Sequence[int]
) -> tuple[Tape, list[int]]:
    """The tape without what no output needs, inputs apart, and where each operation went, or -1."""
    needed = Tape(inputs, tuple(operations), tuple(outputs)).needed
    moved = [-1] * len(needed)
    kept: list[Operation] = []
    for i, op in enumerate(operations):
        if not needed[i] and op.name != "input":
            continue
        if len(kept) < i and op.args:  # something was left out before it
            op = Operation(op.name, tuple([moved[k] for k in op.args]), op.data)
        moved[i] = len(kept)
        kept.append(op)
    return Tape(inputs, tuple(kept), tuple([moved[i] for i in outputs])), moved
