"""From a table and the roles of its columns to the arrays of one or several experiments."""

from __future__ import annotations

import warnings
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from pysymude.errors import TableWarning
from pysymude.model.calls import caller_level
from pysymude.model.coerce import FloatArray, number_of
from pysymude.model.tables.cells import is_missing, text_of
from pysymude.model.tables.clocks import times
from pysymude.model.tables.dose_columns import doses_of_rows
from pysymude.model.tables.roles import Asked, Roles, roles
from pysymude.model.tables.table import Table
from pysymude.model.units import TIME, unit_of

__all__ = ["Experiments", "experiments"]

Sides = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Experiments:
    """The arrays of one or several experiments; `names` is empty without an experiment column.

    `noise` is empty where the table has none; `censored` has -1 and 1 where `u` holds a limit. `signals` has
    the points of each one, `doses` those of each one; they are empty where no column is such.
    """

    t: list[FloatArray]
    u: list[FloatArray]
    noise: list[FloatArray]
    censored: list[Sides]
    states: list[str]
    names: list[str]
    signals: list[dict[str, tuple[FloatArray, FloatArray]]]
    doses: list[dict[str, list[tuple[float, float]]]]
    units: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Column:
    """What was measured of one state: in which rows, and as what."""

    state: str
    rows: NDArray[np.int64]
    values: FloatArray
    sides: Sides
    noise: FloatArray


def experiments(table: Table, asked: Asked) -> Experiments:
    """A table as arrays, one set per experiment, in order of first appearance.

    Raises
    ------
    InvalidInputError
        A column that is not there, a cell that is no number, times that go back.
    """
    found = roles(table, asked)
    clock, dated, said = times(table, found.time, asked.time_unit)
    if said:
        warnings.warn(f"{table.source}: {said}", TableWarning, stacklevel=caller_level())
    long = found.variable is not None
    columns = _long_columns(table, found, asked.loq) if long else _columns(table, found, asked.loq)
    groups = _groups(table, found.experiment)
    states = list(dict.fromkeys(column.state for column in columns))
    parts: list[tuple[FloatArray, FloatArray, FloatArray, Sides]] = []
    for rows in groups.values():
        _check_times(table, found, clock, rows)
        own = [_within(column, rows) for column in columns]
        # one column a state keeps the rows as they are; else each value finds its place by its time
        spread = long or len(states) < len(columns)
        parts.append(
            _spread(table, found, clock, states, own) if spread else _rows(clock, rows, own)
        )
    t, u, noise, censored = (list(part) for part in zip(*parts, strict=True))
    return Experiments(
        t=t,
        u=u,
        noise=noise if found.noise else [],
        censored=censored,
        states=states,
        names=list(groups) if found.experiment else [],
        signals=[_points(table, found, clock, rows) for rows in groups.values()]
        if found.signals
        else [],
        doses=[
            {
                name: doses_of_rows(clock[rows], table.numbers(column)[rows])
                for name, column in found.doses.items()
            }
            for rows in groups.values()
        ]
        if found.doses
        else [],
        units=_units(found, dated),
    )


def _units(found: Roles, dated: str) -> dict[str, str]:
    """What stands in brackets behind the names of columns, and the unit that dates were counted in."""
    given = {TIME: dated or unit_of(found.time)}
    if found.variable is None:
        given |= {state: unit_of(column) for column, state in found.measured.items()}
    return {name: unit for name, unit in given.items() if unit and unit.isprintable()}


def _points(
    table: Table, found: Roles, clock: FloatArray, rows: NDArray[np.int64]
) -> dict[str, tuple[FloatArray, FloatArray]]:
    """The signals of one experiment: the rows where they have a value, each time once."""
    made: dict[str, tuple[FloatArray, FloatArray]] = {}
    for name, column in found.signals.items():
        values = table.numbers(column)[rows]
        here = ~np.isnan(values)
        points = np.unique(np.column_stack([clock[rows][here], values[here]]), axis=0)
        t, y = points[:, 0], points[:, 1]
        if (again := np.flatnonzero(np.diff(t) == 0)).size:
            i = int(again[0])
            raise table.error(
                f"column {column!r}, a signal, has two values at time {t[i]:g}: {y[i]:g} and {y[i + 1]:g}"
            )
        if not t.size:
            raise table.error(f"column {column!r}, a signal, has no value in an experiment")
        made[name] = t, y
    return made


def _columns(table: Table, found: Roles, loq: Any) -> list[_Column]:
    every = np.arange(len(table.places))
    made: list[_Column] = []
    for column, state in found.measured.items():
        values, sides = table.measurements(column)
        values = _limited(table, found, column, state, values, sides, loq)
        other = found.noise.get(column, np.nan)
        noise = (
            table.numbers(other) if isinstance(other, str) else np.full(values.shape, float(other))
        )
        made.append(_Column(state, every, values, sides, noise))
    return made


