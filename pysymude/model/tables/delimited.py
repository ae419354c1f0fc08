"""Text files of separated cells: which sign separates them, where the names stand, what is no data."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from os import PathLike, fspath

from pysymude.errors import InvalidInputError
from pysymude.model.tables.cells import Style, is_missing, reading
from pysymude.model.tables.table import Table, check_header
from pysymude.whole import read_whole

__all__ = ["parse_csv", "read_csv"]

LARGEST_FILE = 500_000_000  # bytes

_SIGNS = ("\t", ";", "|", ",")  # a comma last: it also stands in numbers
_BLANKS = " "
_NO_NAME = re.compile(r"(Unnamed: \d+)?$")  # as pandas calls it

Row = tuple[int, list[str]]


def read_csv(
    path: str | PathLike[str], *, delimiter: str | None = None, decimal: str | None = None
) -> Table:
    """The table in a file: see `parse_csv`.

    Raises
    ------
    InvalidInputError
        The file is missing, unreadable, too large, no UTF-8 text, or no table.
    """
    if not isinstance(path, str | PathLike):
        raise InvalidInputError(f"from_csv takes the path of a file; found {type(path).__name__}")
    source = fspath(path)
    content = read_whole(
        path, LARGEST_FILE, lambda reason: InvalidInputError(f"{source}: {reason}"),
        "larger than 500 MB; read the rows that you need",
    )  # fmt: skip
    # spreadsheets put a mark first, and some write two bytes a letter
    wide = content[:2] in (b"\xff\xfe", b"\xfe\xff")
    try:
        text = content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInputError(
            f"{source}: not UTF-8 text: {error.reason} at byte {error.start}; save it as UTF-8"
        ) from error
    return parse_csv(text, source, delimiter=delimiter, decimal=decimal)


def parse_csv(
    text: str, source: str, *, delimiter: str | None = None, decimal: str | None = None
) -> Table:
    """The table in a text whose first line names the columns.

    Empty lines and lines that start with # or % are skipped; names behind a # directly above
    nameless numbers count. Cells are separated by tabs, semicolons, bars, commas or blanks: by what
    gives all rows the length of the header.

    Raises
    ------
    InvalidInputError
        No header, no rows, a column name that is empty or comes twice, a row of another length.
    """
    lines, names = _lines(text)
    empty = Table(source, {}, [])
    if delimiter is None and lines and lines[0][1].lower().startswith("sep="):
        delimiter, lines = lines[0][1].strip()[4:] or "\t", lines[1:]
    if not lines:
        raise empty.error("the file is empty; the first line must name the columns, such as t,x,y")
    rows = _split(lines, delimiter, source)
    if _all_numbers(rows[0][1]):
        header = _split([names], delimiter, source)[0] if names[1] else (0, list[str]())
        if len(header[1]) != len(rows[0][1]):
            raise empty.error(
                f"the first line must name the columns, such as t,x,y; found {lines[0][1].strip()!r}",
                f"line {lines[0][0]}",
            )
        rows = [header, *rows]
    line, header = rows[0]
    body = rows[1:]
    header, body, index = _rectangular(empty, header, body)
    check_header(empty, header[1:] if index and not header[0] else header, f"line {line}")
    if len(header) - len(index) < (1 if index else 2):
        raise empty.error(
            f"one column, {header[-1]!r}; a table needs a time column and a measured one, separated "
            "by commas",
            f"line {line}",
        )
    if not body:
        raise empty.error(f"only a header ({', '.join(header)}) and no rows under it")
    cells = zip(*(row for _, row in _without_units(body)), strict=True)
    columns = {
        name: column
        for name, column in zip(header, cells, strict=True)
        if name in index or not _NO_NAME.match(name)
    }
    places = [f"line {n}" for n, _ in _without_units(body)]
    return Table(source, columns, places, index).styled(decimal)


def _lines(text: str) -> tuple[list[tuple[int, str]], tuple[int, str]]:
    """Lines with their numbers, without empty ones and comments; and the comment before the first."""
    found: list[tuple[int, str]] = []
    names = (0, "")
    quoted = False
    for n, line in enumerate(text.splitlines(keepends=True), start=1):
        if not quoted and line[:1] in ("#", "%"):
            names = names if found else (n, line.lstrip("#% "))
            continue
        if quoted or line.strip(" \t\r\n;,|"):
            found.append((n, line))
        quoted ^= line.count('"') % 2 == 1
    return found, names


def _split(lines: Sequence[tuple[int, str]], delimiter: str | None, source: str) -> list[Row]:
    """Rows of cells, separated by the sign that gives all of them the length of the header."""
    if delimiter is not None:
        if len(delimiter) != 1:
            raise InvalidInputError(f"delimiter= is one character; found {delimiter!r}")
        return list(_cells(lines, delimiter, source))
    found: dict[str, list[Row]] = {}
    for sign in _SIGNS:
        if sign in lines[0][1]:
            rows = found[sign] = list(_cells(lines, sign, source))
            width = len(rows[0][1])
            if width > 1 and (
                all(len(row) == width for _, row in rows)
                or all(len(row) == width + 1 for _, row in rows[1:])
            ):
                return rows
    if found:
        return max(found.values(), key=lambda rows: len(rows[0][1]))
    return list(_cells(lines, _BLANKS, source))


def _cells(lines: Iterable[tuple[int, str]], sign: str, source: str) -> Iterator[Row]:
    number = 0

    def texts() -> Iterator[str]:
        nonlocal number
        for n, line in lines:
            number = n
            yield re.sub(r"[ \t]+", " ", line.strip()) + "\n" if sign == _BLANKS else line

    reader = csv.reader(texts(), delimiter=sign, strict=True)
    try:
        for row in reader:
            yield number, [cell.strip() for cell in row]
    except csv.Error as error:
        raise InvalidInputError(f"{source}, line {number}: {error}") from error


def _all_numbers(row: Sequence[str]) -> bool:
    return len(row) > 1 and all(
        not is_missing(cell) and reading(cell, Style()) is not None for cell in row
    )


def _rectangular(
    table: Table, header: list[str], body: list[Row]
) -> tuple[list[str], list[Row], tuple[str, ...]]:
    """Header and rows of one length, and the column that names rows where there is one."""
    if len(header) > 1 and body and all(len(row) == len(header) + 1 for _, row in body):
        # as R writes row names: the header leaves them out
        header = ["", *header]
    for line, row in body:
        if len(row) != len(header):
            raise table.error(
                f"{len(row)} cells under a header of {len(header)} ({', '.join(header)}); separate "
                "cells by commas and write decimal points",
                f"line {line}",
            )
    # a sign at the end of each line makes a last column of nothing
    while len(header) > 1 and not header[-1] and not any(row[-1] for _, row in body):
        header, body = header[:-1], [(n, row[:-1]) for n, row in body]
    if len(header) > 1 and _NO_NAME.match(header[0]):
        return ["", *header[1:]], body, ("",)
    return header, body, ()


def _without_units(body: list[Row]) -> list[Row]:
    """Without a row of units under the header: words over columns of numbers."""
    if len(body) < 2:
        return body
    first, second = body[0][1], body[1][1]
    worded = all(is_missing(cell) or reading(cell, Style()) is None for cell in first)
    numbers = [not is_missing(cell) and reading(cell, Style()) is not None for cell in second]
    under = [
        is_number and not is_missing(cell) for cell, is_number in zip(first, numbers, strict=True)
    ]
    return body[1:] if worded and sum(under) > 1 and all(numbers) else body
