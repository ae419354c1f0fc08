"""States and slopes read off smoothing splines through the data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pysymude.fit.treatment.noise_estimates import measured_means, noise_of
from pysymude.model.dataset import Dataset
from pysymude.model.system import ODESystem
from pysymude.model.trajectory import Trajectory
from pysymude.plan.compiled import CompiledSystem, compile_system
from pysymude.plan.fixed_values import typical_values

if TYPE_CHECKING:
    from scipy.interpolate import UnivariateSpline

__all__ = ["Smoothed", "Smoothing", "smooth"]

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Smoothed:
    """States and slopes read off a smoothing spline at N points, with the parameters there.

    Attributes
    ----------
    t : float64, shape (N,); u, du : float64, shape (N, n); p : float64, shape (N, parameters)
    noise : float64, shape (N, n)
        The scale of the noise of a measurement there.
    experiments : tuple of (first, count)
        Which points belong to which experiment.
    """

    t: Float
    u: Float
    du: Float
    p: Float
    noise: Float
    experiments: tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False)
class Smoothing:
    """The data of a problem smoothed, once for each density of points that is asked for."""

    system: ODESystem
    data: Dataset
    _made: dict[int, Smoothed | None] = field(default_factory=dict[int, "Smoothed | None"])

    @property
    def plan(self) -> CompiledSystem:
        """The system's plan, which most problems need not for this."""
        return compile_system(self.system)

    def at(self, points: int = 4) -> Smoothed | None:
        """With so many points between two measurements; None where a state is measured too rarely."""
        if points not in self._made:
            self._made[points] = smooth(self.plan, self.data, points)
        return self._made[points]


def smooth(plan: CompiledSystem, data: Dataset, points: int = 4) -> Smoothed | None:
    """Smoothed states and slopes, or None where a state is measured too rarely.

    Every state is fitted in each experiment by a smoothing spline of degree 4, on `points` points
    between measurements. Its smoothing factor comes from the noise scale, else from an estimate by
    third differences of the measurements.

    References
    ----------
    .. [1] Dierckx, Curve and Surface Fitting with Splines, Oxford 1993, ch. 5 (FITPACK).
    """
    pieces: list[tuple[Float, ...]] = []
    for trajectory in data:
        t = _between(trajectory.t, points)
        columns = [_spline(trajectory, name) for name in plan.states]
        splines = [c for c in columns if c is not None]
        if len(splines) < len(columns):
            return None
        u = np.stack([s(t) for s in splines], axis=1)
        du = np.stack([s.derivative()(t) for s in splines], axis=1)
        for k, symbol in enumerate(plan.system.states):
            if symbol.is_positive:
                # a spline may dip below zero where the state cannot
                u[:, k] = np.maximum(u[:, k], 1e-3 * np.nanmax(np.abs(u[:, k])))
        p = np.tile(typical_values(plan, trajectory), (t.size, 1))
        noise = np.tile([noise_of(trajectory, name) for name in plan.states], (t.size, 1))
        pieces.append((t, u, du, p, noise))
    sizes = [len(piece[0]) for piece in pieces]
    firsts = np.cumsum([0, *sizes[:-1]]).tolist()
    joined = (np.concatenate(columns) for columns in zip(*pieces, strict=True))
    return Smoothed(*joined, experiments=tuple(zip(firsts, sizes, strict=True)))


def _between(t: Float, points: int) -> Float:
    """`points` points in each interval, and the last time."""
    steps = np.arange(points) / points
    inner = t[:-1, None] + np.diff(t)[:, None] * steps
    return np.append(inner.ravel(), t[-1])


def _spline(trajectory: Trajectory, name: str) -> UnivariateSpline | None:
    if name not in trajectory.columns:
        return None
    t, y = measured_means(trajectory, name)
    if t.size < 6:
        return None
    # loaded here because most starts do without it
    from scipy.interpolate import UnivariateSpline

    return UnivariateSpline(t, y, k=4, s=t.size * noise_of(trajectory, name) ** 2)
