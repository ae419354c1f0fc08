"""Refits in which one number keeps its value: few steps, in coordinates in which the loss is nearly round."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pysymude.fit.optimizers.optimizer import Point
from pysymude.fit.optimizers.quasi_newton import LBFGS
from pysymude.infer.evidence import Evidence, fisher

__all__ = ["Rest", "refit"]

Float = NDArray[np.float64]

_ROUNDS = 60
_ENOUGH = (
    1e-5  # of a unit of the loss divided by its scale: intervals are where it rises by some units
)
_FLAT = 1e-3
_FLOOR = 1e-8  # of the largest information: directions that are flatter are stretched no further


@dataclass(frozen=True, eq=False)
class Rest:
    """The numbers that move, at `places` of theta, and a matrix that makes the loss round: (places, places).

    `flat` are those of the places at which a step of a natural unit hardly changes the loss.
    """

    places: NDArray[np.int64]
    spread: Float
    flat: NDArray[np.int64]

    @classmethod
    def around(cls, evidence: Evidence, theta: Float, held: int | None) -> Rest:
        """By the information at theta where it is Fisher's, else by that at the fit."""
        free, units = evidence.free, evidence.units
        scaled = evidence.scaled
        if evidence.is_expected and theta is not evidence.fit.theta:
            found = fisher(evidence.objective, theta)[np.ix_(free, free)]
            if np.isfinite(found).all():
                found = found + np.diag(evidence.penalty)
                scaled = found * np.outer(units, units)
        keep = free != held
        values, vectors = np.linalg.eigh(scaled[np.ix_(keep, keep)])
        largest = max(float(values.max(initial=0.0)), 1e-300)
        spread = vectors / np.sqrt(np.maximum(values, _FLOOR * largest))
        flat = np.diag(scaled)[keep] < _FLAT * evidence.scale
        spread = units[keep][:, None] * spread * np.sqrt(evidence.scale)
        return cls(free[keep], spread, free[keep][flat])


def refit(evidence: Evidence, theta: Float, rest: Rest) -> tuple[Float, float] | None:
    """Theta with the smallest loss that moving `rest` gives, and that loss; None where it cannot be solved."""
    scale = evidence.scale

    def evaluate(y: Float) -> Point:
        moved = theta.copy()
        moved[rest.places] += rest.spread @ y
        found = evidence.evaluate(moved) if np.isfinite(moved).all() else None
        if found is None or not found.success or found.gradient is None:
            return Point(y, np.inf, np.zeros_like(y), False)
        slope = rest.spread.T @ found.gradient[rest.places]
        return Point(y, found.value / scale, slope / scale, True)

    point = evaluate(np.zeros(rest.places.size))
    if not point.ok:
        return None
    optimizer = LBFGS()
    steep = float(np.linalg.norm(point.gradient))
    if rest.places.size and steep > 0:
        # in these coordinates the loss is y^2, so that half the slope is the first step
        unit = point.gradient / steep
        memory: dict[str, Any] = {"s": unit[None].copy(), "y": 2.0 * unit[None]}
        for _ in range(_ROUNDS):
            if optimizer.promise(point, memory) <= _ENOUGH:
                break
            better = optimizer.step(point, memory, evaluate)
            if better is None:
                break
            point = better
    moved = theta.copy()
    moved[rest.places] += rest.spread @ point.theta
    return moved, point.value * scale
