"""Packages that only this folder needs, imported when they are."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from pysymude.errors import MissingPackageError

__all__ = ["needed"]

_NAMES = {"libsbml": "python-libsbml", "yaml": "pyyaml"}


def needed(module: str) -> Any:
    """The module, imported.

    Raises
    ------
    MissingPackageError
        Its package is not installed; the message has the command that installs it.
    """
    # asked for at every node of a formula, where import_module costs more than the rest
    if (found := sys.modules.get(module)) is not None:
        return found
    try:
        return import_module(module)
    except ImportError as error:
        name = _NAMES.get(module, module)
        raise MissingPackageError(
            f'this needs the package {name}; install it with: pip install "pysymude[petab]"',
            name=name,
        ) from error
