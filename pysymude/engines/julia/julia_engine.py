"""`JuliaEngine`: models loaded into Julia, their arguments, their results."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from time import perf_counter
from typing import Any, final

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pysymude.engines.base import (
    AbstractEngine,
    BatchSolution,
    Capability,
    Crossings,
    Method,
    Watch,
)
from pysymude.engines.julia.convert import from_julia, to_julia
from pysymude.engines.julia.held import HeldLoss, HeldSamples, HeldSolves
from pysymude.engines.julia.interop import adopt
from pysymude.engines.julia.julia_solvers import COMPILED, SOLVERS
from pysymude.engines.julia.printer import observation_source, system_source, watch_source
from pysymude.engines.julia.runtime import package, problem, translated
from pysymude.engines.locating import locate, parted
from pysymude.engines.loss_layout import LossLayout
from pysymude.engines.outcomes import CODES, ReturnCode
from pysymude.errors import CapabilityError
from pysymude.plan.compiled import LARGE, CompiledSystem
from pysymude.plan.looped import Looped
from pysymude.plan.numeric import NumericModel
from pysymude.plan.problem import Batch, LossData, LossSpec, Samples
from pysymude.plan.signals import addressed, count_points
from pysymude.plan.tolerance import lowered, magnitudes_like

__all__ = ["JuliaEngine"]

Float = NDArray[np.float64]

log = logging.getLogger("pysymude")

# a solve may take long; a wild trial point of an optimiser should fail within seconds
_SOLVE_LIMIT, _LOSS_LIMIT = 1_000_000, 100_000

_GROWS = "with an implicit solver its linear systems grow with theta, 300 to 1600 times the cost"
_NOT_STIFF = {
    "interpolating": _GROWS,
    "backsolve": _GROWS,
    # measured on Robertson's problem at reltol 1e-10: a gradient that is wrong by 2e-2
    "quadrature": "its quadrature misses the thin layers that a stiff system has behind each measurement",
}


MARCHES = ("Tsit5", "Rodas5P", "auto")
"""The solvers whose steps are this engine's own."""

# all models of this process: two systems that differ only in values share theirs
_MODELS: dict[str, Any] = {}

# solves that may come again with other numbers: the last few, unless they are large
_SOLVES: dict[tuple[Any, ...], HeldSolves] = {}
_MOST, _KEPT = 32, 100_000

# an ensemble goes to Julia in parts of about so many seconds, between which Ctrl-C is heard
_PART, _FIRST_PART = 0.3, 32

# what has been compiled in this process
_USED: set[tuple[str, str]] = set()


@dataclass(frozen=True, eq=False)
class _Compiled:
    """A plan whose model is loaded into Julia when first asked for."""

    plan: CompiledSystem

    @cached_property
    def model(self) -> Any:
        key = self.plan.fingerprint
        if key not in _MODELS:
            source = system_source(self.plan)
            with translated("loading a model"):
                _MODELS[key] = package().load_model(source)
        return _MODELS[key]


