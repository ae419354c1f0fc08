"""`solve`: one initial value problem from symbols to arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pysymude.engines.base import AbstractEngine, Capability, Crossings, Method, Watch
from pysymude.engines.choice import choose_method
from pysymude.engines.registry import select_engine
from pysymude.engines.solution import EventRecord, ReturnCode, Solution, Stats
from pysymude.errors import InvalidInputError
from pysymude.model.coerce import float_array, meant, numbers_by_name
from pysymude.model.event import Event, event_expressions
from pysymude.model.system import ODESystem
from pysymude.model.transforms import to_unconstrained
from pysymude.plan.binding import parameter_values
from pysymude.plan.compiled import CompiledSystem, compile_system
from pysymude.plan.numeric import NumericModel
from pysymude.plan.problem import Batch

__all__ = [
    "check_is_system",
    "check_scalings",
    "initial_state",
    "initial_value_problem",
    "observe",
    "output_times",
    "solve",
    "solve_one",
    "values",
]

Float = NDArray[np.float64]


def solve(
    system: ODESystem,
    *,
    u0: Any,
    t: ArrayLike,
    parameters: Mapping[Any, float] | None = None,
    theta: ArrayLike | Mapping[str, ArrayLike] | None = None,
    solver: Any = "auto",
    reltol: float = 1e-6,
    abstol: float = 1e-8,
    engine: str = "auto",
    events: Sequence[Event] = (),
    throw: bool = False,
) -> Solution:
    """The solution of an initial value problem at given times.

    Parameters
    ----------
    system : ODESystem
    u0 : mapping from state to float, or sequence in the order of the states
        The state at ``t[0]``.
    t : array, shape (times,)
        Strictly ascending; at least two.
    parameters : mapping from symbol or name to float, optional
        Values of symbolic parameters; they also replace fixed and trainable ones.
    theta : array, shape (parameters,), or mapping from slot name to array, optional
        The learned vector, see ``system.layout``. Needed where the system contains a network.
    solver : str or Julia object
        ``"auto"`` or a name from ``psu.engines()``; with ``engine="julia"`` also an algorithm object,
        such as ``ode.FBDF()`` from ``diffeqpy``. The rule behind ``"auto"`` is in
        `pysymude.engines.choice.choose_method`; the result says which was taken.
    reltol, abstol : float
        Relative and absolute tolerance of a step's error, the latter in the unit of the states.
    engine : str
        ``"auto"`` or a name from ``psu.engines()``.
    events : sequence of Event
        Zeros of expressions, found between steps and kept in ``Solution.events``; one that terminates
        is the last point of the solution, with the return code ``Terminated``. A zero at the start
        does not count, and neither does one that is touched without a change of sign.
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
    chosen = select_engine(engine, Capability.EVENTS if events else Capability.SOLVE)
    plan, batch, vector = initial_value_problem(system, u0, t, parameters, theta)
    method = choose_method(chosen, plan, batch, vector, solver=solver, reltol=reltol, abstol=abstol)
    found = solve_one(chosen, plan, batch, vector, method, events)
    return found.raise_for_retcode() if throw else found


def initial_value_problem(
    system: ODESystem,
    u0: Any,
    t: ArrayLike,
    parameters: Mapping[Any, float] | None,
    theta: ArrayLike | Mapping[str, ArrayLike] | None,
) -> tuple[CompiledSystem, Batch, Float]:
    """What `solve` was asked for, checked: the plan, one experiment, and theta."""
    check_is_system(system)
    check_scalings(system)
    plan = compile_system(system)
    p, vector = values(plan, parameters, theta)
    times = output_times(t)
    batch = Batch(times[:1], initial_state(plan.states, u0)[None], p[None], times[None])
    return plan, batch, vector


