"""Solutions as NumPy arrays with names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.outcomes import ReturnCode
from pysymude.errors import InvalidInputError, SolveFailedError

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
    """Where an event happened: times `t` (n,), ascending, and states `u` (n, states) there."""

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
        One entry for each of the `events` of the solve, empty ones included.

    Examples
    --------
    ``sol["x"]`` is the column of a state or an observable, by name or by symbol.
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

    Examples
    --------
    ``ensemble["x"]`` is a state or an observable, shape (trajectories, times); ``ensemble[3]`` is the
    `Solution` of one trajectory.
    """

    t: Float
    u: Float
    states: tuple[str, ...]
    retcodes: tuple[ReturnCode, ...]
    counts: NDArray[np.int64]
    engine: str
    solver: str
    observables: Mapping[str, Float]

    @property
    def stats(self) -> Stats:
        """Work done for all trajectories together."""
        return Stats(*map(int, self.counts.sum(axis=0)))

    @property
    def success(self) -> bool:
        """Whether every trajectory reached the end."""
        return all(code.successful for code in self.retcodes)

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

    def __repr__(self) -> str:
        bad = sum(not code.successful for code in self.retcodes)
        how = f"{bad} failed" if bad else "Success"
        return (
            f"EnsembleSolution({len(self)} trajectories x {len(self.t)} times x "
            f"{', '.join(self.states)}; {how}, {self.solver} on {self.engine})"
        )


def _column(solution: Solution | EnsembleSolution, name: Any) -> Float:
    """A state or an observable of a solution, by name or by symbol; times are the last axis."""
    text = name if isinstance(name, str) else getattr(name, "name", str(name))
    if text in solution.states:
        return solution.u[..., solution.states.index(text)]
    if text in solution.observables:
        return solution.observables[text]
    known = ", ".join([*solution.states, *solution.observables])
    raise InvalidInputError(f"the solution has no column {text!r}; it has {known}")
