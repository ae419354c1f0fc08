"""New experiments by a fitted system: other starts and parameters, one at a time or many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pysymude.errors import CapabilityError, InvalidInputError
from pysymude.fit.result.changed import changed
from pysymude.fit.result.experiments_of import check_behind_start, experiment_number
from pysymude.fit.result.one_prediction import own_start, predict_along, predict_one
from pysymude.model.coerce import label_of
from pysymude.model.event import Event, event_list
from pysymude.model.signal_values import signal_values
from pysymude.model.trajectory import Trajectory
from pysymude.model.transforms import from_unconstrained
from pysymude.solving.along import Several, Span, spans
from pysymude.solving.checks import output_times, values
from pysymude.solving.solution import EnsembleSolution, Solution
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
    doses: Mapping[Any, Any] | None = None,
) -> Solution | EnsembleSolution:
    """See `FitResult.predict`."""
    e, events = experiment_number(fit.data, experiment), event_list(events)
    if is_many(u0, parameters):
        if events:
            raise CapabilityError("events= is for one trajectory at a time")
        return predict_many(fit, t, u0, parameters, e, signals, doses)
    one = predict_one(fit, t, u0, parameters, e, events, signals, doses)
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
    return _is_table(u0)


def _is_table(u0: Any) -> bool:
    """Whether starts are the rows of an array."""
    return u0 is not None and not isinstance(u0, Mapping) and np.ndim(u0) == 2


def predict_many(
    fit: FitResult,
    t: ArrayLike,
    u0: Any,
    parameters: Mapping[Any, Any] | None,
    e: int,
    signals: Mapping[Any, Any] | None = None,
    doses: Mapping[Any, Any] | None = None,
) -> EnsembleSolution:
    """A trajectory for each entry of the arrays among starts and parameters."""
    obj = fit.objective
    if obj.enforced.mixes:
        raise CapabilityError(
            "many predictions at once are not available with conserve='eliminate'"
        )
    if obj.loss.courses is not None or doses is not None:
        return _each_along(fit, output_times(t), u0, parameters or {}, e, signals, doses)
    times = output_times(t)
    known = dict(zip(obj.plan.parameters, obj.loss.batch.p[e].tolist(), strict=False))
    points = {**fit.data[e].signals, **signal_values(signals or {})}
    own = known | {label_of(k): v for k, v in (parameters or {}).items()}
    if u0 is None:
        u0, begin = _own_starts(fit, e, own), float(obj.loss.batch.t0[e])
        check_behind_start(times, begin)
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


def _each_along(
    fit: FitResult,
    times: Float,
    u0: Any,
    parameters: Mapping[Any, Any],
    e: int,
    signals: Mapping[Any, Any] | None,
    doses: Mapping[Any, Any] | None,
) -> EnsembleSolution:
    """As `predict_many`, one after another, leg by leg."""
    starts = u0.values() if isinstance(u0, Mapping) else ()
    swept = [v for v in (*parameters.values(), *starts) if np.ndim(v)]
    table = np.asarray(u0) if _is_table(u0) else None
    sizes = sorted({len(v) for v in (*swept, *(() if table is None else (table,)))})
    if len(sizes) > 1 or any(np.ndim(v) != 1 for v in swept):
        raise InvalidInputError(
            f"arrays among u0 and parameters need one value a trajectory; found lengths {sizes}"
        )

    def one(given: Mapping[Any, Any], i: int) -> dict[Any, Any]:
        return {k: v[i] if np.ndim(v) else v for k, v in given.items()}

    def start(i: int) -> Any:
        if isinstance(u0, Mapping):
            return one(cast("Mapping[Any, Any]", u0), i)
        return u0 if table is None else table[i]

    made: list[Solution] = []
    for i in range(sizes[0]):
        trajectory = changed(fit, e, one(parameters, i), signals, doses)
        made.append(predict_along(fit, times, start(i), e, trajectory))
    first = made[0]
    return EnsembleSolution(
        t=times.copy(), u=np.stack([s.u for s in made]), states=first.states,
        retcodes=tuple(s.retcode for s in made),
        counts=np.array([[s.stats.steps, s.stats.accepted, s.stats.rejected] for s in made]),
        engine=first.engine, solver=first.solver,
        observables={n: np.stack([s.observables[n] for s in made]) for n in first.observables},
        units=first.units, again=Several(tuple(s.again for s in made)),
    )  # fmt: skip


def _own_starts(fit: FitResult, e: int, own: Mapping[str, Any]) -> Float:
    """The start of an experiment for each member of a sweep of parameters, float64 (members, states)."""
    plan = fit.objective.plan
    sizes = [np.size(v) for v in own.values() if np.ndim(v)]
    members = max(sizes, default=1)
    rows: list[Float] = []
    for i in range(members):
        one = {k: float(v[i]) if np.ndim(v) else float(v) for k, v in own.items()}
        p, learned = values(plan, one, fit.theta[: plan.layout.size], fit.data[e].signals)
        theta = np.concatenate([learned, fit.theta[plan.layout.size :]])
        rows.append(own_start(fit, e, p, theta))
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
