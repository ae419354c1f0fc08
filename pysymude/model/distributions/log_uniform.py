"""The log-uniform distribution."""

from __future__ import annotations

from typing import Any, final

import numpy as np

from pysymude.model.distributions.distribution import PriorDistribution, Terms

__all__ = ["LogUniform"]


@final
class LogUniform(PriorDistribution):
    """LogUniform(low, high) as a prior: the logarithm is uniform between those of two positive numbers."""

    arguments = ("low", "high")

    def own_terms(self, y: Any, loc: Any, *scales: Any) -> Terms:
        """See `PriorDistribution.own_terms`."""
        (high,) = scales
        width = np.log(high) - np.log(loc)
        outside = (y < loc) | (y > high)
        value = np.where(outside, np.inf, np.log(y) + np.log(width))
        return value, 1.0 / y, -1.0 / (loc * width), (1.0 / (high * width),)

    def draw(self, rng: np.random.Generator, loc: Any, *scales: Any) -> Any:
        """See `Distribution.draw`."""
        return np.exp(rng.uniform(np.log(loc), np.log(scales[0])))
