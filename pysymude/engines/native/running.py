"""Solves: batches of initial value problems, and one with its events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.base import BatchSolution, Crossings, Method, Watch
from pysymude.engines.locating import Jumps, Leg, locate, parted
from pysymude.engines.native import structures as st
from pysymude.engines.native.desks import Desk, Scheme, interpolate, parts_of, run_all
from pysymude.engines.native.kernel_arrays import problem_of, refill
from pysymude.engines.outcomes import CODES, ReturnCode
from pysymude.plan.numeric import NumericModel
from pysymude.plan.problem import Batch

__all__ = ["solve_batch", "solve_with_events"]

Float = NDArray[np.float64]

_IS_SMALL = attrgetter("small")
_SPARE = 8  # places where a model's solves of one kind are made, that wait for the next


def _scheme(compiled: Any, theta: Float, method: Method, limit: int, keep: int | None) -> Scheme:
    tolerances = method.tolerances
    return Scheme(
        lambda implicit: compiled.model((), implicit=implicit),
        method.solver,
        method.reltol,
        np.broadcast_to(tolerances, (len(tolerances), len(compiled.plan.states))),
        method.max_steps or limit,
        max(theta.size, 1),
        0,
        method.dtmax,
        keep=keep,
        follows=method.asked_abstol is None,
    )


def solve_batch(
    compiled: Any, batch: Batch, theta: Float, method: Method, threads: int, limit: int
) -> BatchSolution:
    """All experiments of a batch."""
    parts = parts_of(len(batch.t0))
    scheme, problem, desks, waiting = _office(compiled, batch, theta, method, limit)
    problem.start[:] = batch.u0
    run_all(desks, _whole(theta), parts, st.SOLVE, threads)
    if scheme.follow(problem.out):
        problem.out[:] = np.nan
        run_all(desks, _whole(theta), parts, st.SOLVE, threads)
    if waiting is None or len(waiting) == _SPARE or not all(map(_IS_SMALL, desks)):
        for desk in desks:
            desk.leave()
        return _solution(scheme, problem, problem.out, problem.sizes)
    found = _solution(scheme, problem, problem.out.copy(), problem.sizes.copy())
    waiting.append((scheme, problem, desks))
    return found


def _office(
    compiled: Any, batch: Batch, theta: Float, method: Method, limit: int
) -> tuple[Scheme, st.Problem, list[Desk], list[Any] | None]:
    """Where a batch is solved: used before for one of its kind or new; and where it may wait, if it may.

    Nothing that was solved there is left: all that a solve reads is written anew.
    """
    waiting = None
    if batch.doses is None:
        kind = (
            method.solver, method.reltol, method.tolerances.shape, method.max_steps, method.dtmax, method.tstops,
            method.asked_abstol is None, batch.ts.shape, theta.size,
        )  # fmt: skip
        waiting = compiled.offices.setdefault(kind, [])
        try:
            scheme, problem, desks = waiting.pop()
        except IndexError:  # also where another thread was quicker
            pass
        else:
            scheme.restart(method.tolerances)
            refill(problem, compiled.plan, batch)
            return scheme, problem, desks, waiting
    scheme = _scheme(compiled, theta, method, limit, st.NOTHING)
    # what is written again must be nobody else's
    own = {name: np.array(getattr(batch, name)) for name in ("t0", "u0", "p", "ts")}
    problem = problem_of(compiled.plan, replace(batch, **own), None, 0, tstops=method.tstops)
    desks = [Desk(scheme, problem, False) for _ in parts_of(len(batch.t0))]
    return scheme, problem, desks, waiting


def _whole(theta: Float) -> Float:
    return theta if theta.size else np.zeros(1)


def _solution(scheme: Scheme, problem: st.Problem, u: Float, sizes: Float) -> BatchSolution:
    codes = tuple([CODES[code] for code in problem.codes.tolist()])
    if codes.count(ReturnCode.Success) < len(codes):
        u[~np.isfinite(u)] = np.nan
    ran = scheme.ran(scheme.method == st.AUTO and bool(problem.counts[:, 3].any()))
    return BatchSolution(u, codes, problem.counts[:, :3].copy(), ran, sizes)


def solve_with_events(
    compiled: Any, batch: Batch, theta: Float, method: Method, watch: Watch, limit: int
) -> tuple[BatchSolution, Crossings]:
    """One solve that keeps all of its steps; zeros are looked for along its dense output."""
    scheme = _scheme(compiled, theta, method, limit, st.SLOPES)
    problem = problem_of(compiled.plan, batch, None, 0, tstops=method.tstops)
    problem.start[:] = batch.u0
    desk = Desk(scheme, problem, False)
    desk.run(_whole(theta), 0, 1, st.SOLVE)
    if scheme.follow(problem.out):
        problem.out[:] = np.nan
        desk.run(_whole(theta), 0, 1, st.SOLVE)

    def states(times: Float) -> Float:
        out = np.empty((len(times), len(compiled.plan.states)))
        interpolate(
            st.Wanted(task=desk.task, times=np.ascontiguousarray(times, dtype=np.float64), out=out)
        )
        return out

    model = NumericModel(compiled.plan, batch.p[0], theta)
    legs, jumps = _legs(desk.task, states)
    zeros = locate(model, watch, legs, jumps)
    found = _solution(scheme, problem, problem.out, problem.sizes)
    ends = np.flatnonzero(watch.terminates)
    if np.isin(zeros.which, ends).any():
        # whatever came after it, a failure included, was not asked for
        found = replace(found, retcodes=(ReturnCode.Terminated,))
    return found, zeros


def _legs(task: st.Task, states: Callable[[Float], Float]) -> tuple[list[Leg], Jumps]:
    """The kept steps of a solve, parted by its jumps, and the effects of events among these."""
    memory = task.memory
    count = int(memory.counts[0])
    t = np.append(memory.times[:count, 0], memory.times[count - 1 : count, 2])
    rows = memory.steps[:count]
    return parted(t, memory.u[: count + 1], rows[:, 0] == st.JUMP, rows[:, 2], states)
