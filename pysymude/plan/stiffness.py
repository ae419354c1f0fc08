"""How stiff a system is along one trajectory, measured before anything is compiled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pysymude.plan.matrices import jacobian_matrix
from pysymude.plan.numeric import NumericModel

__all__ = ["LIMIT", "explicit_steps"]

Float = NDArray[np.float64]

LIMIT = 1000.0
"""An explicit solver is taken when stability alone would cost it fewer steps than this."""

_REACH = 3.3  # how far the stability regions of 5th-order explicit pairs reach along the real axis
_STEPS = 400
_SAMPLES = 60
_RTOL = 1e-3


def explicit_steps(model: NumericModel, u0: Float, t0: float, t1: float) -> float:
    """Steps that stability would force on an explicit solver, integral of max(-Re lambda) dt / 3.3.

    lambda are the eigenvalues of the exact Jacobian along a trajectory that a Rosenbrock method
    follows for at most 400 steps; where it stops early, the last value is carried to `t1`.

    References
    ----------
    .. [1] Hairer and Wanner, Solving Ordinary Differential Equations II, 2nd ed., sec. IV.2.
    """
    with np.errstate(all="ignore"):
        times, states = _path(model, np.asarray(u0, dtype=np.float64), t0, t1)
        rates = [_fastest_decay(model, t, u) for t, u in zip(times, states, strict=True)]
    times, rates = np.append(times, t1), np.append(rates, rates[-1])
    return float(np.trapezoid(rates, times) / _REACH)


def _path(model: NumericModel, u: Float, t0: float, t1: float) -> tuple[Float, Float]:
    """Some points of the trajectory, the first and the last included."""
    times, states = [t0], [u]
    # a rough path is enough to see the time scales; loading SciPy for one costs 0.3 s, a third of
    # the first gradient of a process
    t, f = t0, model.rhs(t0, u)
    scale = 1e-6 + 1e-4 * np.abs(u).max()
    start = 0.01 * _size(u, scale, u) / max(_size(f, scale, u), 1e-300)
    h = min(max(start, 1e-9 * (t1 - t0)), t1 - t0)
    for _ in range(_STEPS):
        if t >= t1 or not h > 1e-14 * max(abs(t), abs(t1)):
            break
        h = min(h, t1 - t)
        found = _rosenbrock(model, t, u, f, h)
        if found is None:
            h *= 0.1
            continue
        new, f_new, estimate = found
        error = _size(estimate, scale, new)
        if error <= 1.0:
            t, u, f = t + h, new, f_new
            times.append(t)
            states.append(u)
        h *= min(5.0, max(0.2, 0.8 * max(error, 1e-10) ** (-1 / 3)))
    keep = np.unique(np.linspace(0, len(times) - 1, _SAMPLES).astype(int))
    return np.array(times)[keep], np.array(states)[keep]


def _size(error: Float, atol: float, u: Float) -> float:
    """Largest component of `error` in units of the tolerance."""
    return float(np.max(np.abs(error) / (atol + _RTOL * np.abs(u))))


def _rosenbrock(
    model: NumericModel, t: float, u: Float, f: Float, h: float
) -> tuple[Float, Float, Float] | None:
    """State and slope after one step, and the error's estimate; None where something overflows.

    References
    ----------
    .. [1] Shampine and Reichelt, The MATLAB ODE Suite, SIAM J. Sci. Comput. 18 (1997), ode23s.
    """
    d, e32 = 1.0 / (2.0 + np.sqrt(2.0)), 6.0 + np.sqrt(2.0)
    J = jacobian_matrix(model, t, u)
    small = 1e-7 * h
    drift = h * d * (model.rhs(t + small, u) - f) / small
    if not (J.is_finite() and np.isfinite(drift).all()):
        return None
    solve = J.shifted_solve(h * d)
    if solve is None:
        return None
    k1 = solve(f + drift)
    f1 = model.rhs(t + h / 2, u + h / 2 * k1)
    k2 = solve(f1 - k1) + k1
    new = u + h * k2
    f_new = model.rhs(t + h, new)
    k3 = solve(f_new - e32 * (k2 - f1) - 2 * (k1 - f) + drift)
    estimate = h / 6 * (k1 - 2 * k2 + k3)
    finite = np.isfinite(estimate).all() and np.isfinite(f_new).all() and np.isfinite(new).all()
    return (new, f_new, estimate) if finite else None


def _fastest_decay(model: NumericModel, t: float, u: Float) -> float:
    J = jacobian_matrix(model, t, u)
    return max(0.0, J.fastest_decay()) if J.is_finite() else 0.0
