"""The files that commands write: JSON, text and figures, each as a whole or not at all."""

from __future__ import annotations

import errno
import io
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pysymude.errors import InvalidInputError
from pysymude.whole import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "check_figure_name",
    "check_place",
    "make_folder",
    "write_figure",
    "write_json",
    "write_text",
]

FIGURES = (".png", ".pdf", ".svg")


def make_folder(path: Path) -> Path:
    """The folder, made if need be, and proven writable before any work goes into its files."""
    path.mkdir(parents=True, exist_ok=True)
    if not os.access(path, os.W_OK):
        raise InvalidInputError(
            f"--out {path}: no permission to write there; choose another folder"
        )
    return path


def check_place(path: Path) -> None:
    """An error, before any work goes into a file, where the folder that it is to lie in is not there."""
    if not path.parent.is_dir():
        raise InvalidInputError(
            f"{path} cannot be written: {os.strerror(errno.ENOENT)}; make the folder {path.parent} first"
        )


def write_json(path: Path, content: Mapping[str, Any]) -> Path:
    """Sorted and indented JSON, written atomically; NaN and infinities become null."""
    text = json.dumps(_plain(content), indent=2, sort_keys=True, allow_nan=False)
    return write_text(path, text + "\n")


def write_figure(path: Path, figure: Figure) -> Path:
    """A figure in the format of the suffix, written atomically.

    Raises
    ------
    InvalidInputError
        The suffix is not one of .png, .pdf, .svg.
    """
    check_figure_name(path)
    buffer = io.BytesIO()
    figure.savefig(buffer, format=path.suffix[1:].lower())
    return _write(path, buffer.getvalue())


def check_figure_name(path: Path) -> None:
    """An error unless figures can be written in the format of the suffix."""
    if path.suffix.lower() not in FIGURES:
        raise InvalidInputError(f"a figure ends in {', '.join(FIGURES)}; found {str(path)!r}")


def write_text(path: Path, text: str) -> Path:
    """UTF-8 text, written atomically."""
    return _write(path, text.encode())


def _write(path: Path, content: bytes) -> Path:
    """The path, written: a reader sees the old file or the new one, never a part."""
    try:
        write_whole(path, content)
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be written: {error.strerror}") from error
    return path


def _plain(value: Any) -> Any:
    """`value` in the types of JSON."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, np.ndarray | list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, np.integer):
        return int(value)
    return value
