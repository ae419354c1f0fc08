"""One new experiment by a fitted system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pysymude.errors import CapabilityError, InvalidInputError
from pysymude.fit.legwise.coursed_loss import method_of
from pysymude.fit.result.changed import changed
from pysymude.fit.result.experiments_of import check_behind_start
from pysymude.model.coerce import label_of
from pysymude.model.event import Event
from pysymude.model.signal_values import signal_values
from pysymude.model.trajectory import Trajectory
from pysymude.plan.binding import start_expressions
from pysymude.plan.compiled import compile_system
from pysymude.plan.course import Courses
from pysymude.plan.course_binding import bind_courses
from pysymude.plan.formulas import formulas
from pysymude.plan.problem import Batch
from pysymude.plan.signals import check_reach
from pysymude.solving.along import Along
from pysymude.solving.checks import initial_state, output_times, values
from pysymude.solving.legs import Path
from pysymude.solving.solution import Solution
from pysymude.solving.solve import solve_one, with_effects

if TYPE_CHECKING:
    from pysymude.fit.result.fit_result import FitResult

__all__ = ["own_start", "predict_along", "predict_one"]

Float = NDArray[np.float64]


def predict_one(
    fit: FitResult,
    t: ArrayLike,
    u0: Any,
    parameters: Mapping[Any, float] | None,
    e: int,
    events: Sequence[Event],
    signals: Mapping[Any, Any] | None = None,
    doses: Mapping[Any, Any] | None = None,
) -> Solution:
    """One trajectory; `e` is the experiment whose start and parameters count where nothing else is said."""
    obj, enforced = fit.objective, fit.objective.enforced
    times = output_times(t)
    if obj.loss.courses is not None or doses is not None:
        if events:
            raise CapabilityError(
                "events= is not available for an experiment that changes on the way; look for the zeros in the "
                "solution"
            )
        return predict_along(fit, times, u0, e, changed(fit, e, parameters, signals, doses))
    p, theta = obj.loss.batch.p[e], fit.theta
    points = {**fit.data[e].signals, **signal_values(signals or {})}
    if parameters or signals:
        own: dict[str, Any] = dict(fit.data[e].parameters) | {
            label_of(k): v for k, v in (parameters or {}).items()
        }
        p, learned = values(obj.plan, own, theta[: obj.plan.layout.size], points)
        theta = np.concatenate([learned, theta[obj.plan.layout.size :]])
    start = times[0]
    if u0 is not None:
        state = initial_state(tuple(s.name for s in fit.system.states), u0)
    else:
        state, start = own_start(fit, e, p, theta), obj.loss.batch.t0[e]
        check_behind_start(times, start)
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


def predict_along(
    fit: FitResult, times: Float, u0: Any, e: int, trajectory: Trajectory
) -> Solution:
    """As `predict_one`, leg by leg; `trajectory` is experiment `e`, perhaps with values of one's own."""
    obj, own = fit.objective, fit.objective.loss.courses
    moved = own.moved if own is not None else ()
    found = bind_courses(obj.plan, [trajectory], mixes=obj.enforced.mixes, moved=moved)
    courses = cast("Courses", found)
    course, start = courses.each[0], float(obj.loss.batch.t0[e])
    if u0 is not None:
        state = initial_state(tuple(s.name for s in fit.system.states), u0)
        if times[0] > start:
            course = Path(courses, course).fixed(fit.theta).after(times[0])
    else:
        check_behind_start(times, start)
        state = fit.u0(e)
        exprs = start_expressions(obj.plan, fit.system, [trajectory], courses)[0]
        made = formulas(obj.plan, list(exprs.values()))
        if exprs:
            state[list(exprs)] = made.values(course.legs[0].p, fit.theta, start)
    along = Along(
        obj.runner, courses, course, fit.theta, obj.enforced.mix @ state, method_of(obj.method, e)
    )
    return along.solution(times)


def own_start(fit: FitResult, e: int, p: Float, theta: Float) -> Float:
    """The start of an experiment, where ``initial=`` gives it by the parameters of now."""
    starts = fit.objective.starts
    if starts is None:
        return fit.u0(e)
    there = starts.p.copy()
    there[e] = p
    obj = fit.objective
    own = replace(obj.composition, starts=replace(starts, p=there))
    return replace(fit, objective=replace(obj, composition=own), theta=theta).u0(e)
