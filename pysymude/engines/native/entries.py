"""What Python calls: machine code that was made once and is loaded, without the compiler, ever after.

Loading needs LLVM's linker alone. The compiler is imported where there is something to compile. With
``NUMBA_DISABLE_JIT=1`` the same functions run as plain Python.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

import llvmlite.binding as llvm

from pysymude.engines.native.keeping import (
    Machine,
    MachineCode,
    making,
    read_machine_code,
    write_machine_code,
)
from pysymude.engines.native.records import Record, RecordKind

__all__ = ["Entry", "load", "processor", "target"]

_loading = threading.RLock()
# a code object lives as long as what holds its memory
_loaded: list[Any] = []


class Entry:
    """A function of a record and integers, by the names of its module and its own; it returns an integer.

    Machine code is made for each kind of record that it is called with. The interpreter's lock is released
    while it runs.
    """

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name
        self.ways: dict[RecordKind, Callable[..., int]] = {}
        self.compiled = 0

    def __call__(self, record: Record, *numbers: int) -> int:
        kind = record.kind_of_record
        way = self.ways.get(kind)
        if way is None:
            with _loading:
                way = self.ways.get(kind) or self._way(kind, len(numbers))
                self.ways[kind] = way
        return way(record, *numbers)

    def _function(self) -> Any:
        return getattr(import_module(self.module), self.name)

    def _way(self, kind: RecordKind, numbers: int) -> Callable[..., int]:
        if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
            return self._function()
        machine = Machine(self.name, f"{kind}, {numbers}", *processor())
        kept = read_machine_code(machine)
        way = kept and _callable(kept, numbers)
        if way:
            return way
        with making(machine) as is_made:
            kept = read_machine_code(machine) if is_made else None
            way = kept and _callable(kept, numbers)
            return way or self._made(machine, kind, numbers)

    def _made(self, machine: Machine, kind: RecordKind, numbers: int) -> Callable[..., int]:
        from pysymude.engines.native.compiling import compile_entry

        made = compile_entry(self._function(), kind, numbers, target(), processor())
        self.compiled += 1
        write_machine_code(machine, made)
        way = _callable(made, numbers)
        if way is None:
            raise RuntimeError(f"{self.name} needs functions that are not there: {made.needs}")
        return way


def processor() -> tuple[str, str]:
    """The name and the features of this one: what machine code depends on besides its source."""
    return llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()


@cache
def target() -> Any:
    """What LLVM writes code for."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_triple(llvm.get_process_triple())


def _callable(made: MachineCode, numbers: int) -> Callable[..., int] | None:
    """The function in an object file, or None where something that it needs is not there."""
    address = load(made)
    if address is None:
        return None
    prototype = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, *[ctypes.c_int64] * numbers)
    return prototype(address)


def load(made: MachineCode) -> int | None:
    """Where a function is that was read from an object file; None where it needs what is not there."""
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target().create_target_machine())
    # the linker would end the process
    if not all(map(llvm.address_of_symbol, made.needs)):
        return None
    engine.add_object_file(llvm.ObjectFileRef.from_data(made.code))
    engine.finalize_object()
    _loaded.append(engine)
    return engine.get_function_address(made.symbol)
