"""New experiments by a fitted system: other starts and parameters, one at a time or many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pysymude.errors import CapabilityError, InvalidInputError
from pysymude.fit.legwise.coursed_loss import method_of
from pysymude.fit.result.experiments_of import experiment_number
from pysymude.model.coerce import label_of
from pysymude.model.event import Event, event_list
from pysymude.model.signal_values import signal_values
from pysymude.model.trajectory import Trajectory
from pysymude.model.transforms import from_unconstrained
from pysymude.plan.binding import start_expressions
from pysymude.plan.compiled import compile_system
from pysymude.plan.course import Courses
from pysymude.plan.course_binding import bind_courses
from pysymude.plan.formulas import formulas
from pysymude.plan.problem import Batch
from pysymude.plan.signals import check_reach
from pysymude.solving.along import Along, Span, spans
from pysymude.solving.checks import initial_state, output_times, values
from pysymude.solving.legs import Path
from pysymude.solving.solution import EnsembleSolution, Solution
from pysymude.solving.solve import solve_one, with_effects
from pysymude.solving.sweep import solve_ensemble

if TYPE_CHECKING:
    from pysymude.fit.result.fit_result import FitResult

__all__ = ["predicted", "predictions_of", "spans_of", "start_of"]

Float = NDArray[np.float64]


def predicted(
    fit: FitResult,
    t: ArrayLike,
    experiment: int | str,
    u0: Any,
    parameters: Mapping[Any, Any] | None,
    signals: Mapping[Any, Any] | None,
    events: Sequence[Event] | Event,
) -> Solution | EnsembleSolution:
    """See `FitResult.predict`."""
    e, events = experiment_number(fit.data, experiment), event_list(events)
    if is_many(u0, parameters):
        if events:
            raise CapabilityError("events= is for one trajectory at a time")
        return predict_many(fit, t, u0, parameters, e, signals)
    one = predict_one(fit, t, u0, parameters, e, events, signals)
    return _in_own_states(fit, one) if fit.objective.enforced.mixes else one


def predictions_of(fit: FitResult) -> tuple[Solution, ...]:
    """The fitted trajectory of each experiment at its measurement times, repeated ones included."""
    return tuple(
        _repeated(fit.predict(np.unique(times), experiment=e), times)
        for e, times in enumerate(map(_from_start, fit.data))
    )


def start_of(fit: FitResult, experiment: int | str) -> Float:
    """See `FitResult.u0`."""
    e, loss = experiment_number(fit.data, experiment), fit.objective.loss
    theta = fit.objective.composition.inner(fit.theta)
    state = loss.batch.u0[e].copy()
    for k in range(state.size):
        if loss.u0_index[e, k] >= 0:
            low = 0.0 if loss.positive[k] else -np.inf
            state[k] = from_unconstrained(theta[loss.u0_index[e, k]], low, np.inf)
    return state


def spans_of(fit: FitResult, t: Float, e: int) -> list[Span]:
    """See `FitResult.spans`."""
    loss = fit.objective.loss
    if loss.courses is None:
        return [Span(np.arange(len(t)), loss.batch.p[e], fit.theta)]
    return spans(loss.courses, loss.courses.each[e], fit.theta, t)


def is_many(u0: Any, parameters: Mapping[Any, Any] | None) -> bool:
    """Whether starts or parameters are arrays with a value a trajectory."""
    starts = u0.values() if isinstance(u0, Mapping) else ()
    if any(np.ndim(v) for v in starts) or any(np.ndim(v) for v in (parameters or {}).values()):
        return True
    return u0 is not None and not isinstance(u0, Mapping) and np.ndim(u0) == 2


def predict_one(
    fit: FitResult,
    t: ArrayLike,
    u0: Any,
    parameters: Mapping[Any, float] | None,
    e: int,
    events: Sequence[Event],
    signals: Mapping[Any, Any] | None = None,
) -> Solution:
    """One trajectory; `e` is the experiment whose start and parameters count where nothing else is said."""
    obj, enforced = fit.objective, fit.objective.enforced
    times = output_times(t)
    if obj.loss.courses is not None:
        if events:
            raise CapabilityError(
                "events= is not available for an experiment that changes on the way; look for the zeros in the "
                "solution"
            )
        return _predict_along(fit, times, u0, parameters, e, signals)
    p, theta = obj.loss.batch.p[e], fit.theta
    points = {**fit.data[e].signals, **signal_values(signals or {})}
    if parameters or signals:
        own: dict[str, Any] = dict(fit.data[e].parameters) | {
            label_of(k): v for k, v in (parameters or {}).items()
        }
        p, changed = values(obj.plan, own, theta[: obj.plan.layout.size], points)
        theta = np.concatenate([changed, theta[obj.plan.layout.size :]])
    start = times[0]
    if u0 is not None:
        state = initial_state(tuple(s.name for s in fit.system.states), u0)
    else:
        state, start = _own_start(fit, e, p, theta), obj.loss.batch.t0[e]
        if times[0] < start:
            raise InvalidInputError(
                f"t starts at {times[0]:g}, before the experiment's start {start:g}; give u0="
            )
    state = enforced.mix @ state
    one = Batch(np.array([start]), state[None], p[None], times[None], points)
    check_reach(obj.plan, one, theta[: obj.plan.layout.size])
    if enforced.mixes and events:
        raise CapabilityError(
            "events= is not available with conserve='eliminate'; look for the zeros in the solution"
        )
    system, watched = with_effects(obj.plan.system, events)
    plan = obj.plan if system is obj.plan.system else compile_system(system)
    if plan.parameters != obj.plan.parameters:
        new = sorted(set(plan.parameters) - set(obj.plan.parameters))
        raise InvalidInputError(f"events= reads {new[0]!r}, which the fitted system does not have")
    return solve_one(obj.runner, plan, one, theta, obj.method, watched)


def _predict_along(
    fit: FitResult,
    times: Float,
    u0: Any,
    parameters: Mapping[Any, Any] | None,
    e: int,
    signals: Mapping[Any, Any] | None,
) -> Solution:
    """As `predict_one`, leg by leg."""
    obj, trajectory = fit.objective, fit.data[e]
    if signals:
        points = {**trajectory.signals, **signal_values(signals)}
        trajectory = replace(trajectory, signals=points)
    own = {label_of(k): v for k, v in (parameters or {}).items()}
    if own:
        trajectory = replace(trajectory, parameters={**trajectory.parameters, **own})
    courses = bind_courses(obj.plan, [trajectory], mixes=obj.enforced.mixes)
    if courses is None:  # what was an expression has become a number
        courses = cast("Courses", obj.loss.courses)
        courses = courses.of([courses.each[e]])
    course, start = courses.each[0], float(obj.loss.batch.t0[e])
    if u0 is not None:
        state = initial_state(tuple(s.name for s in fit.system.states), u0)
        if times[0] > start:
            course = Path(courses, course).fixed(fit.theta).after(times[0])
    elif times[0] < start:
        raise InvalidInputError(
            f"t starts at {times[0]:g}, before the experiment's start {start:g}; give u0="
        )
    else:
        state = fit.u0(e)
        exprs = start_expressions(obj.plan, fit.system, [trajectory], courses)[0]
        made = formulas(obj.plan, list(exprs.values()))
        if exprs:
            state[list(exprs)] = made.values(course.legs[0].p, fit.theta, start)
    along = Along(
        obj.runner, courses, course, fit.theta, obj.enforced.mix @ state, method_of(obj.method, e)
    )
    return along.solution(times)


def _own_start(fit: FitResult, e: int, p: Float, theta: Float) -> Float:
    """The start of an experiment, where ``initial=`` gives it by the parameters of now."""
    starts = fit.objective.starts
    if starts is None:
        return fit.u0(e)
    there = starts.p.copy()
    there[e] = p
    obj = fit.objective
    own = replace(obj.composition, starts=replace(starts, p=there))
    return replace(fit, objective=replace(obj, composition=own), theta=theta).u0(e)


def predict_many(
    fit: FitResult,
    t: ArrayLike,
    u0: Any,
    parameters: Mapping[Any, Any] | None,
    e: int,
    signals: Mapping[Any, Any] | None = None,
) -> EnsembleSolution:
    """A trajectory for each entry of the arrays among starts and parameters."""
    obj = fit.objective
    if obj.loss.courses is not None:
        raise CapabilityError(
            "many predictions at once are not available for an experiment that changes on the way; call "
            "predict for each"
        )
    if obj.enforced.mixes:
        raise CapabilityError(
            "many predictions at once are not available with conserve='eliminate'"
        )
    times = output_times(t)
    known = dict(zip(obj.plan.parameters, obj.loss.batch.p[e].tolist(), strict=False))
    points = {**fit.data[e].signals, **signal_values(signals or {})}
    own = known | {label_of(k): v for k, v in (parameters or {}).items()}
    if u0 is None:
        u0, begin = _own_starts(fit, e, own), float(obj.loss.batch.t0[e])
        if times[0] < begin:
            raise InvalidInputError(
                f"t starts at {times[0]:g}, before the experiment's start {begin:g}; give u0="
            )
    else:
        begin = float(times[0])
    early = begin < times[0]
    found = solve_ensemble(
        obj.enforced.solved, u0=u0, t=np.append(begin, times) if early else times, parameters=own,
        theta=fit.theta[: obj.plan.layout.size], engine=obj.engine, signals=points,
        **{k: v for k, v in obj.method.keywords.items() if k != "sensealg"},
    )  # fmt: skip
    if not early:
        return found
    observables = {k: v[:, 1:].copy() for k, v in found.observables.items()}
    return replace(found, t=times, u=found.u[:, 1:].copy(), observables=observables)


def _own_starts(fit: FitResult, e: int, own: Mapping[str, Any]) -> Float:
    """The start of an experiment for each member of a sweep of parameters, float64 (members, states)."""
    plan = fit.objective.plan
    sizes = [np.size(v) for v in own.values() if np.ndim(v)]
    members = max(sizes, default=1)
    rows: list[Float] = []
    for i in range(members):
        one = {k: float(v[i]) if np.ndim(v) else float(v) for k, v in own.items()}
        p, changed = values(plan, one, fit.theta[: plan.layout.size], fit.data[e].signals)
        theta = np.concatenate([changed, fit.theta[plan.layout.size :]])
        rows.append(_own_start(fit, e, p, theta))
    return np.array(rows)


def _in_own_states(fit: FitResult, path: Solution) -> Solution:
    """A solution of the solved system in the user's states."""
    kept = {k: v for k, v in path.observables.items() if k not in fit.states}
    back = fit.objective.enforced.unmix
    again = path.again and path.again.turned(back)
    return replace(path, u=path.u @ back.T, states=fit.states, observables=kept, again=again)


def _from_start(trajectory: Trajectory) -> Float:
    """The measurement times; the start before them when there is only one."""
    several = trajectory.t[-1] > trajectory.t[0]
    return trajectory.t if several else np.array([trajectory.t0, *trajectory.t])


def _repeated(found: Solution, times: Float) -> Solution:
    """A solution with a row for each of these times, all of which it has."""
    if len(times) == len(found.t):
        return found
    at = np.searchsorted(found.t, times)
    observables = {name: column[at] for name, column in found.observables.items()}
    return replace(found, t=times, u=found.u[at], observables=observables)
