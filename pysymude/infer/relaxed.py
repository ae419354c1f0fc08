"""The relaxed problem: measurements as weights, solved until the equivalence theorem is satisfied."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pysymude.infer.choosing import Task

__all__ = ["Relaxed", "relaxed"]

Float = NDArray[np.float64]

_SPREAD, _EXCHANGES = 300, 1500
_ENOUGH = 1e-4  # of the criterion's slope: where no candidate promises more than that
_HALVINGS = 12


@dataclass(frozen=True, eq=False)
class Relaxed:
    """Weights, and what they prove.

    Attributes
    ----------
    weights : float64 array (candidates,)
        With the sum 1.
    bound : float
        No design has a smaller criterion.
    excess : float
        By which part the best that measurements elsewhere promise is more than what these bring. The
        equivalence theorem: 0 for the best weights alone.
    gains : float64 array (candidates,)
        What one measurement more promises at each, as a part of the largest.
    """

    weights: Float
    bound: float
    excess: float
    gains: Float


def relaxed(task: Task) -> Relaxed:
    """The weights with the sum 1, none beyond the task's cap, that make the criterion smallest.

    First the multiplicative algorithm of Silvey, Titterington and Torsney, then Boehning's exchanges between
    the two candidates that promise most and least. The criterion is convex, so that its tangent at the weights
    bounds every design, whether they are the best or not.
    """
    weights = _spread(task, np.full(len(task.rows), 1.0 / len(task.rows)))
    for _ in range(_EXCHANGES):
        height, gains = _gains(task, weights)
        best, mean = _most(task, gains), float(weights @ gains)
        if not mean > 0 or best <= (1.0 + _ENOUGH) * mean:
            break
        moved = _exchanged(task, weights, gains)
        if moved is None:
            break
        weights = moved
    height, gains = _gains(task, weights)
    mean, best = float(weights @ gains), _most(task, gains)
    excess = best / mean - 1.0 if mean > 0 else 0.0
    top = max(float(gains.max()), 1e-300)
    return Relaxed(weights, height - task.n * (best - mean), excess, gains / top)


def _gains(task: Task, weights: Float) -> tuple[float, Float]:
    return task.judge.gains(task.weighted(weights), task.rows)


def _most(task: Task, gains: Float) -> float:
    """The largest mean of gains that weights below the cap can have."""
    if task.replicates:
        return float(gains.max())
    return float(np.sort(gains)[-task.n :].mean())


def _spread(task: Task, weights: Float) -> Float:
    """Candidates that promise more gain."""
    power, value = 0.5, np.inf
    for _ in range(_SPREAD):
        _, gains = _gains(task, weights)
        gains = np.maximum(gains, 0.0)
        mean = float(weights @ gains)
        if not mean > 0 or _most(task, gains) <= (1.0 + _ENOUGH) * mean:
            break
        moved = _capped(weights * (gains / mean) ** power, task.cap)
        there = task.judge.value(task.weighted(moved))
        if there <= value:
            weights, value = moved, there
            continue
        power *= 0.5
        if power < 1e-3:
            break
    return weights


def _capped(weights: Float, cap: float) -> Float:
    """Scaled to the sum 1, with none beyond the cap."""
    weights = weights / weights.sum()
    for _ in range(len(weights)):
        full = weights >= cap
        rest = float(weights[~full].sum())
        over = 1.0 - cap * float(full.sum()) - rest
        if over >= -1e-15 and not (weights > cap).any():
            break
        weights[full] = cap
        if rest <= 0:
            break
        weights[~full] *= (1.0 - cap * float(full.sum())) / rest
    return weights


def _exchanged(task: Task, weights: Float, gains: Float) -> Float | None:
    """Weight moved from the candidate that brings least to the one that brings most; None where none can."""
    to = int(np.argmax(np.where(weights < task.cap - 1e-15, gains, -np.inf)))
    away = int(np.argmin(np.where(weights > 0, gains, np.inf)))
    most = min(float(weights[away]), task.cap - float(weights[to]))
    if to == away or most <= 0 or gains[to] <= gains[away]:
        return None
    pair, total = task.rows[[to, away]], task.weighted(weights)
    change = task.n * (pair[0].T @ pair[0] - pair[1].T @ pair[1])

    def rises(step: float) -> bool:
        slopes = task.judge.gains(total + step * change, pair)[1]
        return bool(slopes[0] > slopes[1])

    low, high = 0.0, most
    if rises(most):
        low = most
    else:
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if rises(middle) else (low, middle)
    step = low or high
    moved = weights.copy()
    moved[to] += step
    moved[away] = max(moved[away] - step, 0.0)
    return moved
