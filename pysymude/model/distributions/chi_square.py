"""The chi-square distribution."""

from __future__ import annotations

from typing import Any, final

import numpy as np
from scipy.special import digamma, gammaln

from pysymude.model.distributions.distribution import PriorDistribution, Terms

__all__ = ["ChiSquare"]


@final
class ChiSquare(PriorDistribution):
    """ChiSquare(df) as a prior of something positive."""

    arguments = ("df",)

    def own_terms(self, y: Any, loc: Any, *scales: Any) -> Terms:
        """See `PriorDistribution.own_terms`."""
        half = 0.5 * loc
        value = gammaln(half) + half * np.log(2.0) - (half - 1.0) * np.log(y) + 0.5 * y
        by_df = 0.5 * (digamma(half) + np.log(2.0) - np.log(y))
        return value, 0.5 - (half - 1.0) / y, by_df, ()

    def draw(self, rng: np.random.Generator, loc: Any, *scales: Any) -> Any:
        """See `Distribution.draw`."""
        return rng.chisquare(loc)
