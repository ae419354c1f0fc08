"""Parameters that networks can make up for, whatever is measured: known before any training."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any

import sympy as sp

from pysymude.fit.problem.frozen import is_frozen
from pysymude.model.dataset import Dataset
from pysymude.model.system import ODESystem
from pysymude.symbolic.effort import EffortEndedError, effort, interrupting
from pysymude.symbolic.symmetries.absorbed import Absorbed, absorbed

__all__ = ["absorbable", "made_up_for"]

_SECONDS = 2.0


def absorbable(
    system: ODESystem, data: Dataset, frozen: Collection[str], *, seconds: float = _SECONDS
) -> dict[str, tuple[str, ...]]:
    """Networks that can make up for a learned parameter, by its name.

    Without those that have a prior, are frozen, have values of their own in an experiment, or stand in noise.
    Where the seconds do not suffice nothing is said of the rest.
    """
    names = {name for trajectory in data for name in trajectory.columns}
    read = [e for name, e in system.observables.items() if name in names]
    given = [entry for trajectory in data for entry in _given(trajectory)]
    starts = (*system.initial.values(), *(e for _, e in given))
    told = _told(system, tuple(read), starts, len(data) == 1, seconds)
    apart = {name for name, _ in given} | {
        s.name for model in system.noise.values() for s in model.free_symbols
    }
    learned = {s.name for s in system.trainable} - apart - set(system.priors)
    return {
        name: one.networks
        for name, one in told.items()
        if name in learned and not is_frozen(name, frozen)
    }


@lru_cache(maxsize=32)
def _told(
    system: ODESystem, read: tuple[Any, ...], starts: tuple[Any, ...], alone: bool, seconds: float
) -> Mapping[str, Absorbed]:
    """Once for all members of an ensemble, and for what a fit says before and behind."""
    try:
        with effort(time.perf_counter() + seconds), interrupting():
            return absorbed(system, read, starts, alone=alone)
    except EffortEndedError:
        return {}


def made_up_for(name: str, networks: Collection[str]) -> str:
    """What a user should know."""
    return (
        f"the data do not determine {name}, whatever they are: network {' and '.join(map(repr, networks))} "
        f"can make up for it; fix it, give it a prior, or let the network have fewer inputs"
    )


def _given(trajectory: Any) -> list[tuple[str, sp.Expr]]:
    """Names that an experiment gives values, and those, or what it does to states."""
    maps: list[Mapping[str, Any]] = [trajectory.u0, trajectory.parameters]
    maps += [m for period in trajectory.periods for m in (period.set, period.parameters)]
    found = [(name, sp.sympify(value, strict=True)) for m in maps for name, value in m.items()]
    for name, several in trajectory.doses.items():
        found += [(name, sp.sympify(v, strict=True)) for dose in several for v in dose]
    return found
