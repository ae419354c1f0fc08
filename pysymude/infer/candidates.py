"""What each candidate measurement would say: its part of the information, by exact derivatives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from pysymude.errors import InvalidInputError
from pysymude.fit.loss.least_squares import Sensitivities, sensitivities
from pysymude.fit.loss.objective import Objective
from pysymude.infer.alternatives import Setting
from pysymude.infer.evidence import Evidence
from pysymude.model.coerce import float_array, label_of, meant, short
from pysymude.model.dataset import Dataset
from pysymude.model.distributions.normal import Normal
from pysymude.model.signal_values import signal_values
from pysymude.model.trajectory import Trajectory

if TYPE_CHECKING:
    from pysymude.fit.result.fit_result import FitResult

__all__ = ["Candidates", "Questions", "check_telling", "groups_of", "times_of"]

Float = NDArray[np.float64]
Groups = tuple[tuple[str, ...], ...]

_TOGETHER = 64  # experiments in one solve


@dataclass(frozen=True, eq=False)
class Candidates:
    """Possible measurements, experiment after experiment.

    Attributes
    ----------
    times : float64 array (candidates,)
    experiments : int64 array (candidates,)
        The number of the experiment in `settings`.
    groups : int64 array (candidates,)
        The number of the columns that are measured, in `columns`.
    rows : float64 array (candidates, r, numbers)
        Derivatives of what is measured, divided by its noise, by the free numbers in natural units.
    settings : tuple of mappings
        What is chosen in each experiment: keywords of `Trajectory.from_arrays`.
    columns : tuple of tuples of str
    """

    times: Float
    experiments: NDArray[np.int64]
    groups: NDArray[np.int64]
    rows: Float
    settings: tuple[Setting, ...]
    columns: Groups

    @property
    def information(self) -> Float:
        """Each candidate's information, (candidates, numbers, numbers)."""
        return np.einsum("ijk,ijl->ikl", self.rows, self.rows)

    def of(self, experiments: Sequence[int]) -> Candidates:
        """Those of some of the experiments, which are numbered anew."""
        parts = [np.flatnonzero(self.experiments == e) for e in experiments]
        at = np.concatenate(parts)
        numbers = np.repeat(np.arange(len(parts)), [p.size for p in parts])
        return Candidates(
            self.times[at], numbers, self.groups[at], self.rows[at],
            tuple(self.settings[e] for e in experiments), self.columns,
        )  # fmt: skip

    def equidistant(self, n: int) -> NDArray[np.int64]:
        """The candidates closest to n equal distances, experiments and columns in equal parts."""
        found: list[NDArray[np.int64]] = []
        series = [(e, g) for g in range(len(self.columns)) for e in range(len(self.settings))]
        for k, (e, g) in enumerate(series):
            own = np.flatnonzero((self.experiments == e) & (self.groups == g))
            count = n // len(series) + (k < n % len(series))
            low, high = self.times[own[0]], self.times[own[-1]]
            wanted = np.linspace(low, high, count) if count != 1 else np.array([(low + high) / 2])
            found.append(own[np.abs(self.times[own][None] - wanted[:, None]).argmin(axis=1)])
        return np.concatenate(found)


def times_of(given: Any, trajectory: Trajectory) -> Float:
    """The candidate times, ascending."""
    times = float_array(given, what="candidates['t']")
    if times.ndim != 1 or times.size < 2 or not np.isfinite(times).all():
        raise InvalidInputError("candidates['t'] must hold at least two finite times")
    times = np.unique(times)
    if times[0] < trajectory.t0:
        raise InvalidInputError(
            f"candidates['t'] begins at {times[0]:g}, before the experiment does at {trajectory.t0:g}"
        )
    return times


def groups_of(fit: FitResult, given: Any, together: Any, experiment: int) -> Groups:
    """The columns of each measurement: of ``candidates['observe']`` one each, else `together` at once."""
    if given is not None and together is not None:
        raise InvalidInputError(
            "observe= says what is measured at once, candidates['observe'] what one by one: write one of them"
        )
    if given is None:
        alone = fit.data[experiment].columns if together is None else together
        return (_columns(fit, alone, "observe="),)
    if not isinstance(given, list | tuple) or not given:
        raise InvalidInputError(
            f"candidates['observe'] takes a list such as ['x', 'y'], or [('x', 'y'), 'z']; found {short(given)}"
        )
    entries = cast("Sequence[Any]", given)
    return tuple(_columns(fit, entry, "candidates['observe']") for entry in entries)


