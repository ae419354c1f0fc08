"""Which initial states a fit learns although nobody said so: those that were only measured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import sympy as sp

from pysymude.model.dataset import Dataset
from pysymude.model.system import ODESystem
from pysymude.model.trajectory import Trajectory

__all__ = ["free_measured_starts", "freed"]


def free_measured_starts(system: ODESystem, data: Dataset) -> Dataset:
    """The data, with those initial states trainable that are readings, where nothing else was said.

    A reading has its error: a model that has to start from it carries the error along, and bends its
    other unknowns to make up for it.
    """
    # where `initial` says how a state starts, that is known
    states = tuple(x for x in system.states if x not in system.initial)
    return Dataset(
        freed(states, trajectory) if trajectory.trainable_u0 is None else trajectory
        for trajectory in data
    )


def freed(states: Iterable[sp.Symbol], trajectory: Trajectory) -> Trajectory:
    """The trajectory with all initial states trainable that come from its first row."""
    if trajectory.trainable_u0 is True or trajectory.t0 < trajectory.t[0]:
        return trajectory
    if any(period.is_steady for period in trajectory.periods):
        return trajectory  # of the start only totals matter, which no reading of one state tells
    already = trajectory.trainable_u0 or ()
    read = [
        s.name
        for s in states
        if s.name in trajectory.columns and s.name not in trajectory.u0
        and s.name not in trajectory.changed_at_start
        and np.isfinite(first := trajectory.first_measured(s.name)) and (first > 0 or not s.is_positive)
    ]  # fmt: skip
    names = tuple(sorted({*already, *read}))
    return trajectory if names == already else replace(trajectory, trainable_u0=names)
