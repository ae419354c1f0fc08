"""`Step`: where training stands, for a user's `callback`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Step"]

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Step:
    """What `callback` sees after each iteration: where training stands."""

    stage: str
    iteration: int
    value: float
    terms: dict[str, float]
    theta: Float
