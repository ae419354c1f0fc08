"""Ends of bands by the delta method for logarithms: of columns that are declared positive."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["logarithmic_ends"]

Float = NDArray[np.float64]


def logarithmic_ends(
    value: Float, width: Float, ends: tuple[Float, Float], here: NDArray[np.bool_]
) -> tuple[Float, Float]:
    """Both ends of values (times, columns), value * exp(-+width/value) where `here`, else the plain ends.

    A value near 0 whose error is no part of it would have no upper end: none lies above those of the values of its
    column that are larger than their widths.
    """
    low, high = ends
    with np.errstate(over="ignore"):
        factor = np.exp(width / np.where(here, value, 1.0))
    firm = np.where(here & (width <= value), value * factor, high)
    upper = np.minimum(value * factor, firm.max(axis=0, initial=0.0))
    return np.where(here, value / factor, low), np.where(here, upper, high)
