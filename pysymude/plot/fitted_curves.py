"""What figures of fits draw: measurements, and curves on a fine grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pysymude.errors import InvalidInputError
from pysymude.fit.result.fit_result import FitResult
from pysymude.model.dataset import Dataset
from pysymude.model.network import NetworkOutput
from pysymude.model.trajectory import Trajectory
from pysymude.solving.solution import Solution

__all__ = ["FINE", "curve_of", "curves_of", "shown_data", "touched_by"]

FINE = 401  # points of a curve


def shown_data(fit: FitResult, data: Dataset | Trajectory | None) -> tuple[Trajectory, ...]:
    """One trajectory of measurements for each experiment of the fit."""
    if data is None:
        return tuple(fit.data)
    given = (data,) if isinstance(data, Trajectory) else tuple(data)
    if len(given) != len(fit.data):
        raise InvalidInputError(
            f"data= must have the {len(fit.data)} experiments of the fit, in their order; found "
            f"{len(given)}"
        )
    return given


def curves_of(fit: FitResult, shown: Sequence[Trajectory]) -> list[Solution]:
    """The fitted trajectory of each experiment on a fine grid up to its last measurement."""
    return [curve_of(fit, trajectory, e) for e, trajectory in enumerate(shown)]


def curve_of(fit: FitResult, shown: Trajectory, experiment: int) -> Solution:
    """The fitted trajectory of one experiment."""
    first = min(fit.data[experiment].t0, shown.t[0])
    return fit.predict(np.linspace(first, shown.t[-1], FINE), experiment=experiment)


def touched_by(fit: FitResult) -> list[int]:
    """Numbers of the states in whose right-hand side a network stands."""
    equations = enumerate(fit.system.rhs.values())
    return [k for k, f in equations if f.atoms(NetworkOutput)]
