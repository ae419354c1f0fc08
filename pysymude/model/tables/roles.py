"""What the columns of a table are for: time, experiment, variable and value, noise; the rest is measured."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from pysymude.errors import InvalidInputError, TableWarning
from pysymude.model.calls import caller_level
from pysymude.model.coerce import Name, close_matches, name_of, names_of
from pysymude.model.symbols import escaped
from pysymude.model.tables.cells import text_of
from pysymude.model.tables.clocks import is_dated
from pysymude.model.tables.table import Table, plain
from pysymude.model.tables.words import (
    CLOCKS,
    EXACT,
    EXPERIMENTS,
    LIMITS,
    NOISES,
    TIMED,
    VALUES,
    VARIABLES,
)

__all__ = ["Asked", "Roles", "roles"]

log = logging.getLogger("pysymude")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user said of a table; None is for us to find."""

    time: str | None = None
    states: Any = None
    experiment: str | Sequence[str] | None = None
    variable: str | None = None
    value: str | None = None
    noise: str | Mapping[Any, Any] | None = None
    loq: Any = None
    time_unit: str | None = None
    signals: Mapping[str, str] | None = None
    doses: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Roles:
    """Columns by what they are for.

    Attributes
    ----------
    time : str
    experiment : tuple of str
        Empty for a table of one experiment.
    variable, value : str or None
        Of a long table.
    measured : mapping from column, or from what stands in `variable`, to state
    noise : mapping from measured column to column or number; in a long table of "" to one column
    limit : str or None
        The column of limits for cells such as ``<LOQ``.
    signals : mapping from signal to column
    doses : mapping from state to column
    """

    time: str
    experiment: tuple[str, ...]
    variable: str | None
    value: str | None
    measured: Mapping[str, str]
    noise: Mapping[str, Any]
    limit: str | None
    signals: Mapping[str, str]
    doses: Mapping[str, str]


def roles(table: Table, asked: Asked) -> Roles:
    """The roles that the user gave, and for the rest those that the names of the columns show.

    Raises
    ------
    InvalidInputError
        A column that is not there, or two roles for one.
    """
    experiment = _experiment(table, asked)
    clock = _clock(table, asked.time, experiment)
    experiment = experiment or _named_experiment(table, asked, clock)
    variable, value = _long(table, asked, {clock, *experiment})
    limit = _limit(table, asked, {clock, *experiment})
    taken = {clock, *experiment, *table.index, limit} - {None}
    signals = _signals(table, asked, cast("set[str]", taken))
    doses = {name: table.find(c, what="doses=") for name, c in (asked.doses or {}).items()}
    inputs = {*signals.values(), *doses.values()}
    if variable is not None and value is not None:
        noise = _long_noise(table, asked, cast("set[str]", taken | {variable, value}))
        known = {*taken, variable, value, *noise.values(), *inputs}
        rest = [c for c in table.columns if c not in known]
        _leave_out(table, rest)
        named = dict.fromkeys(map(text_of, table.columns[variable]))
        measured = _long_states(table, asked.states, [one for one in named if one])
        return Roles(clock, experiment, variable, value, measured, noise, limit, signals, doses)
    noise = _wide_noise(table, asked, cast("set[str]", taken))
    aside = {column for column in noise.values() if isinstance(column, str)} | inputs
    measured = _wide_states(table, asked.states, cast("set[str]", taken), aside)
    by_column = _by_column(table, noise, measured)
    return Roles(clock, experiment, None, None, measured, by_column, limit, signals, doses)


# -- time and experiment -----------------------------------------------------------------------


def _clock(table: Table, time: str | None, experiment: tuple[str, ...]) -> str:
    if time is not None:
        return table.find(time, what="time=")
    columns = [column for column in table.columns if column not in experiment]
    words = {column: plain(column) for column in columns}
    # T may be a temperature, so other cases of the letters come later
    found = [
        *(c for c in columns if c in EXACT),
        *(c for c in columns if words[c] in EXACT),
        *(c for c in columns if words[c].lower() in EXACT),
        *(c for c in columns if words[c].lower() in TIMED | CLOCKS),
    ]
    if found:
        return found[0]
    index = [column for column in columns if column in table.index]
    dated = [column for column in index if is_dated(table, column)]
    if dated or index:
        chosen = (dated or index)[-1]
        if chosen == "" and table.counts_rows(chosen):
            others = ", ".join(c for c in columns if c)
            raise table.error(
                f"the first column has no name and counts the rows; which one is the time? time= takes one "
                f"of {others}"
            )
        return chosen
    return columns[0]


