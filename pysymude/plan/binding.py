"""A dataset bound to a plan: names become positions, experiments become arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pysymude.errors import InvalidInputError
from pysymude.model.coerce import meant
from pysymude.model.dataset import Dataset
from pysymude.model.system import ODESystem
from pysymude.model.theta import ThetaLayout
from pysymude.model.trajectory import Trajectory
from pysymude.plan.compiled import CompiledSystem
from pysymude.plan.course import Courses
from pysymude.plan.course_binding import bind_courses, resolved
from pysymude.plan.dose_binding import bind_doses
from pysymude.plan.enforcement import Enforced, enforce
from pysymude.plan.fixed_values import parameter_values
from pysymude.plan.problem import Batch, LossData, LossSpec
from pysymude.plan.signals import check_reach_of_data

__all__ = ["bind", "layout_with_u0", "start_expressions", "start_u0"]

Float = NDArray[np.float64]


def bind(
    plan: CompiledSystem, data: Dataset, enforced: Enforced | None = None
) -> tuple[LossSpec, LossData, ThetaLayout]:
    """The loss of a dataset, and theta's layout with the trainable initial states behind it.

    `plan` is that of the solved system; initial states are given for the states of
    ``enforced.system``, which are the same ones without `enforced`.

    Raises
    ------
    InvalidInputError
        A column that is neither a state nor an observable; an initial state or a parameter value
        that is nowhere given.
    """
    enforced = enforced or enforce(plan.system, (), None)
    states = enforced.system.states
    for trajectory in data:
        _check_columns(enforced.system, trajectory)
        _check_noise(enforced.system, trajectory)
    columns = data.columns
    times = max(len(trajectory) for trajectory in data)
    ts, y, weight, side = [], [], [], []
    for trajectory in data:
        values, sigma = _measurements(trajectory, columns)
        short = times - len(trajectory)
        ts.append(np.pad(trajectory.t, (0, short), mode="edge"))
        y.append(np.pad(np.nan_to_num(values), ((0, short), (0, 0))))
        weight.append(np.pad(np.isfinite(values) / sigma, ((0, short), (0, 0))))
        side.append(np.pad(_sides(enforced.system, trajectory, columns), ((0, short), (0, 0))))
    # what noise models read has a column of its own, in which nothing is measured
    scales = [
        f"{name}_noise{k}"
        for name, model in enforced.system.noise.items()
        if name in columns
        for k in range(len(model.args))
    ]
    y, weight, side = (
        [np.pad(a, ((0, 0), (0, len(scales)))) for a in part] for part in (y, weight, side)
    )
    layout, index = layout_with_u0(plan, enforced.system, data)
    courses = bind_courses(plan, data, mixes=enforced.mixes)
    doses, _ = bind_doses(plan, _names(states), courses, data)
    batch = Batch(
        t0=np.array([trajectory.t0 for trajectory in data]),
        u0=np.stack([_start(enforced.system, trajectory) for trajectory in data]),
        p=_parameters(plan, data, courses),
        ts=np.stack(ts),
        doses=doses,
    )
    check_reach_of_data(plan, batch, [trajectory.name for trajectory in data])
    nothing = np.full(len(data), -1, dtype=np.int32)
    laws = tuple(law.name for law in enforced.penalised)
    # a learned start is uncertain itself: then drift is the distance from the mean
    uncertain = (index >= 0).any(axis=1, keepdims=True)
    counted = np.stack([np.arange(times) < len(trajectory) for trajectory in data])
    anchor = np.where(
        uncertain, counted / counted.sum(axis=1, keepdims=True), np.arange(times) == 0
    )
    loss = LossData(
        batch, np.stack(y), np.stack(weight), index, nothing,
        link_weight=np.ones(len(states)),
        positive=np.array([bool(s.is_positive) for s in states]),
        mix=enforced.mix,
        law_weight=np.repeat(counted[:, :, None], len(laws), axis=2).astype(np.float64),
        anchor=anchor.astype(np.float64),
        side=np.stack(side) if any(part.any() for part in side) else None,
        courses=courses,
    )  # fmt: skip
    if loss.n_measured == 0:
        raise InvalidInputError("the dataset has no measurement: every entry is NaN")
    return LossSpec((*columns, *scales), laws=laws, mixes=enforced.mixes), loss, layout


def _parameters(plan: CompiledSystem, data: Dataset, courses: Courses | None) -> Float:
    """The values of each experiment, float64 (E, parameters): of its first leg that is measured."""
    if courses is None:
        rows = [
            parameter_values(plan, _numbers(tr), tr.signals, f" in experiment {tr.name!r}")
            for tr in data
        ]
        return np.stack(rows)
    return np.stack(
        [next(leg.p for leg in course.legs if not leg.is_steady) for course in courses.each]
    )


def _numbers(trajectory: Trajectory) -> dict[str, float]:
    return {k: v for k, v in trajectory.parameters.items() if isinstance(v, float)}


def layout_with_u0(
    plan: CompiledSystem, system: ODESystem, data: Dataset
) -> tuple[ThetaLayout, NDArray[np.int32]]:
    """Theta's layout with the trainable initial states, and where each stands: int32 (E, n)."""
    states = system.states
    index = np.full((len(data), len(states)), -1, dtype=np.int32)
    slots: list[tuple[str, float, float]] = []
    for e, trajectory in enumerate(data):
        for k, symbol in enumerate(states):
            if symbol.name in _trainable(system, trajectory):
                index[e, k] = plan.layout.size + len(slots)
                low = 0.0 if symbol.is_positive else -np.inf
                slots.append((f"u0[{trajectory.name}].{symbol.name}", low, np.inf))
    return plan.layout.extended(slots), index


