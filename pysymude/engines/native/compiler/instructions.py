"""The text of one function: instructions, and values made by them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pysymude.engines.native.compiler.kinds import (
    BOOL,
    FLOAT,
    FOUR,
    INT,
    Array,
    Kind,
    NotCompiledError,
    RecordOf,
    Value,
    constant,
)

__all__ = ["METADATA", "Writer"]

# what lies in records does not change during a call; numbers of two kinds are never in one place
METADATA = """
!0 = !{}
!1 = !{!"numbers"}
!2 = !{!"float", !1, i64 0}
!3 = !{!"int", !1, i64 0}
!4 = !{!2, !2, i64 0}
!5 = !{!3, !3, i64 0}
"""
_SAME_ALWAYS = ", !invariant.load !0"
_PLACE = {"double": ", !tbaa !4", "i64": ", !tbaa !5", "<4 x double>": ", !tbaa !4"}

_FLOATS = {"+": "fadd", "-": "fsub", "*": "fmul", "/": "fdiv"}
_INTS = {
    "+": "add nsw", "-": "sub nsw", "*": "mul nsw", "&": "and", "|": "or", ">>": "ashr", "<<": "shl",
}  # fmt: skip
_ORDERED = {"<": "olt", "<=": "ole", ">": "ogt", ">=": "oge", "==": "oeq", "!=": "une"}
_SIGNED = {"<": "slt", "<=": "sle", ">": "sgt", ">=": "sge", "==": "eq", "!=": "ne"}


class Writer:
    """Lines of LLVM's language. `first` are those of the entry block, which are run before all others."""

    def __init__(self, flags: str = "") -> None:
        self.first: list[str] = []
        self.lines: list[str] = []
        self.block = "begin"
        self.ended = False
        self.flags = flags
        self._count = 0
        self._fields: dict[tuple[str, str], Value] = {}
        self.declared: dict[str, str] = {}

    # -- blocks ------------------------------------------------------------------------------

    def name(self) -> str:
        """One that is new."""
        self._count += 1
        return f"%v{self._count}"

    def label(self) -> str:
        """That of a block to come."""
        self._count += 1
        return f"b{self._count}"

    def write(self, line: str) -> None:
        """Adds a line; what follows the end of a block is never run."""
        if not self.ended:
            self.lines.append(line)

    def result(self, line: str) -> str:
        """Adds an instruction; the name of its result."""
        name = self.name()
        self.write(f"{name} = {line}")
        return name

    def start(self, label: str) -> None:
        """A block begins."""
        self.go(label)
        self.lines.append(f"{label}:")
        self.block, self.ended = label, False

    def go(self, label: str) -> None:
        """To another block."""
        self.write(f"br label %{label}")
        self.ended = True

    def choose(self, condition: Value, then: str, otherwise: str) -> None:
        """To one of two blocks."""
        self.write(f"br i1 {condition.parts[0]}, label %{then}, label %{otherwise}")
        self.ended = True

    def leave(self, line: str) -> None:
        """Out of the function."""
        self.write(line)
        self.ended = True

    def join(self, ways: Sequence[tuple[Value, str]]) -> Value:
        """The value that came from one of several blocks."""
        kind, parts = ways[0][0].kind, list[str]()
        for k, part in enumerate(kind.parts):
            choices = ", ".join(f"[{value.parts[k]}, %{block}]" for value, block in ways)
            parts.append(self.result(f"phi {part} {choices}"))
        return Value(kind, tuple(parts))

    # -- variables ---------------------------------------------------------------------------

    def room(self, kind: Kind) -> tuple[str, ...]:
        """Places for a variable."""
        names: list[str] = []
        for part in kind.parts:
            names.append(self.name())
            self.first.append(f"{names[-1]} = alloca {part}")
        return tuple(names)

    def keep(self, places: Sequence[str], value: Value) -> None:
        """Puts a value in its places."""
        for place, part in zip(places, value.typed(), strict=True):
            self.write(f"store {part}, ptr {place}")

    def kept(self, places: Sequence[str], kind: Kind) -> Value:
        """What is there."""
        parts = zip(kind.parts, places, strict=True)
        return Value(kind, tuple(self.result(f"load {part}, ptr {place}") for part, place in parts))

    def field(self, record: Value, name: str) -> Value:
        """A field of a record; it is read in the entry block, once."""
        key = record.parts[0], name
        if key not in self._fields:
            if not isinstance(record.kind, RecordOf) or name not in record.kind.place:
                raise NotCompiledError(f"{record.kind} has no {name}")
            at, kind = record.kind.place[name]
            parts: list[str] = []
            for k, part in enumerate(kind.parts):
                place, found = self.name(), self.name()
                self.first.append(
                    f"{place} = getelementptr inbounds i64, ptr {record.parts[0]}, i64 {at + k}"
                )
                self.first.append(f"{found} = load {part}, ptr {place}, align 8{_SAME_ALWAYS}")
                parts.append(found)
            self._fields[key] = Value(kind, tuple(parts))
        return self._fields[key]

    # -- numbers -----------------------------------------------------------------------------

    def converted(self, value: Value, kind: Kind) -> Value:
        """The same number as another kind, where nothing is lost."""
        if value.kind == kind:
            return value
        if value.known is not None and kind in (INT, FLOAT) and value.kind in (INT, BOOL):
            return constant(float(value.known) if kind == FLOAT else int(value.known))
        if kind == FLOAT and value.kind == INT:
            return Value(FLOAT, (self.result(f"sitofp {value.text} to double"),))
        if kind == FLOAT and value.kind == BOOL:
            return Value(FLOAT, (self.result(f"uitofp {value.text} to double"),))
        if kind == INT and value.kind == BOOL:
            return Value(INT, (self.result(f"zext {value.text} to i64"),))
        if kind == FOUR:
            return self.spread(self.converted(value, FLOAT))
        raise NotCompiledError(f"{value.kind} where {kind} is needed")

    def spread(self, value: Value) -> Value:
        """A number in each of the four places."""
        if value.known is not None:
            return Value(FOUR, (f"<{', '.join([f'double {value.parts[0]}'] * 4)}>",))
        one = self.result(f"insertelement <4 x double> poison, {value.text}, i32 0")
        whole = self.result(
            f"shufflevector <4 x double> {one}, <4 x double> poison, <4 x i32> zeroinitializer"
        )
        return Value(FOUR, (whole,))

    def common(self, values: Sequence[Value]) -> Kind:
        """The kind that several values have in common."""
        kinds = [value.kind for value in values]
        for kind in (FOUR, FLOAT, INT, BOOL):
            if kind in kinds:
                return kind
        if any(kind != kinds[0] for kind in kinds):
            raise NotCompiledError(" and ".join(map(str, kinds)))
        return kinds[0]

    def arithmetic(self, op: str, a: Value, b: Value) -> Value:
        """The result of an operator of two numbers."""
        kind = self.common((a, b))
        if kind == BOOL and op in "&|":
            return Value(BOOL, (self.result(f"{_INTS[op]} {a.text}, {b.parts[0]}"),))
        if op == "/" and kind != FOUR:
            kind = FLOAT
        elif kind == BOOL:
            kind = INT
        a, b = self.converted(a, kind), self.converted(b, kind)
        if kind == INT and op in ("//", "%"):
            return self.divided(op, a, b)
        table = _INTS if kind == INT else _FLOATS
        if op not in table:
            raise NotCompiledError(f"{a.kind} {op} {b.kind}")
        flags = "" if kind == INT else (" contract" if kind == FOUR else self.flags)
        return Value(kind, (self.result(f"{table[op]}{flags} {a.text}, {b.parts[0]}"),))

    def divided(self, op: str, a: Value, b: Value) -> Value:
        """Whole division, down, and what is left."""
        if b.known is not None and b.known > 0 and b.known & (b.known - 1) == 0:
            way = f"ashr {a.text}, {b.known.bit_length() - 1}"
            return Value(INT, (self.result(way if op == "//" else f"and {a.text}, {b.known - 1}"),))
        rest = Value(INT, (self.result(f"srem {a.text}, {b.parts[0]}"),))
        other = self.result(f"xor {rest.text}, {b.parts[0]}")
        below = self.result(f"icmp slt i64 {other}, 0")
        some = self.result(f"icmp ne {rest.text}, 0")
        down = self.result(f"and i1 {below}, {some}")
        if op == "%":
            more = self.result(f"select i1 {down}, {b.text}, i64 0")
            return Value(INT, (self.result(f"add {rest.text}, {more}"),))
        whole = self.result(f"sdiv {a.text}, {b.parts[0]}")
        less = self.result(f"sext i1 {down} to i64")
        return Value(INT, (self.result(f"add i64 {whole}, {less}"),))

    def compare(self, op: str, a: Value, b: Value) -> Value:
        """Whether a relation holds."""
        kind = self.common((a, b))
        if kind == BOOL:
            kind = INT
        a, b = self.converted(a, kind), self.converted(b, kind)
        if kind == FLOAT:
            return Value(BOOL, (self.result(f"fcmp {_ORDERED[op]} {a.text}, {b.parts[0]}"),))
        if kind == INT:
            return Value(BOOL, (self.result(f"icmp {_SIGNED[op]} {a.text}, {b.parts[0]}"),))
        raise NotCompiledError(f"{a.kind} {op} {b.kind}")

    def truth(self, value: Value) -> Value:
        """Whether a number is not 0."""
        if value.kind == BOOL:
            return value
        if value.known is not None:
            return constant(bool(value.known))
        return self.compare("!=", value, constant(0.0 if value.kind == FLOAT else 0))

    def call(self, name: str, kind: Kind, *arguments: Value) -> Value:
        """A function of LLVM's or of the C library, of numbers alone."""
        given = ", ".join(value.text for value in arguments)
        kinds = ", ".join(value.kind.parts[0] for value in arguments)
        self.declared[name] = (
            f"declare {kind.parts[0]} @{name}({kinds}) nounwind willreturn memory(none)"
        )
        return Value(kind, (self.result(f"call {kind.parts[0]} @{name}({given})"),))

    # -- arrays ------------------------------------------------------------------------------

    def address(self, array: Value, indices: Sequence[Value]) -> str:
        """That of an item, or of the first item of a row; no index counts from the end."""
        if not isinstance(array.kind, Array):
            raise NotCompiledError(f"{array.kind} has no items")
        place = self.converted(indices[0], INT)
        sizes = array.parts[1:]
        for k in range(1, array.kind.dimensions):
            place = self.arithmetic("*", place, Value(INT, (sizes[k],)))
            if k < len(indices):
                place = self.arithmetic("+", place, self.converted(indices[k], INT))
        item = array.kind.item.parts[0]
        return self.result(f"getelementptr inbounds {item}, ptr {array.parts[0]}, {place.text}")

    def load(self, kind: Kind, address: str) -> Value:
        """A number, or four, at an address."""
        part = kind.parts[0]
        return Value(kind, (self.result(f"load {part}, ptr {address}, align 8{_PLACE[part]}"),))

    def store(self, value: Value, address: str) -> None:
        """Puts a number, or four, at an address."""
        self.write(f"store {value.text}, ptr {address}, align 8{_PLACE[value.kind.parts[0]]}")

    def finite(self, value: Value) -> Value:
        """Whether a number is finite."""
        if value.kind == INT:
            return constant(True)
        size = self.call("llvm.fabs.f64", FLOAT, value)
        return self.compare("<", size, constant(math.inf))
