"""`MultipleShooting`: short trajectories with starts of their own, tied together."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.base import Evaluation
from pysymude.fit.legwise.coursed_loss import bind_loss
from pysymude.fit.optimizers.quasi_newton import LBFGS
from pysymude.fit.stages.segments import segments_of, states_along
from pysymude.fit.stages.stage import Leg, Training
from pysymude.fit.stages.stage_checks import check_counts
from pysymude.fit.stages.task import Task
from pysymude.fit.terms.shooting_ties import ShootingTies
from pysymude.model.calls import explained_class

__all__ = ["MultipleShooting", "shooting_task"]

log = logging.getLogger("pysymude")

Float = NDArray[np.float64]


@explained_class
@dataclass(frozen=True)
class MultipleShooting:
    """Short trajectories with starts of their own, tied together by a penalty that grows tenfold.

    Parameters
    ----------
    segments : int
        Pieces per experiment.
    iterations : int
        L-BFGS iterations in all, split evenly over the rounds.
    rounds : int
        How often the penalty grows.

    References
    ----------
    .. [1] Bock and Plitt, A multiple shooting algorithm for direct solution of optimal control
       problems, IFAC Proceedings 17 (1984), 1603.
    """

    segments: int = 4
    iterations: int = 300
    rounds: int = 3

    def __post_init__(self) -> None:
        check_counts(self, "segments", "iterations", "rounds")

    def legs(self, prepared: Training) -> list[Leg]:
        """A leg for each weight of the ties."""
        each = -(-self.iterations // self.rounds)
        legs: list[Leg] = []
        for weight in (10.0**r for r in range(self.rounds)):
            make = partial(shooting_task, prepared, weight, self.segments)
            legs.append(Leg(f"MultipleShooting (ties x{weight:g})", each, LBFGS(), make))
        return legs


def shooting_task(prepared: Training, weight: float, segments: int) -> Task | None:
    """Each experiment cut into segments whose starts are unknowns; gaps are penalised.

    None where changes happen at times that are learned: no segment could be told which are its own.
    """
    obj, loss = prepared.objective, prepared.loss
    if loss.courses is not None and not all(c.is_fixed for c in loss.courses.each):
        log.info(
            "MultipleShooting is left out: the starts of periods or the times of doses are learned"
        )
        return None
    cut, starts = segments_of(obj, loss, segments)
    scale = np.sqrt(np.nanmean(states_along(obj, loss) ** 2, axis=(0, 1)))
    own = np.sqrt(weight * loss.n_measured / max(1, starts.size))
    ties = ShootingTies(own / np.where(scale > 0, scale, 1.0))
    spec, cut = ties.asked(obj.spec, cut)
    bound = bind_loss(obj.runner, obj.prepared.compiled, spec, cut, obj.method)

    def run(vector: Float, _: int) -> Evaluation:
        return obj.composition.evaluate(bound, cut, vector, gradient=True)

    return Task(run, prepared.decay, starts)
