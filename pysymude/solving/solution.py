"""Solutions as NumPy arrays with names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pysymude.engines.outcomes import ReturnCode
from pysymude.errors import InvalidInputError, SolveFailedError
from pysymude.model.calls import explained
from pysymude.model.coerce import float_array, label_of
from pysymude.model.html_table import html_table, sentence
from pysymude.model.units import with_unit
from pysymude.solving.tabular import data_frame, data_set

__all__ = ["EnsembleSolution", "EventRecord", "Solution", "Stats"]

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Stats:
    """Work done: steps tried, accepted and rejected."""

    steps: int
    accepted: int
    rejected: int


@dataclass(frozen=True, eq=False)
class EventRecord:
    """Where an event happened.

    Attributes
    ----------
    t : float64 array, shape (n,)
        Times, ascending.
    u : float64 array, shape (n, states)
        The states there; those just before, where the event sets some.
    """

    t: Float
    u: Float

    def __len__(self) -> int:
        return len(self.t)

    def __repr__(self) -> str:
        return f"EventRecord({len(self)} at t = {np.array2string(self.t, threshold=6)})"


@dataclass(frozen=True, eq=False)
class Solution:
    """A trajectory.

    Attributes
    ----------
    t : float64 array, shape (times,)
        Where a terminating event ended the solve, the times before it and the event's own.
    u : float64 array, shape (times, states)
        NaN after the point where a failed solve stopped.
    states : tuple of str
        The columns of `u`.
    retcode : ReturnCode
        `retcode.value` is a sentence; `success` is short for `retcode.successful`.
    stats : Stats
    engine, solver : str
        What computed it.
    observables : mapping from name to float64 array, shape (times,)
    events : mapping from name to EventRecord
        One entry for each of the `events` of the solve and of the system, empty ones included; where an event
        sets states, those before.
    units : mapping from name to str
        Those of the system; ``"t"`` is time.

    Examples
    --------
    ``sol["x"]`` is the column of a state or an observable, by name or by symbol; ``sol(0.5)`` is the state
    at a time between the outputs.
    """

    t: Float
    u: Float
    states: tuple[str, ...]
    retcode: ReturnCode
    stats: Stats
    engine: str
    solver: str
    observables: Mapping[str, Float]
    events: Mapping[str, EventRecord] = field(default_factory=dict[str, EventRecord])
    units: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    again: Any = field(default=None, repr=False)

    def __call__(self, t: ArrayLike) -> Float:
        """The states at other times: (states,) for one time, (times, states) for several in any order.

        The same steps are taken again and read at these times by the solver's dense output; what was
        output already comes back as it is.

        Raises
        ------
        InvalidInputError
            A time outside of the solution, or a solution that was not made by `solve` or `predict`.
        SolveFailedError
            The solve did not get that far.
        """
        found = _between(self, self.u[None], t)[0]
        if np.isnan(found).any():
            raise SolveFailedError(
                f"the solve did not get that far: {self.retcode.name}: {self.message}",
                solution=self,
            )
        return found

    def plot(self, **keywords: Any) -> Any:
        """A matplotlib figure; keywords such as ``phase=("x", "y")`` go to `pysymude.plot.plot_solution`."""
        from pysymude.plot import plot_solution

        return plot_solution(self, **keywords)

    def to_dataframe(self) -> Any:
        """A pandas data frame: states and observables as columns, the times as its index; units in its `attrs`.

        Raises
        ------
        MissingPackageError
            pandas is not installed.
        """
        return data_frame(self, "Solution.to_dataframe")

    def to_xarray(self) -> Any:
        """An `xarray.Dataset`: states and observables over the dimension ``t``.

        Raises
        ------
        MissingPackageError
            xarray is not installed.
        """
        return data_set(self, "Solution.to_xarray")

    @property
    def success(self) -> bool:
        """Whether the solve reached the end, or a terminating event."""
        return self.retcode.successful

    @property
    def message(self) -> str:
        """The return code's sentence."""
        return self.retcode.value

    def __getitem__(self, name: Any) -> Float:
        return _column(self, name)

    def _repr_html_(self) -> str:
        names = (*self.states, *self.observables)
        some = (
            range(len(self.t))
            if len(self.t) <= 10
            else [*range(5), *range(len(self.t) - 5, len(self.t))]
        )
        rows = [[float(self.t[i]), *(float(self[name][i]) for name in names)] for i in some]
        how = f"{self.retcode.name}; {self.solver} on {self.engine}, {self.stats.steps} steps"
        head = [with_unit(name, self.units) for name in ("t", *names)]
        return sentence(f"{len(self.t)} times; {how}") + html_table(head, rows)

    def raise_for_retcode(self) -> Solution:
        """Itself when the solve succeeded.

        Raises
        ------
        SolveFailedError
            Otherwise, with the return code's sentence; `.solution` is this object.
        """
        if not self.success:
            raise SolveFailedError(f"{self.retcode.name}: {self.message}", solution=self)
        return self

    def __repr__(self) -> str:
        return (
            f"Solution({self.u.shape[0]} times x {', '.join(self.states)}; {self.retcode.name}, "
            f"{self.stats.accepted} steps, {self.solver} on {self.engine})"
        )


