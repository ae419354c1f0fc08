"""One experiment leg after leg: where each begins and ends, and what a change makes of the state."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pysymude.plan.course import Course, Courses, Leg
from pysymude.plan.formulas import Formulas, formulas
from pysymude.plan.numeric import NumericModel

__all__ = ["Part", "Path"]

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Part:
    """A leg at one theta: its times and its values.

    Attributes
    ----------
    number : int
        Of the leg.
    begin, end : float
    moves : bool
        Whether `begin` is learned, and stands where its expression says.
    p : float64 array
        Of the inner plan.
    theta : float64 array
        Of the inner plan.
    outer : float64 array
        The outer theta.
    """

    number: int
    leg: Leg
    begin: float
    end: float
    moves: bool
    p: Float
    theta: Float
    outer: Float


@dataclass(frozen=True, eq=False)
class Path:
    """The way through one experiment, for any theta."""

    courses: Courses
    course: Course

    def rows(self, part: Part, ts: Float, *, last: bool) -> NDArray[np.int64]:
        """Which of ascending times lie in a part: from its start on, up to the next one's."""
        if part.leg.is_steady:
            return np.zeros(0, dtype=np.int64)
        return np.flatnonzero((ts >= part.begin) & ((ts < part.end) | last))

    def parts(self, theta: Float, end: float) -> Iterator[Part]:
        """The legs up to `end`, in their order; those that come to rest have no times."""
        legs = self.course.legs
        starts = [self._start(i, theta) for i in range(len(legs))]
        last = -math.inf
        for i, leg in enumerate(legs):
            if leg.is_steady:
                if i + 1 < len(legs) and starts[i + 1] > end and last > -math.inf:
                    return
                yield self._part(i, leg, -math.inf, -math.inf, False, theta)
                continue
            if starts[i] > end and last > -math.inf:
                return
            begin = max(starts[i], last)
            moves = isinstance(leg.start, sp.Expr) and begin == starts[i] and last > -math.inf
            last = begin
            # what comes to rest has no time, and what begins behind it does so where this one ends
            after = max(next((s for s in starts[i + 1 :] if s > -math.inf), math.inf), begin)
            yield self._part(i, leg, begin, min(after, max(end, begin)), moves, theta)

    def _part(self, i: int, leg: Leg, begin: float, end: float, moves: bool, theta: Float) -> Part:
        c = self.courses
        own = theta[: c.outer.layout.size]
        values = self.moved[i].values(leg.p, own) if c.moved else np.zeros(0)
        inner = c.inner_theta(own, values)
        return Part(i, leg, begin, end, moves, leg.p[c.keep], inner, own)

    def _start(self, i: int, theta: Float) -> float:
        leg = self.course.legs[i]
        if not isinstance(leg.start, sp.Expr):
            return leg.start
        return float(self.starts[i].values(leg.p, theta[: self.courses.outer.layout.size])[0])

    def changed(self, part: Part, u: Float) -> Float:
        """The state behind the change at the start of a part."""
        leg = part.leg
        if not leg.set:
            return u
        found = u.copy()
        if leg.added is not None:
            found[leg.places] += leg.added
        else:
            made = self.sets[part.number]
            found[leg.places] = made.values(leg.p, part.outer, part.begin, u)
        return found

    def change_pulled(self, part: Part, u: Float, slopes: Float, own: Float) -> tuple[Float, float]:
        """Cotangents behind a change, as those of the state before and of time; others are added to `own`."""
        leg = part.leg
        if leg.added is not None or not leg.set:
            return slopes, 0.0
        made = self.sets[part.number]
        pulled = made.pull(slopes[leg.places], leg.p, part.outer, part.begin, u)
        before = slopes.copy()
        before[leg.places] = 0.0
        own[: pulled.theta.size] += pulled.theta
        return before + pulled.u, pulled.t

    def moved_pulled(self, part: Part, slopes: Float, own: Float) -> None:
        """Cotangents of the inner theta of a part, added to those of the outer one."""
        c = self.courses
        found, moved = c.outer_slopes(slopes, own.size)
        own += found
        if c.moved:
            pulled = self.moved[part.number].pull(moved, part.leg.p, part.outer).theta
            own[: pulled.size] += pulled

    def start_pulled(self, part: Part, slope: float, own: Float) -> None:
        """The cotangent of a part's start, as those of theta."""
        pulled = self.starts[part.number].pull(np.array([slope]), part.leg.p, part.outer).theta
        own[: pulled.size] += pulled

    def fixed(self, theta: Float) -> Course:
        """The course with its starts as the numbers that they are at theta."""
        starts = [self._start(i, theta) for i in range(len(self.course.legs))]
        ordered = np.maximum.accumulate(starts).tolist()
        return Course(
            tuple(
                leg if leg.is_steady else replace(leg, start=s)
                for leg, s in zip(self.course.legs, ordered, strict=True)
            )
        )

    def as_outer(self, part: Part) -> tuple[Float, Float]:
        """The values of a part as the outer plan's parameters and theta."""
        c, p, theta = self.courses, part.leg.p.copy(), part.outer.copy()
        if c.moved:
            values = self.moved[part.number].values(part.leg.p, part.outer)
            for name, value in zip(c.moved, values.tolist(), strict=True):
                if name in c.outer.parameters:
                    p[c.outer.parameters.index(name)] = value
                else:
                    slot = c.outer.layout[name]
                    theta[slot.offset] = float(slot.stored(value))
        return p, theta

    def model(self, part: Part) -> NumericModel:
        """The right-hand side and the observables of a part."""
        return NumericModel(self.courses.inner, part.p, part.theta)

    @cached_property
    def starts(self) -> list[Formulas]:
        """The start of each leg where it is an expression."""
        return [
            self._of(leg.start if isinstance(leg.start, sp.Expr) else sp.S.Zero)
            for leg in self.course.legs
        ]

    @cached_property
    def moved(self) -> list[Formulas]:
        """The values of moved parameters of each leg."""
        return [self._of(*leg.moved) for leg in self.course.legs]

    @cached_property
    def sets(self) -> list[Formulas]:
        """What each leg makes of states."""
        return [self._of(*leg.set) for leg in self.course.legs]

    def _of(self, *exprs: sp.Expr) -> Formulas:
        known = self._made
        if exprs not in known:
            known[exprs] = formulas(self.courses.outer, exprs)
        return known[exprs]

    @cached_property
    def _made(self) -> dict[tuple[sp.Expr, ...], Formulas]:
        return {}
