"""One experiment: when was measured, what was found, from where it started."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import chain
from types import MappingProxyType
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import ArrayLike, NDArray

from pysymude.errors import InvalidInputError
from pysymude.model.calls import explained
from pysymude.model.coerce import FloatArray, Name, name_of, number_of
from pysymude.model.measurements import (
    check_changes,
    check_start,
    checked_censored,
    checked_columns,
    checked_noise,
    checked_times,
    checked_trainable,
    checked_u0,
    checked_values,
    first_start,
)
from pysymude.model.period import (
    Doses,
    Given,
    Period,
    checked_doses,
    checked_periods,
    given_values,
)
from pysymude.model.signal_values import SignalValues, signal_values
from pysymude.model.symbols import check_label, check_name
from pysymude.model.units import checked_units

__all__ = ["Trajectory"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Trajectory:
    """One experiment; build it with `Trajectory.from_arrays`, which checks its input.

    Attributes
    ----------
    t : float64 array, shape (times,)
        Ascending measurement times, in the unit of time; equal ones are repeated measurements. Read-only.
    u : float64 array, shape (times, columns)
        Measurements, each column in its own unit; NaN is not measured. Read-only.
    columns : tuple of str
        The state or observable that each column of `u` measures.
    u0 : mapping from state to float or SymPy expression
        Only the initial values that were given explicitly. Read-only.
    t0 : float
        Start time, at most ``t[0]``.
    trainable_u0 : None, bool or tuple of str
        Whether all initial values are learned, or the names of those that are, sorted; None where
        nothing was said.
    parameters : mapping from parameter to float or SymPy expression
        Values of this experiment only. Read-only.
    noise : mapping from column to float, or to float64 array of shape (times,)
        Standard deviation of each column, in its unit; empty when unknown. Read-only.
    name : str
        Unique within a `Dataset`.
    censored : int8 array, shape (times, columns)
        0 where `u` was measured; where `u` holds a limit instead, -1 says below it, 1 above. Read-only.
    periods : tuple of Period
        What changes at known times.
    doses : mapping from state to tuple of (time, amount)
        What is added to states at known times. Read-only.
    signals : mapping from signal to SignalValues
        Points of the measured inputs of this experiment. Read-only.
    units : mapping from column, or "t", to str
        What figures write behind names. Read-only.
    """

    t: FloatArray
    u: FloatArray
    columns: tuple[str, ...]
    u0: Mapping[str, Given]
    t0: float
    trainable_u0: bool | tuple[str, ...] | None
    parameters: Mapping[str, Given]
    noise: Mapping[str, float | FloatArray]
    name: str
    censored: NDArray[np.int8] = field(default_factory=lambda: np.zeros(0, np.int8))
    periods: tuple[Period, ...] = ()
    doses: Doses = field(default_factory=dict[str, tuple[tuple[Given, Given], ...]])
    signals: Mapping[str, SignalValues] = field(default_factory=dict[str, SignalValues])
    units: Mapping[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        # here, since `replace` and unpickling come this way too
        check_label(self.name, what="the name of a trajectory")
        for name in self._names():
            check_name(name, what="a name in a trajectory")
        if not len(self.censored):
            object.__setattr__(self, "censored", np.zeros(np.shape(self.u), np.int8))
        for which, kind in (("t", np.float64), ("u", np.float64), ("censored", np.int8)):
            object.__setattr__(self, which, _frozen(getattr(self, which), kind))
        for which in ("u0", "parameters", "doses", "signals", "units"):
            object.__setattr__(self, which, MappingProxyType(dict(getattr(self, which))))
        noise = {c: _frozen(s, np.float64) if np.ndim(s) else s for c, s in self.noise.items()}
        object.__setattr__(self, "noise", MappingProxyType(noise))

    @classmethod
    @explained
    def from_arrays(
        cls,
        t: ArrayLike,
        u: ArrayLike,
        *,
        states: Name | Sequence[Name],
        u0: Mapping[Any, Any] | ArrayLike | None = None,
        t0: float | None = None,
        trainable_u0: bool | Name | Collection[Name] | None = None,
        parameters: Mapping[Any, Any] | None = None,
        noise: float | ArrayLike | Mapping[Any, float | ArrayLike] | None = None,
        censored: ArrayLike | None = None,
        periods: Sequence[Period] | Period | None = None,
        doses: Mapping[Any, Any] | None = None,
        signals: Mapping[Any, Any] | None = None,
        units: Mapping[Any, str] | None = None,
        name: str = "",
    ) -> Trajectory:
        """A checked trajectory; the arrays are copied.

        Parameters
        ----------
        t : array, shape (times,)
            Ascending, finite; a time that comes again is a repeated measurement. Two different ones or
            more; one is enough after a `t0` with a `u0`.
        u : array, shape (times, columns), or (times,) for one column
            Measurements; NaN is not measured.
        states : symbols or strings
            The state or observable in each column of `u`.
        u0 : mapping from symbol or name to float, or array, shape (columns,), optional
            Initial values. The mapping may name states that are no column; a state that it leaves
            out starts at the first row, or at the mean of those rows that share its time. An expression
            of trainable parameters is learned with them.
        t0 : float, optional
            Start time, by default ``t[0]``, or the first period's start where that is earlier.
        trainable_u0 : bool, or symbols and names, optional
            Learn all initial values, or those of some states, or none of them. By default `fit` learns
            those that were only measured, in the first row, and takes those in `u0` as known.
        parameters : mapping from symbol or name to float or SymPy expression, optional
            Values of parameters in this experiment only; also of trainable ones. An expression of
            trainable parameters is learned with them.
        noise : float, array of the shape of `u`, or mapping from column to float or array, optional
            Standard deviation of the measurement, in the unit of the column; positive. An array has one
            number for each measurement; in a mapping its shape is (times,).
        censored : array of the shape of `u`, optional
            -1 where the value lies below the number in `u`, 1 where it lies above, 0 where it is the number.
        periods : sequence of Period, optional
            Other parameter values and changed states from known times on; see `Period`.
        doses : mapping from state to sequence of (time, amount), optional
            What is added to a state, at times of `t`. Times and amounts may be expressions of trainable
            parameters. A measurement at the time of a dose was made after it.
        signals : mapping from Signal or name to (times, values), optional
            Measured inputs of this experiment, at times of their own; see `Signal`.
        units : mapping from column, or "t", to str, optional
            What figures write behind names, such as ``{"t": "h", "x": "mg/l"}``; no number is converted.
        name : str
            How results call this experiment.

        Raises
        ------
        InvalidInputError
            Wrong shapes, times that do not ascend, infinite or missing numbers where one is
            needed, names that are none or come twice.

        Examples
        --------
        >>> u = [[1, 5], [2, 4], [3, float("nan")]]
        >>> Trajectory.from_arrays([0, 1, 2], u, states=["x", "y"])
        Trajectory(3 times from 0.0 to 2.0, columns x, y, 5 of 6 measured)
        """
        columns = checked_columns(states)
        times = checked_times(t)
        changes, added = checked_periods(periods), checked_doses(doses)
        start = first_start(times, changes) if t0 is None else number_of(t0, what="t0")
        check_changes(start, changes, added)
        check_start(times, start, u0 is not None)
        values = checked_values(u, times, columns)
        return cls(
            t=times,
            u=values,
            columns=columns,
            u0=checked_u0(u0, columns),
            t0=start,
            trainable_u0=checked_trainable(trainable_u0),
            parameters=given_values({} if parameters is None else parameters, what="parameters"),
            noise=checked_noise(noise, columns, values),
            name=name,
            censored=checked_censored(censored, values, columns),
            periods=changes,
            doses=added,
            signals=signal_values({} if signals is None else signals),
            units=checked_units({} if units is None else units, columns, "the data"),
        )

    def initial_state(self, states: Sequence[Name]) -> FloatArray:
        """The state at `t0`: explicit values, and for other states what was measured first.

        Where several rows share the first time, it is the mean of what they measured.

        Parameters
        ----------
        states : sequence of names or symbols
            The order of the result.

        Returns
        -------
        float64 array, shape (states,)

        Raises
        ------
        InvalidInputError
            A state was neither given in `u0` nor measured at `t0`.
        """
        return np.array([self._initial(name_of(s, what="states")) for s in states], np.float64)

    def first_measured(self, column: str) -> float:
        """The mean of what was measured in the rows of the first time; NaN where nothing was."""
        here = self.t == self.t[0], self.columns.index(column)
        known = self.u[here][(self.censored[here] == 0) & ~np.isnan(self.u[here])]
        return float(known.mean()) if known.size else float("nan")

    def _initial(self, state: str) -> float:
        if state in self.u0:
            given = self.u0[state]
            if isinstance(given, float):
                return given
            raise InvalidInputError(
                f"the initial value of {state!r} is {given}, which is known only with its parameters"
            )
        if state in self.changed_at_start:
            reason = (
                f"it changes at t = {self.t0}, and what was measured there was measured after that"
            )
        elif state not in self.columns:
            reason = f"it is not among the columns {', '.join(self.columns)}"
        elif self.t0 < self.t[0]:
            reason = f"the first row is at t = {self.t[0]}, after t0 = {self.t0}"
        elif not np.isnan(found := self.first_measured(state)):
            return found
        else:
            here = self.t == self.t[0], self.columns.index(state)
            limited = bool((self.censored[here] != 0).any())
            reason = f"it is {'only a limit' if limited else 'not measured'} in the first row"
        label = f" of trajectory {self.name!r}" if self.name else ""
        raise InvalidInputError(
            f"no initial value of state {state!r}{label}: {reason}; pass u0={{{state!r}: ...}}, or learn it: "
            f"ODESystem(..., trainable={{start: 1.0}}, initial={{{state}: start}}) with a parameter `start`"
        )

    def _names(self) -> Iterator[str]:
        yield from chain(self.columns, self.u0, self.parameters, self.noise, self.doses)
        yield from self.signals
        for period in self.periods:
            yield from period.names
        if isinstance(self.trainable_u0, tuple):
            yield from self.trainable_u0

    @property
    def n_measured(self) -> int:
        """How many entries of `u` are measured, that is, not NaN."""
        return int(np.count_nonzero(~np.isnan(self.u)))

    @property
    def changed_at_start(self) -> frozenset[str]:
        """States that a dose or a period changes at `t0` itself."""
        dosed = (k for k, pairs in self.doses.items() if any(time == self.t0 for time, _ in pairs))
        sets = (k for period in self.periods if period.start == self.t0 for k in period.set)
        return frozenset((*dosed, *sets))

    @property
    def changes(self) -> bool:
        """Whether something in it is no number, or changes on the way: then it is solved in parts."""
        several = bool(self.periods or self.doses)
        return several or any(isinstance(v, sp.Expr) for v in self.parameters.values())

    @property
    def read(self) -> frozenset[str]:
        """The names of all symbols in its expressions."""
        pairs = (value for several in self.doses.values() for pair in several for value in pair)
        parts = (
            v for p in self.periods for v in (p.start, *p.set.values(), *p.parameters.values())
        )
        given = (*self.u0.values(), *self.parameters.values(), *pairs, *parts)
        return frozenset(str(s) for v in given if isinstance(v, sp.Expr) for s in v.free_symbols)

    def noise_array(self) -> FloatArray:
        """The standard deviation of each measurement, float64 (times, columns); NaN where none is given."""
        found = np.full(self.u.shape, np.nan)
        for column, scale in self.noise.items():
            found[:, self.columns.index(column)] = scale
        return found

    def truncated(self, t_end: float) -> Trajectory:
        """The same experiment with the rows at ``t <= t_end`` only.

        Raises
        ------
        InvalidInputError
            Too few rows are left: see `from_arrays`.
        """
        end = number_of(t_end, what="t_end")
        keep = self.t <= end
        if not keep.any():
            raise InvalidInputError(f"truncated({end}) leaves no row: t starts at {self.t[0]}")
        check_start(self.t[keep], self.t0, bool(self.u0))
        noise = {c: s[keep] if isinstance(s, np.ndarray) else s for c, s in self.noise.items()}
        return replace(
            self, t=self.t[keep], u=self.u[keep], noise=noise, censored=self.censored[keep]
        )

    def renamed(self, name: str) -> Trajectory:
        """The same experiment under another name."""
        return replace(self, name=name)

    def __len__(self) -> int:
        return len(self.t)

    def __repr__(self) -> str:
        label = f"{self.name!r}: " if self.name else ""
        return (
            f"Trajectory({label}{len(self)} times from {self.t[0]} to {self.t[-1]}, "
            f"columns {', '.join(self.columns)}, {self.n_measured} of {self.u.size} measured)"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        # read-only mappings cannot be pickled or deep-copied; __post_init__ makes them again
        from pysymude.model.period_text import changes_to_text

        found = {f.name: getattr(self, f.name) for f in fields(self)}
        # and expressions travel as text
        found |= {"noise": dict(self.noise), "signals": dict(self.signals)}
        found |= {"units": dict(self.units)}
        found |= {"periods": [], "doses": {}, **changes_to_text(self)}
        return _again, (found,)


def _again(found: dict[str, Any]) -> Trajectory:
    """The inverse of `Trajectory.__reduce__`."""
    from pysymude.model.period_text import changes_from_text

    changes = changes_from_text(found)
    pairs = {k: tuple(several) for k, several in changes["doses"].items()}
    found |= {
        "u0": changes["u0"] or {}, "parameters": changes["parameters"] or {},
        "periods": tuple(changes["periods"]), "doses": pairs,
    }  # fmt: skip
    return Trajectory(**found)


def _frozen(values: Any, kind: Any) -> NDArray[Any]:
    """A copy that cannot be written."""
    array = np.array(values, dtype=kind, order="C")
    array.flags.writeable = False
    return array
