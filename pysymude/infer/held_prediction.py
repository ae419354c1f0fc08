"""Predictions that are held in a profile: refits under a constraint."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pysymude.infer.constrained import Pull, Rest, refit
from pysymude.infer.held_number import Held
from pysymude.infer.held_quantities import Quantity
from pysymude.infer.signs import NEGATIVE, stepped_over

__all__ = ["HeldPrediction"]

Float = NDArray[np.float64]
Point = tuple[Float, float]

_FAR = 25.0  # times its size, or its error
_FIRM = 30.0  # the pull is worth so many times what the data say of the prediction
_ROUNDS = 4
_MET = 0.005  # of its error: how exactly it is to be held
_LEAST = 1e-2
_OPEN = 1e-2  # of its error: what a natural unit in an open direction may change


@dataclass(frozen=True, eq=False)
class HeldPrediction(Held):
    """A number that the model gives, held by a pull whose target is moved until it is where it should be.

    Each refit ends on the profile itself, wherever the prediction stands there: what is minimal together with
    a pull is minimal for the value that the prediction has.

    References
    ----------
    .. [1] Kreutz, Raue and Timmer, Likelihood based observability analysis and confidence intervals for
       predictions of dynamic models, BMC Systems Biology 6 (2012), 120.
    .. [2] Powell, A method for nonlinear constraints in minimization problems, in: Fletcher (ed.),
       Optimization, 1969, 283.
    """

    quantity: Quantity
    low: float
    high: float
    identity: str

    @property
    def bounds(self) -> tuple[float, float]:
        """See `Held.bounds`."""
        return min(self.low, self.best), self.high

    @property
    def sound(self) -> float:
        """See `Held.sound`."""
        return self.low

    @property
    def doubts(self) -> tuple[str, ...]:
        """See `Held.doubts`."""
        below = self.best < self.low - NEGATIVE * self._deviation
        return (stepped_over(self.name, self.best),) if below else ()

    @property
    def key(self) -> str:
        """See `Held.key`."""
        return self.identity

    @cached_property
    def slopes(self) -> Float:
        """Its derivatives at the fit, by the free numbers in natural units."""
        return self._there[1][self.evidence.free] * self.evidence.units

    @cached_property
    def is_open(self) -> bool:
        """Whether it hangs on what the data leave open."""
        _, vectors, known = self.evidence.modes
        unseen = float(np.linalg.norm(self.slopes @ vectors[:, ~known]))
        return unseen > _OPEN * max(self._deviation, 1e-5 * abs(self.best))

    @cached_property
    def best(self) -> float:
        """Its value at the fit."""
        return self._there[0]

    @cached_property
    def _there(self) -> tuple[float, Float]:
        return self.quantity.with_slopes(self.evidence.fit.theta)

    @cached_property
    def _deviation(self) -> float:
        g = self.slopes
        return float(np.sqrt(max(g @ self.evidence.covariance @ g, 0.0)))

    @cached_property
    def scale(self) -> float:
        """See `Held.scale`."""
        g, evidence = self.slopes, self.evidence
        plain = float(g @ evidence.inverse @ g)
        if self.is_open or not plain > 0:
            return evidence.scale
        return float(g @ evidence.covariance @ g) / plain

    @property
    def least(self) -> float:
        """See `Held.least`."""
        return _LEAST * self.error

    @cached_property
    def error(self) -> float:
        """See `Held.error`."""
        unit = max(abs(self.best), 1e-6 * self._deviation, 1e-12)
        found = 0.3 * unit if self.is_open else self._deviation
        return float(min(found, max(unit, 1e-300))) if found > 0 else unit

    def at(self, theta: Float) -> float:
        """See `Held.at`."""
        return self.quantity.value(theta)

    def natural(self, where: float) -> float:
        """See `Held.natural`."""
        return float(where)

    def limit(self, middle: float, sign: float) -> float:
        """See `Held.limit`."""
        far = middle + sign * _FAR * max(abs(middle), 4.0 * self._deviation, 1e-12)
        least = self.low if middle >= self.low else self.bounds[0]
        return float(min(max(far, least), self.high))

    def put(self, theta: Float, where: float) -> Float:
        """See `Held.put`."""
        return theta.copy()

    def refitted(self, begun: Float, where: float | None) -> Point | None:
        """See `Held.refitted`."""
        evidence = self.evidence
        if where is None:
            return refit(evidence, begun, Rest.around(evidence, begun, None))
        target, found = where, None
        for _ in range(_ROUNDS):
            pull = Pull(self.quantity, target, _FIRM / self.error**2)
            rest = Rest.around(evidence, begun, None, pull)
            found = refit(evidence, begun, rest, pull)
            if found is None:
                return None
            reached = self.at(found[0])
            if abs(reached - where) <= _MET * self.error:
                break
            begun, target = found[0], target + (where - reached)
        return found
