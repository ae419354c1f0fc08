"""A table as it was read: named columns of cells, and errors that name the file and the line."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pysymude.errors import InvalidInputError
from pysymude.model.coerce import FloatArray
from pysymude.model.symbols import check_label
from pysymude.model.tables.cells import (
    Style,
    found_style,
    is_missing,
    plain_numbers,
    reading,
    text_of,
)

__all__ = ["Table", "check_header", "plain"]

_UNIT = re.compile(r"(.*?)[\s_]*[\[(][^\[\]()]*[\])]$")


def plain(column: str) -> str:
    """The name of a column without the unit in brackets behind it.

    Examples
    --------
    >>> plain("x [mg/l]"), plain("time (h)"), plain("x")
    ('x', 'time', 'x')
    """
    found = _UNIT.match(column.strip())
    return found[1].strip() if found and found[1].strip() else column.strip()


@dataclass(frozen=True)
class Table:
    """Named columns of cells.

    Attributes
    ----------
    source : str
        The file, for messages.
    columns : mapping from str to sequence of cells
        Text, numbers, dates or None, one per row.
    places : sequence of str
        Where each row stands, such as "line 7".
    index : tuple of str
        Columns that name rows: the index of a data frame, or what a file has before its first name.
    style : Style
        How numbers are written.
    """

    source: str
    columns: Mapping[str, Sequence[object]]
    places: Sequence[str]
    index: tuple[str, ...] = ()
    style: Style = field(default_factory=Style)

    def styled(self, decimal: str | None) -> Table:
        """The same with the style that its cells show, or with the decimal sign that was given."""
        if decimal is not None:
            if decimal not in (".", ","):
                raise InvalidInputError(f"decimal= is '.' or ','; found {decimal!r}")
            return self._with(Style(decimal, grouped=decimal == "."))
        found = found_style(cell for cells in self.columns.values() for cell in cells)
        if isinstance(found, str):
            raise self.error(found)
        return self._with(found)

    def _with(self, style: Style) -> Table:
        return Table(self.source, self.columns, self.places, self.index, style)

    def numbers(self, column: str) -> FloatArray:
        """A column as float64, shape (rows,); missing cells are NaN.

        Raises
        ------
        InvalidInputError
            A cell is no finite number, or is a limit.
        """
        plain = plain_numbers(self.columns[column], self.style)
        if plain is not None:
            return np.array(plain, np.float64)
        return np.array([self._number(*cell, column) for cell in self.cells(column)], np.float64)

    def _number(self, cell: object, place: str, column: str) -> float:
        found = reading(cell, self.style)
        if found is None or found[1]:
            raise self.no_number(cell, column, place)
        return found[0]

    def measurements(self, column: str) -> tuple[FloatArray, NDArray[np.int8]]:
        """A column as float64, NaN where missing, and -1 or 1 where a cell is a limit, both (rows,).

        A limit that is a word, such as ``<LOQ``, is NaN with -1.

        Raises
        ------
        InvalidInputError
            A cell is neither a finite number nor a limit.
        """
        plain = plain_numbers(self.columns[column], self.style)
        if plain is not None:
            return np.array(plain, np.float64), np.zeros(len(plain), np.int8)
        found: list[tuple[float, int]] = []
        for cell, place in self.cells(column):
            if (read := reading(cell, self.style)) is None:
                raise self.no_number(cell, column, place)
            found.append(read)
        values, sides = zip(*found, strict=True)
        return np.array(values, np.float64), np.array(sides, np.int8)

    def is_text(self, column: str) -> bool:
        """Whether it holds something, but no number and no limit anywhere."""
        given = (cell for cell in self.columns[column] if not is_missing(cell))
        first = next(given, None)
        return (
            first is not None
            and reading(first, self.style) is None
            and all(reading(cell, self.style) is None for cell in given)
        )

    def counts_rows(self, column: str) -> bool:
        """Whether it holds 0, 1, 2, ... or 1, 2, 3, ..."""
        found = [reading(cell, self.style) for cell in self.columns[column]]
        values = [math.nan if cell is None else cell[0] for cell in found]
        return any(values == [float(i + first) for i in range(len(values))] for first in (0, 1))

    def cells(self, column: str) -> Iterator[tuple[object, str]]:
        """The cells of a column with their places."""
        return zip(self.columns[column], self.places, strict=True)

    def find(self, column: object, *, what: str) -> str:
        """The column of that name, which may leave the unit out.

        Raises
        ------
        InvalidInputError
            There is no such column, or several; the message lists those there are.
        """
        if (name := str(column)) in self.columns:
            return name
        without = [one for one in self.columns if plain(one) == name]
        if len(without) == 1:
            return without[0]
        shown = [one for one in self.columns if one not in self.index or one]
        close = difflib.get_close_matches(name, shown, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise self.error(f"{what} asks for column {name!r}; found columns {', '.join(shown)}{hint}")

    def label(self, text: str, what: str, place: str) -> None:
        """An error unless `text` shows on one line as it is."""
        try:
            check_label(text, what=what)
        except InvalidInputError as error:
            raise self.error(str(error), place) from None

    def no_number(self, cell: object, column: str, place: str) -> InvalidInputError:
        """The error about a cell that should be a number."""
        return self.error(
            f"column {column!r} has {text_of(cell)!r}, which is no finite number; write a decimal "
            "point, and leave the cell empty where nothing was measured",
            place,
        )

    def error(self, message: str, place: str = "") -> InvalidInputError:
        """An error that starts with the file and the place."""
        return InvalidInputError(f"{self.source}{', ' if place else ''}{place}: {message}")


def check_header(table: Table, header: Sequence[str], place: str) -> None:
    """Names of columns show on a line, are there, and are all different."""
    for i, name in enumerate(header):
        table.label(name, f"the name of column {i + 1}", place)
        if not name:
            raise table.error(f"column {i + 1} of the header has no name", place)
        if name in header[:i]:
            raise table.error(f"two columns are called {name!r}; rename one", place)