def _columns(fit: FitResult, given: Any, what: str) -> tuple[str, ...]:
    known = [*(x.name for x in fit.system.states), *fit.system.observables]
    names = tuple(label_of(k) for k in (given if isinstance(given, list | tuple) else [given]))
    for name in names:
        if name not in known:
            raise InvalidInputError(
                f"{what} names {name!r}; the system has {', '.join(known)}{meant(name, known)}"
            )
    return names


def check_telling(found: Candidates) -> None:
    """An error where no candidate depends on anything that is learned."""
    if not found.rows.any():
        raise InvalidInputError(
            "the candidates say nothing of what is learned: the model cannot be solved in these "
            "experiments, or what they measure does not depend on it"
        )


@dataclass(frozen=True, eq=False)
class Questions:
    """What can be asked in an experiment like one of a fit: at which times, which columns.

    Attributes
    ----------
    fit : FitResult
    experiment : int
    times : float64 array
    groups : tuple of tuples of str
        The columns that a measurement has; each is a candidate at each time.
    """

    fit: FitResult
    experiment: int
    times: Float
    groups: Groups

    @property
    def columns(self) -> tuple[str, ...]:
        """Everything that could be measured."""
        return tuple(dict.fromkeys(name for group in self.groups for name in group))

    def ask(self, settings: Sequence[Setting]) -> Candidates:
        """All candidates of experiments with these settings."""
        parts = [
            self._asked(settings[k : k + _TOGETHER]) for k in range(0, len(settings), _TOGETHER)
        ]
        rows = np.concatenate(parts)
        e, g, m = len(settings), len(self.groups), self.times.size
        return Candidates(
            np.tile(self.times, e * g), np.repeat(np.arange(e), g * m),
            np.tile(np.repeat(np.arange(g), m), e), rows, tuple(settings), self.groups,
        )  # fmt: skip

    def as_made(self, most: int) -> Candidates:
        """All candidates of the experiments of the fit as they were made, of the first `most` of them."""
        able = [e for e, tr in enumerate(self.fit.data) if tr.t0 <= self.times[0]]
        parts = [replace(self, experiment=e).ask([{}]) for e in able[:most]]
        numbers = [np.full(part.times.size, k) for k, part in enumerate(parts)]
        return Candidates(
            np.concatenate([part.times for part in parts]), np.concatenate(numbers),
            np.concatenate([part.groups for part in parts]), np.concatenate([part.rows for part in parts]),
            tuple(part.settings[0] for part in parts), self.groups,
        )  # fmt: skip

    def whole(self, setting: Setting) -> Setting:
        """A setting with all that the experiment has besides: whole keywords of `Trajectory.from_arrays`."""
        made = self._imagined(setting, 0)
        points = {name: (v.times, v.values) for name, v in made.signals.items()}
        all_of = {
            "u0": made.u0,
            "signals": points,
            "doses": made.doses,
            "parameters": made.parameters,
        }
        return {kind: dict(entries) for kind, entries in all_of.items() if entries}

    def _asked(self, settings: Sequence[Setting]) -> Float:
        """The rows (candidates, r, numbers) of a few experiments, which are solved together."""
        fit, evidence = self.fit, Evidence(self.fit)
        first = len(fit.data)
        # what experiments of the fit alone read has its place in theta, too
        data = [*fit.data, *(self._imagined(s, k) for k, s in enumerate(settings))]
        frozen = [name for name in fit.objective.frozen if not name.startswith("u0[")]
        obj = fit.objective.rebuilt(fit.system, Dataset(data), frozen=frozen, weigh=False)
        places = self._places(obj, {trajectory.name for trajectory in data[first:]})
        theta = fit.theta[places]
        found = sensitivities(obj, theta)
        width = 2 * max(len(group) for group in self.groups)
        rows = np.zeros((len(settings), len(self.groups), self.times.size, width, theta.size))
        for k in range(len(settings)):
            for g, group in enumerate(self.groups):
                for j, name in enumerate(group):
                    pair = self._of_column(obj, found, first + k, name)
                    rows[k, g, :, 2 * j : 2 * j + pair.shape[1]] = pair
        flat = rows.reshape(-1, width, theta.size)
        # where a solve failed nothing is said
        flat[~np.isfinite(flat).all(axis=(1, 2))] = 0.0
        # several experiments may have a start in common
        into = np.zeros((theta.size, fit.theta.size))
        into[np.arange(theta.size), places] = 1.0
        return flat @ into[:, evidence.free] * evidence.units

    def _places(self, obj: Objective, imagined: set[str]) -> NDArray[np.int64]:
        """Where in the fit's theta each number of a larger objective is: starts are those of the experiment."""
        places = np.zeros(obj.layout.size, np.int64)
        for slot in obj.layout.values():
            name, done = slot.name, self.fit.data[self.experiment].name
            if slot.kind == "u0":
                experiment, _, state = name.removeprefix("u0[").rpartition("].")
                name = f"u0[{done}].{state}" if experiment in imagined else name
            own = self.fit.layout[name]
            places[slot.slice] = own.places
        return places

    def _of_column(self, obj: Objective, found: Sensitivities, e: int, name: str) -> Float:
        """Rows of a column at all times (times, 1 or 2, theta): its own, and that of its learned noise."""
        at, count = obj.spec.columns.index(name), self.times.size
        sigma, learned = _noise(self.fit, obj, found.seen[e], name, count)
        own = found.slopes[found.row[e, :count, at]] / sigma[:, None]
        if learned is None:
            return own[:, None]
        # the scale itself: 2/s^2 for each measurement
        scale = found.slopes[found.row[e, :count, learned]] / sigma[:, None]
        return np.stack([own, np.sqrt(2.0) * scale], axis=1)

    def _imagined(self, setting: Setting, number: int) -> Trajectory:
        """The experiment measured at all times, with a setting."""
        fit, columns = self.fit, self.columns
        own, system = fit.data[self.experiment], fit.system
        names = [x.name for x in system.states]
        learned = own.trainable_u0
        several = names if learned is True else learned if isinstance(learned, tuple) else ()
        start: dict[str, Any] = {**own.u0, **setting.get("u0", {})}
        left = tuple(name for name in several if name not in setting.get("u0", {}))
        for k, state in enumerate(system.states):
            if state.name not in start and (state.name in left or state not in system.initial):
                start[state.name] = float(fit.u0(self.experiment)[k])
        shape = (self.times.size, len(columns))
        return replace(
            own, name=f"{own.name} imagined {number}", t=self.times, u=np.ones(shape), columns=columns, u0=start,
            trainable_u0=left, censored=np.zeros(shape, dtype=np.int8),
            noise={c: float(np.nanmean(s)) for c, s in own.noise.items() if c in columns},
            parameters={**own.parameters, **setting.get("parameters", {})},
            doses={**own.doses, **setting.get("doses", {})},
            signals={**own.signals, **signal_values(dict(setting.get("signals", {})))},
        )  # fmt: skip


def _noise(
    fit: FitResult, obj: Objective, seen: Float, name: str, count: int
) -> tuple[Float, int | None]:
    """The noise of a column at each time, and the column in which a learned scale of it is seen."""
    models = {} if obj.likelihood is None else {c.name: c for c in obj.likelihood.columns}
    at = obj.spec.columns.index(name)
    if name in models:
        column = models[name]
        scales = [seen[:count, k] for k in column.scales]
        spread = np.asarray(column.family.spread(seen[:count, at], *scales), dtype=np.float64)
        own = isinstance(column.family, Normal)
        return np.broadcast_to(spread, (count,)), column.scales[0] if own else None
    given = [float(np.nanmean(tr.noise[name])) for tr in fit.data if name in tr.noise]
    if given:
        return np.full(count, given[0]), None
    for row in fit.residuals.table:
        if row.name == name and row.noise > 0:
            return np.full(count, row.noise), None
    raise InvalidInputError(
        f"nothing is known of the noise of {name!r}: it was not measured, or without error"
    )
