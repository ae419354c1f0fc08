"""Penalised laws: how far each one drifts along the model's own trajectories."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np
from numpy.typing import NDArray

from pysymude.fit.terms.term import AbstractTie
from pysymude.plan.problem import LossData, LossSpec

__all__ = ["LawDrift"]


@final
@dataclass(frozen=True, eq=False)
class LawDrift(AbstractTie):
    """``weight * sum(((I - I0) / spread)^2)`` for each penalised law, over the times of output.

    Attributes
    ----------
    weight : float
    spreads : float64 array, shape (laws,)
        The scale of each law.
    """

    weight: float
    spreads: NDArray[np.float64]

    def asked(self, spec: LossSpec, loss: LossData) -> tuple[LossSpec, LossData]:
        """The same with each law on its scale; which laws there are the plan says already."""
        scaled = loss.law_weight * np.sqrt(self.weight) / self.spreads
        return spec, replace(loss, law_weight=scaled)
