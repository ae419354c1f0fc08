"""What a stage of training is, and what it is given: `Stage`, `Leg`, `Training`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.base import Evaluation
from pysymude.fit.loss.objective import Objective
from pysymude.fit.optimizers.optimizer import Optimizer
from pysymude.fit.stages.task import Task
from pysymude.fit.terms.term import AbstractTerm
from pysymude.plan.problem import LossData

__all__ = ["Leg", "Stage", "Training"]

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Leg:
    """One optimiser on one task.

    Attributes
    ----------
    label : str
        For the history, the log and the progress.
    iterations : int
        At most.
    optimizer : Optimizer
    make : callable
        Gives the task when its turn comes, or None where it does not fit the problem.
    partial : bool
        Whether it sees a part of what is known, and leaves alone what legs before it have told.
    tells : tuple of int
        Places of theta that it tells better than a part of the data can.
    resting : tuple of int
        Places that stay as they are in it.
    attempt : int
        Legs of a further attempt are for fits that have not come to describe the data.
    origin : float64 array or 'best', optional
        Where the first leg of a further attempt begins; the best point so far is not known before.
    due : bool
        Whether that attempt is made in any case.
    least : float
        Twenty iterations that gain less than this part of the loss end the leg.
    """

    label: str
    iterations: int
    optimizer: Optimizer
    make: Callable[[], Task | None]
    partial: bool = False
    tells: tuple[int, ...] = ()
    resting: tuple[int, ...] = ()
    attempt: int = 0
    origin: Float | Literal["best"] | None = None
    due: bool = False
    least: float = 1e-10


@dataclass(frozen=True, eq=False)
class Training:
    """A problem made ready to be trained on: what a stage's legs are made of.

    Attributes
    ----------
    objective : Objective
        With ``objective.prepared``, the problem itself.
    loss : LossData
        The numbers to train on; what is held out has the weight 0.
    decay : float64 array, shape (parameters,)
        The weight of each number's square.
    """

    objective: Objective
    loss: LossData
    decay: Float

    def whole(self) -> Task:
        """The whole training loss."""
        return replace(self.part(self.loss), full=True)

    def part(self, loss: LossData) -> Task:
        """The loss with other numbers: fewer times, other weights."""
        bound = self.objective.with_loss(loss)
        return Task(lambda v, _: bound.evaluate(v), self.decay, np.zeros(0))

    def unsolved(self, terms: Sequence[AbstractTerm]) -> Task:
        """A sum of terms that need no solve, and the priors."""
        obj = self.objective
        priors = [obj.priors] if obj.system.priors else []
        alone = obj.composition.with_only([*priors, *terms])

        def run(theta: Float, _: int) -> Evaluation:
            nothing = Evaluation(0.0, np.zeros(theta.size), {}, (), 0)
            return alone.with_terms(nothing, theta, gradient=True)

        return Task(run, 0 * self.decay, np.zeros(0))


@runtime_checkable
class Stage(Protocol):
    """A stage: legs, made of the problem. Any class with this method is one."""

    def legs(self, prepared: Training) -> Sequence[Leg]:
        """One leg after the other."""
        ...