def _long_columns(table: Table, found: Roles, loq: Any) -> list[_Column]:
    value = cast("str", found.value)
    values, sides = table.measurements(value)
    noise = np.full(values.shape, np.nan)
    for column in found.noise.values():
        noise = table.numbers(column)
    which = np.array([text_of(cell) for cell in table.columns[cast("str", found.variable)]], object)
    made: list[_Column] = []
    for variable, state in found.measured.items():
        rows = np.flatnonzero(which == variable)
        limited = np.where(which == variable, sides, 0).astype(np.int8)
        filled = _limited(table, found, value, state, values, limited, loq)
        made.append(_Column(state, rows, filled[rows], sides[rows], noise[rows]))
    return made


def _limited(
    table: Table, found: Roles, column: str, state: str, values: FloatArray, sides: Sides, loq: Any
) -> FloatArray:
    """Values with the limit in place of a word such as <LOQ."""
    words = np.flatnonzero((sides != 0) & np.isnan(values))
    if not words.size:
        return values
    if found.limit is not None:
        limits = table.numbers(found.limit)
    else:
        given = cast("Mapping[Any, Any]", loq) if isinstance(loq, Mapping) else {state: loq}
        named = {str(key): limit for key, limit in given.items()}
        limit = named.get(state, named.get(column))
        limits = np.full(values.shape, np.nan if limit is None else number_of(limit, what="loq"))
    row = next((int(r) for r in words if np.isnan(limits[r])), None)
    if row is not None:
        cell = text_of(table.columns[column][row])
        raise table.error(
            f"column {column!r} has {cell!r}, a limit without its number; say loq=0.1, or "
            f"loq={{{state!r}: 0.1}}, or name a column of limits: loq='LLOQ'",
            table.places[row],
        )
    return np.where((sides != 0) & np.isnan(values), limits, values)


def _groups(table: Table, columns: Sequence[str]) -> dict[str, NDArray[np.int64]]:
    """The rows of each experiment, by its name."""
    if not columns:
        return {"": np.arange(len(table.places))}
    groups: dict[str, list[int]] = defaultdict(list)
    for row, place in enumerate(table.places):
        parts: list[str] = []
        for column in columns:
            if is_missing(cell := table.columns[column][row]):
                raise table.error(f"the experiment column {column!r} is empty", place)
            parts.append(text_of(cell))
            table.label(parts[-1], f"the name of an experiment in column {column!r}", place)
        groups[", ".join(parts)].append(row)
    return {name: np.array(rows) for name, rows in groups.items()}


def _within(column: _Column, rows: NDArray[np.int64]) -> _Column:
    here = np.isin(column.rows, rows)
    return _Column(
        column.state, column.rows[here], column.values[here], column.sides[here], column.noise[here]
    )


def _rows(
    clock: FloatArray, rows: NDArray[np.int64], columns: Sequence[_Column]
) -> tuple[FloatArray, FloatArray, FloatArray, Sides]:
    return (
        clock[rows],
        np.column_stack([column.values for column in columns]),
        np.column_stack([column.noise for column in columns]),
        np.column_stack([column.sides for column in columns]),
    )


def _spread(
    table: Table, found: Roles, clock: FloatArray, states: Sequence[str], columns: Sequence[_Column]
) -> tuple[FloatArray, FloatArray, FloatArray, Sides]:
    """Each value at its time, in the column of its state; what was measured again gets a row of its own."""
    places: list[tuple[float, int, int, float, float, int]] = []
    seen: Counter[tuple[float, int]] = Counter()
    for column in columns:
        if found.variable is not None:
            _check_times(table, found, clock, column.rows, f" of {column.state!r}")
        k = states.index(column.state)
        for row, value, noise, side in zip(
            column.rows, column.values, column.noise, column.sides, strict=True
        ):
            if not np.isnan(value):
                time = float(clock[row])
                places.append((time, seen[time, k], k, value, noise, side))
                seen[time, k] += 1
    keys = sorted({(time, again) for time, again, *_ in places})
    if not keys:
        # nothing was measured, which the trajectory says better
        keys = [(float(time), 0) for time in np.unique(clock)]
    at = {key: i for i, key in enumerate(keys)}
    shape = (len(keys), len(states))
    u, sizes, sides = np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(shape, np.int8)
    for time, again, k, value, noise, side in places:
        i = at[time, again]
        u[i, k], sizes[i, k], sides[i, k] = value, noise, side
    return np.array([time for time, _ in keys]), u, sizes, sides


def _check_times(
    table: Table, found: Roles, clock: FloatArray, rows: NDArray[np.int64], of: str = ""
) -> None:
    """Every row has a time, and in a wide table and within a variable none goes back."""
    for i, row in enumerate(map(int, rows)):
        if np.isnan(clock[row]):
            raise table.error(f"no time in column {found.time!r}", table.places[row])
        if (of or found.variable is None) and i and clock[row] < clock[rows[i - 1]]:
            raise table.error(
                f"time {clock[row]}{of} does not come after {clock[rows[i - 1]]} "
                f"({table.places[rows[i - 1]]}); sort the rows, or name the column that tells "
                "experiments apart: experiment=",
                table.places[row],
            )
