"""Arrays on their way to Julia and back: axes reversed, results as copies that own their memory."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["from_julia", "to_julia", "view"]

Float = NDArray[np.float64]


def to_julia(array: NDArray[Any]) -> NDArray[Any]:
    """(experiments, times, states) as (states, times, experiments): Julia copies what it keeps."""
    return np.asarray(array).T


def from_julia(array: Any) -> NDArray[Any]:
    """(states, times, experiments) as (experiments, times, states), in row-major order."""
    return np.array(np.asarray(array).T, order="C", copy=True)


def view(array: Any) -> Float:
    """A Julia vector's own memory, valid while `array` is held; not to be handed to the user."""
    return np.asarray(array)
