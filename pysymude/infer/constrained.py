"""Refits in which one number keeps its value: few steps, in coordinates in which the loss is nearly round."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pysymude.fit.loss.information import fisher
from pysymude.fit.optimizers.optimizer import Point
from pysymude.fit.optimizers.quasi_newton import LBFGS
from pysymude.infer.evidence import Evidence
from pysymude.infer.held_quantities import Quantity

__all__ = ["ENOUGH", "Pull", "Rest", "refit"]

Float = NDArray[np.float64]

_ROUNDS, _PASSES = 12, 6
ENOUGH = 1e-5
"""Of a unit of the loss divided by its scale: intervals are where it rises by some units."""

_FLAT = 1e-3
_FLOOR = 1e-8  # of the largest information: directions that are flatter are stretched no further
_LONGEST = 1e3  # natural units: no direction is stretched further, where slopes are rounding


@dataclass(frozen=True, eq=False)
class Pull:
    """What is added to the loss, divided by its scale: the square of a quantity's distance from a target."""

    quantity: Quantity
    target: float
    weight: float

    def added(self, point: Point, theta: Float, spread: Float, places: NDArray[np.int64]) -> Point:
        """A point of a refit with it."""
        value, slopes = self.quantity.with_slopes(theta)
        away = value - self.target
        if not (np.isfinite(away) and np.isfinite(slopes).all()):
            return Point(point.theta, np.inf, np.zeros_like(point.theta), False)
        more = 2.0 * self.weight * away * (spread.T @ slopes[places])
        return Point(
            point.theta, point.value + self.weight * away**2, point.gradient + more, point.ok
        )


@dataclass(frozen=True, eq=False)
class Rest:
    """The numbers that move, at `places` of theta, and a matrix that makes the loss round: (places, places).

    `flat` are those of the places at which a step of a natural unit hardly changes the loss.
    """

    places: NDArray[np.int64]
    spread: Float
    flat: NDArray[np.int64]
    held: int | None

    @classmethod
    def around(
        cls, evidence: Evidence, theta: Float, held: int | None, pull: Pull | None = None
    ) -> Rest:
        """By the information at theta where it is Fisher's, else by that at the fit; with that of a pull."""
        free, units = evidence.free, evidence.units
        scaled = evidence.scaled
        if evidence.is_expected and theta is not evidence.fit.theta:
            found = fisher(evidence.objective, theta)[np.ix_(free, free)]
            if np.isfinite(found).all():
                found = found + np.diag(evidence.penalty)
                scaled = found * np.outer(units, units)
        keep = free != held
        largest = max(float(np.diag(scaled)[keep].max(initial=0.0)), 1e-300)
        if pull is not None:
            slopes = pull.quantity.with_slopes(theta)[1][free] * units
            if np.isfinite(slopes).all():
                scaled = scaled + pull.weight * evidence.scale * np.outer(slopes, slopes)
        values, vectors = np.linalg.eigh(scaled[np.ix_(keep, keep)])
        least = max(_FLOOR * largest, evidence.scale / _LONGEST**2)
        spread = vectors / np.sqrt(np.maximum(values, least))
        flat = np.diag(scaled)[keep] < _FLAT * evidence.scale
        spread = units[keep][:, None] * spread * np.sqrt(evidence.scale)
        return cls(free[keep], spread, free[keep][flat], held)


def refit(
    evidence: Evidence, theta: Float, rest: Rest, pull: Pull | None = None
) -> tuple[Float, float] | None:
    """Theta with the smallest loss that moving `rest` gives, and that loss; None where it cannot be solved.

    With a `pull` the loss is smallest together with that; it is returned without.
    """
    value = np.inf
    for _ in range(_PASSES):
        found = _pass(evidence, theta, rest, pull)
        if found is None:
            return None
        (theta, value), done = found
        if done or not evidence.is_expected:
            break
        # where the loss is bent, what made it round no longer does
        rest = Rest.around(evidence, theta, rest.held, pull)
    if pull is not None:
        value -= pull.weight * (pull.quantity.value(theta) - pull.target) ** 2
    return theta, value * evidence.scale


def _pass(
    evidence: Evidence, theta: Float, rest: Rest, pull: Pull | None
) -> tuple[tuple[Float, float], bool] | None:
    """Some rounds: theta and the value there, and whether no further one would gain anything."""
    scale = evidence.scale

    def evaluate(y: Float) -> Point:
        moved = theta.copy()
        moved[rest.places] += rest.spread @ y
        found = evidence.evaluate(moved) if np.isfinite(moved).all() else None
        if found is None or not found.success or found.gradient is None:
            return Point(y, np.inf, np.zeros_like(y), False)
        slope = rest.spread.T @ found.gradient[rest.places]
        plain = Point(y, found.value / scale, slope / scale, True)
        return plain if pull is None else pull.added(plain, moved, rest.spread, rest.places)

    point = evaluate(np.zeros(rest.places.size))
    if not point.ok:
        return None
    optimizer, done = LBFGS(), True
    with np.errstate(over="ignore"):
        steep = float(np.linalg.norm(point.gradient))
    if not np.isfinite(steep):  # far from anything that was ever fitted
        return None
    if rest.places.size and steep > 0:
        # in these coordinates the loss is y^2, so that half the slope is the first step
        unit = point.gradient / steep
        memory: dict[str, Any] = {"s": unit[None].copy(), "y": 2.0 * unit[None]}
        for _ in range(_ROUNDS if evidence.is_expected else _ROUNDS * _PASSES):
            along = optimizer.direction(point, memory)
            if -0.5 * float(point.gradient @ along) <= ENOUGH:
                break
            better = optimizer.step(point, memory, evaluate, along)
            if better is None:
                break
            point = better
        else:
            done = False
    moved = theta.copy()
    moved[rest.places] += rest.spread @ point.theta
    return (moved, point.value), done
