"""Experiments by number or by name, and from when on they tell anything."""

from __future__ import annotations

from pysymude.errors import InvalidInputError
from pysymude.model.coerce import FloatArray
from pysymude.model.dataset import Dataset

__all__ = ["check_behind_start", "experiment_number"]


def experiment_number(data: Dataset, experiment: int | str) -> int:
    """The number of an experiment that is named, or a number that there is.

    Raises
    ------
    InvalidInputError
        There is none.
    """
    names = [trajectory.name for trajectory in data]
    if isinstance(experiment, str) and experiment in names:
        return names.index(experiment)
    if isinstance(experiment, int) and 0 <= experiment < len(names):
        return experiment
    raise InvalidInputError(
        f"there is no experiment {experiment!r}; there are {len(names)}: {', '.join(names)}"
    )


def check_behind_start(t: FloatArray, start: float) -> None:
    """An error where ascending times begin before an experiment does, whose start is to be theirs."""
    if t[0] < start:
        raise InvalidInputError(
            f"t starts at {t[0]:g}, before the experiment's start {start:g}; give u0="
        )
