"""Steps that see a part of the data: which part, and its loss."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.base import Evaluation
from pysymude.fit.legwise.coursed_loss import bind_loss
from pysymude.fit.loss.objective import Objective
from pysymude.fit.stages.stage import Training
from pysymude.fit.stages.task import Task
from pysymude.plan.problem import LossData

__all__ = ["Batches", "batch_task", "rows_of"]

Float = NDArray[np.float64]
Int = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Batches:
    """The data dealt out in small hands, shuffled anew each time they have been through.

    A hand is of experiments, or of one experiment's times. Its loss counts as often as the whole has hands,
    so that it is that of the whole on average. Which hand a step sees depends on its number alone.
    """

    objective: Objective
    loss: LossData
    size: int
    seed: int

    @property
    def several(self) -> bool:
        """Whether hands are of experiments."""
        return len(self.loss.batch.t0) > 1

    def hand(self, number: int) -> Int:
        """The experiments, or the times, that a step sees, ascending."""
        whole = self._whole
        hands = -(-whole.size // self.size)
        turn, place = divmod(number, hands)
        order = np.random.default_rng([self.seed, turn]).permutation(whole)
        return np.sort(order[place * self.size : (place + 1) * self.size])

    @property
    def _whole(self) -> Int:
        if self.several:
            return np.arange(len(self.loss.batch.t0))
        return np.flatnonzero((self.loss.weight[0] > 0).any(axis=1))

    def evaluate(self, theta: Float, number: int) -> Evaluation:
        """The loss of a step's hand."""
        obj, hand = self.objective, self.hand(number)
        if self.several:
            part = rows_of(self.loss, hand)
        else:
            mask = np.isin(np.arange(self.loss.weight.shape[1]), hand)
            part = self.loss.with_weight(self.loss.weight * mask[None, :, None])
        bound = bind_loss(obj.runner, obj.prepared.compiled, obj.spec, part, obj.method)
        here = obj.composition.solved(bound, part, theta, gradient=True)
        factor = self._whole.size / hand.size
        slope = None if here.gradient is None else factor * here.gradient
        terms = {name: factor * value for name, value in here.terms.items()}
        here = replace(here, value=factor * here.value, gradient=slope, terms=terms)
        return obj.composition.with_terms(here, theta, gradient=True)


def batch_task(prepared: Training, size: int) -> Task:
    """The loss of another part of the data in each step."""
    hands = Batches(prepared.objective, prepared.loss, size, seed=0)
    return Task(hands.evaluate, prepared.decay, np.zeros(0))


def rows_of(loss: LossData, rows: Int) -> LossData:
    """The loss of some of its experiments; what is one for all of them stays."""
    count = len(loss.batch.t0)
    batch = loss.batch.part(rows)
    own: dict[str, Any] = {
        name: value[rows]
        for name in ("y", "weight", "u0_index", "link", "law_weight", "anchor", "side")
        if (value := getattr(loss, name)) is not None and len(value) == count
    }
    if loss.courses is not None:
        own["courses"] = loss.courses.of([loss.courses.each[e] for e in rows])
    return replace(loss, batch=batch, **own)
