"""What a user says of step sizes: tolerances, limits, times at which steps end."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.base import BatchSolution, Method
from pysymude.errors import InvalidInputError, ToleranceWarning
from pysymude.model.calls import caller_level
from pysymude.model.coerce import float_array, meant, name_of
from pysymude.plan.tolerance import magnitudes, scaled_abstol

__all__ = ["Control", "check_tolerance", "warn_of_abstol"]

Float = NDArray[np.float64]

_SHOWN = 3  # states of a warning


@dataclass(frozen=True)
class Control:
    """The keywords of `solve` that decide step sizes, as they were given."""

    reltol: Any = 1e-6
    abstol: Any = None
    max_steps: Any = None
    dtmax: Any = None
    tstops: Any = ()

    @property
    def is_plain(self) -> bool:
        """Whether two tolerances are all that was given."""
        two = type(self.reltol) is float and type(self.abstol) is float
        rest = self.max_steps is None and self.dtmax is None
        return two and rest and type(self.tstops) is tuple and not self.tstops

    def checked(self, states: Sequence[str], size: Callable[[], Float]) -> dict[str, Any]:
        """Fields of a `Method`; `size` gives the magnitudes of the states, 0 where not known.

        With a row for each experiment, so has the absolute tolerance wherever it follows them.
        """
        reltol = check_tolerance("reltol", self.reltol)
        return {
            "reltol": reltol,
            "abstol": _absolute(self.abstol, states, lambda: scaled_abstol(size(), reltol)),
            "asked_abstol": _asked(self.abstol),
            "max_steps": _count(self.max_steps),
            "dtmax": _positive("dtmax", self.dtmax),
            "tstops": _times(self.tstops),
        }


def warn_of_abstol(method: Method, states: Sequence[str], found: BatchSolution) -> None:
    """A warning that names a state which lives below the absolute tolerance that the user gave it."""
    if method.asked_abstol is None:
        return
    # between few outputs it may be large
    sizes = found.u if found.sizes is None else found.sizes
    sizes = sizes[0] if sizes.ndim == 2 and len(sizes) == 1 else magnitudes(sizes)
    given: Any = method.abstol if isinstance(method.abstol, tuple) else repeat(method.abstol)
    each = zip(states, sizes.tolist(), given, strict=False)
    small = [(name, size, abstol) for name, size, abstol in each if 0.0 < size < abstol]
    if small:
        text = _too_small(tuple(small[:_SHOWN]), len(small) - _SHOWN)
        warnings.warn(text, ToleranceWarning, stacklevel=caller_level())


@lru_cache(maxsize=64)
def _too_small(shown: tuple[tuple[str, float, float], ...], more: int) -> str:
    """What is said of states, their sizes and their absolute tolerances, and how many more there are."""
    better = ", ".join([f"{name}: {1e-8 * size:.0e}" for name, size, _ in shown])
    if len(shown) == 1:
        ((name, size, abstol),) = shown
        said = (
            f"state {name!r} stays below {size:g}, less than its absolute tolerance {abstol:g}: its"
        )
    else:
        names = ", ".join([repr(name) for name, _, _ in shown])
        if more > 0:
            names, better = f"{names} and {more} more", f"{better}, ..."
        said = f"states stay below their absolute tolerances, {names}: their"
    return f"{said} digits mean nothing; give abstol={{{better}}}, or leave abstol out"


def check_tolerance(name: str, value: Any) -> float:
    """`value` as a float, else an error that shows a usual one.

    A relative tolerance lies between 1e-15 and 1; an absolute one has the unit of the states, whose
    size is the user's affair.
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if name == "reltol":
        valid, wanted = 1e-15 <= number < 1, "a number between 1e-15 and 1, such as 1e-6"
    else:
        valid, wanted = 0 < number < float("inf"), "a positive number, such as 1e-8"
    if not valid:
        raise InvalidInputError(f"{name} must be {wanted}; found {value!r}")
    return number


def _absolute(given: Any, states: Sequence[str], default: Callable[[], Float]) -> tuple[Any, ...]:
    """One absolute tolerance a state."""
    if given is None:
        return _nested(default())
    if isinstance(given, Mapping):
        found = default()
        for key, value in given.items():
            name = name_of(key, what="abstol")
            if name not in states:
                raise InvalidInputError(
                    f"abstol names {name!r}, which is no state; the states are {', '.join(states)}"
                    f"{meant(name, states)}"
                )
            found[..., list(states).index(name)] = check_tolerance(f"abstol of {name}", value)
        return _nested(found)
    if isinstance(given, (list, tuple, np.ndarray)):
        array = float_array(given, what="abstol")
        if array.shape != (len(states),):
            raise InvalidInputError(
                f"abstol must be a number, a mapping from state to number, or one number for each of "
                f"{', '.join(states)}; found shape {array.shape}"
            )
        return tuple(check_tolerance("abstol", v) for v in array.tolist())
    return (check_tolerance("abstol", given),) * len(states)


def _nested(abstol: Float) -> tuple[Any, ...]:
    """As tuples, which compare and hash."""
    rows = abstol.tolist()
    return tuple(rows) if abstol.ndim == 1 else tuple(map(tuple, rows))


def _asked(given: Any) -> Any:
    """As it was given, in a form that JSON can hold."""
    if given is None:
        return None
    if isinstance(given, Mapping):
        return tuple((name_of(k, what="abstol"), float(v)) for k, v in given.items())
    if isinstance(given, (list, tuple, np.ndarray)):
        return tuple(np.asarray(given, dtype=np.float64).tolist())
    return float(given)


def _count(given: Any) -> int | None:
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, (int, np.integer)) or given < 1:
        raise InvalidInputError(f"max_steps must be a positive integer; found {given!r}")
    return int(given)


def _positive(name: str, given: Any) -> float:
    if given is None:
        return float("inf")
    try:
        number = float(given)
    except (TypeError, ValueError):
        number = float("nan")
    if not number > 0:
        raise InvalidInputError(
            f"{name} must be a positive number, in the unit of time; found {given!r}"
        )
    return number


def _times(given: Any) -> tuple[float, ...]:
    if isinstance(given, tuple) and not given:
        return ()
    array = float_array(given, what="tstops")
    if array.ndim != 1 or not np.isfinite(array).all():
        raise InvalidInputError(f"tstops must be finite times, such as [3.0, 3.5]; found {given!r}")
    return tuple(np.unique(array).tolist())
