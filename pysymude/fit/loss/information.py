"""Fisher's information of the measurements, from exact first derivatives."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pysymude.fit.loss.least_squares import sensitivities
from pysymude.fit.loss.objective import Objective
from pysymude.model.distributions.normal import Normal

__all__ = ["fisher", "has_fisher"]

Float = NDArray[np.float64]


def has_fisher(obj: Objective) -> bool:
    """Whether all noise is normal, and nothing else counts but priors and weight decay."""
    plain = obj.likelihood is None or all(
        isinstance(c.family, Normal) for c in obj.likelihood.columns
    )
    limits = obj.loss.side is not None and bool((obj.loss.side != 0).any())
    return plain and not limits and not obj.composition.sampled and not obj.enforced.penalised


def fisher(obj: Objective, theta: Float) -> Float:
    """Fisher's information of all measurements with normal noise, by theta, (theta, theta)."""
    found = sensitivities(obj, theta)
    loss, models = obj.loss, () if obj.likelihood is None else obj.likelihood.columns
    counted = loss.weight > 0
    weights = loss.weight.copy()
    total = np.zeros((theta.size, theta.size))
    for column in models:
        here = counted[:, :, column.at]
        (k,) = column.scales
        sigma = found.seen[:, :, k]
        weights[:, :, column.at][here] /= sigma[here]
        # the scale itself: 2/s^2 for each measurement
        rows = found.slopes[found.row[:, :, k][here]]
        rows = rows * (np.sqrt(2.0) * loss.weight[:, :, column.at][here] / sigma[here])[:, None]
        total += rows.T @ rows
    rows = found.slopes[found.row[counted]] * weights[counted][:, None]
    return total + rows.T @ rows
