"""`GaussNewton` as a stage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pysymude.fit.loss.information import fisher, is_normal
from pysymude.fit.loss.objective import Objective
from pysymude.fit.optimizers.trust_region import TrustRegion
from pysymude.fit.stages.stage import Leg, Training
from pysymude.fit.stages.stage_checks import check_counts
from pysymude.model.calls import explained_class

__all__ = ["GaussNewton"]

Float = NDArray[np.float64]

_MOST = 400  # numbers, of which a matrix is made and taken apart in each iteration


@explained_class
@dataclass(frozen=True)
class GaussNewton:
    """Gauss-Newton steps in a trust region, with exact derivatives of all that is measured.

    For fits of a few numbers from far away, learned noise included: fewer of them end where everything is noise
    than with L-BFGS, which finds the last digits. It is left out where noise is not normal, where measurements
    are limits, beside penalties of laws and losses of your own, and for more than 400 numbers.

    Parameters
    ----------
    iterations : int
    """

    iterations: int = 50

    def __post_init__(self) -> None:
        check_counts(self, "iterations")

    def legs(self, prepared: Training) -> list[Leg]:
        """One leg on the whole loss."""
        obj = prepared.objective.with_loss(prepared.loss)
        if prepared.decay.size > _MOST or obj.own is not None or not is_normal(obj):
            return []
        model = _Curvature(obj, prepared.decay)
        optimizer = TrustRegion(model, model.units)
        return [Leg("GaussNewton", self.iterations, optimizer, prepared.whole)]


@dataclass(frozen=True, eq=False)
class _Curvature:
    """Second derivatives of the loss but for those of what the model gives."""

    obj: Objective
    decay: Float

    def __call__(self, theta: Float) -> Float:
        found = 2.0 * fisher(self.obj, theta)
        diagonal = 2.0 * self.decay
        if self.obj.system.priors:
            # each number has its own prior, so that all can be moved at once
            h = 1e-5
            above, below = (self.obj.priors.evaluate(theta + s * h)[1] for s in (1.0, -1.0))
            diagonal = diagonal + np.maximum((above - below) / (2.0 * h), 0.0)
        return found + np.diag(diagonal)

    def units(self, theta: Float) -> Float:
        """What changes a number with bounds by a factor e counts as 1, else what changes it by its size."""
        found = np.empty(theta.size)
        for slot in self.obj.layout.values():
            z = theta[slot.slice]
            if np.isfinite(slot.low) or np.isfinite(slot.high):
                size = np.maximum(np.abs(slot.natural(z)), 1e-300)
                found[slot.slice] = np.clip(np.abs(slot.slope(z)) / size, 1e-3, 1e3)
            else:
                found[slot.slice] = 1.0 / np.maximum(np.abs(z), 1.0)
        return found
