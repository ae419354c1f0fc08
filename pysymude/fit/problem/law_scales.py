"""On which scales laws vary, by the data: what a drift is large or small beside."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pysymude.fit.problem.law_values import law_values
from pysymude.fit.treatment.smoothing import Smoothing
from pysymude.plan.compiled import compile_system
from pysymude.plan.enforcement import Enforced
from pysymude.plan.fixed_values import typical_values
from pysymude.plan.guards import half_line_arguments
from pysymude.plan.law import Law

__all__ = ["floors", "spreads", "values_at"]

Float = NDArray[np.float64]


def spreads(enforced: Enforced, laws: Sequence[Law], smoothing: Smoothing) -> Float:
    """How much each law would vary if the states that were measured varied independently.

    The standard deviation of the law over the smoothed states with each column shuffled by itself: the
    scale on which a drift is large or small, whatever factor stands before the law.
    """
    if not laws:
        return np.zeros(0)
    smoothed = smoothing.at()
    if smoothed is None:
        size = np.abs(values_at(enforced, laws, *_points(smoothing))).max(axis=0)
    else:
        rng = np.random.default_rng(0)
        picks = [rng.integers(len(smoothed.t), size=2000) for _ in smoothing.plan.states]
        u = np.stack([smoothed.u[pick, k] for k, pick in enumerate(picks)], axis=1)
        at = picks[0]
        size = np.nanstd(values_at(enforced, laws, smoothed.t[at], u, smoothed.p[at]), axis=0)
    return np.where(np.isfinite(size) & (size > 0), size, 1.0)


def floors(enforced: Enforced, smoothing: Smoothing) -> dict[sp.Expr, float]:
    """How small what stands under a penalised law's logarithm may become before the law is continued.

    A tenth of what the data reach in all but one of twenty points, rounded down to a power of ten, so
    that programs serve similar data too.
    """
    laws = enforced.penalised
    arguments = {a for law in laws for a in half_line_arguments(law.expr, enforced.system.states)}
    known: dict[sp.Expr, float] = {}
    for argument in sorted(arguments, key=sp.default_sort_key):
        values = values_at(enforced, [Law("argument", argument)], *_points(smoothing))[:, 0]
        values = values[values > 0]
        smallest = float(np.quantile(values, 0.05)) if values.size else 1.0
        known[argument] = 10.0 ** np.floor(np.log10(0.1 * smallest))
    return known


def values_at(enforced: Enforced, laws: Sequence[Law], times: Float, u: Float, p: Float) -> Float:
    """Each law at points, shape (N, laws), with trainable coefficients at their starts."""
    theta = compile_system(enforced.system).start
    along = law_values(enforced, p.T, theta, times, u, laws)
    return np.stack([along[law.name] for law in laws], axis=1)


def _points(smoothing: Smoothing) -> tuple[Float, Float, Float]:
    """Times, states and parameters of the smoothed data, else of the experiments' starts."""
    smoothed, plan, data = smoothing.at(), smoothing.plan, smoothing.data
    if smoothed is not None:
        return smoothed.t, smoothed.u, smoothed.p
    u = np.stack([trajectory.initial_state(plan.states) for trajectory in data])
    p = np.stack([typical_values(plan, trajectory) for trajectory in data])
    return np.array([trajectory.t0 for trajectory in data]), u, p