@final
class JuliaEngine(AbstractEngine):
    """DifferentialEquations and SciMLSensitivity of Julia, through juliacall."""

    name = "julia"
    capabilities = frozenset(Capability)
    solvers = SOLVERS
    stiff_solver = "Rodas5P"
    switching = True
    # going back through the steps costs less for any number (benchmarks/native.py)
    forward_limits = (0, 0)
    threads_variable = "PYTHON_JULIACALL_THREADS"
    sensealgs = ("adjoint", "forward", "gauss", "quadrature", "interpolating", "backsolve")

    def availability(self) -> str:
        """An empty string where Julia and its packages are set up; Julia is not started."""
        return problem()

    def adopt(self, solver: Any) -> str:
        """Any adaptive algorithm of SciML, made in Julia: the name it goes by."""
        return adopt(solver)

    def compile(self, plan: CompiledSystem) -> _Compiled:
        """Nothing yet: the model is loaded when first asked for."""
        if plan.signals and isinstance(plan.rhs, Looped):
            raise CapabilityError(
                f"engine 'julia' reads no signals in systems of {LARGE} states and more; take "
                "engine='native'",
                engine=self.name, capability="signals", engines_that_have_it=("native",),
            )  # fmt: skip
        return _Compiled(plan)

    def refusal(self, solver: str, sensealg: str) -> str:
        """As for every engine, and adjoints that fail where a system is stiff."""
        # AutoTsit5 takes implicit steps where it has to
        may_be_implicit = solver not in self.solvers or self.solvers[solver].stiff
        if (may_be_implicit or solver == "AutoTsit5") and sensealg in _NOT_STIFF:
            return f"{_NOT_STIFF[sensealg]}; write sensealg='gauss'"
        return super().refusal(solver, sensealg)

    def takes_doses(self, compiled: _Compiled, method: Method) -> bool:
        """With the solvers of its own marches, and gradients through their steps."""
        return _why_no_jumps(compiled.plan, "doses", method, gradient=True) is None

    def threads(self) -> int:
        """Julia's threads, as set by PYTHON_JULIACALL_THREADS before it starts."""
        return int(package().count_threads())

    def solve(
        self, compiled: _Compiled, batch: Batch, theta: Float, method: Method, *, threads: int = 1
    ) -> BatchSolution:
        """All experiments of a batch, each thread with a model of its own."""
        _check_jumps(compiled.plan, batch, method, gradient=False)
        _announce("solve", method.solver)
        abstol = _abstol(method, batch.u0.shape[1])
        found = _in_parts(compiled, batch, theta, method, abstol, threads)
        follows = method.asked_abstol is None
        lower = (
            lowered(abstol, magnitudes_like(abstol, found[0]), method.reltol) if follows else None
        )
        if lower is not None:
            found = _in_parts(compiled, batch, theta, method, lower, threads)
        return _batch_solution(method, *found)

    def solve_events(
        self, compiled: _Compiled, batch: Batch, theta: Float, method: Method, watch: Watch
    ) -> tuple[BatchSolution, Crossings]:
        """One continuous callback for each expression; where states jump, along the steps of a march."""
        _check_jumps(compiled.plan, batch, method, gradient=False)
        if compiled.plan.effects or batch.doses is not None:
            return self._followed(compiled, batch, theta, method, watch)
        model, plan = compiled.model, compiled.plan
        _announce("events", method.solver)
        q, _tables = addressed(plan, batch.p)
        batch = replace(batch, p=q)
        with translated("solving"):
            u, codes, counts, sizes, which, times, states = package().solve_events(
                model, watch_source(plan, watch.tape), method.solver,
                np.array(watch.directions), np.array(watch.terminates),
                *_problems(plan, batch, theta, method, _abstol(method, len(plan.states))),
            )  # fmt: skip
        crossings = Crossings(from_julia(which), from_julia(times), from_julia(states))
        found = (from_julia(array) for array in (u, codes, counts, sizes))
        return _batch_solution(method, *found), crossings

    def _followed(
        self, compiled: _Compiled, batch: Batch, theta: Float, method: Method, watch: Watch
    ) -> tuple[BatchSolution, Crossings]:
        """A solve whose steps stay in Julia, and the zeros along them."""
        plan, julia = compiled.plan, package()
        _announce("solve", method.solver)
        q, _tables = addressed(plan, batch.p)
        placed = replace(batch, p=q)
        with translated("solving"):
            made = julia.Followed(
                compiled.model, method.solver,
                *_problems(plan, placed, theta, method, _abstol(method, len(plan.states))),
            )  # fmt: skip
            t, u, which = (from_julia(array) for array in julia.steps_of(made))
        numbers = which.astype(np.int64)
        # an event is told by its condition, which stands behind the switches
        events = np.where(numbers > 0, numbers - 1 - plan.march_form.switches, -1)

        def states(times: Float) -> Float:
            return from_julia(julia.states_at(made, np.ascontiguousarray(times)))

        legs, jumps = parted(t, u, numbers != 0, events, states)
        zeros = locate(NumericModel(plan, batch.p[0], theta), watch, legs, jumps)
        results = made.results
        arrays = (results.u, results.codes, results.stats, results.sizes)
        found = _batch_solution(method, *(from_julia(array) for array in arrays))
        if np.isin(zeros.which, np.flatnonzero(watch.terminates)).any():
            found = replace(found, retcodes=(ReturnCode.Terminated,))
        return found, zeros

    def loss(self, compiled: _Compiled, spec: LossSpec, data: LossData, method: Method) -> HeldLoss:
        """The loss with its arrays inside Julia."""
        plan, batch = compiled.plan, data.batch
        _check_jumps(plan, batch, method, gradient=True)
        _announce(method.sensealg, method.solver)
        layout = LossLayout.of(plan, spec, data)
        measured = [plan.column(name) for name in (*spec.columns, *spec.laws)]
        q, tables = addressed(plan, batch.p)
        with translated("setting up a loss"):
            made = package().Loss(
                compiled.model,
                observation_source(plan, measured),
                algorithm=method.solver,
                sensealg=method.sensealg,
                t0=batch.t0,
                u0=to_julia(batch.u0),
                q=to_julia(q),
                ts=to_julia(batch.ts),
                y=to_julia(data.y),
                weight=to_julia(data.weight),
                u0_index=to_julia(data.u0_index + 1),
                positive=data.positive,
                # no table of states by experiments: it keeps its rows and columns
                mix=data.mix,
                link=data.link + 1 if spec.links else np.zeros_like(data.link),
                link_weight=data.link_weight,
                law_weight=to_julia(data.law_weight),
                anchor=to_julia(data.anchor),
                reltol=method.reltol,
                abstol=_abstol(method, batch.u0.shape[1])[0],
                maxiters=method.max_steps or _LOSS_LIMIT + 4 * count_points(plan, batch.p),
                dtmax=float(method.dtmax),
                tstops=np.array(method.tstops, dtype=np.float64),
                scalings=plan.scalings,
                size_of_theta=layout.size,
                **_doses(batch),
            )
        held = HeldLoss(made, layout, follows=method.asked_abstol is None)
        held.kept = tables
        return held

    def samples(
        self, compiled: _Compiled, expressions: Sequence[sp.Expr], data: Samples
    ) -> HeldSamples:
        """The sum of squares with its arrays inside Julia."""
        plan = compiled.plan
        q, tables = addressed(plan, data.p)
        with translated("setting up a loss"):
            made = package().Samples(
                compiled.model, observation_source(plan, expressions), data.t, to_julia(data.u),
                to_julia(q), data.residual + 1, data.point + 1, data.expression + 1,
                data.factor, data.target, plan.scalings, plan.layout.size,
            )  # fmt: skip
        held = HeldSamples(made, LossLayout((), 1, plan.layout.size))
        held.kept = tables
        return held


