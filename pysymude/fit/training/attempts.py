"""From stages to legs, and further attempts for fits that have not come to describe the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pysymude.fit.stages.adam import Adam
from pysymude.fit.stages.gauss_newton import GaussNewton
from pysymude.fit.stages.lbfgs import LBFGS
from pysymude.fit.stages.stage import Leg, Stage, Training

__all__ = ["further_attempts", "legs_of"]

Float = NDArray[np.float64]

_SMALL = 20_000  # measurements times numbers that are learned: fits of a second or two
_LEAST = 1e-2  # a gain along a valley that is not worth twenty iterations
_OTHER_WAY, _LAST = (Adam(), LBFGS(700)), (GaussNewton(200),)


def legs_of(stages: Sequence[Stage], prepared: Training) -> list[Leg]:
    """The legs of all stages; those that see a part alone leave alone what others have told."""
    legs: list[Leg] = []
    told: tuple[int, ...] = ()
    for stage in stages:
        for leg in stage.legs(prepared):
            legs.append(replace(leg, resting=(*leg.resting, *told)) if leg.partial else leg)
            told = leg.tells or told
    return legs


def further_attempts(prepared: Training, legs: list[Leg], start: Float, seed: int) -> list[Leg]:
    """The last leg from the start itself; with networks also Adam from there, and two other seeds.

    Losses of networks have many minima in long flat valleys, and which way leads to a good one is not known
    before: small problems go two ways from the start, and end with steps that know curvature; all others are
    for data that are not described yet.
    """
    obj, last = prepared.objective, legs[-1]
    networks = bool(obj.plan.networks)
    # what a loss of one's own costs is not known
    small = networks and obj.own is None and obj.n_measured * obj.layout.size <= _SMALL
    more = [replace(last, label=f"{last.label} (from the start)", attempt=1, origin=start)]
    if not networks:
        return more
    if small:
        more += _again(legs_of(_OTHER_WAY, prepared), 2, start, due=True)
    for k in (3, 4):
        more += _again(legs, k, obj.theta0(seed + 1000 * (k - 2)))
    if small:
        more += [
            replace(
                leg,
                label=f"{leg.label} (from the best)",
                attempt=5,
                origin="best",
                due=True,
                least=_LEAST,
            )
            for leg in legs_of(_LAST, prepared)
        ]
    return more


def _again(legs: Sequence[Leg], attempt: int, start: Float, *, due: bool = False) -> list[Leg]:
    """The same legs as a further attempt from another start."""
    again = [
        replace(leg, label=f"{leg.label} (attempt {attempt})", attempt=attempt) for leg in legs
    ]
    return [replace(again[0], origin=start, due=due), *again[1:]]
