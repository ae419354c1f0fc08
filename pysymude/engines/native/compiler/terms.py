"""Expressions of compiled functions."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any, Protocol

from pysymude.engines.native.compiler.built_in import BUILT_IN, power
from pysymude.engines.native.compiler.instructions import Writer
from pysymude.engines.native.compiler.kinds import (
    BOOL,
    FLOAT,
    INT,
    NONE,
    Array,
    Group,
    Kind,
    NotCompiledError,
    RecordOf,
    Value,
    constant,
    group,
    values_of,
)

__all__ = ["Functions", "Terms", "result_type"]

_OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%",
    ast.BitAnd: "&", ast.BitOr: "|", ast.RShift: ">>", ast.LShift: "<<",
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
}  # fmt: skip


class Functions(Protocol):
    """Where compiled functions are found, or made."""

    def find(self, function: FunctionType, kinds: tuple[Kind, ...]) -> tuple[str, Kind]:
        """The name and the kind of the result."""
        ...


class Terms:
    """Writes what expressions say. `names` are values of local variables that never change."""

    def __init__(self, functions: Functions, function: FunctionType, flags: str) -> None:
        self.out = Writer(flags)
        self.functions = functions
        self.function = function
        self.names: dict[str, Value] = {}
        self.places: dict[str, tuple[Kind, tuple[str, ...]]] = {}
        cells = function.__closure__ or ()
        self.around = {
            name: cell.cell_contents
            for name, cell in zip(function.__code__.co_freevars, cells, strict=True)
        }

    def term(self, node: ast.expr) -> Value:
        """The value of an expression."""
        way = _WAYS.get(type(node))
        if way is None:
            raise NotCompiledError(f"an expression of the type {type(node).__name__}")
        return way(self, node)

    # -- names and constants -----------------------------------------------------------------

    def known(self, node: ast.expr) -> Any:
        """What a name outside of the function stands for: modules, functions, constants."""
        if isinstance(node, ast.Attribute):
            return getattr(self.known(node.value), node.attr)
        if isinstance(node, ast.Name):
            for names in (self.around, self.function.__globals__, vars(builtins)):
                if node.id in names:
                    return names[node.id]
            raise NotCompiledError(f"{node.id} is not known here")
        raise NotCompiledError("what is called has no name")

    def is_local(self, node: ast.expr) -> bool:
        """Whether an expression begins at a local variable."""
        while isinstance(node, ast.Attribute | ast.Subscript):
            node = node.value
        return isinstance(node, ast.Name) and (node.id in self.names or node.id in self.places)

    def name(self, node: ast.Name) -> Value:
        if node.id in self.names:
            return self.names[node.id]
        if node.id in self.places:
            kind, places = self.places[node.id]
            return self.out.kept(places, kind)
        return constant(self.known(node))

    def constant(self, node: ast.Constant) -> Value:
        return constant(node.value)

    def attribute(self, node: ast.Attribute) -> Value:
        if not self.is_local(node):
            return constant(self.known(node))
        of = self.term(node.value)
        if isinstance(of.kind, RecordOf):
            return self.out.field(of, node.attr)
        if isinstance(of.kind, Array) and node.attr == "shape":
            return group([Value(INT, (part,)) for part in of.parts[1:]])
        raise NotCompiledError(f"{of.kind} has no {node.attr}")

    # -- arrays ------------------------------------------------------------------------------

    def subscript(self, node: ast.Subscript) -> Value:
        of = self.term(node.value)
        if isinstance(of.kind, Group):
            at = self.term(node.slice).known
            return values_of(of)[at]
        if not isinstance(of.kind, Array):
            raise NotCompiledError(f"{of.kind} has no items")
        if isinstance(node.slice, ast.Slice):
            return self.part(of, node.slice)
        indices = self.indices(node.slice)
        address = self.out.address(of, indices)
        left = of.kind.dimensions - len(indices)
        if left == 0:
            return self.out.load(of.kind.item, address)
        return Value(Array.of(of.kind.item, left), (address, *of.parts[1 + len(indices) :]))

    def indices(self, node: ast.expr) -> list[Value]:
        """The indices of a subscript; none is negative."""
        found = [self.term(n) for n in (node.elts if isinstance(node, ast.Tuple) else [node])]
        for value in found:
            if value.kind not in (INT, BOOL) or (value.known is not None and value.known < 0):
                raise NotCompiledError(f"an index that is {value.known or value.kind}")
        return found

    def part(self, of: Value, node: ast.Slice) -> Value:
        """A slice of an array of one dimension, which is inside of it."""
        if len(of.parts) != 2 or node.step is not None:
            raise NotCompiledError("a slice with a step, or of an array of several dimensions")
        first = constant(0) if node.lower is None else self.term(node.lower)
        last = Value(INT, (of.parts[1],)) if node.upper is None else self.term(node.upper)
        size = self.out.arithmetic("-", last, first)
        return Value(of.kind, (self.out.address(of, [first]), size.parts[0]))

    # -- operators ---------------------------------------------------------------------------

    def two(self, node: ast.BinOp) -> Value:
        return self.operate(node.op, self.term(node.left), self.term(node.right))

    def operate(self, operator: ast.operator, a: Value, b: Value) -> Value:
        """The result of an operator of two values."""
        if isinstance(operator, ast.Pow):
            return power(self.out, a, b)
        return self.out.arithmetic(_OPERATORS[type(operator)], a, b)

    def one(self, node: ast.UnaryOp) -> Value:
        value = self.term(node.operand)
        if isinstance(node.op, ast.Not):
            truth = self.out.truth(value)
            if truth.known is not None:
                return constant(not truth.known)
            return Value(BOOL, (self.out.result(f"xor {truth.text}, true"),))
        if not isinstance(node.op, ast.USub):
            raise NotCompiledError(f"the operator {type(node.op).__name__}")
        if value.known is not None:
            return constant(-value.known)
        if value.kind == FLOAT:
            return Value(FLOAT, (self.out.result(f"fneg {value.text}"),))
        return self.out.arithmetic("-", constant(0), value)

    def relation(self, node: ast.Compare) -> Value:
        found, left = constant(True), self.term(node.left)
        for op, right_node in zip(node.ops, node.comparators, strict=True):
            right = self.term(right_node)
            if isinstance(op, ast.Is | ast.IsNot):
                now = constant((left.kind == right.kind) == isinstance(op, ast.Is))
            else:
                now = self.out.compare(_OPERATORS[type(op)], left, right)
            found = now if found.known else self.out.arithmetic("&", found, now)
            left = right
        return found

    def either(self, node: ast.BoolOp) -> Value:
        """`and`, `or`: a truth; what decides nothing any more is not computed."""
        ends = isinstance(node.op, ast.Or)
        end, ways = self.out.label(), list[tuple[Value, str]]()
        for k, part in enumerate(node.values):
            value = self.out.truth(self.term(part))
            last = k == len(node.values) - 1
            if value.known is ends or last:
                ways.append((value, self.out.block))
                break
            if value.known is None:
                ways.append((constant(ends), self.out.block))
                more = self.out.label()
                self.out.choose(value, end if ends else more, more if ends else end)
                self.out.start(more)
        if len(ways) == 1:
            return ways[0][0]
        self.out.start(end)
        return self.out.join(ways)

    def choice(self, node: ast.IfExp) -> Value:
        test = self.out.truth(self.term(node.test))
        if test.known is not None:
            return self.term(node.body if test.known else node.orelse)
        then, otherwise, end = self.out.label(), self.out.label(), self.out.label()
        self.out.choose(test, then, otherwise)
        self.out.start(then)
        a, from_a, resumed = self.term(node.body), self.out.block, len(self.out.lines)
        self.out.go(end)
        self.out.start(otherwise)
        b = self.term(node.orelse)
        if a.kind != b.kind:
            kind = self.out.common((a, b))
            b = self.out.converted(b, kind)
            if a.kind != kind:  # written at the end of its own block
                lines, self.out.lines = self.out.lines, self.out.lines[:resumed]
                self.out.ended = False
                a = self.out.converted(a, kind)
                self.out.lines += lines[resumed:]
        from_b = self.out.block
        self.out.start(end)
        return self.out.join([(a, from_a), (b, from_b)])

    # -- calls -------------------------------------------------------------------------------

    def several(self, node: ast.Tuple) -> Value:
        return group([self.term(part) for part in node.elts])

    def call(self, node: ast.Call) -> Value:
        function = self.known(node.func)
        if node.keywords:
            raise NotCompiledError("arguments by name")
        if function is float and isinstance(node.args[0], ast.Constant):
            return constant(float(node.args[0].value))  # pyright: ignore[reportArgumentType]
        given = [self.term(argument) for argument in node.args]
        if function in BUILT_IN:
            return BUILT_IN[function](self.out, *given)
        if not isinstance(function, FunctionType):
            raise NotCompiledError(f"a call of {getattr(function, '__name__', function)}")
        return self.called(function, given)

    def called(self, function: FunctionType, given: Sequence[Value]) -> Value:
        """The result of another compiled function."""
        symbol, kind = self.functions.find(function, tuple(value.kind for value in given))
        arguments = ", ".join(part for value in given for part in value.typed())
        result = result_type(kind)
        line = f"call {result} @{symbol}({arguments})"
        if kind == NONE:
            self.out.write(line)
            return constant(None)
        found = self.out.result(line)
        if len(kind.parts) == 1:
            return Value(kind, (found,))
        parts = [
            self.out.result(f"extractvalue {result} {found}, {k}") for k in range(len(kind.parts))
        ]
        return Value(kind, tuple(parts))


def result_type(kind: Kind) -> str:
    """LLVM's type of a result."""
    if len(kind.parts) < 2:
        return kind.parts[0] if kind.parts else "void"
    return f"{{ {', '.join(kind.parts)} }}"


_WAYS: dict[type[ast.expr], Callable[[Any, Any], Value]] = {
    ast.Name: Terms.name, ast.Constant: Terms.constant, ast.Attribute: Terms.attribute,
    ast.Subscript: Terms.subscript, ast.BinOp: Terms.two, ast.UnaryOp: Terms.one,
    ast.Compare: Terms.relation, ast.BoolOp: Terms.either, ast.IfExp: Terms.choice,
    ast.Tuple: Terms.several, ast.Call: Terms.call,
}  # fmt: skip
