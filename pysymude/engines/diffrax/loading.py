"""The first use of JAX in a process."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from types import ModuleType

__all__ = ["load_jax", "no_collection"]


@contextmanager
def no_collection() -> Generator[None]:
    """No garbage collection inside: loading allocates much, frees nothing, and is slowed by a fifth."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@cache
def load_jax() -> ModuleType:
    """The module `jax`."""
    with no_collection():
        import jax

    return jax