def solve_one(
    engine: AbstractEngine,
    plan: CompiledSystem,
    batch: Batch,
    theta: Float,
    method: Method,
    events: Sequence[Event] = (),
) -> Solution:
    """The first experiment of a batch as a `Solution`."""
    compiled = engine.compile(plan)
    t, records = batch.ts[0], dict[str, EventRecord]()
    if events:
        watch = Watch(
            plan.tape(event_expressions(plan.system, events)),
            tuple(event.direction for event in events),
            tuple(event.terminate for event in events),
        )
        found, zeros = engine.solve_events(compiled, batch, theta, method, watch)
        records = _records(events, zeros)
        u = found.u[0]
        if found.retcodes[0] is ReturnCode.Terminated:
            before = t < zeros.t[-1]
            t, u = np.append(t[before], zeros.t[-1]), np.concatenate([u[before], zeros.u[-1:]])
    else:
        found = engine.solve(compiled, batch, theta, method)
        u = found.u[0]
    return Solution(
        t=t.copy(),
        u=u.copy(),
        states=plan.states,
        retcode=found.retcodes[0],
        stats=Stats(*found.counts[0].tolist()),
        engine=engine.name,
        solver=method.solver,
        observables=observe(NumericModel(plan, batch.p[0], theta), t, u),
        events=records,
    )


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


def check_is_system(system: Any) -> None:
    """An error unless `system` is an ODESystem."""
    if not isinstance(system, ODESystem):
        raise InvalidInputError(
            f"expected an ODESystem; found {type(system).__name__}. Write psu.ODESystem({{x: ...}})"
        )


def check_scalings(system: ODESystem) -> None:
    """An error unless all networks know their scaling."""
    for nn in system.networks:
        if nn.needs_data:
            raise InvalidInputError(
                f"network {nn.name!r} takes its scaling from data, and there is no data here; fit "
                "first and use fit.system, or give input_scaling=(shift, scale)"
            )


def output_times(t: ArrayLike) -> Float:
    """Strictly ascending finite times, at least two."""
    times = float_array(t, what="t")
    if times.ndim != 1 or times.size < 2:
        raise InvalidInputError(
            f"t must hold at least two times, the first being the start; found shape {times.shape}"
        )
    rising = times[1:] > times[:-1]
    # between finite ends whatever ascends is finite
    if not (rising.all() and np.isfinite(times[0]) and np.isfinite(times[-1])):
        bad = np.flatnonzero(~rising)
        at = int(bad[0]) + 1 if bad.size else int(np.flatnonzero(~np.isfinite(times))[0])
        raise InvalidInputError(
            f"t must be finite and strictly ascending; found t[{at}] = {times[at]:g} after "
            f"{times[at - 1]:g}"
        )
    return times


def initial_state(states: tuple[str, ...], u0: Any) -> Float:
    """u0 in the order of `states`, float64 of shape (states,)."""
    if isinstance(u0, Mapping):
        given = numbers_by_name(u0, what="u0")
        for name in given:
            if name not in states:
                raise InvalidInputError(
                    f"u0 names {name!r}, which is no state; the states are {', '.join(states)}"
                    f"{meant(name, states)}"
                )
        missing = [name for name in states if name not in given]
        if missing:
            raise InvalidInputError(
                f"u0 has no value for state {missing[0]!r}; give one for each of {', '.join(states)}"
            )
        return np.array([given[name] for name in states])
    values = float_array(u0, what="u0")
    if values.shape != (len(states),):
        raise InvalidInputError(
            f"u0 must have one value for each of {', '.join(states)}; found shape {values.shape}"
        )
    if not np.isfinite(values).all():
        k = int(np.flatnonzero(~np.isfinite(values))[0])
        raise InvalidInputError(f"u0 must be finite; found {values[k]} for state {states[k]!r}")
    return values


def values(
    plan: CompiledSystem,
    parameters: Mapping[Any, float] | None,
    theta: ArrayLike | Mapping[str, ArrayLike] | None,
) -> tuple[Float, Float]:
    """P and theta from what the user gave and what the system knows."""
    given = numbers_by_name(parameters or {}, what="parameters")
    learned = {name: given.pop(name) for name in plan.trainable if name in given}
    if isinstance(theta, Mapping):
        vector = plan.layout.pack(theta)
    elif theta is not None:
        vector = plan.layout.check(theta).copy()
    elif plan.networks:
        raise InvalidInputError(
            f"the system contains the network {plan.networks[0].name!r}, so solve needs theta=, a "
            f"vector of {plan.layout.size} numbers such as fit.theta"
        )
    else:
        vector = plan.layout.pack({s.name: v for s, v in plan.system.trainable.items()})
    for name, value in learned.items():
        slot = plan.layout[name]
        if not slot.low < value < slot.high:
            raise InvalidInputError(
                f"parameter {name!r} must lie in ({slot.low:g}, {slot.high:g}); found {value:g}"
            )
        vector[slot.offset] = to_unconstrained(value, slot.low, slot.high)
    return parameter_values(plan, given), vector
