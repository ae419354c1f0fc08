"""Priors as a term of the loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pysymude.model.distributions.base import Distribution
from pysymude.model.theta import Slot, ThetaLayout

__all__ = ["Priors"]

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Priors:
    """Densities of natural values; the most specific name counts: ``nn.W1`` before ``nn``."""

    given: Mapping[str, Distribution]
    layout: ThetaLayout

    def evaluate(self, theta: Float) -> tuple[float, Float]:
        """Minus twice the logarithm of the prior density at theta, and its gradient."""
        total, gradient = 0.0, np.zeros(self.layout.size)
        for slot in self.layout.values():
            prior = self._of(slot)
            if prior is None:
                continue
            z = theta[slot.slice]
            numbers = [float(a) for a in prior.args]
            loc = numbers.pop(prior.location)
            with np.errstate(all="ignore"):
                value, slope, _, _ = prior.terms(slot.natural(z), loc, *numbers)
            total += 2.0 * float(np.sum(value))
            gradient[slot.slice] = 2.0 * slope * slot.slope(z)
        return total, gradient

    def _of(self, slot: Slot) -> Distribution | None:
        whole = slot.name.rpartition(".")[0] if slot.kind == "weight" else slot.name
        return self.given.get(slot.name, self.given.get(whole))
