"""`GradientMatching`: a warm start without any solve."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from pysymude.fit.optimizers.quasi_newton import LBFGS
from pysymude.fit.stages.stage import Leg, Training
from pysymude.fit.stages.stage_checks import check_counts
from pysymude.fit.stages.task import Task
from pysymude.fit.terms.slope_matches import slope_match
from pysymude.model.calls import explained_class

__all__ = ["GradientMatching"]

log = logging.getLogger("pysymude")


@explained_class
@dataclass(frozen=True)
class GradientMatching:
    """A warm start without any solve: the right-hand side is matched to slopes of smoothed data.

    Every state must be measured; otherwise the stage says so and is left out.

    Parameters
    ----------
    iterations : int
        L-BFGS iterations.
    points : int
        Points between two measurements.

    References
    ----------
    .. [1] Varah, A spline least squares method for numerical parameter estimation in differential
       equations, SIAM J. Sci. Stat. Comput. 3 (1982), 28.
    """

    iterations: int = 200
    points: int = 4

    def __post_init__(self) -> None:
        check_counts(self, "iterations", "points")

    def legs(self, prepared: Training) -> list[Leg]:
        """One leg, on slopes alone."""
        make = lambda: self._task(prepared)  # noqa: E731
        return [Leg("GradientMatching", self.iterations, LBFGS(), make, partial=True)]

    def _task(self, prepared: Training) -> Task | None:
        problem = prepared.objective.prepared
        if prepared.objective.loss.courses is not None:
            log.info(
                "GradientMatching is left out: no curve through data tells what changes on the way"
            )
            return None
        smoothed = problem.smoothing.at(self.points)
        if smoothed is None:
            log.info("GradientMatching is left out: it needs six measurements of every state")
            return None
        return prepared.unsolved([slope_match(problem, smoothed)])
