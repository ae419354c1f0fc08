"""The checks on what one experiment says: its columns, times, values, start and noise."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, cast

import numpy as np

from pysymude.errors import InvalidInputError
from pysymude.model.coerce import FloatArray, float_array, names_of, number_of, numbers_by_name

__all__ = [
    "check_start",
    "checked_columns",
    "checked_noise",
    "checked_times",
    "checked_trainable",
    "checked_u0",
    "checked_values",
]


def checked_columns(states: object) -> tuple[str, ...]:
    """Names of the columns of `u`, in their order; a set has none and is refused."""
    if isinstance(states, set | frozenset):
        raise InvalidInputError("states needs an order, one name per column of u: pass a list")
    return names_of(states, what="states")


def checked_times(t: object) -> FloatArray:
    """Measurement times, float64 of shape (times,), finite and strictly ascending."""
    times = float_array(t, what="t")
    if times.ndim != 1 or times.size == 0:
        raise InvalidInputError(
            f"t must have shape (times,), not empty; found shape {times.shape}; "
            "for several experiments pass lists: Dataset.from_arrays([t1, t2], [u1, u2], ...)"
        )
    if (bad := np.flatnonzero(~np.isfinite(times))).size:
        raise InvalidInputError(f"t must be finite; found t[{bad[0]}] = {times[bad[0]]}")
    if (bad := np.flatnonzero(np.diff(times) <= 0)).size:
        i = int(bad[0])
        raise InvalidInputError(
            f"t must ascend strictly; found t[{i}] = {times[i]}, then t[{i + 1}] = {times[i + 1]}: "
            "sort the rows, and put repeated measurements in trajectories of their own"
        )
    return times


def check_start(times: FloatArray, t0: float, u0_given: bool) -> None:
    """That `t0` does not lie after the first time, and that the rows can show a change."""
    if t0 > times[0]:
        raise InvalidInputError(
            f"t0 must not be after the first time; t0 = {t0}, t[0] = {times[0]}"
        )
    if len(times) == 1 and not (t0 < times[0] and u0_given):
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


def checked_u0(u0: object, columns: tuple[str, ...]) -> dict[str, float]:
    """Explicit initial values by name, from a mapping or from one number per column."""
    if u0 is None:
        return {}
    if isinstance(u0, Mapping):
        return numbers_by_name(cast("object", u0), what="u0")
    values = float_array(u0, what="u0")
    if values.shape != (len(columns),):
        raise InvalidInputError(
            f"u0 must be a mapping or have one entry for each of {', '.join(columns)}; "
            f"found shape {values.shape}"
        )
    return numbers_by_name(dict(zip(columns, values, strict=True)), what="u0")


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


def checked_noise(noise: object, columns: tuple[str, ...]) -> dict[str, float]:
    """Standard deviation of every column, positive, in the column's unit; empty for None."""
    if noise is None:
        return {}
    if isinstance(noise, Mapping):
        scales = numbers_by_name(cast("object", noise), what="noise")
    else:
        scales = dict.fromkeys(columns, number_of(noise, what="noise"))
    # a column without a scale would be weighed in another unit than its neighbours
    if set(scales) != set(columns):
        raise InvalidInputError(
            f"noise must name each column once; columns: {', '.join(columns)}; "
            f"noise names: {', '.join(scales)}"
        )
    for column, scale in scales.items():
        if scale <= 0:
            raise InvalidInputError(f"noise[{column!r}] must be positive; found {scale}")
    return {column: scales[column] for column in columns}
