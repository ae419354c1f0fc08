"""`solve_ensemble`: one system from many starts or with many parameter values, in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pysymude.engines.base import AbstractEngine, Capability, Method
from pysymude.engines.registry import select_engine
from pysymude.errors import InvalidInputError
from pysymude.model.calls import explained
from pysymude.model.coerce import float_array, name_of
from pysymude.model.signal_values import SignalValues, signal_values
from pysymude.model.system import ODESystem
from pysymude.plan.compiled import CompiledSystem, compile_system
from pysymude.plan.numeric import NumericModel
from pysymude.plan.problem import Batch
from pysymude.plan.signals import check_reach, with_signals
from pysymude.solving.checks import (
    check_is_system,
    check_scalings,
    initial_state,
    output_times,
    values,
)
from pysymude.solving.choice import choose_method
from pysymude.solving.control import Control
from pysymude.solving.dense import Again
from pysymude.solving.solution import EnsembleSolution
from pysymude.solving.solve import observe

__all__ = ["solve_ensemble"]

Float = NDArray[np.float64]


@explained
def solve_ensemble(
    system: ODESystem,
    *,
    u0: Any,
    t: ArrayLike,
    parameters: Mapping[Any, ArrayLike] | None = None,
    theta: ArrayLike | Mapping[str, ArrayLike] | None = None,
    solver: str = "auto",
    reltol: float = 1e-6,
    abstol: Any = None,
    max_steps: int | None = None,
    dtmax: float | None = None,
    tstops: Sequence[float] = (),
    signals: Any = None,
    engine: str = "auto",
    threads: int | None = None,
    throw: bool = False,
) -> EnsembleSolution:
    """Many solutions of one system at the same times: a sweep of parameters, of initial states, or both.

    Whatever is an array has one value a trajectory; whatever is a number is the same for all.

    Parameters
    ----------
    system : ODESystem
    u0 : mapping from state to float or array (trajectories,), or array (states,) or (trajectories, states)
        The states at ``t[0]``.
    t : array, shape (times,)
        Strictly ascending; at least two.
    parameters : mapping from symbol or name to float or array (trajectories,), optional
        Values of symbolic parameters; they also replace fixed and trainable ones.
    theta, solver, reltol, abstol, max_steps, dtmax, tstops, engine
        As for `solve`. On Julia one default of `abstol` serves all trajectories: that of the largest.
    signals : mapping from Signal or name to (times, values), or sequence of them, optional
        Measured inputs, for all trajectories or for each.
    threads : int, optional
        How many threads to use; by default all that the engine has: one a core on the embedded
        engine, unless PYSYMUDE_NUM_THREADS says otherwise; those that Julia was started with, one
        unless PYTHON_JULIACALL_THREADS says otherwise. The numbers do not depend on it.
    throw : bool
        Raise `SolveFailedError` where a trajectory's return code is not a success.

    Returns
    -------
    EnsembleSolution

    Raises
    ------
    InvalidInputError
        A name, a shape or a value that does not fit; the message says what would.
    CapabilityError
        More than one thread on an engine that can use but one.

    Examples
    --------
    >>> import numpy as np, pysymude as psu
    >>> x, k = psu.states("x"), psu.parameters("k")
    >>> decay = psu.ODESystem({x: -k*x})
    >>> found = psu.solve_ensemble(decay, u0={x: 1.0}, t=[0.0, 1.0], parameters={k: [1.0, 2.0, 3.0]})
    >>> found["x"].shape, [round(float(v), 3) for v in found["x"][:, -1]]
    ((3, 2), [0.368, 0.135, 0.05])
    """
    check_is_system(system)
    check_scalings(system)
    if threads is not None and (type(threads) is not int or threads < 1):
        raise InvalidInputError(f"threads must be a positive integer; found {threads!r}")
    several = threads is not None and threads != 1
    chosen = select_engine(engine, Capability.BATCH, *([Capability.THREADS] if several else []))
    workers = _threads(chosen, threads)
    fixed, swept = _parted(parameters)
    each, points = _signals(signals)
    plan, p, theta = _with_values(system, fixed, swept, theta, points[0])
    starts = _starts(plan.states, u0)
    count = _count(plan, swept, starts, len(points) if each else None)
    rows = np.tile(p, (count, 1))
    for name, value in swept.items():
        rows[:, plan.parameters.index(name)] = value
    if each:
        whose = (f" in trajectory {e}" for e in range(count))
        rows = np.stack([with_signals(plan, *one) for one in zip(rows, points, whose, strict=True)])
    times = output_times(t)
    kept = {f"{name} {e}": v for e, one in enumerate(points) for name, v in one.items()}
    batch = Batch(
        np.full(count, times[0]),
        np.ascontiguousarray(np.broadcast_to(starts, (count, len(plan.states)))),
        rows,
        np.broadcast_to(times, (count, len(times))),
        kept,
    )
    check_reach(plan, batch, theta)
    control = Control(reltol, abstol, max_steps, dtmax, tstops)
    method = _method(chosen, plan, batch, theta, solver=solver, control=control)
    found = chosen.solve(chosen.compile(plan), batch, theta, method, threads=workers)
    # parameters as columns, so that each meets the trajectories in the leading axis of u
    model = NumericModel(plan, rows.T[:, :, None], theta)
    made = EnsembleSolution(
        t=times.copy(),
        u=np.ascontiguousarray(found.u),
        states=plan.states,
        retcodes=found.retcodes,
        counts=found.counts,
        engine=chosen.name,
        solver=found.solver or method.solver,
        observables=observe(model, times, found.u),
        units=dict(system.units),
        again=Again(chosen, plan, batch, theta, method),
    )
    return made.raise_for_retcode() if throw else made


def _threads(engine: AbstractEngine, threads: int | None) -> int:
    """On how many threads to solve."""
    if threads == 1:
        return 1
    if threads is None:
        return engine.threads()
    there = engine.threads()
    if threads > there:
        raise InvalidInputError(
            f"threads={threads}, but engine {engine.name!r} has {there}; set {engine.threads_variable}="
            f"{threads} before Python starts"
        )
    return threads


def _parted(
    parameters: Mapping[Any, ArrayLike] | None,
) -> tuple[dict[str, float], dict[str, Float]]:
    """What is the same for all trajectories, and what has a value for each."""
    fixed: dict[str, float] = {}
    swept: dict[str, Float] = {}
    for key, value in (parameters or {}).items():
        name = name_of(key, what="parameters")
        array = float_array(value, what=f"parameter {name!r}")
        _check_values(array, f"parameter {name!r}")
        _check_flat(array, f"parameter {name!r}")
        if array.ndim:
            swept[name] = array
        else:
            fixed[name] = float(array)
    return fixed, swept


def _signals(given: Any) -> tuple[bool, list[dict[str, SignalValues]]]:
    """Whether there are signals for each trajectory, and their points."""
    if isinstance(given, (list, tuple)) and given:
        return True, [signal_values(one) for one in cast("Sequence[Any]", given)]
    return False, [signal_values(given or {})]


def _with_values(
    system: ODESystem,
    fixed: dict[str, float],
    swept: dict[str, Float],
    theta: ArrayLike | Mapping[str, ArrayLike] | None,
    signals: Mapping[str, SignalValues],
) -> tuple[CompiledSystem, Float, Float]:
    """The plan, and p and theta with the first value of whatever is swept."""
    first = {name: float(array[0]) for name, array in swept.items()}
    plan = compile_system(system)
    p, vector = values(plan, fixed | first, theta, signals)
    learned = [name for name in swept if name in plan.trainable]
    if not learned:
        return plan, p, vector
    # theta is one for all trajectories: what varies must be a parameter beside it
    known = plan.layout.unpack(vector)
    for name in learned:
        low, high = plan.layout[name].low, plan.layout[name].high
        if not ((low <= swept[name]) & (swept[name] <= high)).all():
            raise InvalidInputError(
                f"the values of parameter {name!r} must lie in [{low:g}, {high:g}]; found "
                f"{swept[name].min():g} to {swept[name].max():g}"
            )
    still = {s: v for s, v in system.trainable.items() if s.name not in learned}
    now = {s: known[s.name] for s in system.trainable if s.name in learned}
    system = system.replace(trainable=still, parameters={**system.parameters, **now})
    plan = compile_system(system)
    kept = {name: known[name] for name in plan.layout}
    given = {k: v for k, v in (fixed | first).items() if k not in plan.trainable}
    p, _ = values(plan, given, kept, signals)
    return plan, p, plan.layout.pack(kept)


def _starts(states: tuple[str, ...], u0: Any) -> Float:
    """Initial states, float64 of shape (states,) or (trajectories, states)."""
    if not isinstance(u0, Mapping):
        array = float_array(u0, what="u0")
        if array.ndim != 2:
            return initial_state(states, array)
        if array.shape[1] != len(states):
            raise InvalidInputError(
                f"u0 must have one column for each of {', '.join(states)}; found shape {array.shape}"
            )
        _check_values(array, "u0")
        return array
    columns: dict[str, Float] = {}
    for key, value in u0.items():
        name = name_of(key, what="u0")
        columns[name] = float_array(value, what=f"u0 of {name!r}")
        _check_values(columns[name], f"u0 of {name!r}")
        _check_flat(columns[name], f"u0 of {name!r}")
    # names are checked as those of a single state are
    initial_state(states, {name: float(array.ravel()[0]) for name, array in columns.items()})
    sizes = {f"u0 of {name!r}": a.size for name, a in columns.items() if a.ndim}
    if sizes:
        _one_size(sizes)
    return np.stack(np.broadcast_arrays(*[columns[name] for name in states]), axis=-1)


def _check_values(array: Float, what: str) -> None:
    if array.size == 0 or not np.isfinite(array).all():
        raise InvalidInputError(f"{what} must hold finite numbers; found {array}")


def _check_flat(array: Float, what: str) -> None:
    if array.ndim > 1:
        raise InvalidInputError(
            f"{what} must be a number or an array (trajectories,); found shape {array.shape}"
        )


def _count(
    plan: CompiledSystem, swept: dict[str, Float], starts: Float, signals: int | None
) -> int:
    """The number of trajectories."""
    sizes = {f"parameter {name!r}": array.size for name, array in swept.items()}
    if starts.ndim == 2:
        sizes["u0"] = len(starts)
    if signals is not None:
        sizes["signals"] = signals
    if not sizes:
        raise InvalidInputError(
            "nothing varies in this ensemble: give an array for a parameter or a state, such as "
            f"u0={{{plan.states[0]}: np.linspace(0, 1, 10)}}, or use psu.solve"
        )
    return _one_size(sizes)


def _one_size(sizes: Mapping[str, int]) -> int:
    """The number of values that all of these have."""
    first, *others = sizes.items()
    for what, size in others:
        if size != first[1]:
            raise InvalidInputError(
                f"{first[0]} has {first[1]} values but {what} has {size}; give each as many as there "
                "are trajectories, or a single number for all"
            )
    return first[1]


def _method(
    engine: AbstractEngine, plan: CompiledSystem, batch: Batch, theta: Float, **keywords: Any
) -> Method:
    """The method that the first, the middle and the last trajectory ask for: implicit if one does."""
    if engine.switching:
        return choose_method(engine, plan, batch, theta, apart=True, **keywords)
    count = len(batch.t0)
    chosen: list[Method] = []
    for e in sorted({0, count // 2, count - 1}):
        one = batch.part(slice(e, e + 1))
        chosen.append(choose_method(engine, plan, one, theta, **keywords))
    stiff = [method for method in chosen if engine.solvers[method.solver].stiff]
    return (stiff or chosen)[0]
