"""`solve`: one initial value problem from symbols to arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pysymude.engines.base import (
    AbstractEngine,
    BatchSolution,
    Capability,
    Crossings,
    Method,
    Watch,
)
from pysymude.engines.outcomes import ReturnCode
from pysymude.engines.registry import select_engine
from pysymude.errors import CapabilityError, InvalidInputError
from pysymude.model.calls import explained
from pysymude.model.coerce import label_of
from pysymude.model.dataset import Dataset
from pysymude.model.event import Event, event_expressions, event_list
from pysymude.model.period import Period
from pysymude.model.signal_values import signal_values
from pysymude.model.system import ODESystem
from pysymude.model.trajectory import Trajectory
from pysymude.plan.compiled import CompiledSystem, compile_system
from pysymude.plan.course import Courses
from pysymude.plan.course_binding import bind_courses
from pysymude.plan.numeric import NumericModel
from pysymude.plan.problem import Batch
from pysymude.plan.signals import check_reach
from pysymude.solving.along import Along
from pysymude.solving.checks import (
    check_is_system,
    check_scalings,
    initial_state,
    output_times,
    values,
)
from pysymude.solving.choice import choose_method
from pysymude.solving.control import Control, warn_of_abstol
from pysymude.solving.dense import Again
from pysymude.solving.solution import EventRecord, Solution, Stats

__all__ = ["initial_value_problem", "observe", "solve", "solve_one", "with_effects"]

Float = NDArray[np.float64]


@explained
def solve(
    system: ODESystem,
    *,
    t: ArrayLike,
    u0: Any = None,
    parameters: Mapping[Any, float] | None = None,
    theta: ArrayLike | Mapping[str, ArrayLike] | None = None,
    solver: Any = "auto",
    reltol: float = 1e-6,
    abstol: Any = None,
    max_steps: int | None = None,
    dtmax: float | None = None,
    tstops: Sequence[float] = (),
    engine: str = "auto",
    events: Sequence[Event] | Event = (),
    periods: Sequence[Period] | Period | None = None,
    doses: Mapping[Any, Any] | None = None,
    signals: Mapping[Any, Any] | None = None,
    throw: bool = False,
) -> Solution:
    """The solution of an initial value problem at given times.

    Parameters
    ----------
    system : ODESystem
    u0 : mapping from state to float, or sequence in the order of the states, optional
        The state at ``t[0]``. A mapping may leave out states that the system's `initial` gives.
    t : array, shape (times,)
        Strictly ascending; at least two.
    parameters : mapping from symbol or name to float, optional
        Values of symbolic parameters; they also replace fixed and trainable ones.
    theta : array, shape (parameters,), or mapping from slot name to array, optional
        The learned vector, see ``system.layout``. Needed where the system contains a network.
    solver : str or Julia object
        ``"auto"`` or a name from ``psu.engines()``; with ``engine="julia"`` also an algorithm object,
        such as ``ode.FBDF()`` from ``diffeqpy``. The rule behind ``"auto"`` is in
        `pysymude.solving.choice.choose_method`; the result says which was taken.
    reltol : float
        Relative tolerance of a step's error.
    abstol : float, mapping from state to float, or array (states,), optional
        Absolute tolerance, in the unit of the states. By default 1e-8 of each state's magnitude (of its
        initial value, its data, what the solve meets), or `reltol` of it where that is less, and never more
        than 1e-8.
    max_steps : int, optional
        A solve that needs more fails with the return code ``MaxIters``.
    dtmax : float, optional
        The longest step, in the unit of time.
    tstops : sequence of float
        Times at which steps end. Those at which conditions of time and parameters alone change are found.
    engine : str
        ``"auto"`` or a name from ``psu.engines()``.
    events : sequence of Event
        Zeros of expressions, found between steps and kept in ``Solution.events``; one that terminates
        is the last point of the solution, with the return code ``Terminated``. A zero at the start
        does not count, and neither does one that is touched without a change of sign. Those that set states
        act behind the system's own.
    periods : sequence of Period, optional
        Other parameter values and changed states from known times on; see `Period`. An output at the start of
        a period comes after its change.
    doses : mapping from state to sequence of (time, amount), optional
        What is added to a state.
    signals : mapping from Signal or name to (times, values), optional
        Measured inputs; they replace those that the system has values for.
    throw : bool
        Raise `SolveFailedError` where the return code is not a success.

    Returns
    -------
    Solution

    Raises
    ------
    InvalidInputError
        A name, a shape or a value that does not fit the system; the message says what would.

    Examples
    --------
    >>> import numpy as np, pysymude as psu
    >>> x, k = psu.states("x"), psu.parameters("k")
    >>> sol = psu.solve(psu.ODESystem({x: -k*x}), u0={x: 1.0}, t=[0.0, 1.0], parameters={k: 2.0})
    >>> sol.retcode.name, round(float(sol["x"][-1]), 4)
    ('Success', 0.1353)
    """
    check_is_system(system)
    system, events = with_effects(system, events)
    watching = events or system.events
    chosen = select_engine(engine, Capability.EVENTS if watching else Capability.SOLVE)
    plan, batch, vector = initial_value_problem(system, u0, t, parameters, theta, signals)
    control = Control(reltol, abstol, max_steps, dtmax, tstops)
    method = choose_method(chosen, plan, batch, vector, solver=solver, control=control)
    if periods or doses:
        if events:
            raise CapabilityError(
                "events= has no place beside periods= and doses=; solve piece by piece"
            )
        courses = _courses(plan, batch, periods, doses)
        along = Along(chosen, courses, courses.each[0], vector, batch.u0[0], method)
        found = along.solution(batch.ts[0])
        return found.raise_for_retcode() if throw else found
    run, found = _solved(chosen, plan, batch, vector, method, events)
    if run.sizes is not None or not watching:
        warn_of_abstol(method, plan.states, run)
    return found.raise_for_retcode() if throw else found


def _courses(plan: CompiledSystem, batch: Batch, periods: Any, doses: Any) -> Courses:
    """What changes on the way of one solve."""
    # the tables of signals stand behind the parameters
    own = dict(zip(plan.parameters, batch.p[0].tolist(), strict=False))
    trajectory = Trajectory.from_arrays(
        batch.ts[0], np.zeros(batch.ts.shape[1]), states=plan.states[0], t0=batch.t0[0],
        u0=dict.fromkeys(plan.states, 0.0), parameters=own, periods=periods, doses=doses,
        signals=batch.signals,
    )  # fmt: skip
    found = bind_courses(plan, Dataset(trajectory))
    return cast("Courses", found)


def initial_value_problem(
    system: ODESystem,
    u0: Any,
    t: ArrayLike,
    parameters: Mapping[Any, float] | None,
    theta: ArrayLike | Mapping[str, ArrayLike] | None,
    signals: Mapping[Any, Any] | None = None,
) -> tuple[CompiledSystem, Batch, Float]:
    """What `solve` was asked for, checked: the plan, one experiment, and theta."""
    check_is_system(system)
    check_scalings(system)
    plan = compile_system(system)
    points = signal_values(signals) if signals else {}
    p, vector = values(plan, parameters, theta, points)
    times = output_times(t)
    start = initial_state(plan.states, _with_initial(plan, p, vector, times[0], u0))
    batch = Batch(times[:1], start[None], p[None], times[None], points)
    check_reach(plan, batch, vector)
    return plan, batch, vector


def _with_initial(plan: CompiledSystem, p: Float, theta: Float, t0: float, u0: Any) -> Any:
    """`u0` with what the system's own expressions say of states that it leaves out."""
    given = plan.system.initial
    if not given or not (u0 is None or isinstance(u0, Mapping)):
        return u0
    model = NumericModel(plan, p, theta)
    found = model.evaluate(plan.tape(list(given.values())), t0, np.zeros(len(plan.states)))
    own = {x.name: float(v) for x, v in zip(given, found, strict=True)}
    return own | {label_of(k): v for k, v in (u0 or {}).items()}


