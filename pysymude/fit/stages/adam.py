"""`Adam` as a stage, on all data or on a batch in each step."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from pysymude.errors import InvalidInputError
from pysymude.fit.optimizers import first_order
from pysymude.fit.stages.horizons import horizon_legs
from pysymude.fit.stages.minibatches import batch_task
from pysymude.fit.stages.stage import Leg, Training
from pysymude.fit.stages.stage_checks import (
    check_counts,
    check_horizon,
    check_positive,
)
from pysymude.model.calls import explained_class

__all__ = ["Adam"]


@explained_class
@dataclass(frozen=True)
class Adam:
    """Adam on the loss of solved trajectories.

    Parameters
    ----------
    iterations : int
    learning_rate : float
        Falls along a half cosine to one hundredth.
    horizon : tuple of float
        Growing horizon: the iterations are split evenly over these parts of the time span.
    clip : float
        Largest norm of the gradient.
    batch : int, optional
        How many experiments each step sees, or, where there is one alone, how many of its times. They are
        shuffled each time all have been seen.
    """

    iterations: int = 300
    learning_rate: float = 1e-2
    horizon: tuple[float, ...] = (1.0,)
    clip: float = 1e3
    batch: int | None = None

    def __post_init__(self) -> None:
        check_counts(self, "iterations")
        check_positive(self, "learning_rate", "clip")
        check_horizon(self.horizon)
        if self.batch is not None:
            check_counts(self, "batch")
            if self.horizon != (1.0,):
                raise InvalidInputError(
                    "Adam takes batch= or horizon=, one of them: a batch is of the whole time span"
                )

    def legs(self, prepared: Training) -> list[Leg]:
        """One leg a horizon, or one of batches."""
        each = -(-self.iterations // len(self.horizon))
        optimizer = first_order.Adam(self.learning_rate, each, self.clip)
        if self.batch is not None:
            make = partial(batch_task, prepared, self.batch)
            return [Leg(f"Adam (batches of {self.batch})", each, optimizer, make)]
        return horizon_legs("Adam", each, optimizer, self.horizon, prepared)
