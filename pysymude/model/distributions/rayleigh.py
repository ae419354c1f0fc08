"""The Rayleigh distribution."""

from __future__ import annotations

from typing import Any, final

import numpy as np

from pysymude.model.distributions.distribution import PriorDistribution, Terms

__all__ = ["Rayleigh"]


@final
class Rayleigh(PriorDistribution):
    """Rayleigh(scale) as a prior of something positive: the length of a normal vector in the plane."""

    arguments = ("scale",)

    def own_terms(self, y: Any, loc: Any, *scales: Any) -> Terms:
        """See `PriorDistribution.own_terms`."""
        value = 0.5 * (y / loc) ** 2 - np.log(y) + 2.0 * np.log(loc)
        return value, y / loc**2 - 1.0 / y, 2.0 / loc - y**2 / loc**3, ()

    def draw(self, rng: np.random.Generator, loc: Any, *scales: Any) -> Any:
        """See `Distribution.draw`."""
        return rng.rayleigh(loc)
