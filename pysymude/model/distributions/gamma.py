"""The gamma distribution."""

from __future__ import annotations

from typing import Any, final

import numpy as np
from scipy.special import digamma, gammaln

from pysymude.model.distributions.distribution import PriorDistribution, Terms

__all__ = ["Gamma"]


@final
class Gamma(PriorDistribution):
    """Gamma(shape, scale) as a prior of something positive, with the mean shape * scale."""

    arguments = ("shape", "scale")

    def own_terms(self, y: Any, loc: Any, *scales: Any) -> Terms:
        """See `PriorDistribution.own_terms`."""
        (b,) = scales
        value = gammaln(loc) + loc * np.log(b) - (loc - 1.0) * np.log(y) + y / b
        by_shape = digamma(loc) + np.log(b) - np.log(y)
        return value, 1.0 / b - (loc - 1.0) / y, by_shape, (loc / b - y / b**2,)

    def draw(self, rng: np.random.Generator, loc: Any, *scales: Any) -> Any:
        """See `Distribution.draw`."""
        return rng.gamma(loc, scales[0])
