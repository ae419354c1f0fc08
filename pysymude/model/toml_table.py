"""Tables of a TOML file with checked entries; every error says which table and key."""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike, fspath
from typing import Any, cast

from pysymude.errors import InvalidInputError, ModelFileError
from pysymude.model.coerce import number_of
from pysymude.model.symbols import check_name, escaped
from pysymude.whole import read_whole

__all__ = ["TomlTable", "errors_of", "parse_toml", "read_text"]

LARGEST_FILE = 1_000_000  # bytes; a model is far smaller
LONGEST_INTEGER = 10_000  # bits


def read_text(path: str | PathLike[str]) -> str:
    """The text of a model file.

    Raises
    ------
    ModelFileError
        The file is missing, unreadable, no UTF-8 text, or larger than 1 MB.
    """
    data = read_whole(
        path, LARGEST_FILE, lambda reason: ModelFileError(f"{fspath(path)}: {reason}"),
        "larger than 1 MB, which no model is",
    )  # fmt: skip
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ModelFileError(f"{fspath(path)}: not UTF-8 text: {error.reason}") from error


@contextmanager
def errors_of(path: str | PathLike[str]) -> Generator[None]:
    """Errors inside name the file, too."""
    try:
        yield
    except ModelFileError as error:
        message = str(error).removeprefix(f"{error.where}: ")
        where = f"{fspath(path)}: {error.where}" if error.where else fspath(path)
        raise ModelFileError(message, where=where) from error


def parse_toml(text: str) -> TomlTable:
    """The top table of a TOML text.

    Raises
    ------
    ModelFileError
        It is no TOML; the message has the line and column.
    """
    try:
        values = tomllib.loads(text)
        _check_integers(values)
        return TomlTable(values)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(
            f'this is not TOML: {error}; expressions stand in quotes, as in x = "-2*x"'
        ) from error


def _check_integers(value: Any) -> None:
    """Refuse integers that Python does not print, which hexadecimal digits may write."""
    if isinstance(value, int) and value.bit_length() > LONGEST_INTEGER:
        raise ValueError(f"an integer of {value.bit_length()} bits")
    if isinstance(value, dict | list):
        values = cast("dict[str, Any]", value).values() if isinstance(value, dict) else value
        for entry in cast("Iterable[Any]", values):
            _check_integers(entry)


@dataclass(frozen=True, slots=True)
class TomlTable:
    """A table and its place, such as ``[networks.nn]``; nothing for the top table."""

    values: Mapping[str, Any]
    place: str = ""

    def where(self, key: str) -> str:
        """The place of an entry, such as ``[networks.nn] hidden``."""
        return escaped(f"[{self.place}] {key}" if self.place else key)

    def error(self, key: str, message: str) -> ModelFileError:
        """An error about an entry."""
        return ModelFileError(message, where=self.where(key))

    def only(self, *allowed: str, required: tuple[str, ...] = ()) -> None:
        """Refuse keys that are not among `allowed`, and the absence of the `required` ones."""
        for key in self.values:
            if key not in allowed:
                close = difflib.get_close_matches(key, allowed, n=1)
                hint = f"did you mean {close[0]}? " if close else ""
                raise self.error(key, f"unknown; {hint}allowed are {', '.join(allowed)}")
        for key in required:
            if key not in self.values:
                raise self.error(key, "is missing")

    def __iter__(self) -> Iterator[str]:
        return iter(self.values)

    def __contains__(self, key: object) -> bool:
        return key in self.values

    def names(self) -> list[str]:
        """All keys, which are names of a model."""
        for key in self.values:
            self._checked_name(key, key)
        return list(self.values)

    def table(self, key: str) -> TomlTable:
        """A table in the table; empty if there is none."""
        found = self.values.get(key, {})
        if not isinstance(found, dict):
            raise self._wrong(key, found, "a table")
        place = f"{self.place}.{key}" if self.place else key
        return TomlTable(cast("dict[str, Any]", found), place)

    def tables(self, key: str) -> list[TomlTable]:
        """An array of tables; empty if there is none."""
        entries = self._array(key, f"an array of tables, [[{key}]]") if key in self.values else []
        for entry in entries:
            if not isinstance(entry, dict):
                raise self._wrong(key, entry, f"an array of tables, [[{key}]]")
        return [TomlTable(cast("dict[str, Any]", entry), f"[{key}]") for entry in entries]

    def text(self, key: str, default: str = "") -> str:
        """A string."""
        found = self.values.get(key, default)
        if not isinstance(found, str):
            raise self._wrong(key, found, "a string")
        return found

    def expression(self, key: str) -> str:
        """The text of an expression; a plain number is one too."""
        found = self.values[key]
        if isinstance(found, int | float) and not isinstance(found, bool):
            self.number(key)
            return repr(found)
        if not isinstance(found, str):
            raise self._wrong(key, found, 'an expression in quotes, such as "2*x"')
        return found

    def number(self, key: str) -> float:
        """A finite number."""
        return self._number(key, self.values[key])

    def numbers(self, key: str) -> list[float]:
        """An array of finite numbers."""
        return [self._number(key, entry) for entry in self._array(key, "an array of numbers")]

    def integers(self, key: str) -> list[int]:
        """An array of integers; a single one stands for an array of one."""
        found: object = self.values[key]
        entries = cast("list[object]", found) if isinstance(found, list) else [found]
        for entry in entries:
            if not isinstance(entry, int) or isinstance(entry, bool):
                raise self._wrong(key, entry, "an array of integers")
        return cast("list[int]", entries)

    def strings(self, key: str) -> list[str]:
        """An array of strings; empty if there is none."""
        entries = self._array(key, "an array of strings") if key in self.values else []
        for entry in entries:
            if not isinstance(entry, str):
                raise self._wrong(key, entry, "an array of strings")
        return cast("list[str]", entries)

    def listed_names(self, key: str) -> list[str]:
        """An array of names of a model, each once; empty if there is none."""
        found = [self._checked_name(key, name) for name in self.strings(key)]
        if twice := [name for i, name in enumerate(found) if name in found[:i]]:
            raise self.error(key, f"names {twice[0]!r} twice")
        return found

    def interval(self, key: str) -> tuple[float, float]:
        """Two bounds, which may be infinite: inf or "inf"."""
        entries = self._array(key, "two bounds [low, high]")
        if len(entries) != 2:
            raise self._wrong(key, entries, "two bounds [low, high]")
        low, high = (self._bound(key, entry) for entry in entries)
        if not low < high:
            raise self.error(key, f"low must be below high; found [{low}, {high}]")
        return low, high

    def _bound(self, key: str, entry: object) -> float:
        if isinstance(entry, str) and entry in ("inf", "+inf", "-inf"):
            return float(entry)
        if isinstance(entry, float) and math.isinf(entry):
            return entry
        return self._number(key, entry)

    def _number(self, key: str, found: object) -> float:
        if not isinstance(found, int | float):
            raise self._wrong(key, found, "a number")
        try:
            return number_of(found, what="the value")
        except InvalidInputError as error:
            raise self.error(key, str(error)) from error

    def _array(self, key: str, wanted: str) -> list[object]:
        found = self.values[key]
        if not isinstance(found, list):
            raise self._wrong(key, found, wanted)
        return cast("list[object]", found)

    def _checked_name(self, key: str, name: str) -> str:
        try:
            return check_name(name, what="a name")
        except InvalidInputError as error:
            raise self.error(key, str(error)) from error

    def _wrong(self, key: str, found: object, wanted: str) -> ModelFileError:
        return self.error(key, f"must be {wanted}; found {found!r} ({type(found).__name__})")
