"""Network scalings that are taken from the data, and the slopes that this needs."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pysymude.model.dataset import Dataset
from pysymude.model.network import MLP, Scaling
from pysymude.model.system import ODESystem
from pysymude.model.trajectory import Trajectory
from pysymude.plan.compiled import CompiledSystem, compile_system
from pysymude.plan.fixed_values import typical_values
from pysymude.plan.numeric import NumericModel

if TYPE_CHECKING:
    from scipy.interpolate import UnivariateSpline

__all__ = ["Smoothed", "noise_of_series", "roughness_of_series", "scale_networks", "smooth"]

log = logging.getLogger("pysymude")

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


# a loss with laws asks several times
@lru_cache(maxsize=8)
def smooth(plan: CompiledSystem, data: Dataset, points: int = 4) -> Smoothed | None:
    """Smoothed states and slopes, or None where a state is measured too rarely.

    Every state is fitted in each experiment by a smoothing spline of degree 4, on `points` points
    between measurements. Its smoothing factor comes from the noise scale, else from an estimate by
    third differences of the measurements.

    References
    ----------
    .. [1] Dierckx, Curve and Surface Fitting with Splines, Oxford 1993, ch. 5 (FITPACK).
    """
    parts: list[tuple[Float, ...]] = []
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
        noise = np.tile([_noise_of(trajectory, name) for name in plan.states], (t.size, 1))
        parts.append((t, u, du, p, noise))
    sizes = [len(part[0]) for part in parts]
    firsts = np.cumsum([0, *sizes[:-1]]).tolist()
    joined = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return Smoothed(*joined, experiments=tuple(zip(firsts, sizes, strict=True)))


def scale_networks(system: ODESystem, data: Dataset) -> ODESystem:
    """`system` with every ``"data"`` scaling replaced by numbers.

    Inputs get the mean and the standard deviation of the smoothed data; outputs the scale of the
    slopes that the known terms leave over. Where that cannot be had, nothing is scaled.
    """
    wanting = [nn for nn in system.networks if nn.needs_data]
    if not wanting:
        return system
    plan = compile_system(system)
    smoothed = smooth(plan, data)
    if smoothed is None:
        log.warning(
            "not every state is measured, so networks keep their inputs and outputs unscaled"
        )
    fixed = {nn: nn.with_scaling(_scaling(plan, nn, smoothed)) for nn in wanting}
    return system.replace(
        rhs={x: f.xreplace(fixed) for x, f in system.rhs.items()},
        observables={name: g.xreplace(fixed) for name, g in system.observables.items()},
        initial={x: f.xreplace(fixed) for x, f in system.initial.items()},
        noise={
            name: m.with_args([a.xreplace(fixed) for a in m.args])
            for name, m in system.noise.items()
        },
        events=[event.mapped(lambda expr: expr.xreplace(fixed)) for event in system.events],
    )


def _scaling(plan: CompiledSystem, nn: MLP, smoothed: Smoothed | None) -> Scaling:
    now = nn.fixed_scaling()
    if smoothed is None:
        return now
    theta = plan.layout.pack(
        {s.name: np.zeros(s.shape) for s in plan.layout.of_kind("weight")}
        | {s.name: v for s, v in plan.system.trainable.items()}
    )
    model = NumericModel(plan, smoothed.p.T, theta)
    shift, scale = now.input_shift, now.input_scale
    if nn.input_scaling == "data":
        z = model.evaluate(plan.tape(nn.inputs), smoothed.t, smoothed.u)
        shift, scale = z.mean(axis=0), _nonzero(z.std(axis=0))
    out = now.output_scale
    if nn.output_scaling == "data":
        rest = smoothed.du - model.evaluate(plan.known_rhs, smoothed.t, smoothed.u)
        touched = [nn in f.atoms(MLP) for f in plan.system.rhs.values()]
        out = np.full(nn.outputs, np.sqrt(np.mean(rest[:, touched] ** 2))) if any(touched) else out
    return Scaling(shift, scale, now.output_shift, _nonzero(out))


def _nonzero(scale: Float) -> Float:
    return np.where(np.isfinite(scale) & (scale > 1e-12), scale, 1.0)


def _between(t: Float, points: int) -> Float:
    """`points` points in each interval, and the last time."""
    steps = np.arange(points) / points
    inner = t[:-1, None] + np.diff(t)[:, None] * steps
    return np.append(inner.ravel(), t[-1])


def _spline(trajectory: Trajectory, name: str) -> UnivariateSpline | None:
    if name not in trajectory.columns:
        return None
    t, y = _measured(trajectory, name)
    if t.size < 6:
        return None
    # loaded here because most starts do without it
    from scipy.interpolate import UnivariateSpline

    return UnivariateSpline(t, y, k=4, s=t.size * _noise_of(trajectory, name) ** 2)


def _measured(trajectory: Trajectory, name: str) -> tuple[Float, Float]:
    """Times, each once, and the means of what was measured there; limits say too little."""
    k = trajectory.columns.index(name)
    values = trajectory.u[:, k]
    measured = np.isfinite(values) & (trajectory.censored[:, k] == 0)
    t, at = np.unique(trajectory.t[measured], return_inverse=True)
    return t, np.bincount(at, weights=values[measured], minlength=t.size) / np.bincount(at)


def _noise_of(trajectory: Trajectory, name: str) -> float:
    given = trajectory.noise_array()[:, trajectory.columns.index(name)]
    if np.isfinite(given).any():
        return float(np.sqrt(np.nanmean(given**2)))
    return noise_of_series(*_measured(trajectory, name))


def noise_of_series(t: Float, y: Float) -> float:
    """Standard deviation of the noise from third divided differences, robustly; never quite zero."""
    third = _third_differences(t, y)
    return float(np.median(third) / 0.6745) + 1e-7 * float(np.ptp(y)) + 1e-14


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
