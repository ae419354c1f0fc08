"""How the loops of this engine are compiled: once, for every model, and kept on disk.

What is marked here is called by compiled code alone; as plain Python it runs just the same.
"""

from __future__ import annotations

from types import FunctionType
from typing import Any

from pysymude.engines.native.compiler.compilation import (
    Compilation,
    forget_texts,
    marked,
    object_code,
)
from pysymude.engines.native.compiler.kinds import INT, Kind, record_of
from pysymude.engines.native.keeping import MachineCode
from pysymude.engines.native.records import RecordKind

__all__ = ["apart", "compile_entry", "compiled_for", "inlined", "inner", "summed"]

inner = marked("")
"""For functions that only compiled code calls."""

inlined = marked("alwaysinline")
"""An inner function that becomes part of its callers: for those where a call costs more than they do."""

apart = marked("noinline")
"""An inner function that stays a call: for what is rare, or long, in a loop that is neither."""

summed = marked("alwaysinline", " reassoc nsz contract")
"""An inner function that sums in any order, so in vectors: for dot products alone."""


def compile_entry(
    function: FunctionType, kind: RecordKind, numbers: int, target: Any, processor: tuple[str, str]
) -> MachineCode:
    """Machine code of a function that Python calls with a record and so many integers."""
    return compiled_for(function, (record_of(kind), *[INT] * numbers), target, processor)


def compiled_for(
    function: FunctionType, kinds: tuple[Kind, ...], target: Any, processor: tuple[str, str]
) -> MachineCode:
    """Machine code of a function of arguments of these kinds, whose parts are passed as in C."""
    made = Compilation()
    symbol = made.entry(function, kinds)
    forget_texts()
    return MachineCode(object_code(made.text(), target, *processor), symbol, made.needs())
