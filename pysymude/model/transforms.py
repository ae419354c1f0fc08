"""Smooth maps between the whole real line and an interval, for trainable values with bounds.

The forms are those of the Stan Reference Manual, "Constraint transforms": exp for one bound, the
logistic function for two.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["from_unconstrained", "to_unconstrained"]

_INSIDE = 1e-12


def from_unconstrained(z: Any, low: float, high: float) -> Any:
    """The value in (low, high) that the real number `z` stands for; same shape as `z`."""
    has_low, has_high = low > -np.inf, high < np.inf
    if has_low and has_high:
        return low + (high - low) * (0.5 * (1.0 + np.tanh(0.5 * z)))
    if has_low:
        return low + np.exp(z)
    if has_high:
        return high - np.exp(z)
    return z


def to_unconstrained(value: Any, low: float, high: float) -> Any:
    """The real number that stands for `value`, low < value < high; the inverse of `from_unconstrained`."""
    has_low, has_high = low > -np.inf, high < np.inf
    if has_low and has_high:
        # a start on the bound itself would be infinite
        r = np.clip((np.asarray(value) - low) / (high - low), _INSIDE, 1.0 - _INSIDE)
        return np.log(r) - np.log1p(-r)
    if has_low:
        return np.log(np.asarray(value) - low)
    if has_high:
        return np.log(high - np.asarray(value))
    return np.asarray(value, dtype=np.float64)
