"""`LBFGS` as a stage."""

from __future__ import annotations

from dataclasses import dataclass

from pysymude.fit.optimizers import quasi_newton
from pysymude.fit.stages.horizons import horizon_legs
from pysymude.fit.stages.stage import Leg, Training
from pysymude.fit.stages.stage_checks import check_counts, check_horizon
from pysymude.model.calls import explained_class

__all__ = ["LBFGS"]


@explained_class
@dataclass(frozen=True)
class LBFGS:
    """L-BFGS on the loss of solved trajectories.

    Parameters
    ----------
    iterations : int
    memory : int
        Pairs of steps that are remembered.
    horizon : tuple of float
        As for `Adam`.
    """

    iterations: int = 1000
    memory: int = 50
    horizon: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        check_counts(self, "iterations", "memory")
        check_horizon(self.horizon)

    def legs(self, prepared: Training) -> list[Leg]:
        """One leg a horizon."""
        each = -(-self.iterations // len(self.horizon))
        return horizon_legs("LBFGS", each, quasi_newton.LBFGS(self.memory), self.horizon, prepared)
