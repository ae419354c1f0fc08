"""The checks on what one experiment says: its columns, times, values, start and noise."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, cast

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pysymude.errors import InvalidInputError
from pysymude.model.coerce import (
    FloatArray,
    float_array,
    name_of,
    names_of,
    number_of,
    numbers_by_name,
    short,
)
from pysymude.model.distributions.distribution import Distribution
from pysymude.model.period import Given, Period, given_values

__all__ = [
    "check_changes",
    "check_start",
    "checked_censored",
    "checked_columns",
    "checked_noise",
    "checked_times",
    "checked_trainable",
    "checked_u0",
    "checked_values",
    "first_start",
]


def first_start(times: FloatArray, periods: tuple[Period, ...]) -> float:
    """Where an experiment starts of which nothing is said: at its first row, or its first period before that."""
    known = [p.start for p in periods if isinstance(p.start, float) and not p.is_steady]
    return min([float(times[0]), *known[:1]])


def checked_columns(states: object) -> tuple[str, ...]:
    """Names of the columns of `u`, in their order; a set has none and is refused."""
    if isinstance(states, set | frozenset):
        raise InvalidInputError("states needs an order, one name per column of u: pass a list")
    return names_of(states, what="states")


def checked_times(t: object) -> FloatArray:
    """Measurement times, float64 of shape (times,), finite and ascending; equal ones are allowed."""
    times = float_array(t, what="t")
    if times.ndim != 1 or times.size == 0:
        raise InvalidInputError(
            f"t must have shape (times,), not empty; found shape {times.shape}; "
            "for several experiments pass lists: Dataset.from_arrays([t1, t2], [u1, u2], ...)"
        )
    if (bad := np.flatnonzero(~np.isfinite(times))).size:
        raise InvalidInputError(f"t must be finite; found t[{bad[0]}] = {times[bad[0]]}")
    if (bad := np.flatnonzero(np.diff(times) < 0)).size:
        i = int(bad[0])
        raise InvalidInputError(
            f"t must ascend; found t[{i}] = {times[i]}, then t[{i + 1}] = {times[i + 1]}: "
            "sort the rows, and put other experiments in trajectories of their own"
        )
    return times


def check_changes(t0: float, periods: tuple[Period, ...], doses: Mapping[str, Any]) -> None:
    """That periods and doses, where their times are numbers, lie where the experiment is."""
    for period in periods:
        if isinstance(period.start, float) and not period.is_steady and period.start < t0:
            raise InvalidInputError(
                f"the period that starts at {period.start:g} begins before the experiment, at t0 = {t0:g}; "
                "give an earlier t0="
            )
    for name, pairs in doses.items():
        for time, _ in pairs:
            if isinstance(time, float) and time < t0:
                raise InvalidInputError(
                    f"doses[{name!r}] has a dose at {time:g}, before the experiment starts at t0 = {t0:g}; "
                    f"give t0={time:g} with the state there as u0="
                )


def check_start(times: FloatArray, t0: float, u0_given: bool) -> None:
    """That `t0` does not lie after the first time, and that the rows can show a change."""
    if t0 > times[0]:
        raise InvalidInputError(
            f"t0 must not be after the first time; t0 = {t0}, t[0] = {times[0]}"
        )
    if times[0] == times[-1] and not (t0 < times[0] and u0_given):
        raise InvalidInputError(
            f"one time ({times[0]}) shows no change: give two or more, or an earlier t0= and u0="
        )


def checked_values(u: object, times: FloatArray, columns: tuple[str, ...]) -> FloatArray:
    """Measurements, float64 of shape (times, columns), each finite or NaN."""
    values = float_array(u, what="u")
    if values.ndim == 1 and len(columns) == 1:
        values = values[:, None]
    wanted = (len(times), len(columns))
    if values.shape != wanted:
        hint = "transpose it: u.T" if values.shape == wanted[::-1] else f"states: {columns!r}"
        raise InvalidInputError(
            f"u must have shape (times, columns) = {wanted}; found {values.shape}: {hint}"
        )
    if np.isinf(values).any():
        row, column = (int(i) for i in np.argwhere(np.isinf(values))[0])
        raise InvalidInputError(
            f"u must be finite; found {values[row, column]} in column {columns[column]!r} at "
            f"t = {times[row]}: write NaN for what was not measured"
        )
    return values


def checked_u0(u0: object, columns: tuple[str, ...]) -> dict[str, Given]:
    """Explicit initial values by name, from a mapping or from one number per column."""
    if u0 is None:
        return {}
    if isinstance(u0, Mapping):
        return given_values(cast("object", u0), what="u0")
    values = float_array(u0, what="u0")
    if values.shape != (len(columns),):
        raise InvalidInputError(
            f"u0 must be a mapping or have one entry for each of {', '.join(columns)}; "
            f"found shape {values.shape}"
        )
    return dict(numbers_by_name(dict(zip(columns, values, strict=True)), what="u0"))


def checked_trainable(trainable: Any) -> bool | tuple[str, ...] | None:
    """All, none, or the sorted names of the states whose initial value is learned; None: nothing said."""
    if trainable is None:
        return None
    if isinstance(trainable, bool | np.bool_):
        return bool(cast("bool", trainable))
    if isinstance(trainable, Collection) and not trainable:
        return False
    # sorted, since the order of a set changes from process to process
    return tuple(sorted(names_of(cast("object", trainable), what="trainable_u0")))


def checked_noise(
    noise: object, columns: tuple[str, ...], u: FloatArray
) -> dict[str, float | FloatArray]:
    """Standard deviations of columns, a number or one a row, in the column's unit; empty for None.

    A mapping may leave out columns whose noise the system knows; `bind` asks for that.
    """
    if noise is None:
        return {}
    if isinstance(noise, Mapping):
        given = _by_column(cast("Mapping[object, object]", noise), columns)
    elif np.ndim(cast("Any", noise)) == 0:
        given = dict.fromkeys(columns, noise)
    else:
        given = dict(zip(columns, _noise_columns(noise, u), strict=True))
    return {
        column: _scale(given[column], column, u[:, k])
        for k, column in enumerate(columns)
        if column in given
    }


def _by_column(noise: Mapping[object, object], columns: tuple[str, ...]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in noise.items():
        if (name := name_of(key, what="noise")) in found:
            raise InvalidInputError(f"noise names {name!r} twice, as a symbol and as a string")
        found[name] = value
    if unknown := sorted(set(found) - set(columns)):
        raise InvalidInputError(
            f"noise names {unknown[0]!r}, which is no column; columns: {', '.join(columns)}"
        )
    return found


def _noise_columns(noise: object, u: FloatArray) -> list[FloatArray]:
    """The columns of an array of the shape of `u`; for one column it may be flat."""
    array = float_array(noise, what="noise")
    if array.ndim == 1 and u.shape == (len(array), 1):
        array = array[:, None]
    if array.shape != u.shape:
        raise InvalidInputError(
            f"noise must be a number; found {short(noise)}. It may also be a mapping from "
            f"column to number or array (times,), or an array of the shape of u, {u.shape}"
        )
    return list(array.T)


def _scale(given: object, column: str, u: FloatArray) -> float | FloatArray:
    """A positive number, or one for each row in which something was measured."""
    if isinstance(given, Distribution | sp.Basic) and not getattr(given, "is_number", False):
        raise InvalidInputError(
            f"noise[{column!r}] of data must be numbers; found {short(given)}. A distribution or an "
            f"expression stands with the system: psu.ODESystem(..., noise={{{column!r}: {given}}})"
        )
    if np.ndim(cast("Any", given)) == 0:
        scale = number_of(given, what=f"noise[{column!r}]")
        if scale <= 0:
            raise InvalidInputError(f"noise[{column!r}] must be positive; found {scale}")
        return scale
    scales = float_array(given, what=f"noise[{column!r}]")
    if scales.shape != u.shape:
        raise InvalidInputError(
            f"noise[{column!r}] must be a number or have one for each of the {len(u)} times; found "
            f"shape {scales.shape}"
        )
    wrong = np.flatnonzero(~np.isnan(u) & ~(np.isfinite(scales) & (scales > 0)))
    if wrong.size:
        row = int(wrong[0])
        raise InvalidInputError(
            f"noise[{column!r}] must be positive wherever something was measured; found {scales[row]} "
            f"in row {row}"
        )
    return np.where(np.isnan(u), np.nan, scales)


def checked_censored(censored: object, u: FloatArray, columns: tuple[str, ...]) -> NDArray[np.int8]:
    """-1, 0 or 1 for each entry of `u`; 0 where nothing is given."""
    if censored is None:
        return np.zeros(u.shape, np.int8)
    signs = float_array(censored, what="censored")
    if signs.ndim == 1 and u.shape == (len(signs), 1):
        signs = signs[:, None]
    if signs.shape != u.shape:
        raise InvalidInputError(
            f"censored must have the shape of u, {u.shape}; found {signs.shape}"
        )
    if not np.isin(signs, (-1.0, 0.0, 1.0)).all():
        row, k = (int(i) for i in np.argwhere(~np.isin(signs, (-1.0, 0.0, 1.0)))[0])
        raise InvalidInputError(
            f"censored takes -1 (below the value in u), 0 (measured) and 1 (above); found {signs[row, k]} "
            f"in column {columns[k]!r}, row {row}"
        )
    if (bad := np.argwhere((signs != 0) & np.isnan(u))).size:
        row, k = (int(i) for i in bad[0])
        raise InvalidInputError(
            f"censored says that column {columns[k]!r} lies beyond a limit in row {row}, where u is NaN; "
            "write the limit into u"
        )
    return signs.astype(np.int8)
