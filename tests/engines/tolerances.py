"""How large an error a solver may make: factor * (abstol + reltol * |reference|).

reltol and abstol bound the error of one step. The factor covers what adds up over the steps, and
the interpolation between them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["error", "factor"]

Float = NDArray[np.float64]

_USUAL = 100.0  # 40 at most was measured on the catalogue's short time spans (KenCarp4)
_COARSE = 1000.0  # fifth order, but polynomials of lower order between steps: up to 500 at 1e-7
_FACTORS = {"Kvaerno5": _COARSE, "KenCarp5": _COARSE}


def factor(solver: str) -> float:
    """The largest `error` that `solver` may make."""
    return _FACTORS.get(solver, _USUAL)


def error(found: Float, reference: Float, reltol: float, abstol: float) -> float:
    """The largest error in units of the tolerance; each state on the scale of its largest value."""
    scale = abstol + reltol * np.abs(reference).max(axis=0)
    return float((np.abs(found - reference) / scale).max())
