"""The column of times: numbers, or dates and clock times that become numbers of a unit."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple, cast

import numpy as np

from pysymude.errors import InvalidInputError
from pysymude.model.coerce import FloatArray
from pysymude.model.tables.cells import is_missing, reading, text_of
from pysymude.model.tables.table import Table

__all__ = ["UNITS", "Clock", "is_dated", "times"]

UNITS = {
    "seconds": 1.0,
    "minutes": 60.0,
    "hours": 3600.0,
    "days": 86400.0,
    "weeks": 604800.0,
    "years": 31557600.0,
}
"""Seconds in each unit of time; a year has 365.25 days."""

_TIME = r"(?:[T ,]\s*(\d{1,2}):(\d{2})(?::(\d{2}(?:[.,]\d+)?))?\s*([AaPp][Mm])?)?$"
_YEAR_FIRST = re.compile(r"(\d{4})[/.](\d{1,2})[/.](\d{1,2})" + _TIME)
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})" + _TIME)
_SLASHED = re.compile(r"(\d{1,2})[/-](\d{1,2})[/-](\d{4})" + _TIME)
_DAY_WORD = re.compile(r"(\d{1,2})[- ]([A-Za-z]{3})[a-z]*\.?[- ,]+(\d{4})" + _TIME)
_WORD_DAY = re.compile(r"([A-Za-z]{3})[a-z]*\.? (\d{1,2}),? (\d{4})" + _TIME)
_CLOCK = re.compile(r"(\d{1,4}):(\d{2})(?::(\d{2}(?:[.,]\d+)?))?$")
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


class Clock(NamedTuple):
    """Times as float64, shape (rows,), NaN where a cell is empty; unit and a sentence where they were dates."""

    t: FloatArray
    unit: str = ""
    said: str = ""


def times(table: Table, column: str, unit: str | None) -> Clock:
    """The times of a table.

    Dates count from the first one in the table, in the largest of days, hours, minutes and seconds that
    does not exceed the usual step, or in `unit`.

    Raises
    ------
    InvalidInputError
        A cell is neither, dates in two orders, dates with and without a time zone.
    """
    if unit is not None and unit not in UNITS:
        raise InvalidInputError(f"time_unit= is one of {', '.join(UNITS)}; found {unit!r}")
    if not is_dated(table, column):
        return Clock(table.numbers(column))
    moments = _moments(table, column)
    given = [moment for moment in moments if moment is not None]
    clock = isinstance(given[0], timedelta)
    zero: Any = timedelta(0) if clock else min(cast("list[datetime]", given))
    seconds = np.array([np.nan if m is None else (m - zero).total_seconds() for m in moments])
    chosen = unit or _usual(seconds[np.isfinite(seconds)])
    since = "" if clock else f" since {zero.isoformat(sep=' ').removesuffix(' 00:00:00')}"
    told = "" if unit else "; time_unit= says another one"
    said = f"time is in {chosen}{since}, from column {column!r}{told}"
    return Clock(seconds / UNITS[chosen], chosen, said)


def is_dated(table: Table, column: str) -> bool:
    """Whether a column holds dates, date-times or clock times; its first cell decides."""
    for cell in table.columns[column]:
        if isinstance(cell, date | timedelta | np.datetime64 | np.timedelta64):
            return True
        if is_missing(cell):
            continue
        text = text_of(cell)
        # 20240131 is a number
        return reading(cell, table.style) is None and (
            _iso(text) is not None
            or any(form.match(text) for form, _ in _FORMS)
            or bool(_CLOCK.match(text))
        )
    return False


def _usual(seconds: FloatArray) -> str:
    """The unit for steps of this size."""
    steps = np.diff(np.unique(seconds))
    # weeks and years are asked for
    fitting = [
        u for u in ("days", "hours", "minutes") if steps.size and np.median(steps) >= UNITS[u]
    ]
    return (fitting or ["seconds"])[0]


def _moments(table: Table, column: str) -> list[datetime | timedelta | None]:
    month_first = _month_first(table, column)
    found: list[datetime | timedelta | None] = []
    kinds: set[object] = set()
    for cell, place in table.cells(column):
        moment = None if is_missing(cell) else _moment(cell, month_first)
        if moment is None and not is_missing(cell):
            raise table.error(
                f"column {column!r} has {text_of(cell)!r}, which is no date; write 2024-01-31 or "
                "2024-01-31 14:30",
                place,
            )
        found.append(moment)
        kind = isinstance(moment, datetime) and (moment.tzinfo is not None)
        if moment is not None:
            kinds.add((type(moment) is timedelta or isinstance(moment, timedelta), kind))
        if len(kinds) > 1:
            raise table.error(
                f"column {column!r} mixes dates with clock times, or time zones with none: "
                f"{text_of(cell)!r}",
                place,
            )
    return found


def _moment(cell: object, month_first: bool) -> datetime | timedelta | None:
    if isinstance(cell, np.datetime64 | np.timedelta64):
        cell = (
            cast("Any", cell)
            .astype("M8[us]" if isinstance(cell, np.datetime64) else "m8[us]")
            .item()
        )
    if isinstance(cell, datetime | timedelta):
        return cell
    if isinstance(cell, date):
        return datetime(cell.year, cell.month, cell.day)
    text = text_of(cell)
    if (moment := _iso(text)) is not None:
        return moment
    for form, order in _FORMS:
        if found := form.match(text):
            return _dated(found.groups(), order(month_first))
    if found := _CLOCK.match(text):
        return timedelta(hours=int(found[1]), minutes=int(found[2]), seconds=_seconds(found[3]))
    return None


def _iso(text: str) -> datetime | None:
    if not re.match(r"\d{4}-\d", text):
        return None
    try:
        return datetime.fromisoformat(text.replace(" UTC", "Z"))
    except ValueError:
        found = re.match(r"(\d{4})-(\d{1,2})-(\d{1,2})" + _TIME, text)
        return _dated(found.groups(), (0, 1, 2)) if found else None


_FORMS: Sequence[tuple[re.Pattern[str], Callable[[bool], tuple[int, int, int]]]] = (
    (_YEAR_FIRST, lambda _: (0, 1, 2)),
    (_DOTTED, lambda _: (2, 1, 0)),
    (_SLASHED, lambda month_first: (2, 0, 1) if month_first else (2, 1, 0)),
    (_DAY_WORD, lambda _: (2, 1, 0)),
    (_WORD_DAY, lambda _: (2, 0, 1)),
)
"""How dates are written, and where year, month and day stand in each."""


def _dated(parts: tuple[str | None, ...], order: tuple[int, int, int]) -> datetime | None:
    year, month, day = (str(parts[k]) for k in order)
    number = _MONTHS.index(month.title()) + 1 if month.title() in _MONTHS else 0
    hour, minute, second, half = parts[3:]
    hours = int(hour or 0)
    if half:
        hours = hours % 12 + (12 if half.lower() == "pm" else 0)
    try:
        start = datetime(int(year), number or int(month), int(day), hours, int(minute or 0))
    except ValueError:
        return None
    return start + timedelta(seconds=_seconds(second))


def _seconds(text: str | None) -> float:
    return float((text or "0").replace(",", "."))


def _month_first(table: Table, column: str) -> bool:
    """Whether 1/31/2024 is how dates are written; an error where a column does not show it."""
    found = [m for cell in table.columns[column] if (m := _SLASHED.match(text_of(cell)))]
    day_first, month_first = (any(int(m[k]) > 12 for m in found) for k in (1, 2))
    if found and day_first == month_first:
        how = (
            "both orders of day and month"
            if day_first
            else "day and month in an order that it hides"
        )
        raise table.error(
            f"column {column!r} has {how}: {found[0][0]!r}; write dates as 2024-01-31"
        )
    return month_first