def _experiment(table: Table, asked: Asked) -> tuple[str, ...]:
    """What the user named; else the levels of an index of several that are not the time."""
    if asked.experiment is not None:
        given = [asked.experiment] if isinstance(asked.experiment, str) else list(asked.experiment)
        return tuple(table.find(column, what="experiment=") for column in given)
    if len(table.index) > 1 and asked.time is None:
        clock = _clock(table, None, ())
        return tuple(column for column in table.index if column != clock)
    return ()


def _named_experiment(table: Table, asked: Asked, clock: str) -> tuple[str, ...]:
    """A column that is called as experiments are, unless it was asked for as a state."""
    wanted = (
        set(map(str, asked.states))
        if isinstance(asked.states, list | tuple | Mapping)
        else set[str]()
    )
    for column in table.columns:
        if column != clock and column not in wanted and plain(column).lower() in EXPERIMENTS:
            log.info("%s: column %r tells experiments apart", table.source, column)
            return (column,)
    return ()


# -- long tables -------------------------------------------------------------------------------


def _long(table: Table, asked: Asked, taken: set[str]) -> tuple[str | None, str | None]:
    """The columns that say what was measured, and how much; None and None for a wide table."""
    if (asked.variable is None) != (asked.value is None):
        missing = "value" if asked.value is None else "variable"
        raise table.error(f"a long table needs variable= and value=; {missing}= is missing")
    if asked.variable is not None:
        variable = table.find(asked.variable, what="variable=")
        return variable, table.find(asked.value, what="value=")
    columns = [c for c in table.columns if c not in taken]
    variables = [c for c in columns if plain(c).lower() in VARIABLES and table.is_text(c)]
    values = [c for c in columns if plain(c).lower() in VALUES]
    if len(variables) != 1 or len(values) != 1 or _asks_for(asked.states, values[0]):
        return None, None
    return variables[0], values[0]


def _asks_for(states: object, column: str) -> bool:
    return isinstance(states, str | list | tuple | Mapping) and column in map(
        str, [states] if isinstance(states, str) else cast("Sequence[object]", states)
    )


def _long_states(table: Table, states: Any, named: list[str]) -> dict[str, str]:
    if states is None:
        return _checked(table, {one: plain(one) for one in named})
    if (known := _known(states)) is not None:
        kept = {one: plain(one) for one in named if plain(one) in known}
        _leave_out(table, [one for one in named if one not in kept], known)
        return _checked(table, kept)
    chosen = _chosen(states)
    for one in chosen:
        if one not in named:
            raise table.error(f"states= asks for {one!r}; {close_matches(one, named)}")
    return _checked(table, chosen)


def _long_noise(table: Table, asked: Asked, taken: set[str]) -> dict[str, str]:
    if asked.noise is not None:
        if not isinstance(asked.noise, str):
            raise table.error("in a long table noise= names one column")
        return {"": table.find(asked.noise, what="noise=")}
    for column in table.columns:
        if column not in taken and plain(column).lower() in NOISES and not table.is_text(column):
            log.info("%s: column %r is the noise", table.source, column)
            return {"": column}
    return {}


# -- wide tables -------------------------------------------------------------------------------


def _wide_states(table: Table, states: Any, taken: set[str], noise: set[str]) -> dict[str, str]:
    """The measured columns and the name of the state or observable that each shows."""
    others = [column for column in table.columns if column not in taken | noise]
    if states is None:
        text = [column for column in others if table.is_text(column)]
        _leave_out(table, text)
        chosen = {column: plain(column) for column in others if column not in text}
        _check_units(table, chosen)
    elif (known := _known(states)) is not None:
        chosen = {column: plain(column) for column in others if plain(column) in known}
        _check_units(table, chosen)
        if chosen:
            _leave_out(table, [column for column in others if column not in chosen], known)
    else:
        chosen = {table.find(k, what="states="): v for k, v in _chosen(states).items()}
    if not chosen:
        known = _known(states)
        has = f"; found {', '.join(others)}, and the system has {', '.join(known)}" if known else ""
        raise table.error(f"no measured column is left{has}; name them: states=[...]")
    for column in chosen:
        if column in taken:
            raise table.error(
                f"column {column!r} is the time or experiment, not a state: set time="
            )
    return _checked(table, chosen)