def solve_one(
    engine: AbstractEngine,
    plan: CompiledSystem,
    batch: Batch,
    theta: Float,
    method: Method,
    events: Sequence[Event] = (),
) -> Solution:
    """The first experiment of a batch as a `Solution`."""
    return _solved(engine, plan, batch, theta, method, events)[1]


def _solved(
    engine: AbstractEngine,
    plan: CompiledSystem,
    batch: Batch,
    theta: Float,
    method: Method,
    events: Sequence[Event],
) -> tuple[BatchSolution, Solution]:
    """The first experiment of a batch, as the engine and as the user sees it."""
    compiled = engine.compile(plan)
    t, records = batch.ts[0], {}
    if events or plan.system.events:
        watch = Watch(
            plan.tape(event_expressions(plan.system, events)),
            tuple(event.direction for event in events),
            tuple(event.terminate for event in events),
        )
        found, zeros = engine.solve_events(compiled, batch, theta, method, watch)
        records = _records([*events, *plan.system.events], zeros)
        u = found.u[0]
        if found.retcodes[0] is ReturnCode.Terminated:
            before = t < zeros.t[-1]
            t, u = np.append(t[before], zeros.t[-1]), np.concatenate([u[before], zeros.u[-1:]])
    else:
        found = engine.solve(compiled, batch, theta, method)
        u = found.u[0]
    made = Solution(
        t=t.copy(),
        u=u.copy(),
        states=plan.states,
        retcode=found.retcodes[0],
        stats=Stats(*found.counts[0].tolist()),
        engine=engine.name,
        solver=found.solver or method.solver,
        observables=observe(NumericModel(plan, batch.p[0], theta), t, u)
        if plan.system.observables
        else {},
        events=records,
        units=dict(plan.system.units),
        again=Again(engine, plan, batch, theta, method),
    )
    return found, made


def with_effects(
    system: ODESystem, events: Sequence[Event] | Event
) -> tuple[ODESystem, tuple[Event, ...]]:
    """The system with those of `events` that set states, and the others, which are watched."""
    if events == ():
        return system, ()
    given = event_list(events)
    acting = [event for event in given if event.set]
    if acting:
        system = system.replace(events=[*system.events, *acting])
    watched = tuple(event for event in given if not event.set)
    names = {event.key for event in system.events}
    for event in watched:
        if event.key in names:
            raise InvalidInputError(
                f"two events are called {event.key!r}; give them names: psu.Event(expr, name=...)"
            )
    return system, watched


def _records(events: Sequence[Event], zeros: Crossings) -> dict[str, EventRecord]:
    """The zeros of each event, by its name."""
    return {
        event.key: EventRecord(zeros.t[zeros.which == i], zeros.u[zeros.which == i])
        for i, event in enumerate(events)
    }


def observe(model: NumericModel, t: Float, u: Float) -> dict[str, Float]:
    """The system's observables along trajectories `u` (..., states), float64 of shape (...) each."""
    exprs = model.plan.system.observables
    if not exprs:
        return {}
    found = model.evaluate(model.plan.tape(list(exprs.values())), t, u)
    return {name: found[..., j].copy() for j, name in enumerate(exprs)}
