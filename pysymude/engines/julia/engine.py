"""`JuliaEngine`: models loaded into Julia, their arguments, their results."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.base import (
    AbstractEngine,
    BatchSolution,
    Capability,
    Evaluation,
    Method,
)
from pysymude.engines.julia.convert import from_julia, to_julia, view
from pysymude.engines.julia.printer import observation_source, system_source
from pysymude.engines.julia.runtime import package, problem, translated
from pysymude.engines.julia.solvers import CODES, SOLVERS
from pysymude.engines.solution import Stats
from pysymude.plan.compiled import CompiledSystem
from pysymude.plan.problem import Batch, LossData, LossSpec, MatchingData

__all__ = ["JuliaEngine"]

Float = NDArray[np.float64]

# step limits: a wild trial point of an optimiser should fail within seconds
_SOLVE_LIMIT, _LOSS_LIMIT = 262_144, 16_384
_HEAD = 4  # value, data term, link term, steps


# all models of this process: two systems that differ only in values share theirs
_MODELS: dict[str, Any] = {}


@cache
def _evaluate() -> Any:
    # looking a name up in Julia costs as much as a call
    return package().evaluate_b


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


@dataclass(frozen=True, eq=False)
class _Loss:
    """A Julia object that reads its `theta` and writes its `out`."""

    object: Any
    count: int

    @property
    def run(self) -> Any:
        package()  # refuses a forked process
        return _evaluate()

    @cached_property
    def theta(self) -> Float:
        return view(self.object.theta)

    @cached_property
    def out(self) -> Float:
        return view(self.object.out)


@final
class JuliaEngine(AbstractEngine):
    """DifferentialEquations and SciMLSensitivity of Julia, through juliacall, on one thread."""

    name = "julia"
    capabilities = frozenset(Capability)
    solvers = SOLVERS
    stiff_solver = "Rodas5P"
    forward_limits = (0, 0)

    def availability(self) -> str:
        """An empty string where Julia and its packages are set up; Julia is not started."""
        return problem()

    def compile(self, plan: CompiledSystem) -> _Compiled:
        """Nothing yet: the model is loaded when first asked for."""
        return _Compiled(plan)

    def solve(
        self, compiled: _Compiled, batch: Batch, theta: Float, method: Method
    ) -> BatchSolution:
        """All experiments of a batch, one after the other."""
        model, plan = compiled.model, compiled.plan
        with translated("solving"):
            u, codes, stats = package().solve_batch(
                model, method.solver, batch.t0, to_julia(batch.u0), to_julia(batch.p),
                to_julia(batch.ts), theta, plan.scalings, method.reltol, method.abstol,
                _SOLVE_LIMIT,
            )  # fmt: skip
        states = from_julia(u)
        states[~np.isfinite(states)] = np.nan
        return BatchSolution(
            states,
            tuple(CODES[c] for c in from_julia(codes)),
            tuple(Stats(*map(int, row)) for row in from_julia(stats)),
        )

    def loss(self, compiled: _Compiled, spec: LossSpec, data: LossData, method: Method) -> _Loss:
        """The loss with its arrays inside Julia."""
        plan, batch = compiled.plan, data.batch
        size = max(plan.layout.size, int(data.u0_index.max(initial=-1)) + 1)
        link = data.link + 1 if spec.links else np.zeros_like(data.link)
        with translated("setting up a loss"):
            made = package().Loss(
                compiled.model, observation_source(plan, spec.columns), method.solver,
                method.sensealg, batch.t0, to_julia(batch.u0), to_julia(batch.p),
                to_julia(batch.ts), to_julia(data.y), to_julia(data.weight),
                to_julia(data.u0_index + 1),
                np.array([bool(s.is_positive) for s in plan.system.states]), link,
                data.link_weight, method.reltol, method.abstol, _LOSS_LIMIT, plan.scalings, size,
            )  # fmt: skip
        return _Loss(made, len(batch.t0))

    def matching(self, compiled: _Compiled, data: MatchingData) -> _Loss:
        """The misfit with its arrays inside Julia."""
        plan = compiled.plan
        with translated("setting up a loss"):
            made = package().Matching(
                compiled.model, data.t, to_julia(data.u), to_julia(data.du), to_julia(data.p),
                to_julia(data.weight), plan.scalings, plan.layout.size,
            )  # fmt: skip
        return _Loss(made, 1)

    def evaluate(self, loss: _Loss, theta: Float, *, gradient: bool) -> Evaluation:
        """One call: theta in, value, terms, outcomes and gradient out."""
        run, size = loss.run, loss.theta.size
        # a theta with more behind it than this loss reads has slope zero there
        loss.theta[:] = theta[:size]
        with translated("evaluating a loss"):
            run(loss.object, gradient)
        value, data, links, steps = loss.out[:_HEAD].tolist()
        codes = loss.out[_HEAD : _HEAD + loss.count].astype(int)
        slope = None
        if gradient:
            slope = np.zeros(theta.size)
            slope[:size] = loss.out[_HEAD + loss.count :]
        terms = {"data": data, "links": links}
        return Evaluation(value, slope, terms, tuple(CODES[c] for c in codes), int(steps))
