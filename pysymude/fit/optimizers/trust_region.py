"""Gauss-Newton steps within a region in which their model of the loss is trusted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, solve_triangular

from pysymude.fit.optimizers.optimizer import Evaluate, Memory, Point

__all__ = ["TrustRegion"]

Float = NDArray[np.float64]

_TRIES = 12
_LARGEST = 8.0  # of a step, in each unknown: beyond that a bounded one lies on its bound
_NOTHING = 1e-15
_ROOTS, _NEAR = 60, 1e-3


@final
@dataclass(frozen=True)
class TrustRegion:
    """Steps to the least value of a quadratic model in a ball, whose curvature comes from first derivatives.

    A step cannot leave for where the model says nothing, as one along the gradient can: with learned noise
    that is a plateau on which all is noise.

    Attributes
    ----------
    curvature : callable
        ``curvature(theta)`` is a positive semidefinite matrix, (theta, theta).
    units : callable
        ``units(theta)`` has the inverse of each unknown's natural unit there, (theta,).

    References
    ----------
    .. [1] Nocedal and Wright, Numerical Optimization, 2nd ed., algorithms 4.1 and 4.3.
    """

    curvature: Callable[[Float], Float]
    units: Callable[[Float], Float]
    descends: ClassVar[bool] = True

    def start(self, theta: Float) -> Memory:
        """The radius in natural units: an e-folding of a number with bounds."""
        return {"radius": np.ones(1)}

    def step(self, point: Point, memory: Memory, evaluate: Evaluate) -> Point | None:
        """The first step that lowers the loss, in regions that shrink until there is one."""
        model = self._model(point)
        if model is None:
            return None
        # losses about zero are differences of logarithms, unless all of them are small
        first = float(memory.setdefault("first", np.array([abs(point.value)]))[0])
        least = _NOTHING * max(abs(point.value), min(first, 1.0))
        radius = float(memory["radius"][0])
        for _ in range(_TRIES):
            taken, length, promised = model.within(radius)
            if not promised > least:
                return None
            found = evaluate(point.theta + np.clip(taken, -_LARGEST, _LARGEST))
            gain = point.value - found.value if found.ok else -np.inf
            if gain < 0.25 * promised:
                radius = 0.25 * min(length, radius)
            elif gain > 0.75 * promised and length > 0.9 * radius:
                radius *= 2.0
            memory["radius"] = np.array([radius])
            if gain > 0:
                return found
        return None

    def promise(self, point: Point, memory: Memory) -> float:
        """What the model gains without a region."""
        model = self._model(point)
        return np.inf if model is None else model.within(np.inf)[2]

    def _model(self, point: Point) -> _Model | None:
        D = self.units(point.theta)
        H, slopes = self.curvature(point.theta) / np.outer(D, D), point.gradient / D
        if not (np.isfinite(H).all() and np.isfinite(slopes).all()):
            return None
        return _Model(H, slopes, D)


@dataclass(frozen=True, eq=False)
class _Model:
    """g.q + q.H.q/2 in natural units."""

    curvature: Float
    slopes: Float
    units: Float

    def within(self, radius: float) -> tuple[Float, float, float]:
        """The best step of at most that length: by theta, its length, and what it gains.

        Newton's method for the multiple of the unit matrix, from below. It takes triangles, not eigenvectors:
        beside other work the threads of a linear algebra library take a hundred times as long for these.
        """
        # priors may have slopes and no curvature
        size = max(float(np.trace(self.curvature)), float(np.linalg.norm(self.slopes)), 1e-280)
        ridge, q, slope = self._shortened(1e-12 * size)
        length = float(np.linalg.norm(q))
        for _ in range(_ROOTS):
            if length <= (1.0 + _NEAR) * radius:
                break
            ridge, q, slope = self._shortened(ridge + length**2 / slope * (length / radius - 1.0))
            length = float(np.linalg.norm(q))
        if length > radius:
            q, length = q * (radius / length), radius
        gain = -float(self.slopes @ q + 0.5 * q @ (self.curvature @ q))
        return q / self.units, length, gain

    def _shortened(self, ridge: float) -> tuple[float, Float, float]:
        """The step with so much added to all curvatures, or ten times as often; half of what shortens it."""
        unit = np.eye(len(self.slopes))
        while True:
            try:
                factor = np.linalg.cholesky(self.curvature + ridge * unit)
                break
            except np.linalg.LinAlgError:
                ridge *= 10.0
        q = cho_solve((factor, True), -self.slopes, check_finite=False)
        w = solve_triangular(factor, q, lower=True, check_finite=False)
        return ridge, q, float(w @ w)
