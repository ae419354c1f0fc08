"""Statements of compiled functions, and whole functions."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any

from pysymude.engines.native.compiler.kinds import (
    BOOL,
    FLOAT,
    INT,
    NONE,
    Array,
    Kind,
    NotCompiledError,
    RecordOf,
    Value,
    constant,
    values_of,
)
from pysymude.engines.native.compiler.terms import Functions, Terms, result_type

__all__ = ["Statements"]


class Statements(Terms):
    """Writes a function for arguments of given kinds."""

    def __init__(
        self,
        functions: Functions,
        function: FunctionType,
        node: ast.FunctionDef,
        kinds: Sequence[Kind],
        flags: str,
    ) -> None:
        super().__init__(functions, function, flags)
        self.node = node
        self.returns: Kind | None = None
        self.loops: list[tuple[str, str]] = []
        self.depth = 0
        self.line = node.lineno
        names = [argument.arg for argument in node.args.args]
        if len(names) != len(kinds):
            raise NotCompiledError(f"{len(kinds)} arguments where {len(names)} are needed")
        self.changed = _changed(node)
        self.arguments: list[str] = []
        for name, kind in zip(names, kinds, strict=True):
            parts = [f"%{name}.{k}" for k in range(len(kind.parts))]
            value = Value(kind, tuple(parts))
            self.arguments += value.typed()
            if self.changed.get(name):
                self.places[name] = kind, self.out.room(kind)
                self.out.keep(self.places[name][1], value)
            else:
                self.names[name] = value

    def text(self, symbol: str, attributes: str) -> str:
        """The function in LLVM's language."""
        self.all(self.node.body)
        if not self.out.ended:
            self.out.leave("ret void" if self.kind() == NONE else "unreachable")
        head = f"define {attributes} {result_type(self.kind())} @{symbol}("
        lines = [head + ", ".join(self.arguments) + ") nounwind {", "entry:"]
        lines += [*self.out.first, "br label %begin", "begin:", *self.out.lines, "}"]
        return "\n".join(lines)

    def kind(self) -> Kind:
        """That of the result."""
        return NONE if self.returns is None else self.returns

    def all(self, nodes: Sequence[ast.stmt]) -> None:
        """Statements one after the other."""
        for node in nodes:
            if self.out.ended:
                return
            self.line = node.lineno
            way = _WAYS.get(type(node))
            if way is None:
                raise NotCompiledError(f"a statement of the type {type(node).__name__}")
            way(self, node)

    def inside(self, nodes: Sequence[ast.stmt]) -> None:
        """Statements that are not always run."""
        self.depth += 1
        self.all(nodes)
        self.depth -= 1

    # -- values ------------------------------------------------------------------------------

    def assign(self, node: ast.Assign) -> None:
        value = self.term(node.value)
        for target in node.targets:
            self.put(target, value)

    def put(self, target: ast.expr, value: Value) -> None:
        """Gives a value to what stands on the left."""
        if isinstance(target, ast.Name):
            self.set(target.id, value)
        elif isinstance(target, ast.Tuple):
            values = values_of(value)
            for one, given in zip(target.elts, values, strict=True):
                self.put(one, given)
        elif isinstance(target, ast.Subscript):
            self.put_item(target, value)
        else:
            raise NotCompiledError(f"a value given to the type {type(target).__name__}")

    def set(self, name: str, value: Value) -> None:
        """Gives a value to a variable."""
        if name in self.names and isinstance(self.names[name].kind, RecordOf):
            raise NotCompiledError(f"{name} is a record, and is given another value")
        once = self.depth == 0 and self.changed[name] == 1
        if once or isinstance(value.kind, RecordOf):
            self.names[name] = value
            return
        if name not in self.places:
            self.places[name] = value.kind, self.out.room(value.kind)
        kind, places = self.places[name]
        try:
            self.out.keep(places, self.out.converted(value, kind))
        except NotCompiledError:
            raise NotCompiledError(f"{name} is {kind}, and is given {value.kind}") from None

    def put_item(self, target: ast.Subscript, value: Value) -> None:
        """Gives a value to an item of an array, or a number to all of a slice."""
        of = self.term(target.value)
        if not isinstance(of.kind, Array):
            raise NotCompiledError(f"{of.kind} has no items")
        item = of.kind.item
        if isinstance(target.slice, ast.Slice):
            whole, value = self.part(of, target.slice), self.out.converted(value, item)
            self.count(
                constant(0), Value(INT, (whole.parts[1],)), constant(1),
                lambda k: self.out.store(value, self.out.address(whole, [k])),
            )  # fmt: skip
            return
        indices = self.indices(target.slice)
        if len(indices) != of.kind.dimensions:
            raise NotCompiledError("a row is given a value")
        self.out.store(self.out.converted(value, item), self.out.address(of, indices))

    def change(self, node: ast.AugAssign) -> None:
        target = node.target
        if isinstance(target, ast.Name):
            found = self.operate(node.op, self.name(target), self.term(node.value))
            self.set(target.id, found)
            return
        if not isinstance(target, ast.Subscript):
            raise NotCompiledError(f"a change of the type {type(target).__name__}")
        of = self.term(target.value)
        if not isinstance(of.kind, Array):
            raise NotCompiledError(f"{of.kind} has no items")
        address = self.out.address(of, self.indices(target.slice))
        more = self.term(node.value)
        found = self.operate(node.op, self.out.load(of.kind.item, address), more)
        self.out.store(self.out.converted(found, of.kind.item), address)

    def expression(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):
            self.term(node.value)

    # -- ways --------------------------------------------------------------------------------

    def branch(self, node: ast.If) -> None:
        test = self.out.truth(self.term(node.test))
        if test.known is not None:
            self.all(node.body if test.known else node.orelse)
            return
        then, end = self.out.label(), self.out.label()
        otherwise = self.out.label() if node.orelse else end
        self.out.choose(test, then, otherwise)
        self.out.start(then)
        self.inside(node.body)
        reached = not self.out.ended or not node.orelse
        if node.orelse:
            self.out.go(end)
            self.out.start(otherwise)
            self.inside(node.orelse)
            reached = reached or not self.out.ended
        if reached:
            self.out.start(end)

    def repeat(self, node: ast.While) -> None:
        again, body, end = self.out.label(), self.out.label(), self.out.label()
        self.out.start(again)
        self.depth += 1
        test = self.out.truth(self.term(node.test))
        if test.known is None:
            self.out.choose(test, body, end)
        self.out.start(body)
        self.loops.append((again, end))
        self.all(node.body)
        self.loops.pop()
        self.depth -= 1
        self.out.go(again)
        self.out.start(end)

    def run(self, node: ast.For) -> None:
        call = node.iter
        if not (isinstance(call, ast.Call) and self.known(call.func) is range):
            raise NotCompiledError("a loop over what is no range")
        bounds = [self.out.converted(self.term(bound), INT) for bound in call.args]
        first = constant(0) if len(bounds) == 1 else bounds[0]
        step = bounds[2] if len(bounds) == 3 else constant(1)
        if not isinstance(node.target, ast.Name):
            raise NotCompiledError("a loop with several variables")
        name = node.target.id

        def body(k: Value) -> None:
            if name in self.changed:
                self.set(name, k)
                self.all(node.body)
            else:  # it is known in the loop alone
                self.names[name] = k
                self.all(node.body)
                del self.names[name]

        self.count(first, bounds[min(1, len(bounds) - 1)], step, body)

    def count(self, first: Value, last: Value, step: Value, body: Callable[[Value], None]) -> None:
        """A loop over whole numbers; a step that is not known is taken for one upwards."""
        out = self.out
        again, run, more, end = out.label(), out.label(), out.label(), out.label()
        place = out.room(INT)
        out.keep(place, first)
        out.start(again)
        k = out.kept(place, INT)
        down = step.known is not None and step.known < 0
        out.choose(out.compare(">" if down else "<", k, last), run, end)
        out.start(run)
        self.loops.append((more, end))
        self.depth += 1
        body(k)
        self.depth -= 1
        self.loops.pop()
        out.start(more)
        out.keep(place, out.arithmetic("+", k, step))
        out.go(again)
        out.start(end)

    def jump(self, node: ast.Break | ast.Continue) -> None:
        again, end = self.loops[-1]
        self.out.go(end if isinstance(node, ast.Break) else again)

    def give(self, node: ast.Return) -> None:
        value = constant(None) if node.value is None else self.term(node.value)
        if self.returns is None:
            self.returns = value.kind
        kind = self.returns
        if value.kind != kind and {value.kind, kind} <= {INT, FLOAT, BOOL}:
            value = self.out.converted(value, kind)
        if value.kind != kind:
            raise NotCompiledError(f"{value.kind} is given back, and before that {kind}")
        if len(kind.parts) < 2:
            self.out.leave(f"ret {value.text}" if kind.parts else "ret void")
            return
        whole = "poison"
        for k, part in enumerate(value.typed()):
            whole = self.out.result(f"insertvalue {result_type(kind)} {whole}, {part}, {k}")
        self.out.leave(f"ret {result_type(kind)} {whole}")


def _changed(node: ast.FunctionDef) -> dict[str, int]:
    """How often each variable is given a value in the text; those of loops alone are not there."""
    found: dict[str, int] = {}
    loops = {id(part.target) for part in ast.walk(node) if isinstance(part, ast.For)}
    names = [p for p in ast.walk(node) if isinstance(p, ast.Name) and isinstance(p.ctx, ast.Store)]
    for part in names:
        if id(part) not in loops:
            found[part.id] = found.get(part.id, 0) + 1
    for part in names:
        if id(part) in loops and part.id in found:
            found[part.id] += 1
    return found


_WAYS: dict[type[ast.stmt], Callable[[Any, Any], None]] = {
    ast.Assign: Statements.assign, ast.AugAssign: Statements.change, ast.Expr: Statements.expression,
    ast.If: Statements.branch, ast.While: Statements.repeat, ast.For: Statements.run,
    ast.Break: Statements.jump, ast.Continue: Statements.jump, ast.Return: Statements.give,
}  # fmt: skip
