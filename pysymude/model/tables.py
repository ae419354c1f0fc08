"""Tables of measurements, from CSV files and data frames; errors name the file and the line."""

from __future__ import annotations

import csv
import difflib
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import Any, cast

import numpy as np

from pysymude.errors import InvalidInputError
from pysymude.model.coerce import FloatArray, Name, name_of, names_of
from pysymude.model.symbols import check_label

__all__ = ["Experiments", "Table", "experiments", "parse_csv", "read_csv", "read_frame"]

MISSING = frozenset({"", "nan", "na", "n/a", "<na>"})
"""How a cell says that nothing was measured, in any case of letters."""


@dataclass(frozen=True, slots=True)
class Table:
    """Named columns of cells.

    Attributes
    ----------
    source : str
        The file, for messages.
    columns : mapping from str to sequence of cells
        Text, numbers or None, one per row.
    places : sequence of str
        Where each row stands, such as "line 7".
    """

    source: str
    columns: Mapping[str, Sequence[object]]
    places: Sequence[str]

    def numbers(self, column: str) -> FloatArray:
        """A column as float64, shape (rows,); missing cells are NaN.

        Raises
        ------
        InvalidInputError
            A cell is no finite number.
        """
        cells = zip(self.columns[column], self.places, strict=True)
        return np.array([self._number(cell, column, place) for cell, place in cells], np.float64)

    def _number(self, cell: object, column: str, place: str) -> float:
        text = "" if cell is None else str(cell).strip()
        if text.lower() in MISSING:
            return math.nan
        try:
            # float() reads 1_000 as 1000, which in a data file is more likely a slip
            number = math.nan if "_" in text else float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise self.error(
                f"column {column!r} has {text!r}, which is no finite number; write a decimal "
                "point, and leave the cell empty where nothing was measured",
                place,
            )
        return number

    def find(self, column: str, *, what: str) -> str:
        """`column` itself if the table has it.

        Raises
        ------
        InvalidInputError
            There is no such column; the message lists those there are.
        """
        if (column := str(column)) in self.columns:
            return column
        close = difflib.get_close_matches(column, self.columns, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise self.error(
            f"{what} asks for column {column!r}; found columns {', '.join(self.columns)}{hint}"
        )

    def label(self, text: str, what: str, place: str) -> None:
        """An error unless `text` shows on one line as it is."""
        try:
            check_label(text, what=what)
        except InvalidInputError as error:
            raise self.error(str(error), place) from None

    def error(self, message: str, place: str = "") -> InvalidInputError:
        """An error that starts with the file and the place."""
        return InvalidInputError(f"{self.source}{', ' if place else ''}{place}: {message}")


def read_csv(path: str | PathLike[str]) -> Table:
    """The table in a CSV file: a header line, then one row per line, separated by commas.

    Raises
    ------
    InvalidInputError
        The file is missing, unreadable, no UTF-8 text, or no table: see `parse_csv`.
    """
    source = fspath(path)
    try:
        # utf-8-sig drops the mark that spreadsheets put first
        text = Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InvalidInputError(f"{source}: no such file, seen from {Path.cwd()}") from None
    except OSError as error:
        raise InvalidInputError(f"{source}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{source}: not UTF-8 text: {error.reason}") from error
    return parse_csv(text, source)


def parse_csv(text: str, source: str) -> Table:
    """The table in the text of a CSV file; empty lines and lines that start with # are skipped.

    Raises
    ------
    InvalidInputError
        No header, no rows, a column name that is empty or comes twice, a row of another length.
    """
    rows = _rows(text, source)
    line, header = next(rows, (0, list[str]()))
    empty = Table(source, {}, [])
    if not header:
        raise empty.error("the file is empty; the first line must name the columns, such as t,x,y")
    _check_header(empty, header, f"line {line}")
    body = list(rows)
    if not body:
        raise empty.error(f"only a header ({', '.join(header)}) and no rows under it")
    for line, row in body:
        if len(row) != len(header):
            raise empty.error(
                f"{len(row)} cells under a header of {len(header)} ({', '.join(header)}); separate "
                "cells by commas and write decimal points",
                f"line {line}",
            )
    cells = zip(*(row for _, row in body), strict=True)
    return Table(source, dict(zip(header, cells, strict=True)), [f"line {n}" for n, _ in body])


def _rows(text: str, source: str) -> Iterator[tuple[int, list[str]]]:
    # comments become empty lines, so that the reader's line numbers stay those of the file
    lines = ("\n" if line.startswith("#") else line for line in io.StringIO(text))
    reader = csv.reader(lines, strict=True)
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield reader.line_num, [cell.strip() for cell in row]
    except csv.Error as error:
        raise InvalidInputError(f"{source}, line {reader.line_num}: {error}") from error


def _check_header(table: Table, header: Sequence[str], place: str) -> None:
    for i, name in enumerate(header):
        table.label(name, f"the name of column {i + 1}", place)
        if not name:
            raise table.error(f"column {i + 1} of the header has no name", place)
        if name in header[:i]:
            raise table.error(f"two columns are called {name!r}; rename one", place)
    if len(header) < 2:
        raise table.error(
            f"one column, {header[0]!r}; a table needs a time column and a measured one, separated "
            "by commas",
            place,
        )


def read_frame(frame: Any) -> Table:
    """The table in a data frame: anything with `columns` and ``frame[column]``.

    Raises
    ------
    InvalidInputError
        It is no data frame, has no rows, or column names that come twice.
    """
    try:
        labels = list(frame.columns)
        header = [str(label) for label in labels]
        empty = Table("data frame", {}, [])
        _check_header(empty, header, "header")
        columns = {str(label): list(frame[label]) for label in labels}
    except (AttributeError, TypeError, KeyError):
        raise InvalidInputError(
            f"from_dataframe takes a data frame; found {type(frame).__name__}; "
            "for arrays use from_arrays(t, u, states=...)"
        ) from None
    rows = len(columns[header[0]])
    if rows == 0:
        raise empty.error(f"only a header ({', '.join(header)}) and no rows under it")
    return Table("data frame", columns, [f"row {i}" for i in range(rows)])


@dataclass(frozen=True, slots=True)
class Experiments:
    """The arrays of one or several experiments; `names` is empty without an experiment column."""

    t: list[FloatArray]
    u: list[FloatArray]
    states: list[str]
    names: list[str]


def experiments(
    table: Table,
    *,
    time: str | None = None,
    states: Name | Sequence[Name] | Mapping[str, Name] | None = None,
    experiment: str | None = None,
) -> Experiments:
    """A table as arrays, one pair per experiment, in order of first appearance.

    Parameters
    ----------
    table : Table
    time : str, optional
        The column of times; by default one called t or time, else the first.
    states : names, or mapping from column to state, optional
        The measured columns; by default all others.
    experiment : str, optional
        The column whose value says to which experiment a row belongs.

    Raises
    ------
    InvalidInputError
        A column that is not there, a cell that is no number, times that do not ascend.
    """
    if experiment is not None:
        table.find(experiment, what="experiment=")
    clock = _time_column(table, time, experiment)
    renamed = _state_columns(table, states, {clock, experiment})
    times = table.numbers(clock)
    values = np.column_stack([table.numbers(column) for column in renamed])
    groups = _groups(table, experiment)
    for rows in groups.values():
        _check_times(table, clock, times, rows)
    return Experiments(
        t=[times[rows] for rows in groups.values()],
        u=[values[rows] for rows in groups.values()],
        states=list(renamed.values()),
        names=[] if experiment is None else list(groups),
    )


def _time_column(table: Table, time: str | None, experiment: str | None) -> str:
    if time is not None:
        return table.find(time, what="time=")
    columns = [column for column in table.columns if column != experiment]
    exact = [column for column in columns if column in ("t", "time")]
    # T may be a temperature, so other cases of the letters come second
    return [*exact, *(c for c in columns if c.lower() in ("t", "time")), *columns][0]


def _state_columns(table: Table, states: object, taken: set[str | None]) -> dict[str, str]:
    """The measured columns and the name of the state or observable that each shows."""
    if states is None:
        chosen = {column: column for column in table.columns if column not in taken}
    elif isinstance(states, Mapping):
        chosen = {str(k): v for k, v in cast("Mapping[object, object]", states).items()}
    else:
        chosen = {name: name for name in names_of(states, what="states")}
    if not chosen:
        raise table.error("no measured column is left; name them: states=[...]")
    for column in chosen:
        if table.find(column, what="states=") in taken:
            raise table.error(
                f"column {column!r} is the time or experiment, not a state: set time="
            )
    try:
        return {column: name_of(name, what="states") for column, name in chosen.items()}
    except InvalidInputError as error:
        raise table.error(f"{error}; rename columns: states={{'column': 'state'}}") from None


def _groups(table: Table, experiment: str | None) -> dict[str, list[int]]:
    if experiment is None:
        return {"": list(range(len(table.places)))}
    groups: dict[str, list[int]] = {}
    for row, cell in enumerate(table.columns[experiment]):
        label = "" if cell is None else str(cell).strip()
        if label.lower() in MISSING:
            raise table.error(f"the experiment column {experiment!r} is empty", table.places[row])
        table.label(label, f"the name of an experiment in column {experiment!r}", table.places[row])
        groups.setdefault(label, []).append(row)
    return groups


def _check_times(table: Table, clock: str, times: FloatArray, rows: list[int]) -> None:
    for i, row in enumerate(rows):
        if math.isnan(times[row]):
            raise table.error(f"no time in column {clock!r}", table.places[row])
        if i and times[row] <= times[rows[i - 1]]:
            raise table.error(
                f"time {times[row]} does not come after {times[rows[i - 1]]} "
                f"({table.places[rows[i - 1]]}); sort the rows, or name the column that tells "
                "experiments apart: experiment=",
                table.places[row],
            )
