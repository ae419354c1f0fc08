"""What changes on the way through an experiment: legs with values and starts of their own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pysymude.model.period import Given
from pysymude.plan.compiled import CompiledSystem

__all__ = ["Course", "Courses", "Leg"]

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Leg:
    """A part of an experiment with one set of values.

    Attributes
    ----------
    start : float or SymPy expression
        -inf where the state comes to rest.
    p : float64 array, shape (parameters,)
        Of the outer plan; of no meaning where a parameter is moved.
    moved : tuple of SymPy expression
        The value of each moved parameter.
    places : int64 array
        The states that change at the start.
    set : tuple of SymPy expression
        What they become.
    added : float64 array, or None
        What is added to them, where a number is all that is.
    """

    start: Given
    p: Float
    moved: tuple[sp.Expr, ...]
    places: NDArray[np.int64]
    set: tuple[sp.Expr, ...]
    added: Float | None

    @cached_property
    def is_steady(self) -> bool:
        """Whether the state comes to rest at its end."""
        return self.start == -math.inf

    def unchanged(self, start: float) -> Leg:
        """The same from another time on, without its change."""
        return replace(self, start=start, places=np.zeros(0, dtype=np.int64), set=(), added=None)


@dataclass(frozen=True, eq=False)
class Course:
    """The legs of one experiment, in their order."""

    legs: tuple[Leg, ...]

    @cached_property
    def is_fixed(self) -> bool:
        """Whether all starts are numbers."""
        return not any(isinstance(leg.start, sp.Expr) for leg in self.legs)

    def after(self, time: float) -> Course:
        """What is left of it for whoever starts at `time` with a state of their own."""
        here = max(
            (i for i, leg in enumerate(self.legs) if not leg.is_steady and leg.start <= time),
            default=0,
        )
        return Course((self.legs[here].unchanged(time), *self.legs[here + 1 :]))


@dataclass(frozen=True, eq=False)
class Courses:
    """The courses of all experiments, and the plan of the system that each leg solves.

    Attributes
    ----------
    outer : CompiledSystem
        In whose theta everything is learned; all expressions are of its symbols.
    inner : CompiledSystem
        The same system, with moved parameters among what it learns.
    moved : tuple of str
        Parameters whose value is an expression, or differs where it is learned elsewhere.
    take : int64 array
        Where in the outer theta each entry of the inner one stands; -1 - i for the i-th moved parameter.
    keep : int64 array
        Which parameters of the outer plan the inner one has.
    each : tuple of Course
    signals : tuple of mappings
        The points that `p` numbers, for as long as these courses live.
    """

    outer: CompiledSystem
    inner: CompiledSystem
    moved: tuple[str, ...]
    take: NDArray[np.int64]
    keep: NDArray[np.int64]
    each: tuple[Course, ...]
    signals: tuple[Mapping[str, Any], ...] = ()

    def inner_theta(self, theta: Float, values: Float) -> Float:
        """The inner theta, for values of the moved parameters."""
        found = np.empty(self.take.size)
        own = self.take >= 0
        found[own] = theta[self.take[own]]
        found[~own] = values[-1 - self.take[~own]]
        return found

    def outer_slopes(self, slopes: Float, size: int) -> tuple[Float, Float]:
        """Cotangents of the inner theta, as those of the outer one (size,) and of moved parameters."""
        found, moved, own = np.zeros(size), np.zeros(len(self.moved)), self.take >= 0
        np.add.at(found, self.take[own], slopes[: self.take.size][own])
        np.add.at(moved, -1 - self.take[~own], slopes[: self.take.size][~own])
        return found, moved

    def of(self, rows: Sequence[Course]) -> Courses:
        """The same for other experiments."""
        return replace(self, each=tuple(rows))
