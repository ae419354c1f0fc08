"""What is declared positive, and what is to be said where it is predicted negative."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pysymude.model.system import ODESystem

__all__ = ["NEGATIVE", "fallen_below", "positive_columns", "stepped_over", "strictly_positive"]

NEGATIVE = 1e-3  # of the largest value: what is less below 0 is the error of a solve


def positive_columns(system: ODESystem, columns: Sequence[str]) -> NDArray[np.bool_]:
    """Which columns are states or observables that cannot be negative."""
    return _declared(
        columns, system, {n for n, e in system.observables.items() if e.is_nonnegative}
    )


def strictly_positive(system: ODESystem, columns: Sequence[str]) -> NDArray[np.bool_]:
    """Which columns have a logarithm: states that are declared positive, and observables made of them."""
    return _declared(columns, system, {n for n, e in system.observables.items() if e.is_positive})


def _declared(
    columns: Sequence[str], system: ODESystem, observables: set[str]
) -> NDArray[np.bool_]:
    kept = observables | {s.name for s in system.states if s.is_positive}
    return np.array([name in kept for name in columns], dtype=bool)


def fallen_below(
    columns: Sequence[str], value: NDArray[np.float64], positive: NDArray[np.bool_]
) -> tuple[str, ...]:
    """A sentence on each positive column of values (points, columns) that is predicted negative."""
    least, size = value.min(axis=0).tolist(), np.abs(value).max(axis=0).tolist()
    return tuple(
        stepped_over(name, low)
        for name, low, large, kept in zip(columns, least, size, positive.tolist(), strict=True)
        if kept and low < -NEGATIVE * large
    )


def stepped_over(name: str, low: float) -> str:
    """The sentence on one that is predicted so far below 0."""
    return (
        f"{name} is declared positive, yet predicted down to {low:.4g}: the solve has stepped over 0, beyond "
        "which the equations do not hold, as where a constant has run to 0. Keep that off 0 by bounds= or "
        "a prior and fit again; until then read such a value as 0"
    )
