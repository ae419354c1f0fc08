"""From stages to legs, and further attempts for fits that have not come to describe the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pysymude.fit.loss.objective import Objective
from pysymude.fit.stages.stage import Leg, Stage, Training

__all__ = ["further_attempts", "legs_of"]

Float = NDArray[np.float64]


def legs_of(stages: Sequence[Stage], prepared: Training) -> list[Leg]:
    """The legs of all stages; those that see a part alone leave alone what others have told."""
    legs: list[Leg] = []
    told: tuple[int, ...] = ()
    for stage in stages:
        for leg in stage.legs(prepared):
            legs.append(replace(leg, resting=(*leg.resting, *told)) if leg.partial else leg)
            told = leg.tells or told
    return legs


def further_attempts(obj: Objective, legs: list[Leg], start: Float, seed: int) -> list[Leg]:
    """The last leg from the start itself, and with networks all of them from two other seeds."""
    last = legs[-1]
    more = [replace(last, label=f"{last.label} (from the start)", attempt=1, origin=start)]
    if obj.plan.networks:
        for k in (2, 3):
            again = [replace(leg, label=f"{leg.label} (attempt {k})", attempt=k) for leg in legs]
            more += [replace(again[0], origin=obj.theta0(seed + 1000 * (k - 1))), *again[1:]]
    return more
