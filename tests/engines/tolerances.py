"""How large an error a solver may make: factor * (abstol + reltol * |reference|).

reltol and abstol bound the error of one step. The factor covers what adds up over the steps, and
the interpolation between them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.registry import select_engine

__all__ = ["error", "factor", "is_implicit"]

Float = NDArray[np.float64]

_USUAL = 100.0  # 57 at most was measured on the catalogue's short time spans (CVODE_BDF)

# With a tolerance for each step, a method of order two takes steps in proportion to tolerance^(-1/3),
# and where nothing damps them their errors add up to as many tolerances: measured 0.9 tolerance^(-1/3)
# at each tolerance from 1e-5 to 1e-8, and the same of OrdinaryDiffEq by itself.
_SECOND_ORDER = ("Rosenbrock23", "TRBDF2")
_HEADROOM = 1.5


def factor(solver: str, tolerance: float) -> float:
    """The largest `error` that `solver` may make."""
    return _HEADROOM * tolerance ** (-1 / 3) if solver in _SECOND_ORDER else _USUAL


def is_implicit(engine: str, solver: str) -> bool:
    """Whether an implicit solver took steps; a solve that changed its solver names both."""
    table = select_engine(engine).solvers
    return any(table[name].stiff for name in solver.split("+"))


def error(found: Float, reference: Float, reltol: float, abstol: float) -> float:
    """The largest error in units of the tolerance; each state on the scale of its largest value."""
    scale = abstol + reltol * np.abs(reference).max(axis=0)
    return float((np.abs(found - reference) / scale).max())