def start_u0(system: ODESystem, data: Dataset) -> dict[str, float]:
    """Starting values of the trainable initial states, by the names of their slots."""
    found: dict[str, float] = {}
    for trajectory in data:
        start = _start(system, trajectory)
        for k, symbol in enumerate(system.states):
            if symbol.name in _trainable(system, trajectory):
                if symbol.is_positive and not start[k] > 0:
                    raise InvalidInputError(
                        f"the trainable initial state {symbol.name!r} of experiment "
                        f"{trajectory.name!r} starts at {start[k]:g}, but {symbol.name} is declared "
                        "positive; give u0={...} a positive start"
                    )
                found[f"u0[{trajectory.name}].{symbol.name}"] = float(start[k])
    return found


def _names(states: Sequence[sp.Symbol]) -> tuple[str, ...]:
    return tuple(s.name for s in states)


def _check_columns(system: ODESystem, trajectory: Trajectory) -> None:
    names = _names(system.states)
    known = [*names, *system.observables]
    for name in trajectory.columns:
        if name not in known:
            raise InvalidInputError(
                f"the data column {name!r} is neither a state nor an observable of the system, which "
                f"has {', '.join(known)}{meant(name, known)}"
            )
    for name in [*trajectory.u0, *_named(trajectory.trainable_u0)]:
        if name not in names:
            raise InvalidInputError(
                f"u0 of experiment {trajectory.name!r} names {name!r}; the system's states are "
                f"{', '.join(names)}{meant(name, names)}"
            )


def _check_noise(system: ODESystem, trajectory: Trajectory) -> None:
    """A column without a scale would be weighed in another unit than its neighbours."""
    known = {*trajectory.noise, *system.noise}
    for name in trajectory.columns if trajectory.noise else ():
        if name not in known:
            raise InvalidInputError(
                f"experiment {trajectory.name!r} has noise for {', '.join(trajectory.noise)} and none for "
                f"{name!r}; noise must name each column that has no noise model in the system"
            )


def _named(trainable: bool | tuple[str, ...] | None) -> Sequence[str]:
    return trainable if isinstance(trainable, tuple) else ()


def _trainable(system: ODESystem, trajectory: Trajectory) -> Sequence[str]:
    """States whose start is learned by itself; one that an expression gives is not, but by name."""
    if trajectory.trainable_u0 is True:
        return [x.name for x in system.states if _start_expression(system, x, trajectory) is None]
    return _named(trajectory.trainable_u0)


def _start_expression(
    system: ODESystem, state: sp.Symbol, trajectory: Trajectory
) -> sp.Expr | None:
    """The expression by which a state of an experiment starts, its own or that of ``initial=``; or None."""
    if state.name in _named(trajectory.trainable_u0):
        return None
    given = trajectory.u0.get(state.name, system.initial.get(state))
    return given if isinstance(given, sp.Expr) else None


def start_expressions(
    plan: CompiledSystem, system: ODESystem, data: Sequence[Trajectory], courses: Courses | None
) -> list[dict[int, sp.Expr]]:
    """The starts of each experiment that are expressions, by the number of the state."""
    found: list[dict[int, sp.Expr]] = []
    for e, trajectory in enumerate(data):
        swap: dict[Any, Any] = {}
        if courses is not None:
            own = zip(courses.moved, courses.each[e].legs[0].moved, strict=True)
            swap = {plan.system.symbol(name): value for name, value in own}
        what = f"the start of {{}} in experiment {trajectory.name!r}"
        found.append(
            {
                k: cast("sp.Expr", resolved(plan, expr, what.format(x.name)).xreplace(swap))
                for k, x in enumerate(system.states)
                if (expr := _start_expression(system, x, trajectory)) is not None
            }
        )
    return found


def _start(system: ODESystem, trajectory: Trajectory) -> Float:
    """The initial state; NaN where an expression gives it."""
    return np.array(
        [
            np.nan
            if _start_expression(system, x, trajectory) is not None
            else float(trajectory.initial_state([x.name])[0])
            for x in system.states
        ]
    )


def _measurements(trajectory: Trajectory, columns: Sequence[str]) -> tuple[Float, Any]:
    """Values and noise scales in the order of `columns`; NaN and 1 where there is nothing."""
    values = np.full((len(trajectory), len(columns)), np.nan)
    sigma = np.ones_like(values)
    scales = trajectory.noise_array()
    for j, name in enumerate(columns):
        if name in trajectory.columns:
            k = trajectory.columns.index(name)
            values[:, j] = trajectory.u[:, k]
            sigma[:, j] = np.where(np.isnan(scales[:, k]), 1.0, scales[:, k])
    return values, sigma


def _sides(system: ODESystem, trajectory: Trajectory, columns: Sequence[str]) -> NDArray[np.int8]:
    """-1 and 1 where a measurement is a limit from above or from below, in the order of `columns`."""
    found = np.zeros((len(trajectory), len(columns)), dtype=np.int8)
    scales = trajectory.noise_array()
    for j, name in enumerate(columns):
        if name not in trajectory.columns:
            continue
        k = trajectory.columns.index(name)
        found[:, j] = trajectory.censored[:, k]
        limits = found[:, j] != 0
        if limits.any() and name not in system.noise and np.isnan(scales[limits, k]).any():
            row = int(np.flatnonzero(limits)[0])
            raise InvalidInputError(
                f"column {name!r} of experiment {trajectory.name!r} has a limit at "
                f"t = {trajectory.t[row]:g}, and what is measured below or above one has a probability "
                f"only with noise: give noise={{{name!r}: ...}}, in the data or in the system"
            )
    return found
