"""Numbers that a fit predicts, as functions of theta with exact slopes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pysymude.fit.loss.objective import Objective
from pysymude.fit.result.imagined import Imagined
from pysymude.plan.formulas import Formulas

__all__ = ["TAKEN", "Course", "OfParameters", "Quantity"]

Float = NDArray[np.float64]

TAKEN = ("maximum", "minimum", "mean")


class Quantity(ABC):
    """A number that depends on theta."""

    @abstractmethod
    def value(self, theta: Float) -> float:
        """The number; NaN where nothing can be solved."""

    @abstractmethod
    def with_slopes(self, theta: Float) -> tuple[float, Float]:
        """The number, and its derivatives by theta."""


@dataclass(frozen=True, eq=False)
class OfParameters(Quantity):
    """An expression of parameters alone."""

    objective: Objective
    formulas: Formulas

    def value(self, theta: Float) -> float:
        """See `Quantity.value`."""
        return float(self.formulas.values(self._p, theta)[0])

    def with_slopes(self, theta: Float) -> tuple[float, Float]:
        """See `Quantity.with_slopes`."""
        found = np.zeros(theta.size)
        pulled = self.formulas.pull(np.ones(1), self._p, theta).theta
        found[: pulled.size] = pulled
        return self.value(theta), found

    @property
    def _p(self) -> Float:
        return self.objective.loss.batch.p[0]


@dataclass(frozen=True, eq=False)
class Course(Quantity):
    """A column at one time, or what is taken of it over several: its maximum, minimum or mean.

    Between the times a maximum is that of the parabola through the largest value and its neighbours.
    """

    model: Imagined
    t: Float
    taken: str = ""

    def value(self, theta: Float) -> float:
        """See `Quantity.value`."""
        along = self.model.values(theta)[:, 0]
        if not np.isfinite(along).all():
            return np.nan
        return float(self._weights(along) @ along)

    def with_slopes(self, theta: Float) -> tuple[float, Float]:
        """See `Quantity.with_slopes`."""
        along = self.model.values(theta)[:, 0]
        if not np.isfinite(along).all():
            return np.nan, np.full(theta.size, np.nan)
        weights = self._weights(along)
        # where the maximum is does not change its height at first order
        return float(weights @ along), self.model.pull(theta, weights[:, None])

    def _weights(self, along: Float) -> Float:
        if self.taken == "mean":
            return self._of_mean
        found = np.zeros(self.t.size)
        k = int(np.argmin(along) if self.taken == "minimum" else np.argmax(along))
        if not self.taken or k in (0, self.t.size - 1):
            found[k] = 1.0
            return found
        a, b, c = (self.t[k + i] for i in (-1, 0, 1))
        first, second = (along[k] - along[k - 1]) / (b - a), (along[k + 1] - along[k]) / (c - b)
        bend = (second - first) / (c - a)
        top = 0.5 * (a + b) - 0.5 * first / bend if bend != 0 else b
        found[k - 1] = (top - b) * (top - c) / ((a - b) * (a - c))
        found[k] = (top - a) * (top - c) / ((b - a) * (b - c))
        found[k + 1] = (top - a) * (top - b) / ((c - a) * (c - b))
        return found

    @cached_property
    def _of_mean(self) -> Float:
        """Over time, by trapezoids."""
        steps = np.diff(self.t)
        ends = np.concatenate([[0.0], steps]) + np.concatenate([steps, [0.0]])
        return ends / ends.sum()
