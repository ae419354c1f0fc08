"""When a loss is small enough, when it is a minimum, and how much it could still fall."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pysymude.fit.loss.objective import Objective
from pysymude.fit.optimizers.curvature import newton_promise
from pysymude.fit.optimizers.optimizer import Memory, Optimizer, Point
from pysymude.fit.optimizers.quasi_newton import LBFGS
from pysymude.fit.stages.stage import Training
from pysymude.fit.stages.task import Task
from pysymude.fit.treatment.noise_estimates import roughness_of_series
from pysymude.fit.treatment.weighing import noise_part, spread_part

__all__ = ["CRAWL", "TREND", "crawls", "enough", "is_minimum", "promise_at", "trend", "tried"]

_FEW, _ROUGH, _REST, _TRACE = 10.0, 1.5, 0.02, 1e-4
_LOGARITHMS = 1e-2
_DECREMENT, _NOTHING = 1e-4, 1e-10  # what a further step may promise where a fit has converged
_ROUNDING = 1e-14  # of the spread of the data
CRAWL = 20  # so many iterations that gain next to nothing end a leg
TREND = 20  # iterations, half of which are compared with the other half
_AGAIN = 20  # as many such halves are looked ahead
_TRIES = 5


def enough(prepared: Training) -> float:
    """A loss that describes the data: a few times what their noise makes, by all that is known of it."""
    obj, loss = prepared.objective, prepared.loss
    if obj.composition.score is not None:
        return np.inf  # these have no scale that is known
    spread = spread_part(loss)
    rough = min(_ROUGH * noise_part(obj.data, loss, roughness_of_series), _REST * spread)
    return max(_FEW * noise_part(obj.data, loss), rough) + _TRACE * spread


def promise_at(
    optimizer: Optimizer, memory: Memory, task: Task, point: Point, ended: bool
) -> float:
    """What the optimiser promises; where it began at a point at which no step helps, what curvature there says."""
    promised = optimizer.promise(point, memory)
    if ended and not np.isfinite(promised):
        return newton_promise(point, task.evaluate)
    return promised


def is_minimum(
    obj: Objective, point: Point, promised: float, first: float, recent: Sequence[float]
) -> bool:
    """Whether the optimiser's own model of the loss promises next to nothing from here."""
    if obj.likelihood is not None:  # differences of logarithms have a unit of their own
        return promised <= _LOGARITHMS
    # the start may lie far above all data; a fit that begins at its minimum has no larger loss to compare with
    least = _NOTHING * first
    if obj.composition.score is None:
        spread = spread_part(obj.loss)
        least = max(min(least, _NOTHING * spread), _ROUNDING * spread)
    elif recent:
        least = min(least, _NOTHING * abs(recent[0]))
    return promised <= max(_DECREMENT * abs(point.value), least)


def trend(values: Sequence[float]) -> float:
    """What further iterations would gain if gains went on to shrink as they did in the last ones."""
    half = len(values) // 2
    if half < 2:
        return 0.0
    before, last = values[0] - values[half], values[half] - values[-1]
    if not last > 0:
        return 0.0
    rate = min(last / before, 1.0) if before > 0 else 1.0
    return last * sum(rate**k for k in range(1, _AGAIN + 1))


def crawls(values: Sequence[float], least: float) -> bool:
    """Whether as many iterations as it takes have gained next to nothing."""
    return len(values) == CRAWL and values[0] - values[-1] <= least * abs(values[-1])


def tried(task: Task, point: Point) -> float:
    """What a few quasi-Newton steps gain, which are then forgotten."""
    optimizer, here = LBFGS(), point
    memory = optimizer.start(here.theta)
    for _ in range(_TRIES):
        better = optimizer.step(here, memory, task.evaluate)
        if better is None:
            break
        here = better
    return point.value - here.value
