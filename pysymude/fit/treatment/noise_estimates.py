"""How large the noise of a series is, by itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pysymude.model.trajectory import Trajectory

__all__ = ["measured_means", "noise_of", "noise_of_series", "roughness_of_series"]

Float = NDArray[np.float64]


def measured_means(trajectory: Trajectory, name: str) -> tuple[Float, Float]:
    """Times, each once, and the means of what was measured there; limits say too little."""
    k = trajectory.columns.index(name)
    values = trajectory.u[:, k]
    measured = np.isfinite(values) & (trajectory.censored[:, k] == 0)
    t, at = np.unique(trajectory.t[measured], return_inverse=True)
    return t, np.bincount(at, weights=values[measured], minlength=t.size) / np.bincount(at)


def noise_of(trajectory: Trajectory, name: str) -> float:
    """The noise of a column: as it was given, else by its third differences."""
    given = trajectory.noise_array()[:, trajectory.columns.index(name)]
    if np.isfinite(given).any():
        return float(np.sqrt(np.nanmean(given**2)))
    return noise_of_series(*measured_means(trajectory, name))


def noise_of_series(t: Float, y: Float) -> float:
    """Standard deviation of the noise from third divided differences, robustly; never quite zero."""
    third = _third_differences(t, y)
    size = float(np.abs(y).max()) or 1.0
    return float(np.median(third) / 0.6745) + 1e-7 * float(np.ptp(y)) + 1e-14 * size


def roughness_of_series(t: Float, y: Float) -> float:
    """Root mean square of third divided differences: the noise, where it varies, and what is not smooth."""
    return float(np.sqrt(np.mean(_third_differences(t, y) ** 2)))


def _third_differences(t: Float, y: Float) -> Float:
    """Their absolute values, scaled such that white noise keeps its size."""
    weights = np.stack([_difference_weights(t[i : i + 4]) for i in range(t.size - 3)])
    windows = np.lib.stride_tricks.sliding_window_view(y, 4)
    return np.abs((weights * windows).sum(axis=1)) / np.linalg.norm(weights, axis=1)


def _difference_weights(t: Float) -> Float:
    return np.array([1.0 / np.prod(t[i] - np.delete(t, i)) for i in range(t.size)])
