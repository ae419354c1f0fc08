"""What a quadratic model of a loss promises at one point, its curvature taken by differences of gradients."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pysymude.fit.optimizers.optimizer import Evaluate, Point

__all__ = ["newton_promise"]

Float = NDArray[np.float64]

_STEP = 1e-4  # of a difference, in all of theta
_DIRECTIONS = 30
_SMALL = 1e-6  # of the slope at the point: what is left of it then promises nothing


def newton_promise(point: Point, evaluate: Evaluate) -> float:
    """What a Newton step would gain, by conjugate gradients; infinite where the loss has no minimum nearby.

    A lower bound that is nearly exact for a few unknowns. No step is taken, so that it judges points at which no
    step helps.

    References
    ----------
    .. [1] Nocedal and Wright, Numerical Optimization, 2nd ed., algorithm 7.1.
    """
    slope = point.gradient
    if not slope.any():
        return 0.0
    taken, left = np.zeros_like(slope), -slope
    along = left
    for _ in range(min(slope.size, _DIRECTIONS)):
        length = float(np.linalg.norm(along))
        moved = evaluate(point.theta + (_STEP / length) * along)
        if not moved.ok:
            return np.inf
        bent = (moved.gradient - slope) * (length / _STEP)
        curved = float(along @ bent)
        if not curved > 0:
            return np.inf
        size = float(left @ left) / curved
        taken, rest = taken + size * along, left - size * bent
        if np.linalg.norm(rest) <= _SMALL * np.linalg.norm(slope):
            break
        along = rest + float(rest @ rest) / float(left @ left) * along
        left = rest
    return -0.5 * float(slope @ taken)
