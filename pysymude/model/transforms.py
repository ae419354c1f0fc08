"""Smooth maps between the whole real line and an interval, for trainable values with bounds.

The forms are those of the Stan Reference Manual, "Constraint transforms": exp for one bound, the
logistic function for two. Where both bounds are positive and more than two decades apart, the logistic
function acts on the logarithm: a rate between 1e-8 and 1e8 is as easily 1e-6 as 1.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

__all__ = [
    "DECADES",
    "from_unconstrained",
    "is_logarithmic",
    "log_slope_of",
    "slope_of",
    "to_unconstrained",
]

DECADES = 2.0
"""Positive bounds further apart than so many decades are on a logarithmic scale by themselves."""

_EDGE = 7.0
"""A start on a bound stands for this number, a thousandth of the interval inside it."""


def is_logarithmic(low: float, high: float) -> bool:
    """Whether an interval is taken on the logarithm where nothing else is said."""
    return 0.0 < low < high < math.inf and math.log10(high) - math.log10(low) > DECADES


def from_unconstrained(z: Any, low: float, high: float, log: bool = False) -> Any:
    """The value in [low, high] that the real number `z` stands for; same shape as `z`."""
    if log and math.isfinite(low) and math.isfinite(high):
        return np.exp(from_unconstrained(z, math.log(low), math.log(high)))
    has_low, has_high = low > -np.inf, high < np.inf
    if has_low and has_high:
        # exact near both ends: e^-|z| is small where the value is near one
        small = np.exp(-np.abs(z))
        part = (high - low) * small / (1.0 + small)
        return np.where(np.asarray(z) < 0, low + part, high - part)
    if has_low:
        return low + np.exp(z)
    if has_high:
        return high - np.exp(z)
    return z


def slope_of(z: Any, low: float, high: float, log: bool = False) -> Any:
    """The derivative of `from_unconstrained` by z; same shape as `z`."""
    has_low, has_high = low > -np.inf, high < np.inf
    if has_low and has_high:
        small = np.exp(-np.abs(z))
        part = small / (1.0 + small) ** 2
        if log:
            return math.log(high / low) * part * from_unconstrained(z, low, high, log)
        return (high - low) * part
    if has_low:
        return np.exp(z)
    return -np.exp(z) if has_high else np.ones_like(z)


def log_slope_of(z: float, low: float, high: float, log: bool = False) -> float:
    """The derivative of the logarithm of `slope_of` by z: what a change of scale adds to a log-density's."""
    has_low, has_high = low > -np.inf, high < np.inf
    if has_low and has_high:
        small = math.exp(-abs(z))
        flat = math.copysign((1.0 - small) / (1.0 + small), -z)
        return flat + (math.log(high / low) * small / (1.0 + small) ** 2 if log else 0.0)
    return 1.0 if has_low or has_high else 0.0


def to_unconstrained(value: Any, low: float, high: float, log: bool = False) -> Any:
    """The real number that stands for `value`, low <= value <= high; the inverse of `from_unconstrained`.

    A value on a bound itself, which would be infinite, is taken a thousandth of the interval inside.
    """
    if log and math.isfinite(low) and math.isfinite(high):
        return to_unconstrained(np.log(value), math.log(low), math.log(high))
    has_low, has_high = low > -np.inf, high < np.inf
    value = np.asarray(value, dtype=np.float64)
    with np.errstate(divide="ignore"):
        if has_low and has_high:
            return _clipped(np.log(value - low) - np.log(high - value))
        if has_low:
            return _clipped(np.log(value - low))
        if has_high:
            return _clipped(np.log(high - value))
    return value


def _clipped(z: Any) -> Any:
    """Infinite entries at the edge."""
    return np.where(np.isinf(z), np.sign(z) * _EDGE, z)
