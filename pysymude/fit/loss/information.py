"""Fisher's information of the measurements, from exact first derivatives."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pysymude.fit.loss.least_squares import Sensitivities, sensitivities
from pysymude.fit.loss.objective import Objective
from pysymude.fit.terms.likelihood import Column, floor_of
from pysymude.model.distributions.distribution import Distribution
from pysymude.model.distributions.normal import Normal

__all__ = ["fisher", "has_fisher", "is_normal"]

Float = NDArray[np.float64]


def has_fisher(obj: Objective) -> bool:
    """Whether all noise has such an information, and nothing else counts but priors and weight decay."""
    families = [type(c.family) for c in obj.models.columns]
    known = all(family.information is not Distribution.information for family in families)
    limits = obj.loss.side is not None and bool((obj.loss.side != 0).any())
    return known and not limits and not obj.composition.sampled and not obj.enforced.penalised


def is_normal(obj: Objective) -> bool:
    """Whether `has_fisher`, with normal noise alone."""
    return has_fisher(obj) and all(isinstance(c.family, Normal) for c in obj.models.columns)


def fisher(obj: Objective, theta: Float) -> Float:
    """Fisher's information of all measurements by theta, (theta, theta)."""
    found = sensitivities(obj, theta)
    counted = obj.loss.weight > 0
    total = np.zeros((theta.size, theta.size))
    for column in obj.models.columns:
        total += _of_column(obj, column, found)
        counted[:, :, column.at] = False
    rows = found.slopes[found.row[counted]] * obj.loss.weight[counted][:, None]
    return total + rows.T @ rows


def _of_column(obj: Objective, column: Column, found: Sensitivities) -> Float:
    """The information of one column with a noise model, in which locations and scales depend on theta."""
    weight = obj.loss.weight[:, :, column.at]
    here = weight > 0
    places = column.at, *column.scales
    h, *scales = (found.seen[:, :, k][here] for k in places)
    low = floor_of(column.family, obj.loss.y[:, :, column.at][here])
    h = h if low is None else np.maximum(h, low)
    with np.errstate(all="ignore"):
        known = column.family.information(h, *scales) or ()
    often = weight[here] ** 2
    slopes = [found.slopes[found.row[:, :, k][here]] for k in places]
    total = np.zeros((found.slopes.shape[1],) * 2)
    for left, line in zip(slopes, known, strict=True):
        for right, number in zip(slopes, line, strict=True):
            if np.any(number):
                total += left.T @ (right * (often * number)[:, None])
    return total
