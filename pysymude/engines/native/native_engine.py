"""`NativeEngine`: plans run by loops that are compiled once, for every model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any, final

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pysymude.engines.base import (
    AbstractEngine,
    BatchSolution,
    BoundLoss,
    Capability,
    Crossings,
    Method,
    Watch,
)
from pysymude.engines.installed import is_installed
from pysymude.engines.native.native_solvers import SOLVERS
from pysymude.errors import InvalidInputError
from pysymude.plan.compiled import CompiledSystem
from pysymude.plan.problem import Batch, LossData, LossSpec, Samples
from pysymude.plan.signals import count_points

__all__ = ["NativeEngine"]

Float = NDArray[np.float64]

# a solve may take long; a wild trial point of an optimiser should fail within seconds
_SOLVE_LIMIT, _LOSS_LIMIT = 1_000_000, 100_000


@dataclass(frozen=True, eq=False)
class _Compiled:
    """A plan with the models of its solves, and where such were made that may be used again."""

    plan: CompiledSystem
    models: dict[Any, Any] = field(default_factory=dict[Any, Any])
    offices: dict[Any, list[Any]] = field(default_factory=dict[Any, list[Any]])

    def model(self, observed: Sequence[Any], *, implicit: bool) -> Any:
        from pysymude.engines.native.kernel_arrays import bind_model

        key = (tuple(observed), implicit)
        if key not in self.models:
            self.models[key] = bind_model(self.plan, observed, implicit=implicit)
        return self.models[key]


@lru_cache(maxsize=32)
def _compiled(plan: CompiledSystem) -> _Compiled:
    """What is kept of a plan: repeated solves make its programs once."""
    return _Compiled(plan)


@cache
def _running() -> Any:
    """What solves, imported with the first solve; a statement that imports takes time at each call."""
    from pysymude.engines.native import running

    return running


@final
class NativeEngine(AbstractEngine):
    """Tapes run by compiled loops, in float64."""

    name = "native"
    capabilities = frozenset(Capability)
    solvers = SOLVERS
    stiff_solver = "Rodas5P"
    switching = True
    # beyond these, going back through the steps costs less (benchmarks/gradients.py)
    forward_limits = (0, 0)

    def availability(self) -> str:
        """An empty string: this engine comes with pysymude."""
        return (
            "" if is_installed("llvmlite") else "not installed: llvmlite; run: pip install pysymude"
        )

    def adopt(self, solver: Any) -> str:
        """Always an error: solvers are taken by name."""
        raise InvalidInputError(
            f"engine 'native' takes a solver by name: 'auto', {', '.join(map(repr, SOLVERS))}; found "
            f"{type(solver).__name__}. An algorithm made in Julia needs engine='julia'"
        )

    def compile(self, plan: CompiledSystem) -> _Compiled:
        """Nothing is compiled for a model; its programs are made when first asked for."""
        return _compiled(plan)

    def takes_doses(self, compiled: _Compiled, method: Method) -> bool:
        """Always."""
        return True

    def threads(self) -> int:
        """One a core, or PYSYMUDE_NUM_THREADS."""
        from pysymude.engines.native.workers import count_threads

        return count_threads()

    def solve(
        self, compiled: _Compiled, batch: Batch, theta: Float, method: Method, *, threads: int = 1
    ) -> BatchSolution:
        """All experiments of a batch, spread over threads."""
        return _running().solve_batch(compiled, batch, theta, method, threads, _SOLVE_LIMIT)

    def solve_events(
        self, compiled: _Compiled, batch: Batch, theta: Float, method: Method, watch: Watch
    ) -> tuple[BatchSolution, Crossings]:
        """One solve that keeps its steps; zeros are located along its dense output."""
        return _running().solve_with_events(compiled, batch, theta, method, watch, _SOLVE_LIMIT)

    def loss(
        self, compiled: _Compiled, spec: LossSpec, data: LossData, method: Method
    ) -> BoundLoss:
        """A loss bound to its data."""
        from pysymude.engines.native.desks import Scheme
        from pysymude.engines.native.kernel_arrays import problem_of
        from pysymude.engines.native.losses import NativeLoss

        plan = compiled.plan
        measured = tuple(plan.column(name) for name in (*spec.columns, *spec.laws))
        size = max(plan.layout.size, data.theta_size, 1)
        scheme = Scheme(
            lambda implicit: compiled.model(measured, implicit=implicit),
            method.solver,
            method.reltol,
            np.array(np.broadcast_to(method.abstol, (len(plan.states),)), dtype=np.float64),
            method.max_steps or _LOSS_LIMIT + 4 * count_points(plan, data.batch.p),
            size,
            len(measured),
            method.dtmax,
            follows=method.asked_abstol is None,
        )
        problem = problem_of(
            plan, data.batch, data, len(spec.laws), linked=spec.links, tstops=method.tstops
        )
        return NativeLoss(scheme, problem, spec.laws, method.sensealg == "forward")

    def samples(
        self, compiled: _Compiled, expressions: Sequence[sp.Expr], data: Samples
    ) -> BoundLoss:
        """A sum of squares of expressions at given points, bound to its data."""
        from pysymude.engines.native.sums_of_squares import NativeSamples

        model = compiled.model(tuple(expressions), implicit=False)
        return NativeSamples(compiled.plan, model, data, max(compiled.plan.layout.size, 1))
