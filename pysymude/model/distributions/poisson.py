"""The Poisson distribution."""

from __future__ import annotations

from typing import Any, final

import numpy as np
from scipy.special import gammaln

from pysymude.model.distributions.distribution import Distribution, Information, Terms

__all__ = ["Poisson"]


@final
class Poisson(Distribution):
    """Counts whose mean and variance are the prediction: Poisson() as noise, Poisson(rate) as a prior."""

    scales = ()
    arguments = ("rate",)
    counts = True

    def terms(self, y: Any, loc: Any, *scales: Any) -> Terms:
        """See `Distribution.terms`; the derivative by y is not defined and 0 here."""
        # no count and no rate: probability one
        logs = np.where(y > 0, y * np.log(np.where(y > 0, loc, 1.0)), 0.0)
        ratio = np.where(y > 0, y / np.where(y > 0, loc, 1.0), 0.0)
        return loc - logs + gammaln(y + 1.0), 0.0 * y, 1.0 - ratio, ()

    def information(self, loc: Any, *scales: Any) -> Information:
        """See `Distribution.information`."""
        return ((1.0 / loc,),)

    def spread(self, loc: Any, *scales: Any) -> Any:
        """See `Distribution.spread`."""
        return np.sqrt(loc)

    def draw(self, rng: np.random.Generator, loc: Any, *scales: Any) -> Any:
        """See `Distribution.draw`."""
        good = np.isfinite(loc) & (loc >= 0)
        return np.where(good, rng.poisson(np.where(good, loc, 0.0)), np.nan)
