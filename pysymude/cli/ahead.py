"""Imports of what a command needs later, while something else runs without the interpreter's lock."""

from __future__ import annotations

import threading
from contextlib import suppress
from importlib import import_module

__all__ = ["import_ahead"]


def import_ahead(*names: str) -> None:
    """Begins to import modules in the background; what fails will fail again where it is used."""

    def run() -> None:
        for name in names:
            with suppress(Exception):  # whoever needs it says more
                import_module(name)

    threading.Thread(target=run, daemon=True, name="imports").start()
