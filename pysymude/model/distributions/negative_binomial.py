"""The negative binomial distribution, by its mean."""

from __future__ import annotations

from typing import Any, final

import numpy as np
from scipy.special import digamma, gammaln

from pysymude.model.distributions.distribution import Distribution, Terms

__all__ = ["NegativeBinomial"]


@final
class NegativeBinomial(Distribution):
    """Counts with mean h, the prediction, and variance h + h^2/concentration.

    NegativeBinomial(concentration) as noise, NegativeBinomial(mean, concentration) as a prior; NumPyro calls
    this form NegativeBinomial2.
    """

    scales = ("concentration",)
    arguments = ("mean", "concentration")
    counts = True

    def terms(self, y: Any, loc: Any, *scales: Any) -> Terms:
        """See `Distribution.terms`; the derivative by y is not defined and 0 here."""
        k = scales[0]
        logs = np.where(y > 0, y * (np.log(np.where(y > 0, loc, 1.0)) - np.log(loc + k)), 0.0)
        value = gammaln(k) + gammaln(y + 1.0) - gammaln(y + k) - k * np.log(k / (loc + k)) - logs
        ratio = np.where(y > 0, y / np.where(y > 0, loc, 1.0), 0.0)
        d_loc = (k + y) / (loc + k) - ratio
        d_k = digamma(k) - digamma(y + k) - np.log(k / (loc + k)) - 1.0 + (k + y) / (loc + k)
        return value, 0.0 * y, d_loc, (d_k,)

    def spread(self, loc: Any, *scales: Any) -> Any:
        """See `Distribution.spread`."""
        return np.sqrt(loc + loc**2 / scales[0])

    def draw(self, rng: np.random.Generator, loc: Any, *scales: Any) -> Any:
        """See `Distribution.draw`."""
        good = np.isfinite(loc) & (loc >= 0)
        mean = np.where(good, loc, 0.0)
        return np.where(good, rng.poisson(rng.gamma(scales[0], mean / scales[0])), np.nan)
