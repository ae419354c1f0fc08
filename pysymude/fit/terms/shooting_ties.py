"""The gaps between the segments of multiple shooting."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np
from numpy.typing import NDArray

from pysymude.fit.terms.term import AbstractTie
from pysymude.plan.problem import LossData, LossSpec

__all__ = ["ShootingTies"]


@final
@dataclass(frozen=True, eq=False)
class ShootingTies(AbstractTie):
    """Ends of segments less the starts behind them, squared: each state by a weight of its own.

    Attributes
    ----------
    weight : float64 array, shape (states,)
        Before the gap is squared.
    """

    weight: NDArray[np.float64]

    def asked(self, spec: LossSpec, loss: LossData) -> tuple[LossSpec, LossData]:
        """The same with ties between experiments that are linked."""
        return replace(spec, links=True), replace(loss, link_weight=self.weight)
