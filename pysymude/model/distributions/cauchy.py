"""The Cauchy distribution."""

from __future__ import annotations

from typing import Any, final

import numpy as np

from pysymude.model.distributions.distribution import PriorDistribution, Terms

__all__ = ["Cauchy"]


@final
class Cauchy(PriorDistribution):
    """Cauchy(loc, scale) as a prior, with tails so heavy that it has no mean."""

    arguments = ("loc", "scale")
    lowest = -np.inf

    def own_terms(self, y: Any, loc: Any, *scales: Any) -> Terms:
        """See `PriorDistribution.own_terms`."""
        (b,) = scales
        r = (y - loc) / b
        slope = 2.0 * r / (1.0 + r**2) / b
        value = np.log1p(r**2) + np.log(np.pi * b)
        return value, slope, -slope, (1.0 / b - slope * r,)

    def draw(self, rng: np.random.Generator, loc: Any, *scales: Any) -> Any:
        """See `Distribution.draw`."""
        return loc + scales[0] * rng.standard_cauchy(np.shape(loc))
