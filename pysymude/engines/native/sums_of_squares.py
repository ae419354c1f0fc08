"""Sums of squares of expressions at given points, for which nothing is solved."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.base import BoundLoss, Evaluation
from pysymude.engines.native import structures as st
from pysymude.engines.native.entries import Entry
from pysymude.engines.native.records import Record
from pysymude.engines.outcomes import ReturnCode
from pysymude.plan.compiled import CompiledSystem
from pysymude.plan.problem import Samples
from pysymude.plan.signals import addressed

__all__ = ["NativeSamples"]

Float = NDArray[np.float64]
sum_of_squares = Entry("pysymude.engines.native.sampled", "sum_of_squares")


class Points(Record):
    """The points, what is taken at each, and room for it; see `plan.problem.Samples`."""

    t: Float
    u: Float
    p: Float
    residual: st.Int
    point: st.Int
    expression: st.Int
    factor: Float
    target: Float
    values: Float  # (N, expressions)
    residuals: Float


class Workspace(Record):
    """A block and its cotangents."""

    v: Float
    held: Float
    g: Float
    gtheta: Float
    signs: Float
    total: Float


class SamplesTask(Record):
    """All of it; `memory` has the fields of `Memory` that blocks need."""

    model: st.Model
    memory: Workspace
    points: Points
    theta: Float


@final
@dataclass(eq=False)
class NativeSamples(BoundLoss):
    """A sum of squares with its points; one call at a time uses its arrays, others make theirs."""

    plan: CompiledSystem
    model: st.Model
    data: Samples
    theta: int

    def __post_init__(self) -> None:
        self.free: list[SamplesTask] = []

    def evaluate(self, theta: Float, *, gradient: bool) -> Evaluation:
        """The sum of squares at theta, with or without its gradient."""
        task = self.free.pop() if self.free else self._task()
        task.theta[:] = theta[: self.theta]
        task.memory.gtheta[:] = 0.0
        sum_of_squares(task, gradient)
        value = float(task.memory.total[0])
        slope = None
        if gradient:
            slope = np.zeros(theta.size)
            slope[: self.theta] = task.memory.gtheta
        self.free.append(task)
        good = math.isfinite(value)
        code = ReturnCode.Success if good else ReturnCode.Unstable
        if good and slope is not None and not np.isfinite(slope).all():
            code = ReturnCode.GradientNotFinite
        return Evaluation(value, slope, {"data": value, "links": 0.0}, (code,), 0)

    def _task(self) -> SamplesTask:
        m, d = self.model, self.data
        p, tables = addressed(self.plan, d.p)
        points = Points(
            t=_floats(d.t), u=_floats(d.u), p=_floats(p), residual=d.residual.astype(np.int64),
            point=d.point.astype(np.int64), expression=d.expression.astype(np.int64),
            factor=_floats(d.factor), target=_floats(d.target),
            values=np.zeros((len(d.t), len(m.y_slots))), residuals=np.zeros(len(d.target)),
        )  # fmt: skip
        points.kept = tables
        memory = Workspace(
            v=np.zeros(m.size), held=np.zeros(len(m.held)), g=np.zeros(m.size),
            gtheta=np.zeros(self.theta), signs=np.zeros(len(m.time_only)), total=np.zeros(1),
        )  # fmt: skip
        return SamplesTask(model=m, memory=memory, points=points, theta=np.zeros(self.theta))


def _floats(a: Float) -> Float:
    return np.ascontiguousarray(a, dtype=np.float64)
