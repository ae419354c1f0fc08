"""The negative binomial distribution, by its mean."""

from __future__ import annotations

from typing import Any, final

import numpy as np
from scipy.special import digamma, gammaln

from pysymude.model.distributions.distribution import Distribution, Information, Terms

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

    def information(self, loc: Any, *scales: Any) -> Information:
        """See `Distribution.information`."""
        none = np.zeros(np.shape(loc))
        by_loc = 1.0 / (loc + loc**2 / scales[0])
        return (by_loc, none), (none, self._by_concentration(loc, scales[0]))

    def _by_concentration(self, loc: Any, k: Any) -> Any:
        """The mean square of the slope by the concentration, over all counts that matter."""
        loc, k = np.broadcast_arrays(np.asarray(loc, dtype=float), np.asarray(k, dtype=float))
        far = np.ceil(loc + 40.0 * np.sqrt(loc + loc**2 / k) + 40.0)
        # each count up to a thousand or so; beyond, where neighbours are alike, some of them for all
        parts = np.linspace(0.0, 1.0, 1001).reshape(-1, *(1,) * loc.ndim)
        y = np.where(far <= 1000.0, np.round(1000.0 * parts), np.round(far * parts**3))
        value, _, _, (slope,) = self.terms(y, loc, k)
        between = 0.5 * (y[1:] + y[:-1])
        mass = np.exp(-value) * np.diff(between, axis=0, prepend=y[:1] - 0.5, append=y[-1:] + 0.5)
        return (mass * slope**2).sum(axis=0) / mass.sum(axis=0)

    def spread(self, loc: Any, *scales: Any) -> Any:
        """See `Distribution.spread`."""
        return np.sqrt(loc + loc**2 / scales[0])

    def draw(self, rng: np.random.Generator, loc: Any, *scales: Any) -> Any:
        """See `Distribution.draw`."""
        good = np.isfinite(loc) & (loc >= 0)
        mean = np.where(good, loc, 0.0)
        return np.where(good, rng.poisson(rng.gamma(scales[0], mean / scales[0])), np.nan)
