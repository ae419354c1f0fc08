"""JSON text with a format and a version: written whole or not at all, read without trust."""

from __future__ import annotations

import json
from os import PathLike
from pathlib import Path
from typing import Any, NoReturn, cast

from pysymude.errors import ModelFileError, SaveFileError
from pysymude.model.toml_table import TomlTable
from pysymude.whole import write_whole

__all__ = ["entries", "json_table", "json_text", "read_file", "truth", "write_file"]

_VERSION = 1
_LARGEST_FILE = 50_000_000  # bytes
_WIDTH = 100  # letters of a line


def json_text(kind: str, document: dict[str, Any]) -> str:
    """A document as text that begins with its format and version."""
    header = {"format": kind, "version": _VERSION}
    return _written(header | document) + "\n"


def _written(value: Any, indent: str = "") -> str:
    """JSON in which what fits a line stays on it."""
    line = json.dumps(value, allow_nan=False)
    if not isinstance(value, dict | list) or (indent and len(indent + line) <= _WIDTH):
        return line
    deeper = indent + "  "
    if isinstance(value, dict):
        named = cast("dict[str, Any]", value).items()
        parts = [f"{json.dumps(k)}: {_written(v, deeper)}" for k, v in named]
        return "{\n" + ",\n".join(deeper + part for part in parts) + f"\n{indent}}}"
    parts = [_written(v, deeper) for v in cast("list[Any]", value)]
    return "[\n" + ",\n".join(deeper + part for part in parts) + f"\n{indent}]"


def json_table(
    text: str, kind: str, required: tuple[str, ...], optional: tuple[str, ...] = ()
) -> TomlTable:
    """The top table of a text of a kind.

    Raises
    ------
    SaveFileError
        It is no JSON, of another kind or from a newer version, or its keys are not those.
    """
    try:
        found = json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise SaveFileError(f"is damaged or no law file: {error}") from None
    if not isinstance(found, dict) or found.get("format") != kind:
        given = cast("Any", found).get("format") if isinstance(found, dict) else None
        raise SaveFileError(f'is no file of format "{kind}"; found format {given!r}')
    version = found.get("version")
    if type(version) is not int or version < 1:
        raise SaveFileError(f"is damaged: its version is {version!r}")
    if version > _VERSION:
        raise SaveFileError(
            f"comes from a newer pysymude (version {version} of the format, this one reads "
            f"{_VERSION}); update this one"
        )
    table = TomlTable(found)
    try:
        table.only("format", "version", *required, *optional, required=required)
    except ModelFileError as error:
        raise SaveFileError(str(error)) from error
    return table


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice in one table")
    return found


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no finite number")


def entries(table: TomlTable, key: str) -> list[TomlTable]:
    """An array of tables, with their places."""
    found = table.values[key]
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise table.error(key, f"must be an array of tables; found {str(found)[:60]!r}")
    return [TomlTable(one, f"{key} {i}") for i, one in enumerate(cast("list[Any]", found))]


def truth(table: TomlTable, key: str) -> bool:
    """A truth value."""
    found = table.values[key]
    if not isinstance(found, bool):
        raise table.error(key, f"must be true or false; found {found!r}")
    return found


def write_file(path: str | PathLike[str], text: str) -> None:
    """A file of text; a reader sees the old file or the new one, never a part.

    Raises
    ------
    SaveFileError
        The folder does not exist or cannot be written.
    """
    target = Path(path)
    try:
        write_whole(target, text.encode())
    except OSError as problem:
        raise SaveFileError(f"cannot be written: {problem.strerror}", path=str(target)) from problem


def read_file(path: str | PathLike[str]) -> str:
    """The text of a file.

    Raises
    ------
    SaveFileError
        The file is missing, unreadable, larger than 50 MB or no UTF-8 text.
    """
    try:
        with Path(path).open("rb") as file:
            content = file.read(_LARGEST_FILE + 1)
    except OSError as problem:
        raise SaveFileError(f"cannot be read: {problem.strerror}", path=str(path)) from problem
    if len(content) > _LARGEST_FILE:
        raise SaveFileError("is larger than 50 MB, which no law file is", path=str(path))
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise SaveFileError("is no UTF-8 text", path=str(path)) from None
