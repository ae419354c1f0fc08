"""What a signal is made of: times, and numbers or learned expressions at them; checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import sympy as sp

from pysymude.errors import InvalidInputError
from pysymude.model.coerce import FloatArray, float_array, name_of, short
from pysymude.model.signal import Signal

__all__ = ["MOST_KNOTS", "SignalValues", "check_points", "signal_values"]

MOST_KNOTS = 100
"""So many values of a signal may be expressions: each is a function of its own on the tape."""


@dataclass(frozen=True, eq=False, repr=False)
class SignalValues:
    """The points of one signal.

    Attributes
    ----------
    times : float64 array, shape (points,)
        Strictly ascending, in the unit of time. Read-only.
    values : float64 array, shape (points,), or tuple of SymPy expressions
        Read-only.
    made : dict
        What plans have made of them, for as long as they live.
    """

    times: FloatArray
    values: FloatArray | tuple[sp.Expr, ...]
    made: dict[Any, Any] = field(default_factory=dict[Any, Any])

    @property
    def knots(self) -> tuple[sp.Expr, ...]:
        """The values where they are expressions; empty where they are numbers."""
        return self.values if isinstance(self.values, tuple) else ()

    @property
    def key(self) -> Any:
        """Equal for equal points."""
        values = self.values if isinstance(self.values, tuple) else self.values.tobytes()
        return self.times.tobytes(), values

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SignalValues) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __reduce__(self) -> Any:
        return SignalValues, (self.times, self.values)

    def __repr__(self) -> str:
        return (
            f"SignalValues({len(self.times)} points from {self.times[0]:g} to {self.times[-1]:g})"
        )


def signal_values(
    given: Any, *, what: str = "signals", expressions: bool = False
) -> dict[str, SignalValues]:
    """Signals by name, from a mapping of signals or names to ``(times, values)``.

    A mapping from times to values, or a pandas Series whose index is time, is a pair as well.

    Raises
    ------
    InvalidInputError
        No mapping, no pair, other lengths, times that do not ascend, a number that is not finite; too few
        points for the kind of a signal.
    """
    if not isinstance(given, Mapping):
        raise InvalidInputError(
            f"{what} takes a mapping such as {{T: (times, values)}}; found {short(given)}"
        )
    found: dict[str, SignalValues] = {}
    for key, pair in cast("Mapping[Any, Any]", given).items():
        name = key.name if isinstance(key, Signal) else name_of(key, what=what)
        if name in found:
            raise InvalidInputError(f"{what} names {name!r} twice, as a signal and as a string")
        found[name] = _points(pair, f"{what}[{name!r}]", expressions)
        if isinstance(key, Signal):
            check_points(key, found[name], f"{what}[{name!r}]")
    return found


def check_points(signal: Signal, values: SignalValues, what: str) -> None:
    """An error where a signal has too few points for its kind."""
    least = 1 if signal.kind == "previous" else 2
    if len(values.times) < least:
        raise InvalidInputError(
            f"{what} has {len(values.times)} point; a signal of kind {signal.kind!r} needs {least} or more"
        )


def _points(pair: Any, what: str, expressions: bool) -> SignalValues:
    if isinstance(pair, SignalValues) and (expressions or not pair.knots):
        return pair
    times, values = _pair(pair, what)
    t = float_array(times, what=f"the times of {what}")
    if t.ndim != 1 or t.size == 0:
        raise InvalidInputError(
            f"the times of {what} must have shape (points,), not empty; found shape {t.shape}"
        )
    _check_finite(t, f"the times of {what}")
    if (bad := np.flatnonzero(np.diff(t) <= 0)).size:
        i = int(bad[0])
        raise InvalidInputError(
            f"the times of {what} must ascend strictly; found {t[i]:g}, then {t[i + 1]:g} at position "
            f"{i + 1}: sort the points, and keep one for each time"
        )
    known = _expressions(values, what) if expressions else None
    if known is not None:
        _check_lengths(t, len(known), what)
        if len(known) > MOST_KNOTS:
            raise InvalidInputError(
                f"{what} has {len(known)} values that are expressions; up to {MOST_KNOTS} are allowed"
            )
        return SignalValues(_frozen(t), known)
    y = float_array(values, what=f"the values of {what}")
    if y.ndim != 1:
        raise InvalidInputError(
            f"the values of {what} must have shape (points,); found shape {y.shape}"
        )
    _check_lengths(t, len(y), what)
    _check_finite(y, f"the values of {what}")
    return SignalValues(_frozen(t), _frozen(y))


def _pair(pair: Any, what: str) -> tuple[Any, Any]:
    if isinstance(pair, Mapping):
        points = cast("Mapping[Any, Any]", pair)
        return list(points.keys()), list(points.values())
    if hasattr(pair, "index") and hasattr(pair, "to_numpy"):  # a Series
        return pair.index.to_numpy(), pair.to_numpy()
    if isinstance(pair, (tuple, list)) and len(cast("Any", pair)) == 2:
        return cast("Any", pair)
    raise InvalidInputError(f"{what} must be a pair (times, values); found {short(pair)}")


def _expressions(values: Any, what: str) -> tuple[sp.Expr, ...] | None:
    """The values as expressions where one of them is more than a number."""
    if not isinstance(values, (tuple, list, sp.Tuple)):
        return None
    entries = list(cast("Any", values))
    if not any(isinstance(v, sp.Expr) and v.free_symbols for v in entries):
        return None
    for v in entries:
        if isinstance(v, bool) or not isinstance(v, (sp.Expr, int, float, np.number)):
            raise InvalidInputError(
                f"the values of {what} must be numbers or expressions; found {v!r}"
            )
    return tuple(cast("sp.Expr", sp.sympify(v, strict=True)) for v in entries)


def _check_lengths(t: FloatArray, count: int, what: str) -> None:
    if len(t) != count:
        raise InvalidInputError(f"{what} has {len(t)} times, but {count} values")


def _check_finite(a: FloatArray, what: str) -> None:
    if (bad := np.flatnonzero(~np.isfinite(a))).size:
        raise InvalidInputError(f"{what} must be finite; found {a[bad[0]]} at position {bad[0]}")


def _frozen(a: FloatArray) -> FloatArray:
    found = np.array(a, dtype=np.float64)
    found.flags.writeable = False
    return found