def _in_parts(
    compiled: _Compiled, batch: Batch, theta: Float, method: Method, abstol: Float, threads: int
) -> list[NDArray[Any]]:
    """States, codes, counts of steps and sizes of states of all experiments."""
    parts: list[list[NDArray[Any]]] = []
    start, size, count = 0, _FIRST_PART * threads, len(batch.t0)
    each = np.broadcast_to(abstol, batch.u0.shape)
    while start < count:
        end = count if count - start < 1.5 * size else start + size
        began = perf_counter()
        part = _part(batch, start, end)
        parts.append(_solve(compiled, part, theta, method, each[start:end], threads))
        pace = (end - start) / max(perf_counter() - began, 1e-6)
        # the first may have compiled
        start, size = end, int(min(max(pace * _PART, size / 4, threads), 4 * size))
    if len(parts) == 1:
        return parts[0]
    return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]


def _solve(
    compiled: _Compiled, batch: Batch, theta: Float, method: Method, abstol: Float, threads: int
) -> list[NDArray[Any]]:
    """The same, from memory that both sides see."""
    plan, model = compiled.plan, compiled.model
    q, tables = addressed(plan, batch.p)
    batch = replace(batch, p=q)
    arrays = (batch.t0, batch.u0, q, batch.ts, theta, plan.scalings, abstol)
    if batch.doses is not None:
        doses = batch.doses
        amount = np.where(doses.index >= 0, _at(theta, doses.index), doses.amount)
        arrays += (doses.t, (doses.state + 1).astype(np.float64), np.nan_to_num(amount))
    control = (method.solver, method.reltol, method.max_steps, method.dtmax, method.tstops)
    key = (plan.fingerprint, *control, *(a.shape for a in arrays))
    solves = _SOLVES.pop(key, None)
    if solves is None:
        with translated("setting up a solve"):
            solves = HeldSolves(
                package().Repeated(
                    model, method.solver, *_problems(plan, batch, theta, method, abstol)
                )
            )
    # the latest stand last, and the first is let go
    if batch.ts.size * batch.u0.shape[1] <= _KEPT:
        _SOLVES[key] = solves
    if len(_SOLVES) > _MOST:
        del _SOLVES[next(iter(_SOLVES))]
    found = solves.run(arrays, threads)
    del tables  # which had to be there for as long
    return found


def _part(batch: Batch, start: int, end: int) -> Batch:
    return batch.part(slice(start, end))


