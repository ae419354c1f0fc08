"""Tracing without host callbacks, so that a program can be exported and kept on disk.

Equinox turns its runtime checks into callbacks to Python.  Here a failed check turns into NaN, and
into a return code further up.  The mode is set for our own traces only, and a JAX user context keeps
JAX's trace caches for the two modes apart: the user's own diffrax code still raises.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import jax

__all__ = ["without_callbacks"]

_SWITCH = "EQX_ON_ERROR"  # equinox reads the variable of this name once, at import
_CONTEXT = jax.make_user_context(default_value=None)


@contextmanager
def without_callbacks() -> Generator[None]:
    """Everything traced and lowered inside is free of host callbacks."""
    import equinox._errors as errors

    before = getattr(errors, _SWITCH)
    setattr(errors, _SWITCH, "nan")
    try:
        with _CONTEXT("pysymude"):
            yield
    finally:
        setattr(errors, _SWITCH, before)