@dataclass(frozen=True, eq=False)
class EnsembleSolution:
    """Trajectories of one system; made by `solve_ensemble`.

    Attributes
    ----------
    t : float64 array, shape (times,)
    u : float64 array, shape (trajectories, times, states)
        NaN after the point where a failed solve stopped.
    states : tuple of str
        The columns of `u`.
    retcodes : tuple of ReturnCode
        One a trajectory.
    counts : integer array, shape (trajectories, 3)
        Steps tried, accepted and rejected; `stats` has the sums.
    engine, solver : str
        What computed it.
    observables : mapping from name to float64 array, shape (trajectories, times)
    units : mapping from name to str
        Those of the system; ``"t"`` is time.

    Examples
    --------
    ``ensemble["x"]`` is a state or an observable, shape (trajectories, times); ``ensemble[3]`` is the
    `Solution` of one trajectory, and ``ensemble(0.5)`` the states of all at another time.
    """

    t: Float
    u: Float
    states: tuple[str, ...]
    retcodes: tuple[ReturnCode, ...]
    counts: NDArray[np.int64]
    engine: str
    solver: str
    observables: Mapping[str, Float]
    units: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    again: Any = field(default=None, repr=False)

    def __call__(self, t: ArrayLike) -> Float:
        """The states at other times, (trajectories, states) or (trajectories, times, states).

        As for `Solution`, with NaN where a solve did not get that far.
        """
        return _between(self, self.u, t)

    def plot(self, **keywords: Any) -> Any:
        """A matplotlib figure of medians and bands; keywords go to `pysymude.plot.plot_sweep`."""
        from pysymude.plot import plot_sweep

        return plot_sweep(self, **keywords)

    def to_dataframe(self) -> Any:
        """A pandas data frame with the index levels ``trajectory`` and ``t``.

        Raises
        ------
        MissingPackageError
            pandas is not installed.
        """
        return data_frame(self, "EnsembleSolution.to_dataframe")

    def to_xarray(self) -> Any:
        """An `xarray.Dataset` over the dimensions ``trajectory`` and ``t``.

        Raises
        ------
        MissingPackageError
            xarray is not installed.
        """
        return data_set(self, "EnsembleSolution.to_xarray")

    @property
    def stats(self) -> Stats:
        """Work done for all trajectories together."""
        return Stats(*map(int, self.counts.sum(axis=0)))

    @property
    def success(self) -> bool:
        """Whether every trajectory reached the end."""
        return all(code.successful for code in self.retcodes)

    @explained
    def solution(self, i: int) -> Solution:
        """One trajectory, with arrays of its own; negative numbers count from the end."""
        if not -len(self) <= i < len(self):
            raise IndexError(f"trajectory {i} of {len(self)}")
        return Solution(
            t=self.t.copy(),
            u=self.u[i].copy(),
            states=self.states,
            retcode=self.retcodes[i],
            stats=Stats(*map(int, self.counts[i])),
            engine=self.engine,
            solver=self.solver,
            observables={name: found[i].copy() for name, found in self.observables.items()},
            units=self.units,
            again=self.again and self.again.one(range(len(self))[i]),
        )

    def raise_for_retcode(self) -> EnsembleSolution:
        """Itself when every solve succeeded.

        Raises
        ------
        SolveFailedError
            Otherwise; `.solution` is the first that failed.
        """
        for i, code in enumerate(self.retcodes):
            if not code.successful:
                raise SolveFailedError(
                    f"trajectory {i}: {code.name}: {code.value}", solution=self.solution(i)
                )
        return self

    def __len__(self) -> int:
        return len(self.retcodes)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, int | np.integer):
            return self.solution(int(key))
        return _column(self, key)

    def _repr_html_(self) -> str:
        last = len(self.t) - 1
        rows: list[list[Any]] = []
        for name in (*self.states, *self.observables):
            for i in dict.fromkeys((0, last)):
                seen = self[name][:, i][np.isfinite(self[name][:, i])]
                low, middle, high = (
                    np.quantile(seen, [0.05, 0.5, 0.95]).tolist() if seen.size else [np.nan] * 3
                )
                rows.append([with_unit(name, self.units), float(self.t[i]), low, middle, high])
        head = ("", with_unit("t", self.units), "5 %", "median", "95 %")
        return sentence(repr(self)) + html_table(head, rows)

    def __repr__(self) -> str:
        bad = sum(not code.successful for code in self.retcodes)
        how = f"{bad} failed" if bad else "Success"
        return (
            f"EnsembleSolution({len(self)} trajectories x {len(self.t)} times x "
            f"{', '.join(self.states)}; {how}, {self.solver} on {self.engine})"
        )


