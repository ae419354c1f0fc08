"""How stiff a system is along one trajectory, measured before anything is compiled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pysymude.plan.numeric import NumericModel

__all__ = ["LIMIT", "explicit_steps"]

Float = NDArray[np.float64]

LIMIT = 1000.0
"""An explicit solver is taken when stability alone would cost it fewer steps than this."""

_REACH = 3.3  # how far the stability regions of 5th-order explicit pairs reach along the real axis
_STEPS = 400
_SAMPLES = 60


def explicit_steps(model: NumericModel, u0: Float, t0: float, t1: float) -> float:
    """Steps that stability would force on an explicit solver, integral of max(-Re lambda) dt / 3.3.

    lambda are the eigenvalues of the exact Jacobian along a trajectory that SciPy's LSODA follows
    for at most 400 steps; where it stops early, the last value is carried to `t1`.

    References
    ----------
    .. [1] Hairer and Wanner, Solving Ordinary Differential Equations II, 2nd ed., sec. IV.2.
    """
    with np.errstate(all="ignore"):
        times, states = _path(model, u0, t0, t1)
        rates = [_fastest_decay(model, t, u) for t, u in zip(times, states, strict=True)]
    times, rates = np.append(times, t1), np.append(rates, rates[-1])
    return float(np.trapezoid(rates, times) / _REACH)


def _path(model: NumericModel, u0: Float, t0: float, t1: float) -> tuple[Float, Float]:
    """Some points of the trajectory, the first and the last included."""
    # loaded here because a start with a named solver does without it
    from scipy.integrate import LSODA

    times, states = [t0], [np.asarray(u0, dtype=np.float64)]
    solver = LSODA(model.rhs, t0, states[0], t1, rtol=1e-3, atol=1e-6 + 1e-4 * np.abs(u0).max())
    for _ in range(_STEPS):
        if solver.status != "running" or not np.isfinite(solver.y).all():
            break
        try:
            solver.step()
        except (ValueError, FloatingPointError):
            break
        times.append(float(solver.t))
        states.append(solver.y.copy())
    keep = np.unique(np.linspace(0, len(times) - 1, _SAMPLES).astype(int))
    return np.array(times)[keep], np.array(states)[keep]


def _fastest_decay(model: NumericModel, t: float, u: Float) -> float:
    J = model.jacobian(t, u)
    if not np.isfinite(J).all():
        return 0.0
    return max(0.0, float(-np.linalg.eigvals(J).real.min()))
