"""Losses bound to their data: one call from theta to value and gradient."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import final

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.base import BoundLoss, Evaluation, Linearised, Simulated
from pysymude.engines.native import structures as st
from pysymude.engines.native.desks import (
    Desk,
    Scheme,
    initial_states,
    parts_of,
    run_all,
    start_slopes,
)
from pysymude.engines.native.wanted import Wanted
from pysymude.engines.native.workers import count_threads, each
from pysymude.engines.outcomes import CODES, ReturnCode

__all__ = ["NativeLoss"]

Float = NDArray[np.float64]


Parts = list[tuple[int, int]]

# numbers of kept blocks: up to here each experiment of a few has a desk of its own
_APART = 1 << 22


@dataclass(eq=False)
class _Office:
    """A desk a part, and the problem that they share.

    `solved` is the theta at which each desk still has the steps of its one experiment.
    """

    problem: st.Problem
    parts: Parts
    desks: list[Desk]
    solved: Float | None = None

    def holds(self, theta: Float) -> bool:
        """Whether all steps of the solve at theta are still there."""
        return (
            self.solved is not None
            and np.array_equal(self.solved, theta)
            and all(desk.current for desk in self.desks)
        )


@final
@dataclass(eq=False)
class NativeLoss(BoundLoss):
    """A loss with its data; two threads may evaluate it at once, each at desks of its own."""

    scheme: Scheme
    problem: st.Problem
    laws: tuple[str, ...]
    forward: bool
    free: list[_Office] = field(default_factory=list[_Office])
    apart: list[_Office] = field(default_factory=list[_Office])

    def __post_init__(self) -> None:
        self.parts = parts_of(len(self.problem.t0))
        self.single = [(e, e + 1) for e in range(len(self.problem.t0))]
        self.linked = bool((self.problem.link >= 0).any())
        self.moving = bool((self.problem.u0_index >= 0).any())

    def evaluate(self, theta: Float, *, gradient: bool) -> Evaluation:
        """The loss at theta, with or without its gradient."""
        office, read = self._taken(), self._read(theta)
        todo = st.SOLVE | st.MEASURE
        if gradient:
            todo |= st.FORWARD if self.forward else st.BACKWARD
        try:
            slope = self._run(office, read, todo)
            if self.scheme.follow(office.problem.out):
                slope = self._run(office, read, todo)
            return self._evaluation(office.problem, slope, theta.size, gradient)
        finally:
            self.free.append(office)

    def simulate(self, theta: Float) -> Simulated:
        """What the model gives for each measurement at theta; few experiments keep their steps for `pull`."""
        office, read = self._taken(apart=True), self._read(theta)
        try:
            self._run(office, read, st.SOLVE | st.MEASURE)
            if self.scheme.follow(office.problem.out):
                self._run(office, read, st.SOLVE | st.MEASURE)
            found = self._evaluation(office.problem, read, theta.size, False)
            if found.success and office.parts == self.single:
                office.solved = read.copy()
            return self._simulated(office.problem, found)
        finally:
            self._back(office)

    def pull(self, theta: Float, given: Float) -> Evaluation:
        """The gradient of a loss whose derivatives by what `simulate` gives are `given`."""
        office, read = self._taken(apart=True), self._read(theta)
        try:
            office.problem.given[:] = given
            todo = st.MEASURE | st.GIVEN | (st.FORWARD if self.forward else st.BACKWARD)
            if not office.holds(read):
                todo |= st.SOLVE
            slope = self._run(office, read, todo)
            return self._evaluation(office.problem, slope, theta.size, True)
        finally:
            self._back(office)

    def linearise(
        self, theta: Float, asked: NDArray[np.bool_], directions: Float | None = None
    ) -> Linearised:
        """What the model gives, and its derivatives at the places asked: one solve, then a sweep each."""
        if self.linked:
            return super().linearise(theta, asked, directions)
        office, read = self._taken(), self._read(theta)
        try:
            given = None if directions is None else directions[:, : read.size]
            wanted = Wanted(read, asked, given, theta.size)
            self._linearise(office, wanted)
            if self.scheme.follow(office.problem.out):
                self._linearise(office, wanted)
            found = self._evaluation(office.problem, read, theta.size, False)
            simulated = self._simulated(office.problem, found)
            if not all(code.successful for code in found.retcodes):
                wanted.slopes[:] = np.nan
            return Linearised(simulated, wanted.slopes)
        finally:
            self.free.append(office)

    def _linearise(self, office: _Office, wanted: Wanted) -> None:
        office.solved = None
        first = office.desks[0].task
        first.theta[:] = wanted.theta
        initial_states(first)

        def part(k: int) -> None:
            for e in range(*self.parts[k]):
                wanted.fill(office.desks[k], e)

        threads = 1 if len(self.parts) == 1 else count_threads()
        each(part, range(len(self.parts)), threads)

    def _simulated(self, problem: st.Problem, found: Evaluation) -> Simulated:
        seen, sizes = problem.seen.copy(), problem.sizes.copy()
        return Simulated(seen, found.terms, found.retcodes, found.steps, sizes)

    def retime(self, t0: Float, ts: Float) -> None:
        """Other times from now on, at all desks: they share these arrays."""
        self.problem.t0[:], self.problem.ts[:] = t0, ts
        for office in (*self.free, *self.apart):
            office.solved = None

    def _taken(self, *, apart: bool = False) -> _Office:
        """A place to work at, where each experiment has a desk of its own if `apart` and if they are few."""
        if apart and self.keeps_apart:
            return self.apart.pop() if self.apart else self._office(self.single)
        return self.free.pop() if self.free else self._office(self.parts)

    @cached_property
    def keeps_apart(self) -> bool:
        """Whether there is room for the steps of all experiments, which have no desk of their own yet."""
        if self.linked or self.parts == self.single:
            return False
        self.free.append(self._office(self.parts))
        return len(self.single) * self.free[-1].desks[0].task.memory.v.size <= _APART

    def _back(self, office: _Office) -> None:
        """What was taken, for others."""
        (self.free if office.parts == self.parts else self.apart).append(office)

    def _read(self, theta: Float) -> Float:
        return np.ascontiguousarray(theta[: self.scheme.theta], dtype=np.float64)

    def _office(self, parts: Parts) -> _Office:
        problem = self.problem.with_results(len(self.laws))
        return _Office(problem, parts, [Desk(self.scheme, problem, True) for _ in parts])

    def _run(self, office: _Office, theta: Float, todo: int) -> Float:
        problem, desks = office.problem, office.desks
        if todo & st.SOLVE:
            office.solved = None
        problem.slopes[:] = 0.0
        desks[0].task.theta[:] = theta
        initial_states(desks[0].task)
        # what ties experiments writes to others' starts
        threads = 1 if self.linked or len(self.parts) == 1 else count_threads()
        slopes = run_all(desks, theta, office.parts, todo, threads)
        slope = slopes[0].copy()
        for other in slopes[1:]:
            slope += other
        if todo & (st.FORWARD | st.BACKWARD) and (self.moving or self.linked):
            task = desks[0].task
            task.theta[:] = theta
            task.memory.gtheta[:] = 0.0
            start_slopes(task)
            slope += task.memory.gtheta
        return slope

    def _evaluation(
        self, problem: st.Problem, slope: Float, size: int, gradient: bool
    ) -> Evaluation:
        self.ran = self.scheme.ran(int(problem.counts[:, 3].any()))
        codes = [CODES[code] for code in problem.codes.tolist()]
        steps = sum(problem.counts[:, 0].tolist())
        if problem.codes.any():
            terms = dict.fromkeys(("data", "links", *self.laws), math.nan)
            lost = np.full(size, np.nan) if gradient else None
            return Evaluation(math.nan, lost, terms, tuple(codes), steps)
        total = problem.terms.sum(axis=0).tolist()
        terms = dict(zip(("data", "links", *self.laws), total, strict=True))
        found = None
        if gradient:
            found = slope
            if size != slope.size:
                found = np.zeros(size)
                found[: slope.size] = slope
            if not math.isfinite(slope.sum()):
                codes[0] = ReturnCode.GradientNotFinite
        return Evaluation(sum(total), found, terms, tuple(codes), steps)
