"""Functions of arrays and numbers, compiled as the engine's loops are."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from itertools import chain
from typing import Any

import numpy as np

from pysymude.engines.native.compiler.kinds import FLOAT, INT, Array, Kind
from pysymude.engines.native.compiling import compiled_for
from pysymude.engines.native.entries import load, processor, target

C_TYPES = {INT: ctypes.c_int64, FLOAT: ctypes.c_double}


def kind_of(value: Any) -> Kind:
    if isinstance(value, np.ndarray):
        assert value.flags.c_contiguous
        item = {"f": FLOAT, "i": INT}[value.dtype.kind]
        return Array.of(item, value.ndim)
    return FLOAT if isinstance(value, float) else INT


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, which returns an integer or nothing, as machine code for each kinds of arguments."""
    ways: dict[tuple[Kind, ...], Any] = {}

    def run(*values: Any) -> int:
        kinds = tuple(map(kind_of, values))
        if kinds not in ways:
            made = compiled_for(function, kinds, target(), processor())
            parts = [
                [ctypes.c_void_p, *[ctypes.c_int64] * k.dimensions]
                if isinstance(k, Array)
                else [C_TYPES[k]]
                for k in kinds
            ]
            ways[kinds] = ctypes.CFUNCTYPE(ctypes.c_int64, *chain(*parts))(load(made))
        given: list[Any] = []
        for value in values:
            given += [value.ctypes.data, *value.shape] if isinstance(value, np.ndarray) else [value]
        return ways[kinds](*given)

    return run
