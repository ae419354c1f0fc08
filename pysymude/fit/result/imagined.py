"""The model of a fit on an experiment that nobody measured: what it gives, with exact derivatives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pysymude.fit.legwise.coursed_loss import method_of
from pysymude.fit.loss.composition import Composition
from pysymude.fit.loss.computed_starts import starts_within
from pysymude.fit.loss.least_squares import sensitivities
from pysymude.fit.loss.objective import Objective
from pysymude.fit.result.changed import changed
from pysymude.fit.result.experiments_of import check_behind_start
from pysymude.fit.terms.likelihood import likelihood_of
from pysymude.model.dataset import Dataset
from pysymude.model.trajectory import Trajectory
from pysymude.plan.binding import bind
from pysymude.plan.compiled import compile_system
from pysymude.plan.enforcement import enforce
from pysymude.solving.checks import initial_state
from pysymude.solving.legs import Path

if TYPE_CHECKING:
    from pysymude.fit.result.fit_result import FitResult

__all__ = ["Imagined", "Setting", "imagined"]

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Setting:
    """Where and when is looked: an experiment, perhaps with another start, values, signals or doses; its times.

    A start `u0` of one's own is at the first time, or at `begin`.
    """

    t: Float
    experiment: int = 0
    u0: Any = None
    parameters: Mapping[Any, Any] | None = None
    signals: Mapping[Any, Any] | None = None
    doses: Mapping[Any, Any] | None = None
    begin: float | None = None

    @property
    def is_own(self) -> bool:
        """Whether it is the experiment as it was made."""
        return self.u0 is None and not self.parameters and not self.signals and self.doses is None

    def trajectory(self, fit: FitResult, columns: Sequence[str]) -> Trajectory:
        """The experiment as if these columns had been measured."""
        own = changed(fit, self.experiment, self.parameters, self.signals, self.doses)
        begin = self.t[0] if self.begin is None else self.begin
        if self.u0 is None:
            begin = own.t0
            check_behind_start(self.t, begin)
        shape = self.t.size, len(columns)
        changes: dict[str, Any] = {
            "t": self.t, "u": np.ones(shape), "columns": tuple(columns), "t0": float(begin),
            "noise": {}, "censored": np.zeros(shape, dtype=np.int8), **self._start(fit, own),
        }  # fmt: skip
        return replace(own, **changes)

    def _start(self, fit: FitResult, own: Trajectory) -> dict[str, Any]:
        states = tuple(s.name for s in fit.system.states)
        if self.u0 is not None:
            values = initial_state(states, self.u0).tolist()
            return {"u0": dict(zip(states, values, strict=True)), "trainable_u0": False}
        # what the first row told stays the start, though the row is no longer there
        start: dict[str, Any] = dict(own.u0)
        learned = own.trainable_u0
        for name, state, value in zip(
            states, fit.system.states, fit.u0(self.experiment).tolist(), strict=True
        ):
            named = isinstance(learned, tuple) and name in learned
            if name not in start and (named or learned is True or state not in fit.system.initial):
                start[name] = value
        return {"u0": start}


@dataclass(frozen=True, eq=False)
class Imagined:
    """What a fit's model gives in a setting, as a function of the fit's theta.

    Attributes
    ----------
    objective : Objective
        Of the one experiment, in which each column counts at each time.
    columns : tuple of str
    places : int64 array
        Where in the fit's theta its own numbers stand.
    size : int
        Of the fit's theta.
    """

    objective: Objective
    columns: tuple[str, ...]
    places: NDArray[np.int64]
    size: int

    def own(self, theta: Float) -> Float:
        """Its own theta, of a fit's."""
        return theta[self.places]

    def values(self, theta: Float) -> Float:
        """What the model gives, float64 (times, columns); NaN where it cannot be solved."""
        return self.seen(theta)[:, : len(self.columns)]

    def seen(self, theta: Float) -> Float:
        """The same, with what noise models read behind it."""
        obj, own = self.objective, self.own(theta)
        inner = obj.composition.inner(own)
        width = len(obj.spec.columns)
        if not np.isfinite(inner).all():
            return np.full((self.count, width), np.nan)
        found = obj.bound.simulate(inner)
        if not all(code.successful for code in found.retcodes):
            return np.full((self.count, width), np.nan)
        return found.seen[0, : self.count, :width]

    def linearised(self, theta: Float) -> tuple[Float, Float]:
        """What `seen` gives, and the derivatives of `values` by theta, (times, columns, theta)."""
        found = sensitivities(self.objective, self.own(theta))
        rows = found.row[0, : self.count, : len(self.columns)]
        slopes = np.zeros((*rows.shape, self.size))
        slopes[:, :, self.places] = found.slopes[rows]
        return found.seen[0, : self.count], slopes

    def pull(self, theta: Float, given: Float) -> Float:
        """The gradient by theta of what has the derivatives `given` (times, columns) by `values`."""
        obj, own = self.objective, self.own(theta)
        inner = obj.composition.inner(own)
        full = np.zeros(obj.loss.weight.shape)
        full[0, :, : len(self.columns)] = given
        gradient = obj.bound.pull(inner, full).gradient
        found = np.full(self.size, np.nan)
        if gradient is not None:
            found = np.zeros(self.size)
            found[self.places] = obj.composition.outer(own, gradient)
        return found

    @cached_property
    def count(self) -> int:
        """How many times there are."""
        return int(self.objective.loss.batch.ts.shape[1])


def imagined(
    fit: FitResult,
    setting: Setting,
    columns: Sequence[str],
    expressions: Mapping[str, sp.Expr] | None = None,
) -> Imagined:
    """The model in a setting; `columns` are states and observables, or names of `expressions`."""
    obj = fit.objective
    enforced = obj.enforced
    system = enforced.system
    if expressions:
        system = system.replace(observables={**system.observables, **expressions})
    if expressions or enforced.penalised:
        # penalised laws are no part of what the model gives
        kept = enforced.conserve in ("project", "eliminate")
        enforced = enforce(system, enforced.laws if kept else (), enforced.conserve if kept else None)  # fmt: skip
    plan = compile_system(enforced.solved)
    data = Dataset(setting.trajectory(fit, columns))
    spec, loss, layout = bind(plan, data, enforced)
    if loss.courses is not None and setting.u0 is not None:
        courses = loss.courses
        left = Path(courses, courses.each[0]).fixed(fit.theta).after(float(data[0].t0))
        loss = replace(loss, courses=replace(courses, each=(left,)))
    starts, loss = starts_within(plan, enforced.system, data, loss, layout.size)
    places = [fit.layout[name].places for name in layout]
    at = np.concatenate(places) if places else np.zeros(0, dtype=np.int64)
    if starts is not None:
        loss = starts.filled(loss, fit.theta[at])
    problem = replace(
        obj.prepared, system=enforced.system, data=data, enforced=enforced, plan=plan, spec=spec,
        loss=loss, layout=layout,
    )  # fmt: skip
    noise = likelihood_of(system.noise, spec, data) if system.noise else None
    composition = Composition(data, layout.size, starts, noise, (), np.zeros(0, dtype=np.int64))
    method = method_of(obj.method, setting.experiment)
    made = Objective(problem, obj.settings, spec, loss, method, composition)
    return Imagined(made, tuple(columns), at, fit.theta.size)
