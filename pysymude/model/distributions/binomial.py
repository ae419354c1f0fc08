"""The binomial distribution."""

from __future__ import annotations

from typing import Any, final

import numpy as np
from scipy.special import digamma, gammaln, xlog1py, xlogy

from pysymude.model.distributions.distribution import Distribution, Information, Terms

__all__ = ["Binomial"]


@final
class Binomial(Distribution):
    """Counts out of `total_count`; the prediction is the probability of one.

    Binomial(total_count) as noise, Binomial(total_count, probs) as a prior.
    """

    scales = ("total_count",)
    arguments = ("total_count", "probs")
    location = 1
    counts = True

    def terms(self, y: Any, loc: Any, *scales: Any) -> Terms:
        """See `Distribution.terms`; the derivative by y is not defined and 0 here."""
        n = scales[0]
        value = gammaln(y + 1.0) + gammaln(n - y + 1.0) - gammaln(n + 1.0)
        value = value - xlogy(y, loc) - xlog1py(n - y, -loc)
        d_loc = (n - y) / (1.0 - loc) - np.where(y > 0, y / np.where(y > 0, loc, 1.0), 0.0)
        d_n = digamma(n - y + 1.0) - digamma(n + 1.0) - np.log1p(-loc)
        return value, 0.0 * y, d_loc, (d_n,)

    def information(self, loc: Any, *scales: Any) -> Information:
        """See `Distribution.information`."""
        # how many there were is known, whatever made the number
        by_loc, none = scales[0] / (loc * (1.0 - loc)), np.zeros(np.shape(loc))
        return (by_loc, none), (none, none)

    def spread(self, loc: Any, *scales: Any) -> Any:
        """See `Distribution.spread`."""
        return np.sqrt(scales[0] * loc * (1.0 - loc))

    def mean(self, loc: Any, *scales: Any) -> Any:
        """The number of ones to expect."""
        return scales[0] * loc

    def draw(self, rng: np.random.Generator, loc: Any, *scales: Any) -> Any:
        """See `Distribution.draw`."""
        good = np.isfinite(loc) & (loc >= 0) & (loc <= 1)
        return np.where(
            good, rng.binomial(np.round(scales[0]).astype(int), np.where(good, loc, 0.0)), np.nan
        )
