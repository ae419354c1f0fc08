"""Sums of squares of expressions at given points, for which nothing is solved."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.base import BoundLoss, Evaluation
from pysymude.engines.native import structures as st
from pysymude.engines.native.blocks import run, run_back
from pysymude.engines.native.compiling import inner, kernel
from pysymude.engines.native.holding import hold, pull_held
from pysymude.engines.native.records import Record
from pysymude.engines.outcomes import ReturnCode
from pysymude.plan.problem import Samples

__all__ = ["NativeSamples"]

Float = NDArray[np.float64]
OBSERVE = st.OBSERVE


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


class SamplesTask(Record):
    """All of it; `memory` has the fields of `Memory` that blocks need."""

    model: st.Model
    memory: Workspace
    points: Points
    theta: Float


@inner
def is_another(p, i):
    """Whether the parameters of a point differ from those of the point before."""
    for j in range(p.shape[1]):
        if p[i, j] != p[i - 1, j]:
            return True
    return False


@inner
def point_block(m, w, points, theta, i):
    """Runs the expressions at point i over the block."""
    H = w.held.shape[0]
    for j in range(H):
        w.v[j] = w.held[j]
    w.v[H] = points.t[i]
    for j in range(m.n):
        w.v[H + 1 + j] = points.u[i, j]
    for k in range(w.signs.shape[0]):
        w.v[H + 1 + m.n + k] = 2.0
    run(m, w, OBSERVE, theta, 0)


@kernel
def samples_kernel(task, gradient):
    """The sum of squares; its gradient into `memory.gtheta`."""
    m, w, x, theta = task.model, task.memory, task.points, task.theta
    N, C = x.values.shape
    for i in range(N):
        if i == 0 or is_another(x.p, i):
            hold(m, w, x.p, theta, i)
        point_block(m, w, x, theta, i)
        for c in range(C):
            x.values[i, c] = m.y_factors[c] * w.v[m.y_slots[c]]
    total = residuals_of(x)
    if not gradient:
        return total
    H = w.held.shape[0]
    for s in range(m.size):
        w.g[s] = 0.0
    for i in range(N):
        if i == 0 or is_another(x.p, i):
            if i > 0:
                pull_held(m, w, theta, x.p.shape[1])
                for s in range(H):
                    w.g[s] = 0.0
            hold(m, w, x.p, theta, i)
        point_block(m, w, x, theta, i)
        for s in range(H, m.size):
            w.g[s] = 0.0
        for c in range(C):
            w.g[m.y_slots[c]] += m.y_factors[c] * x.values[i, c]
        run_back(m, w, OBSERVE, theta, w.gtheta, 0, w.g)
    pull_held(m, w, theta, x.p.shape[1])
    return total


@inner
def residuals_of(x):
    """The sum of squares of the residuals; `values` become its derivatives."""
    total = 0.0
    for r in range(x.residuals.shape[0]):
        x.residuals[r] = -x.target[r]
    for j in range(x.factor.shape[0]):
        x.residuals[x.residual[j]] += x.factor[j] * x.values[x.point[j], x.expression[j]]
    for i in range(x.values.shape[0]):
        for c in range(x.values.shape[1]):
            x.values[i, c] = 0.0
    for r in range(x.residuals.shape[0]):
        total += x.residuals[r] ** 2
    for j in range(x.factor.shape[0]):
        slope = 2.0 * x.residuals[x.residual[j]] * x.factor[j]
        x.values[x.point[j], x.expression[j]] += slope
    return total


@final
@dataclass(eq=False)
class NativeSamples(BoundLoss):
    """A sum of squares with its points; one call at a time uses its arrays, others make theirs."""

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
        value = float(samples_kernel(task, gradient))
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
        points = Points(
            t=_floats(d.t), u=_floats(d.u), p=_floats(d.p), residual=d.residual.astype(np.int64),
            point=d.point.astype(np.int64), expression=d.expression.astype(np.int64),
            factor=_floats(d.factor), target=_floats(d.target),
            values=np.zeros((len(d.t), len(m.y_slots))), residuals=np.zeros(len(d.target)),
        )  # fmt: skip
        memory = Workspace(
            v=np.zeros(m.size), held=np.zeros(len(m.held)), g=np.zeros(m.size),
            gtheta=np.zeros(self.theta), signs=np.zeros(len(m.time_only)),
        )  # fmt: skip
        return SamplesTask(model=m, memory=memory, points=points, theta=np.zeros(self.theta))


def _floats(a: Float) -> Float:
    return np.ascontiguousarray(a, dtype=np.float64)
