"""Systems with measured inputs solved piece by piece by SciPy: between two points everything is smooth."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp
from scipy.interpolate import PchipInterpolator

__all__ = ["by_pieces", "piece_of_signal"]

Float = NDArray[np.float64]


def piece_of_signal(kind: str, times: Float, values: Float) -> Callable[[int, float], float]:
    """``f(i, s)``: the signal at s, as it is between points i and i + 1; SciPy's own formulas."""
    if kind == "cubic":
        cubic = PchipInterpolator(times, values)
        return lambda i, s: float(np.polyval(cubic.c[:, i], s - times[i]))
    if kind == "previous":
        return lambda i, s: float(values[i])
    slopes = np.diff(values) / np.diff(times)
    return lambda i, s: float(values[i] + slopes[i] * (s - times[i]))


def by_pieces(
    rhs: Callable[[float, Float, float], Any],
    kind: str,
    points: tuple[Float, Float],
    u0: Float,
    ts: Float,
    lag: float = 0.0,
) -> Float:
    """States (times, states) of u' = rhs(t, u, T(t - lag)), from ts[0] on, to 1e-12."""
    times, values = points
    signal = piece_of_signal(kind, times, values)
    knots = times + lag
    ends = np.union1d(ts, knots[(knots > ts[0]) & (knots < ts[-1])])
    found, u = {float(ts[0]): np.array(u0, dtype=float)}, np.array(u0, dtype=float)
    for a, b in pairwise(ends.tolist()):
        i = int(np.clip(np.searchsorted(knots, (a + b) / 2) - 1, 0, len(times) - 1))

        def f(t: float, u: Float, i: int = i) -> Any:
            return rhs(t, u, signal(i, t - lag))

        u = solve_ivp(f, (a, b), u, method="DOP853", rtol=1e-12, atol=1e-14).y[:, -1]
        found[float(b)] = u
    return np.array([found[float(t)] for t in ts])
