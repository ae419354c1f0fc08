"""A solution between its output times: the same initial value problems solved again at other times."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.base import AbstractEngine, Method
from pysymude.engines.registry import select_engine
from pysymude.errors import EmissionError
from pysymude.model.system import ODESystem
from pysymude.plan.compiled import CompiledSystem, compile_system
from pysymude.plan.problem import Batch
from pysymude.plan.signals import register

__all__ = ["Again"]

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Again:
    """What it takes to solve again; calling it gives the states at ascending times.

    It is exact where interpolation between outputs is not: the solver's own steps are taken again, and its
    own dense output is read at the times that are asked for.

    Attributes
    ----------
    batch : Batch
        Initial value problems; `ts` is not read.
    back : float64 array, shape (states, solved states), or None
        From the solved states to the user's, where these differ.
    """

    engine: AbstractEngine
    plan: CompiledSystem
    batch: Batch
    theta: Float
    method: Method
    back: Float | None = None

    def __call__(self, times: Float, end: float) -> Float:
        """States (experiments, times, states) on the way to `end`; NaN where a solve did not get that far."""
        # a last step that ends elsewhere would give other digits
        ts = np.unique([self.batch.t0[0], *times, end])
        batch = replace(self.batch, ts=np.tile(ts, (len(self.batch.t0), 1)))
        compiled = self.engine.compile(self.plan)
        found = self.engine.solve(compiled, batch, self.theta, self.method)
        u = found.u[:, np.searchsorted(ts, times)]
        return u if self.back is None else u @ self.back.T

    def one(self, i: int) -> Again:
        """That of one trajectory alone."""
        return replace(self, batch=self.batch.part(slice(i, i + 1)))

    def turned(self, back: Float) -> Again:
        """The same in other states."""
        return replace(self, back=back)

    def __copy__(self) -> Again:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Again:
        # frozen, and compiled programs have no copy
        return self

    def __reduce__(self) -> Any:
        try:
            self.plan.system.__reduce__()
        except EmissionError:
            # the arrays of a solution travel also where its system has no text
            return _lost, ()
        values = (self.batch, self.theta, self.method, self.back)
        return _again, (self.engine.name, self.plan.system, self.plan.parameters, *values)


def _again(
    engine: str, system: ODESystem, parameters: tuple[str, ...], batch: Batch, theta: Float,
    method: Method, back: Float | None,
) -> Again:  # fmt: skip
    plan = compile_system(system)
    order = [parameters.index(name) for name in plan.parameters]
    # behind them stand the numbers of signals, which this process has to know
    order += range(len(order), batch.p.shape[1])
    register(plan, batch)
    return Again(
        select_engine(engine), plan, replace(batch, p=batch.p[:, order]), theta, method, back
    )


def _lost() -> None:
    return None
