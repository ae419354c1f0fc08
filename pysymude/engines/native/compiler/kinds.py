"""The kinds of values that compiled code computes with, and what stands for a value in LLVM's text."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from pysymude.engines.native.records import RecordKind

__all__ = [
    "BOOL", "FLOAT", "FOUR", "INT", "NONE", "Array", "Group", "Kind", "NotCompiledError", "RecordOf", "Value",
    "constant", "group", "kind_of_field", "record_of", "values_of",
]  # fmt: skip


class NotCompiledError(TypeError):
    """What this compiler does not know."""


@dataclass(frozen=True)
class Kind:
    """A kind of value, and the LLVM types of its parts."""

    name: str
    parts: tuple[str, ...]

    def __str__(self) -> str:
        return self.name


INT, FLOAT, BOOL = Kind("int", ("i64",)), Kind("float", ("double",)), Kind("bool", ("i1",))
FOUR = Kind("four", ("<4 x double>",))
NONE = Kind("None", ())


@dataclass(frozen=True)
class Array(Kind):
    """Numbers of one kind in C order: their address, then the sizes."""

    item: Kind = FLOAT
    dimensions: int = 1

    @staticmethod
    @cache
    def of(item: Kind, dimensions: int) -> Array:
        """The kind of arrays of that many dimensions."""
        name = f"{item.name}{dimensions}"
        return Array(name, ("ptr", *["i64"] * dimensions), item, dimensions)


@dataclass(frozen=True)
class Group(Kind):
    """Several values together."""

    kinds: tuple[Kind, ...] = ()

    @staticmethod
    def of(kinds: tuple[Kind, ...]) -> Group:
        """The kind of a tuple of values of these kinds."""
        name = f"({', '.join(kind.name for kind in kinds)})"
        return Group(name, tuple(part for kind in kinds for part in kind.parts), kinds)


@dataclass(frozen=True)
class RecordOf(Kind):
    """Records of one kind: the address of their words. `place`: where each field is, and its kind."""

    record: RecordKind | None = None
    place: dict[str, tuple[int, Kind]] = field(
        default_factory=dict[str, tuple[int, Kind]], compare=False
    )


@cache
def record_of(kind: RecordKind) -> RecordOf:
    """The kind of records that hold this."""
    place: dict[str, tuple[int, Kind]] = {}
    at = 0
    for name, given in kind.fields:
        found = kind_of_field(given)
        place[name] = at, found
        at += max(1, len(found.parts))
    return RecordOf(kind.name, ("ptr",), kind, place)


def kind_of_field(given: Any) -> Kind:
    """The kind of what a record's field is said to hold, see `RecordKind`."""
    if isinstance(given, RecordKind):
        return record_of(given)
    if given == "none":
        return NONE
    item, dimensions = {"f": FLOAT, "i": INT}[given[0]], int(given[1:])
    return Array.of(item, dimensions) if dimensions else item


@dataclass(frozen=True)
class Value:
    """A value: LLVM's names of its parts, or what they are where that is known already."""

    kind: Kind
    parts: tuple[str, ...]
    known: Any = None

    @property
    def text(self) -> str:
        """The one part with its type."""
        return f"{self.kind.parts[0]} {self.parts[0]}"

    def typed(self) -> list[str]:
        """All parts with their types."""
        return [f"{kind} {part}" for kind, part in zip(self.kind.parts, self.parts, strict=True)]


def constant(value: Any) -> Value:
    """A number that is known, or None."""
    if value is None:
        return Value(NONE, (), None)
    if isinstance(value, bool):
        return Value(BOOL, ("true" if value else "false",), value)
    if isinstance(value, int):
        return Value(INT, (str(value),), value)
    if isinstance(value, float):
        bits = struct.unpack(">Q", struct.pack(">d", value))[0]
        return Value(FLOAT, (f"0x{bits:016X}",), value)
    raise NotCompiledError(f"a constant of type {type(value).__name__}")


def group(values: Sequence[Value]) -> Value:
    """Several values as one."""
    kind = Group.of(tuple(value.kind for value in values))
    return Value(kind, tuple(part for value in values for part in value.parts))


def values_of(value: Value) -> list[Value]:
    """The values in a group."""
    if not isinstance(value.kind, Group):
        raise NotCompiledError(f"{value.kind} is not several values")
    found: list[Value] = []
    at = 0
    for kind in value.kind.kinds:
        found.append(Value(kind, value.parts[at : at + len(kind.parts)]))
        at += len(kind.parts)
    return found
