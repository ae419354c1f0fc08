"""All functions that a kernel needs, each once for the kinds of its arguments, as one module for LLVM."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any, TypeVar

import llvmlite.binding as llvm

from pysymude.engines.native.compiler.instructions import METADATA
from pysymude.engines.native.compiler.kinds import INT, NONE, Kind, NotCompiledError
from pysymude.engines.native.compiler.statements import Statements

__all__ = ["Compilation", "forget_texts", "marked", "object_code"]

F = TypeVar("F", bound=Callable[..., Any])

_MARKS: dict[Any, tuple[str, str]] = {}


def marked(attributes: str, flags: str = "") -> Callable[[F], F]:
    """Sets LLVM's attributes of a function, and flags of its sums and products."""

    def mark(function: F) -> F:
        _MARKS[function] = attributes, flags
        return function

    return mark


@cache
def _tree(file: str) -> dict[tuple[str, int], ast.FunctionDef]:
    """The functions of a file, by name and line."""
    found: dict[tuple[str, int], ast.FunctionDef] = {}
    for node in ast.walk(ast.parse(Path(file).read_bytes())):
        if isinstance(node, ast.FunctionDef):
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            found[node.name, first] = node
    return found


def forget_texts() -> None:
    """Syntax trees take tens of megabytes, and are seldom needed twice."""
    _tree.cache_clear()


class Compilation:
    """A module in the making."""

    def __init__(self) -> None:
        self._found: dict[tuple[FunctionType, tuple[Kind, ...]], tuple[str, Kind] | None] = {}
        self._texts: list[str] = []
        self._declared: dict[str, str] = {}

    def find(self, function: FunctionType, kinds: tuple[Kind, ...]) -> tuple[str, Kind]:
        """The name of a function for these kinds, and the kind of its result."""
        key = function, kinds
        if key not in self._found:
            self._found[key] = None
            name = f"{function.__name__}.{len(self._found)}"
            self._found[key] = self._write(function, kinds, name, "internal")
        found = self._found[key]
        if found is None:
            raise NotCompiledError(f"{function.__name__} calls itself")
        return found

    def entry(self, function: FunctionType, kinds: tuple[Kind, ...]) -> str:
        """The symbol of a function that is called from outside and returns an integer or nothing."""
        symbol, kind = self._write(function, kinds, function.__name__, "")
        if kind not in (INT, NONE):
            raise NotCompiledError(
                f"{function.__name__} gives back {kind}, where an integer is needed"
            )
        return symbol

    def _write(
        self, function: FunctionType, kinds: tuple[Kind, ...], symbol: str, linkage: str
    ) -> tuple[str, Kind]:
        code = function.__code__
        node = _tree(code.co_filename).get((function.__name__, code.co_firstlineno))
        if node is None:
            raise NotCompiledError(f"{code.co_filename}: without the text of {function.__name__}")
        attributes, flags = _MARKS.get(function, ("", ""))
        statements = Statements(self, function, node, kinds, flags)
        try:
            text = statements.text(symbol, linkage)
        except NotCompiledError as error:
            if error.args[1:]:  # in what it calls
                raise
            place = f"{code.co_filename}:{statements.line}, in {function.__name__}"
            error.args = f"{place}: {error}", place
            raise
        if attributes:
            text = text.replace(" nounwind {", f" nounwind {attributes} {{", 1)
        self._texts.append(text)
        self._declared |= statements.out.declared
        return symbol, statements.kind()

    @property
    def functions(self) -> int:
        """How many there are."""
        return len(self._texts)

    def text(self) -> str:
        """The module in LLVM's language."""
        return "\n".join((*self._texts, *self._declared.values(), METADATA))

    def needs(self) -> tuple[str, ...]:
        """The C library's functions that it calls."""
        return tuple(name for name in self._declared if not name.startswith("llvm."))


def object_code(text: str, target: Any, processor: str, features: str) -> bytes:
    """The machine code of a module, optimised."""
    machine = target.create_target_machine(
        cpu=processor, features=features, opt=3, reloc="default", codemodel="jitdefault"
    )
    module = llvm.parse_assembly(text)
    module.triple = target.triple
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    # most loops are over a few states; unrolled ones, and calls in them, were slower (and longer to compile)
    options.loop_vectorization, options.slp_vectorization = True, False
    options.loop_unrolling, options.inlining_threshold = False, 25
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    return machine.emit_object(module)