def _check_jumps(plan: CompiledSystem, batch: Batch, method: Method, *, gradient: bool) -> None:
    """Events that set states, and doses, are known to the engine's own marches alone."""
    if plan.effects or batch.doses is not None:
        what = "events that set states" if plan.effects else "doses"
        refusal = _why_no_jumps(plan, what, method, gradient=gradient)
        if refusal is not None:
            raise refusal


def _why_no_jumps(
    plan: CompiledSystem, what: str, method: Method, *, gradient: bool
) -> CapabilityError | None:
    """Why this engine cannot take a plan through jumps that way, or None."""
    # a large system without events has a sparse Jacobian, for which implicit steps are not the march's
    sparse = isinstance(plan.rhs, Looped) and not plan.effects
    known = method.solver in (MARCHES[:1] if sparse else MARCHES)
    if not known:
        return CapabilityError(
            f"engine 'julia' has {what} with {', '.join(map(repr, MARCHES))}; found "
            f"{method.solver!r}. Take one of these, or engine='native'",
            engine="julia", capability="events", engines_that_have_it=("native",),
        )  # fmt: skip
    deep = any(op.name == "nethess" for op in plan.march_form.derivatives.operations)
    if gradient and (
        method.sensealg not in ("adjoint", "forward") or (deep and method.solver != "Tsit5")
    ):
        return CapabilityError(
            f"engine 'julia' takes gradients through {what} along its own steps; found sensealg="
            f"{method.sensealg!r} with {method.solver!r}. Write sensealg='adjoint', solver='Tsit5', or take "
            "engine='native'",
            engine="julia", capability="gradient", engines_that_have_it=("native",),
        )  # fmt: skip
    return None


def _at(theta: Float, index: NDArray[np.int32]) -> Float:
    """Entries of theta, anything where the index is below 0."""
    return theta[np.maximum(index, 0)] if theta.size else np.zeros(index.shape)


def _doses(batch: Batch, theta: Float | None = None) -> dict[str, Any]:
    """Doses as Julia has them: places count from 1; of learned amounts the numbers, where theta is known."""
    doses = batch.doses
    if doses is None:
        return {}
    amount = doses.amount
    if theta is not None:
        amount = np.where(doses.index >= 0, _at(theta, doses.index), amount)
    found: dict[str, Any] = {
        "dose_t": to_julia(doses.t), "dose_state": to_julia(doses.state.astype(np.int64) + 1),
        "dose_amount": to_julia(np.nan_to_num(amount)),
    }  # fmt: skip
    return found if theta is not None else found | {"dose_index": to_julia(doses.index + 1)}


def _abstol(method: Method, states: int) -> Float:
    """One number a state: a row that all experiments share, or one for each."""
    rows = method.tolerances
    return np.array(np.broadcast_to(rows, (len(rows), states)), dtype=np.float64)


def _problems(
    plan: CompiledSystem, batch: Batch, theta: Float, method: Method, abstol: Float
) -> tuple[Any, ...]:
    """The arguments of a Julia Batch."""
    return (
        batch.t0, to_julia(batch.u0), to_julia(batch.p), to_julia(batch.ts), theta, plan.scalings,
        method.reltol, to_julia(abstol),
        method.max_steps or _SOLVE_LIMIT,
        float(method.dtmax), np.array(method.tstops, dtype=np.float64), *_doses(batch, theta).values(),
    )  # fmt: skip


def _batch_solution(
    method: Method, u: Float, codes: NDArray[np.int64], counts: NDArray[np.int64], sizes: Float
) -> BatchSolution:
    retcodes = tuple(CODES[c] for c in codes.tolist())
    ran = _took_steps(method, counts[:, 3])
    return BatchSolution(u, retcodes, counts[:, :3].copy(), ran, sizes)


def _took_steps(method: Method, changes: NDArray[np.int64]) -> str:
    """The solvers that took steps, where that was decided on the way."""
    if method.solver != "auto":
        return ""
    if (changes < 0).all():
        return "Rodas5P"
    return "Tsit5+Rodas5P" if changes.any() else "Tsit5"


def _announce(what: str, solver: str) -> None:
    """One line where Julia is about to compile for long."""
    if (what, solver) in _USED:
        return
    _USED.add((what, solver))
    if (what, solver) not in COMPILED:
        log.warning(
            "%s with %s on engine 'julia' is used for the first time in this process: "
            "Julia compiles it now, which takes 10 to 60 s",
            {"solve": "solve", "events": "solve with events"}.get(what, f"a gradient ({what})"),
            solver,
        )
