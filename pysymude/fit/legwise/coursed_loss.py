"""A loss whose experiments change on the way: each is solved leg by leg, and differentiated the same way back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from threading import Lock
from typing import final

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.base import (
    AbstractEngine,
    BoundLoss,
    Evaluation,
    Linearised,
    Method,
    Simulated,
)
from pysymude.engines.outcomes import ReturnCode
from pysymude.fit.legwise.course_terms import Run, Step, beside, gaps, law_slopes
from pysymude.plan.course import Courses
from pysymude.plan.problem import Batch, LossData, LossSpec
from pysymude.solving.legs import Part, Path
from pysymude.solving.steady import SteadyStates

__all__ = ["CoursedLoss", "bind_loss", "method_of"]

Float = NDArray[np.float64]


def bind_loss(
    engine: AbstractEngine, compiled: object, spec: LossSpec, data: LossData, method: Method
) -> BoundLoss:
    """A loss bound to its data, whether its experiments change on the way or not."""
    alone = data.batch.doses is not None and not spec.laws
    marches = alone and engine.takes_doses(compiled, method)
    if data.courses is None or marches:
        return engine.loss(compiled, spec, data, method)
    return CoursedLoss(engine, spec, data, method, data.courses)


def method_of(method: Method, e: int) -> Method:
    """The method with the tolerances of one experiment."""
    abstol = method.abstol
    if isinstance(abstol, tuple) and isinstance(abstol[0], tuple):
        return replace(method, abstol=abstol[min(e, len(abstol) - 1)])
    return method


@final
@dataclass(eq=False)
class CoursedLoss(BoundLoss):
    """`BoundLoss` over legs; each leg is a loss of its own, whose start and values are learned numbers."""

    engine: AbstractEngine
    spec: LossSpec
    data: LossData
    method: Method
    courses: Courses

    def __post_init__(self) -> None:
        self.compiled = self.engine.compile(self.courses.inner)
        self.paths = [Path(self.courses, course) for course in self.courses.each]
        self.size = self.courses.inner.layout.size
        self.bound: dict[tuple[int, int, int], BoundLoss] = {}
        # what moves in time has its times in memory that is shared
        self.lock = Lock()

    # -- what losses do ----------------------------------------------------------------------------

    def evaluate(self, theta: Float, *, gradient: bool) -> Evaluation:
        """The loss at theta, with or without its gradient."""
        with self.lock:
            run = self._forward(theta)
            terms = beside(self.spec, self.data, run)
            r = self.data.weight * np.where(self.data.weight > 0, run.seen - self.data.y, 0.0)
            terms["data"] = float((r**2).sum())
            slope = None
            if gradient:
                slope = self._backward(run, theta, 2.0 * self.data.weight * r)
        return self._evaluation(run, terms, slope, theta.size, gradient)

    def simulate(self, theta: Float) -> Simulated:
        """What the model gives for each measurement at theta."""
        with self.lock:
            run = self._forward(theta)
        return Simulated(
            run.seen, beside(self.spec, self.data, run), tuple(run.codes), run.steps, run.sizes
        )

    def pull(self, theta: Float, given: Float) -> Evaluation:
        """The gradient of a loss whose derivatives by what `simulate` gives are `given`."""
        with self.lock:
            run = self._forward(theta)
            terms = beside(self.spec, self.data, run)
            terms["data"] = 0.0
            slope = self._backward(run, theta, given)
        return self._evaluation(run, terms, slope, theta.size, True)

    def linearise(
        self, theta: Float, asked: NDArray[np.bool_], directions: Float | None = None
    ) -> Linearised:
        """What the model gives, and its derivatives at the places asked: one way there, a way back for each."""
        rows = np.argwhere(asked)
        slopes = np.full((len(rows), theta.size), np.nan)
        with self.lock:
            run = self._forward(theta)
            if all(code.successful for code in run.codes):
                L, n = run.laws.shape[2], run.ends.shape[1]
                for row, (e, i, c) in enumerate(rows.tolist()):
                    given = np.zeros((run.seen.shape[1], run.seen.shape[2] + L))
                    given[i, c] = 1.0
                    slopes[row] = 0.0
                    start = self._back(e, run.taken[e], np.zeros(n), given, slopes[row])
                    self._start_pulled(e, start, theta, slopes[row])
        seen = Simulated(
            run.seen, beside(self.spec, self.data, run), tuple(run.codes), run.steps, run.sizes
        )
        return Linearised(seen, slopes if directions is None else slopes @ directions.T)

    def _evaluation(
        self, run: Run, terms: dict[str, float], slope: Float | None, size: int, gradient: bool
    ) -> Evaluation:
        codes = list(run.codes)
        if not all(code.successful for code in codes):
            lost = np.full(size, np.nan) if gradient else None
            return Evaluation(
                math.nan, lost, dict.fromkeys(terms, math.nan), tuple(codes), run.steps
            )
        if slope is not None and not np.isfinite(slope).all():
            codes[0] = ReturnCode.GradientNotFinite
        return Evaluation(float(sum(terms.values())), slope, terms, tuple(codes), run.steps)

    # -- there -------------------------------------------------------------------------------------

    def _forward(self, theta: Float) -> Run:
        data, C, L = self.data, len(self.spec.columns), len(self.spec.laws)
        E, T = data.batch.ts.shape
        starts = self._starts(theta)
        run = Run(
            np.zeros((E, T, C)), np.zeros((E, T, L)), [ReturnCode.Success] * E, starts, starts.copy(),
            np.abs(starts), 0, [[] for _ in range(E)],
        )  # fmt: skip
        for e in range(E):
            u = starts[e]
            parts = list(self.paths[e].parts(theta, float(data.batch.ts[e, -1])))
            for part in parts:
                step = self._part(run, e, part, u, last=part is parts[-1])
                run.taken[e].append(step)
                if not run.codes[e].successful:
                    break
                u = step.end
            run.ends[e] = u
        return run

    def _part(self, run: Run, e: int, part: Part, u: Float, *, last: bool) -> Step:
        rows = self.paths[e].rows(part, self.data.batch.ts[e], last=last)
        if part.leg.is_steady:
            found = self.steady.find(
                part.p, part.theta, u, lambda v, span: self._march(e, part, v, span)
            )
            run.codes[e] = found.retcode
            return Step(part, rows, u, u, found.u, found)
        start = self.paths[e].changed(part, u)
        if not rows.size and not part.end > part.begin:
            return Step(part, rows, u, start, start)
        bound, at = self._leg(e, part, rows)
        found = bound.simulate(np.concatenate([part.theta, start]))
        run.steps += found.steps
        run.sizes[e] = np.maximum(run.sizes[e], found.sizes[0])
        run.codes[e] = found.retcodes[0]
        self.ran = bound.ran
        C, L = run.seen.shape[2], run.laws.shape[2]
        run.seen[e, rows] = found.seen[0, at, :C]
        run.laws[e, rows] = found.seen[0, at, C : C + L]
        return Step(part, rows, u, start, found.seen[0, -1, C + L :].copy())

    def _leg(
        self, e: int, part: Part, rows: NDArray[np.int64]
    ) -> tuple[BoundLoss, NDArray[np.int64]]:
        """The loss of a leg with its times, and which of them are `rows`."""
        ts = self.data.batch.ts[e]
        if self.paths[e].course.is_fixed:
            key = e, part.number, rows.size
            if key not in self.bound:
                self.bound[key] = self._bound(e, part, np.append(ts[rows], part.end))
            return self.bound[key], np.arange(rows.size)
        # all times of the experiment, those of other legs at this leg's ends
        times = np.append(np.clip(ts, part.begin, part.end), part.end)
        key = e, part.number, -1
        if key not in self.bound:
            self.bound[key] = self._bound(e, part, times)
        self.bound[key].retime(np.array([part.begin]), times[None])
        return self.bound[key], rows

    def _bound(self, e: int, part: Part, times: Float) -> BoundLoss:
        n, K = len(self.courses.inner.states), times.size
        columns = (*self.spec.columns, *self.spec.laws, *self.courses.inner.states)
        batch = Batch(np.array([part.begin]), np.zeros((1, n)), part.p[None], times[None])
        shape = 1, K, len(columns)
        loss = LossData(
            batch, np.zeros(shape), np.ones(shape), (self.size + np.arange(n, dtype=np.int32))[None],
            np.full(1, -1, dtype=np.int32), np.ones(n), np.zeros(n, dtype=bool), np.eye(n),
            np.zeros((1, K, 0)), np.zeros((1, K)),
        )  # fmt: skip
        return self.engine.loss(self.compiled, LossSpec(columns), loss, method_of(self.method, e))

    def _march(self, e: int, part: Part, u: Float, span: float) -> tuple[Float, ReturnCode]:
        batch = Batch(np.zeros(1), u[None], part.p[None], np.array([[span]]))
        found = self.engine.solve(self.compiled, batch, part.theta, method_of(self.method, e))
        return found.u[0, -1], found.retcodes[0]

    @cached_property
    def steady(self) -> SteadyStates:
        """How legs come to rest."""
        return SteadyStates(self.courses.inner)

    def _starts(self, theta: Float) -> Float:
        """Where experiments start, in the coordinates that are solved."""
        data, index = self.data, self.data.u0_index
        values = theta[np.maximum(index, 0)]
        values = np.where(data.positive, np.exp(np.where(data.positive, values, 0.0)), values)
        return np.where(index >= 0, values, data.batch.u0) @ data.mix.T

    # -- and back ----------------------------------------------------------------------------------

    def _backward(self, run: Run, theta: Float, given: Float) -> Float:
        """The gradient of what has the derivatives `given` by what was seen, with links and laws."""
        if not all(code.successful for code in run.codes):
            return np.full(theta.size, np.nan)
        found = np.zeros(theta.size)
        seen = np.concatenate([given, law_slopes(self.data, run)], axis=2)
        ends, starts = np.zeros_like(run.ends), np.zeros_like(run.starts)
        if self.spec.links:
            by_gap = 2.0 * self.data.link_weight * gaps(self.data, run)
            ends += by_gap
            np.add.at(starts, np.maximum(self.data.link, 0), -by_gap)
        for e, steps in enumerate(run.taken):
            starts[e] += self._back(e, steps, ends[e], seen[e], found)
            self._start_pulled(e, starts[e], theta, found)
        return found

    def _start_pulled(self, e: int, slopes: Float, theta: Float, own: Float) -> None:
        """Cotangents of the start of an experiment, added to those of theta where it is learned."""
        index, positive = self.data.u0_index[e], self.data.positive
        learned = index >= 0
        by_value = slopes @ self.data.mix
        if positive.any():
            by_value = by_value * np.where(
                positive, np.exp(np.where(positive, theta[index], 0.0)), 1.0
            )
        np.add.at(own, index[learned], by_value[learned])

    def _back(self, e: int, steps: Sequence[Step], slopes: Float, seen: Float, own: Float) -> Float:
        """Cotangents of an experiment's end, as those of its start; others are added to `own`."""
        path, behind = self.paths[e], 0.0  # of the time at which the leg behind begins
        for k in range(len(steps) - 1, -1, -1):
            step, part = steps[k], steps[k].part
            if step.steady is not None:
                by_theta, slopes = self.steady.pull(step.steady, slopes, part.p, part.theta)
                path.moved_pulled(part, by_theta, own)
                continue
            if k + 1 < len(steps) and steps[k + 1].part.moves:
                speed = path.model(part).rhs(part.end, step.end)
                path.start_pulled(steps[k + 1].part, behind + float(slopes @ speed), own)
            slopes = self._leg_back(e, step, slopes, seen, own)
            if part.moves:
                behind = -float(slopes @ path.model(part).rhs(part.begin, step.start))
            slopes, by_time = path.change_pulled(part, step.before, slopes, own)
            behind += by_time
        return slopes

    def _leg_back(self, e: int, step: Step, slopes: Float, seen: Float, own: Float) -> Float:
        """Cotangents of a leg's end and of what was seen on it, as those of its start."""
        if not step.rows.size and not step.part.end > step.part.begin:
            return slopes
        bound, at = self._leg(e, step.part, step.rows)
        total = seen.shape[1]
        rows = step.rows.size if self.paths[e].course.is_fixed else len(seen)
        weights = np.zeros((1, rows + 1, total + slopes.size))
        weights[0, at, :total] = seen[step.rows]
        weights[0, -1, total:] = slopes
        gradient = bound.pull(np.concatenate([step.part.theta, step.start]), weights).gradient
        if gradient is None:
            return np.full(slopes.size, np.nan)
        self.paths[e].moved_pulled(step.part, gradient[: self.size], own)
        return gradient[self.size :]
