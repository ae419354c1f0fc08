"""Losses as vectors: weighted residuals, and their exact derivatives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.base import Simulated
from pysymude.errors import InvalidInputError
from pysymude.model.distributions.normal import Normal
from pysymude.plan.problem import LossData

if TYPE_CHECKING:
    from pysymude.fit.loss.objective import Objective

__all__ = ["Sensitivities", "jacobian_of", "residuals_of_loss", "sensitivities"]

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sensitivities:
    """What the model gives at each measured time, and its derivatives by theta.

    Attributes
    ----------
    seen : float64 array, shape (E, T, columns)
        The measured columns, then what noise models read.
    places : int64 array, shape (rows, 3)
        Experiment, time and column of each row of `slopes`.
    slopes : float64 array, shape (rows, theta)
        NaN where a solve failed.
    row : int64 array, shape (E, T, columns)
        The row of a place; -1 for none.
    """

    simulated: Simulated
    places: NDArray[np.int64]
    slopes: Float
    row: NDArray[np.int64]

    @property
    def seen(self) -> Float:
        """What the model gives."""
        return self.simulated.seen


def sensitivities(obj: Objective, theta: Float) -> Sensitivities:
    """Everything that is measured, and the scales of its noise, with derivatives by theta."""
    loss, starts = obj.loss, obj.starts
    asked = loss.weight > 0
    for column in obj.models.columns:
        for k in column.scales:
            asked[:, :, k] = asked[:, :, column.at]
    places = np.argwhere(asked)
    row = np.full(asked.shape, -1, dtype=np.int64)
    row[asked] = np.arange(len(places))
    inner = obj.composition.inner(theta)
    found = obj.bound.linearise(inner, asked)
    slopes = found.slopes if starts is None else found.slopes @ starts.jacobian(theta)
    slopes = slopes.copy()
    slopes[:, obj.composition.frozen] = 0.0
    return Sensitivities(found.simulated, places, slopes, row)


def residuals_of_loss(obj: Objective, theta: Float) -> Float:
    """(measured - model) / noise for each measurement, float64 (measurements,)."""
    _check(obj)
    inner = obj.composition.inner(theta)
    found = obj.bound.simulate(inner)
    counted = _counted(obj.loss)
    if not all(code.successful for code in found.retcodes):
        return np.full(int(counted.sum()), np.nan)
    return (_weights(obj, found.seen) * (obj.loss.y - found.seen))[counted]


def jacobian_of(obj: Objective, theta: Float) -> Float:
    """The derivatives of `residuals_of_loss`, float64 (measurements, theta)."""
    _check(obj)
    found = sensitivities(obj, theta)
    counted, weights = _counted(obj.loss), _weights(obj, found.seen)
    slopes = -weights[counted][:, None] * found.slopes[found.row[counted]]
    difference = obj.loss.y - found.seen
    for column in obj.models.columns:
        here = np.zeros_like(counted)
        here[:, :, column.at] = counted[:, :, column.at]
        # d(1/s) = -ds/s^2
        (k,) = column.scales
        scale_rows = found.row[:, :, k][here[:, :, column.at]]
        factor = (weights * difference)[here] / found.seen[:, :, k][here[:, :, column.at]]
        slopes[here[counted]] -= factor[:, None] * found.slopes[scale_rows]
    return slopes


def _counted(loss: LossData) -> NDArray[np.bool_]:
    return loss.weight > 0


def _weights(obj: Objective, seen: Float) -> Float:
    """1/noise of each place; a measurement that counts twice has the square root of 2 before it."""
    weights = obj.loss.weight.copy()
    for column in obj.models.columns:
        with np.errstate(all="ignore"):
            weights[:, :, column.at] /= seen[:, :, column.scales[0]]
    return weights


def _check(obj: Objective) -> None:
    """An error where a loss is no sum of squares."""
    obj.refuse_own("residuals")
    for column in obj.models.columns:
        if not isinstance(column.family, Normal):
            raise InvalidInputError(
                f"column {column.name!r} has the noise {column.family!r}, which is no sum of squares, so "
                "there are no residuals to weigh; value_and_grad and log_likelihood know it"
            )
    if obj.loss.side is not None and (obj.loss.side != 0).any():
        raise InvalidInputError(
            "the data have limits of what was measured, which have a probability but no residual; "
            "value_and_grad and log_likelihood know them"
        )
