"""Whether a loss of the user's own does not change with theta at all, at least near one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pysymude.fit.loss.objective import Objective

__all__ = ["is_constant"]

_NEAR = 1e-5


def is_constant(obj: Objective, theta: NDArray[np.float64]) -> bool:
    """Whether an own loss has slopes 0 and the same value on both sides, as an argmax or a count has.

    A minimum has slopes 0, too, but not the same value beside it.
    """
    if obj.own is None or not theta.size:
        return False
    here = obj.evaluate(theta)
    if not here.success or here.gradient is None or here.gradient.any():
        return False
    aside = np.random.default_rng(0).uniform(0.5, 1.0, theta.size) * _NEAR
    return obj.value(theta + aside) == here.value == obj.value(theta - aside)