def _check_units(table: Table, chosen: Mapping[str, str]) -> None:
    """Columns of one state are repeated measurements, which have one unit."""
    first: dict[str, str] = {}
    for column, name in chosen.items():
        unit = column.strip()[len(name) :].strip(" _[]()")
        other = first.setdefault(name, unit)
        if other != unit and not (unit.isdigit() and other.isdigit()):
            raise table.error(
                f"two columns are called {name!r}, in {other or 'no unit'} and in {unit or 'no unit'}; say which "
                f"one is measured: states={{'{column}': '{name}'}}"
            )


def _wide_noise(table: Table, asked: Asked, taken: set[str]) -> dict[str, Any]:
    if isinstance(asked.noise, str):
        raise table.error(
            f"in a wide table noise= says which column belongs to which: noise={{'x': {asked.noise!r}}}"
        )
    if asked.noise is not None:
        return {
            str(key): table.find(value, what="noise=") if isinstance(value, str) else value
            for key, value in asked.noise.items()
        }
    columns = {plain(column): column for column in table.columns if column not in taken}
    found: dict[str, str] = {}
    for name, column in columns.items():
        pairs = [
            p for word in NOISES for p in (f"{name}_{word}", f"{name}.{word}", f"{word}_{name}")
        ]
        for other in columns:
            if other.lower() in (pair.lower() for pair in pairs):
                found[column] = columns[other]
    if found:
        log.info("%s: noise is in columns %s", table.source, ", ".join(found.values()))
    return found


def _by_column(
    table: Table, noise: Mapping[str, Any], measured: Mapping[str, str]
) -> dict[str, Any]:
    """Noise by measured column; keys may be states too."""
    found: dict[str, Any] = {}
    for key, value in noise.items():
        columns = [column for column, state in measured.items() if state == key]
        for column in columns or [table.find(key, what="noise=")]:
            found[column] = value
    return {column: value for column, value in found.items() if column in measured}


def _limit(table: Table, asked: Asked, taken: set[str]) -> str | None:
    if isinstance(asked.loq, str):
        return table.find(asked.loq, what="loq=")
    names = [c for c in table.columns if c not in taken and plain(c).lower() in LIMITS]
    return names[0] if asked.loq is None and names else None


def _signals(table: Table, asked: Asked, taken: set[str]) -> dict[str, str]:
    """The columns that were named, or those that are called as the signals of a system are."""
    if asked.signals is not None:
        return {name: table.find(c, what="signals=") for name, c in asked.signals.items()}
    wanted = {signal.name for signal in getattr(asked.states, "signals", ())}
    return {plain(c): c for c in table.columns if c not in taken and plain(c) in wanted}


# -- names -------------------------------------------------------------------------------------


def _known(states: Any) -> list[str] | None:
    """The states and observables of a system that was given in place of names."""
    if hasattr(states, "rhs") and hasattr(states, "observables"):
        return [*(str(x) for x in states.states), *states.observables]
    return None


def _chosen(states: Any) -> dict[str, Name]:
    if isinstance(states, Mapping):
        return {str(k): v for k, v in cast("Mapping[object, Name]", states).items()}
    return {name: name for name in names_of(states, what="states")}


def _checked(table: Table, chosen: Mapping[str, Name]) -> dict[str, str]:
    try:
        return {column: name_of(name, what="states") for column, name in chosen.items()}
    except InvalidInputError as error:
        raise table.error(f"{error}; rename columns: states={{'column': 'state'}}") from None


def _leave_out(table: Table, columns: Sequence[str], known: Sequence[str] = ()) -> None:
    if columns:
        why = f"the system has {', '.join(known)}" if known else "text, or not part of a long table"
        warnings.warn(
            f"{table.source}: left out: {', '.join(map(escaped, columns))} ({why})",
            TableWarning,
            stacklevel=caller_level(),
        )