def _column(solution: Solution | EnsembleSolution, name: Any) -> Float:
    """A state or an observable of a solution, by name or by symbol; times are the last axis."""
    text = label_of(name)
    if text in solution.states:
        return solution.u[..., solution.states.index(text)]
    if text in solution.observables:
        return solution.observables[text]
    known = ", ".join([*solution.states, *solution.observables])
    raise InvalidInputError(f"the solution has no column {text!r}; it has {known}")


def _between(solution: Solution | EnsembleSolution, u: Float, t: ArrayLike) -> Float:
    """States (trajectories, states) or (trajectories, times, states) at times of the user's choice."""
    asked = float_array(t, what="t")
    if asked.ndim > 1 or not np.isfinite(asked).all():
        raise InvalidInputError(
            f"a solution is called with a finite time, or with an array (times,); found shape {asked.shape}"
            + ("" if asked.ndim > 1 else f", {asked}")
        )
    ts, at = np.unique(asked, return_inverse=True)
    if ts.size and not solution.t[0] <= ts[0] <= ts[-1] <= solution.t[-1]:
        outside = ts[0] if ts[0] < solution.t[0] else ts[-1]
        raise InvalidInputError(
            f"the solution goes from t = {solution.t[0]:g} to {solution.t[-1]:g}; found t = {outside:g}. "
            "Solve further: t=..."
        )
    place = np.minimum(np.searchsorted(solution.t, ts), len(solution.t) - 1)
    known = solution.t[place] == ts
    found = u[:, place]
    if not known.all():
        if solution.again is None:
            raise InvalidInputError(
                "this solution holds its outputs alone, not its system; solve at these times: t=..."
            )
        found = np.where(known[:, None], found, solution.again(ts, float(solution.t[-1])))
    return found[:, at.reshape(asked.shape)]
