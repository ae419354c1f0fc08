"""The default of the absolute tolerance: a part of each state's own magnitude."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["ABSTOL", "lowered", "magnitudes", "magnitudes_like", "scaled_abstol"]

Float = NDArray[np.float64]

ABSTOL = 1e-8
"""So much of each state's magnitude, or `reltol` where that is less; and never more than this."""

_SMALLEST = 1e-14  # of the largest state: less is the rounding error of the others
_TINIEST = 1e-100  # squares of what is divided by it stay finite
_TOO_LARGE = 100.0  # times what a state's magnitude asks for, and a solve is done again


def magnitudes(*seen: Float) -> Float:
    """The largest size of each state in arrays of shape (..., states); NaN is not seen."""
    found = np.zeros(seen[0].shape[-1])
    for array in seen:
        flat = np.abs(array.reshape(-1, array.shape[-1]))
        found = np.maximum(found, np.where(flat < np.inf, flat, 0.0).max(axis=0, initial=0.0))
    return found


def magnitudes_like(abstol: Float, u: Float) -> Float:
    """Those of u (experiments, times, states) for each row of abstol: one a row's experiment, or of all."""
    if len(abstol) == 1:
        return magnitudes(u)[None]
    return magnitudes(u.transpose(1, 0, 2).reshape(len(u[0]), -1)).reshape(abstol.shape)


def scaled_abstol(size: Float, reltol: float) -> Float:
    """The default for states of these magnitudes (..., states); 0 is taken as the smallest other."""
    known = size > 0
    largest = size.max(axis=-1, keepdims=True)
    smallest = np.min(size, axis=-1, keepdims=True, where=known, initial=np.inf)
    least = np.maximum(_SMALLEST * largest, _TINIEST)
    filled = np.maximum(np.where(known, size, smallest), least)
    return min(ABSTOL, reltol) * np.minimum(filled, 1.0)


def lowered(abstol: Float, seen: Float, reltol: float) -> Float | None:
    """Tolerances for states of the magnitudes that a solve met, or None where those it had will do."""
    wanted = scaled_abstol(seen, reltol)
    small = (wanted * _TOO_LARGE < abstol) & (seen > 0)
    return np.where(small, wanted, abstol) if small.any() else None
