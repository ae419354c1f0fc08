"""Legs on a growing part of each experiment's times."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from pysymude.fit.optimizers.optimizer import Optimizer
from pysymude.fit.stages.stage import Leg, Training

__all__ = ["horizon_legs"]


def horizon_legs(
    name: str, iterations: int, optimizer: Optimizer, horizon: Sequence[float], prepared: Training
) -> list[Leg]:
    """A leg for each part of the time span, the whole loss where it is all of it."""
    legs: list[Leg] = []
    for part in horizon:
        if part >= 1:
            legs.append(Leg(name, iterations, optimizer, prepared.whole))
        else:
            make = partial(prepared.part, prepared.loss.with_horizon(part))
            legs.append(Leg(f"{name} (to {part:.0%})", iterations, optimizer, make, partial=True))
    return legs
