"""Solves as functions of one vector, and their derivatives both ways: what `simulator` is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pysymude.engines.base import AbstractEngine, BoundLoss, Method
from pysymude.engines.outcomes import ReturnCode
from pysymude.model.system import ODESystem
from pysymude.plan.compiled import CompiledSystem, compile_system
from pysymude.plan.problem import Batch, LossData, LossSpec
from pysymude.plan.tolerance import lowered, scaled_abstol

__all__ = ["Differentiated", "Run", "opened"]

Float = NDArray[np.float64]

_MOST = 32  # bound losses, one for each set of absolute tolerances, that are kept


def opened(system: ODESystem, columns: Sequence[tuple[str, sp.Expr | None]]) -> ODESystem:
    """The system with every parameter learned without bounds, behind those that are; columns observed.

    Then cotangents of parameters are parts of a gradient, whatever sign they have.
    """
    plan = compile_system(system)
    fixed = {system.symbol(name): 0.0 for name in plan.parameters}
    return system.replace(
        parameters={},
        trainable={**system.trainable, **fixed},
        bounds={**system.bounds, **dict.fromkeys(fixed, (None, None))},
        observables={**system.observables, **{n: e for n, e in columns if e is not None}},
        priors={},
    )


@dataclass(frozen=True, eq=False)
class Run:
    """A solve at one vector: (T, columns), NaN where it failed, and the absolute tolerance it took."""

    values: Float
    retcode: ReturnCode
    abstol: Float
    bound: BoundLoss


@dataclass(frozen=True, eq=False)
class Differentiated:
    """What is seen along a solve, as a function of z: theta, then all parameters, then the start.

    Attributes
    ----------
    plan : CompiledSystem
        Of the system as `opened` makes it.
    columns : tuple of str
    batch : Batch
        One experiment, with its times and signals.
    """

    engine: AbstractEngine
    plan: CompiledSystem
    columns: tuple[str, ...]
    batch: Batch
    method: Method
    follows: bool
    _bounds: dict[tuple[float, ...], BoundLoss] = field(default_factory=dict[Any, BoundLoss])

    @property
    def times(self) -> Float:
        """Of outputs, float64 (T,)."""
        return self.batch.ts[0]

    @property
    def size(self) -> int:
        """Of z."""
        return self.plan.layout.size + len(self.plan.states)

    def run(self, z: Float) -> Run:
        """The solve at z.

        Where the absolute tolerance is left open, it follows the states: first where they start, then what
        is met on the way. The numbers depend on z alone, not on what was solved before.
        """
        abstol = np.array(self.method.abstol, dtype=np.float64)
        if self.follows:
            abstol = _decades(scaled_abstol(np.abs(z[self.plan.layout.size :]), self.method.reltol))
        bound = self.bound(abstol)
        found = bound.simulate(z)
        if self.follows and found.retcodes[0].successful:
            # on an engine that tells the sizes of combinations there are none here
            lower = lowered(abstol[None], found.sizes[:1], self.method.reltol)
            if lower is not None:
                abstol = _decades(lower[0])
                bound = self.bound(abstol)
                found = bound.simulate(z)
        values, code = found.seen[0], found.retcodes[0]
        return Run(values if code.successful else np.full_like(values, np.nan), code, abstol, bound)

    def pull(self, z: Float, weights: Float, bound: BoundLoss) -> Float:
        """The derivatives by z of ``sum(weights * values)``."""
        found = bound.pull(z, weights[None])
        ok = found.success and found.gradient is not None
        return found.gradient if ok and found.gradient is not None else np.full(z.size, np.nan)

    def push(self, z: Float, direction: Float, bound: BoundLoss) -> Float:
        """The derivatives of the values along a direction, (T, columns)."""
        shape = (len(self.times), len(self.columns))
        asked = np.ones((1, *shape), dtype=bool)
        return bound.linearise(z, asked, direction[None]).slopes.reshape(shape)

    def bound(self, abstol: Float) -> BoundLoss:
        """What computes it with these absolute tolerances."""
        key = tuple(abstol.tolist())
        found = self._bounds.get(key)
        if found is None:
            method = replace(self.method, abstol=key, asked_abstol=key)
            data = _data(self.plan, self.batch, len(self.columns))
            compiled = self.engine.compile(self.plan)
            found = self.engine.loss(compiled, LossSpec(self.columns), data, method)
            if len(self._bounds) >= _MOST:
                self._bounds.clear()
            self._bounds[key] = found
        return found


def _decades(abstol: Float) -> Float:
    """Powers of ten, none larger: few sets of tolerances serve all starts."""
    return 10.0 ** np.floor(np.log10(abstol) + 1e-9)


def _data(plan: CompiledSystem, batch: Batch, columns: int) -> LossData:
    """One experiment whose start is learned, in which everything is measured."""
    n, T = len(plan.states), batch.ts.shape[1]
    return LossData(
        replace(batch, u0=np.zeros((1, n))), np.zeros((1, T, columns)), np.ones((1, T, columns)),
        (plan.layout.size + np.arange(n, dtype=np.int32))[None], np.full(1, -1, dtype=np.int32),
        link_weight=np.ones(n), positive=np.zeros(n, dtype=bool), mix=np.eye(n),
        law_weight=np.zeros((1, T, 0)), anchor=np.zeros((1, T)),
    )  # fmt: skip
