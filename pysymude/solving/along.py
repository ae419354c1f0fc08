"""Solves of one experiment that changes on the way."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.base import AbstractEngine, Method
from pysymude.engines.outcomes import ReturnCode
from pysymude.plan.course import Course, Courses
from pysymude.plan.numeric import NumericModel
from pysymude.plan.problem import Batch
from pysymude.solving.legs import Part, Path
from pysymude.solving.solution import Solution, Stats
from pysymude.solving.steady import SteadyStates

__all__ = ["Along", "Several", "Span", "spans"]

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Span:
    """Rows of a solution, and the parameters and theta with which they were solved."""

    rows: NDArray[np.int64]
    p: Float
    theta: Float


def spans(courses: Courses, course: Course, theta: Float, ts: Float) -> list[Span]:
    """The values that hold at ascending times."""
    path = Path(courses, course)
    parts = list(path.parts(theta, float(ts[-1])))
    found = [(part, path.rows(part, ts, last=part is parts[-1])) for part in parts]
    return [Span(rows, *path.as_outer(part)) for part, rows in found if rows.size]


@dataclass(frozen=True, eq=False, repr=False)
class Along:
    """What it takes to solve an experiment leg by leg, at any times; see `pysymude.solving.dense.Again`.

    Attributes
    ----------
    u0 : float64 array, shape (states,)
        Where the first leg starts, before the change at its start.
    back : float64 array, shape (states, solved states), or None
        From the solved states to the user's, where these differ.
    """

    engine: AbstractEngine
    courses: Courses
    course: Course
    theta: Float
    u0: Float
    method: Method
    back: Float | None = None

    def __call__(self, times: Float, end: float) -> Float:
        """States (1, times, states) on the way to `end`; NaN where a solve did not get that far."""
        ts = np.unique([*times, end])
        u = self.march(ts)[0][np.searchsorted(ts, times)][None]
        return u if self.back is None else u @ self.back.T

    def march(self, ts: Float) -> tuple[Float, ReturnCode, Stats, str]:
        """States (times, states) at ascending times, how it ended, and by which steps of which solver."""
        path = Path(self.courses, self.course)
        parts = list(path.parts(self.theta, float(ts[-1])))
        found, counts = np.full((ts.size, self.u0.size), np.nan), np.zeros(3, dtype=np.int64)
        u, code, solver = self.u0, ReturnCode.Success, ""
        for part in parts:
            if part.leg.is_steady:
                rest = self._steady.find(part.p, part.theta, u, self._marcher(part))
                u, code = rest.u, rest.retcode
            else:
                rows = path.rows(part, ts, last=part is parts[-1])
                u = path.changed(part, u)
                if part.end > part.begin:
                    made = self._solve(part, u, part.begin, np.append(ts[rows], part.end))
                    found[rows], u = made.u[0, :-1], made.u[0, -1]
                    code, solver = made.retcodes[0], made.solver or solver
                    counts += made.counts[0]
                else:
                    found[rows] = u
            if not code.successful:
                break
        return found, code, Stats(*counts.tolist()), solver

    def observables(self, ts: Float, u: Float) -> dict[str, Float]:
        """The system's observables along states (times, states), with the values of each leg."""
        plan = self.courses.outer
        exprs = plan.system.observables
        found = {name: np.full(ts.size, np.nan) for name in exprs}
        if exprs:
            tape = plan.tape(list(exprs.values()))
            for span in spans(self.courses, self.course, self.theta, ts):
                model = NumericModel(plan, span.p, span.theta)
                values = model.evaluate(tape, ts[span.rows], u[span.rows])
                for j, name in enumerate(exprs):
                    found[name][span.rows] = values[..., j]
        return found

    def solution(self, ts: Float) -> Solution:
        """The experiment at ascending times."""
        u, code, stats, solver = self.march(ts)
        return Solution(
            t=ts.copy(), u=u, states=self.courses.outer.states, retcode=code, stats=stats,
            engine=self.engine.name, solver=solver or self.method.solver,
            observables=self.observables(ts, u), units=dict(self.courses.outer.system.units), again=self,
        )  # fmt: skip

    def turned(self, back: Float) -> Along:
        """The same in other states."""
        return replace(self, back=back)

    @cached_property
    def _steady(self) -> SteadyStates:
        return SteadyStates(self.courses.inner)

    def _marcher(self, part: Part) -> Any:
        def march(u: Float, span: float) -> tuple[Float, ReturnCode]:
            made = self._solve(part, u, 0.0, np.array([span]))
            return made.u[0, -1], made.retcodes[0]

        return march

    def _solve(self, part: Part, u: Float, begin: float, ts: Float) -> Any:
        batch = Batch(np.array([begin]), u[None], part.p[None], ts[None])
        compiled = self.engine.compile(self.courses.inner)
        return self.engine.solve(compiled, batch, part.theta, self.method)

    def __copy__(self) -> Along:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Along:
        return self

    def __reduce__(self) -> Any:
        # the arrays of a solution travel without the way to make them again
        return _lost, ()


def _lost() -> None:
    return None


@dataclass(frozen=True, eq=False, repr=False)
class Several:
    """What it takes to solve several experiments again, each leg by leg; see `pysymude.solving.dense.Again`."""

    each: tuple[Along, ...]

    def __call__(self, times: Float, end: float) -> Float:
        """States (experiments, times, states) on the way to `end`."""
        return np.concatenate([one(times, end) for one in self.each])

    def one(self, e: int) -> Along:
        """That of one of them."""
        return self.each[e]
