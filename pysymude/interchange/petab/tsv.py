"""Tables of tab-separated text, row by row, with errors that name the file and the line."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from pysymude.errors import ModelFileError
from pysymude.model.coerce import close_matches
from pysymude.whole import read_whole

__all__ = ["Row", "check_unique", "read_rows"]

LARGEST = 200_000_000  # bytes
_MISSING = frozenset({"", "nan", "na", "none", "null"})


@dataclass(frozen=True)
class Row:
    """One row; missing cells are empty text."""

    file: str
    line: int
    cells: Mapping[str, str]

    @property
    def where(self) -> str:
        """The file and the line."""
        return f"{self.file} line {self.line}"

    def refuse(self, problem: str) -> NoReturn:
        """Raise the error about this row.

        Raises
        ------
        ModelFileError
            Always.
        """
        raise ModelFileError(problem, where=self.where)

    def text(self, column: str) -> str:
        """A cell that may be missing."""
        return self.cells.get(column, "")

    def needed(self, column: str) -> str:
        """A cell that must be there."""
        return self.cells.get(column, "") or self.refuse(f"the column {column} is empty")

    def number(self, column: str, default: float | None = None, *, infinite: bool = False) -> float:
        """A cell as a number; the default where it is missing."""
        text = self.cells.get(column, "")
        if not text:
            return self.refuse(f"the column {column} is empty") if default is None else default
        return self.as_number(text, column, infinite=infinite)

    def as_number(self, text: str, what: str, *, infinite: bool = False) -> float:
        """Text as a number."""
        found = number_in(text)
        if found is None or math.isnan(found) or (math.isinf(found) and not infinite):
            kind = "a number" if infinite else "a finite number"
            self.refuse(f"{what} must be {kind}; found {text!r}")
        return found

    def truth(self, column: str) -> bool:
        """A cell that says yes or no."""
        text = self.needed(column).lower()
        if text not in ("0", "1", "true", "false", "0.0", "1.0"):
            self.refuse(f"{column} must be true or false, or 1 or 0; found {text!r}")
        return text in ("1", "true", "1.0")

    def several(self, column: str) -> tuple[str, ...]:
        """Entries that semicolons separate."""
        text = self.cells.get(column, "")
        return tuple(part.strip() for part in text.split(";")) if text else ()


def number_in(text: str) -> float | None:
    """The number that a text is, or None."""
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def read_rows(path: Path, needs: Sequence[str]) -> list[Row]:
    """The rows of a file that has the columns `needs`.

    Raises
    ------
    ModelFileError
        No such file, no UTF-8 text, a column that is missing or there twice, a row of another length.
    """
    name = str(path)
    content = read_whole(
        path, LARGEST, lambda reason: ModelFileError(reason, where=name), "larger than 200 MB"
    )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ModelFileError(f"not UTF-8 text: {error.reason}", where=name) from None
    lines = list(_cells(name, text))
    if not lines:
        raise ModelFileError("the table is empty; its first line must name the columns", where=name)
    header = lines[0][1]
    for column in header:
        if header.count(column) > 1:
            raise ModelFileError(f"the column {column!r} is there twice", where=f"{name} line 1")
    for column in needs:
        if column not in header:
            raise ModelFileError(
                f"the column {column} is missing; {close_matches(column, header)}",
                where=f"{name} line 1",
            )
    return [_row(name, header, line, cells) for line, cells in lines[1:]]


def _cells(name: str, text: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(text.splitlines(), delimiter="\t")
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, [cell.strip() for cell in cells]
    except csv.Error as error:
        raise ModelFileError(str(error), where=f"{name} line {reader.line_num}") from None


def _row(name: str, header: Sequence[str], line: int, cells: list[str]) -> Row:
    if len(cells) > len(header) and not any(cells[len(header) :]):
        cells = cells[: len(header)]
    if len(cells) > len(header):
        raise ModelFileError(
            f"{len(cells)} cells under {len(header)} columns", where=f"{name} line {line}"
        )
    given = zip(header, cells, strict=False)
    return Row(name, line, {k: v for k, v in given if v.lower() not in _MISSING})


def check_unique(rows: Sequence[Row], column: str) -> None:
    """An error where an id stands twice."""
    seen: dict[str, int] = {}
    for row in rows:
        key = row.needed(column)
        if key in seen:
            row.refuse(f"{column} {key!r} stands twice, first in line {seen[key]}")
        seen[key] = row.line
