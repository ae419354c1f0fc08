"""How the loops of this engine are compiled: once, for every model, and kept on disk."""

from __future__ import annotations

from typing import Any

from numba import njit

__all__ = ["inlined", "inner", "kernel"]

_COMMON: dict[str, Any] = {
    "error_model": "numpy",
    "boundscheck": False,
    "no_cfunc_wrapper": True,
    "nogil": True,
    "cache": True,
}

# Without reference counts: they took nearly half of the time. What is decorated so allocates nothing and
# returns numbers only. `_nrt` is not documented; a test compares both ways.
inner = njit(**_COMMON, no_cpython_wrapper=True, _nrt=False)
"""For functions that only compiled code calls: they allocate nothing and return numbers."""

_INNER: dict[str, Any] = {**_COMMON, "no_cpython_wrapper": True, "_nrt": False}

inlined = njit(**_INNER, forceinline=True)
"""An inner function that becomes part of those that call it: there a call costs more than it does."""

kernel = njit(**_COMMON)
"""For functions that Python calls."""
