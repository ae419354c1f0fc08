"""Student's t distribution."""

from __future__ import annotations

from typing import Any, final

import numpy as np
from scipy.special import digamma, gammaln, polygamma

from pysymude.model.distributions.distribution import Distribution, Information, Terms

__all__ = ["StudentT"]


@final
class StudentT(Distribution):
    """StudentT(df, scale) as noise, for outliers; StudentT(df, loc, scale) as a prior."""

    scales = ("df", "scale")
    arguments = ("df", "loc", "scale")
    location = 1

    def terms(self, y: Any, loc: Any, *scales: Any) -> Terms:
        """See `Distribution.terms`."""
        df, s = scales
        r = (y - loc) / s
        heavy = 1.0 + r * r / df
        norm = gammaln(0.5 * df) - gammaln(0.5 * (df + 1.0)) + 0.5 * np.log(np.pi * df)
        value = norm + np.log(s) + 0.5 * (df + 1.0) * np.log(heavy)
        slope = (df + 1.0) * r / (df * heavy)
        d_df = (
            0.5 * digamma(0.5 * df) - 0.5 * digamma(0.5 * (df + 1.0)) + 0.5 / df
            + 0.5 * np.log(heavy) - 0.5 * (df + 1.0) * r * r / (df * df * heavy)
        )  # fmt: skip
        return value, slope / s, -slope / s, (d_df, (1.0 - slope * r) / s)

    def information(self, loc: Any, *scales: Any) -> Information:
        """See `Distribution.information`."""
        df, s = scales
        none = np.zeros(np.shape(loc))
        by_df = (
            0.25 * polygamma(1, 0.5 * df) - 0.25 * polygamma(1, 0.5 * (df + 1.0))
            - 0.5 * (df + 5.0) / (df * (df + 1.0) * (df + 3.0))
        )  # fmt: skip
        cross = -2.0 / (s * (df + 1.0) * (df + 3.0))
        return (
            ((df + 1.0) / ((df + 3.0) * s**2), none, none),
            (none, np.maximum(by_df, 0.0), cross),
            (none, cross, 2.0 * df / ((df + 3.0) * s**2)),
        )

    def spread(self, loc: Any, *scales: Any) -> Any:
        """See `Distribution.spread`."""
        return scales[1] * np.sqrt(scales[0] / np.maximum(scales[0] - 2.0, 1e-3))

    def draw(self, rng: np.random.Generator, loc: Any, *scales: Any) -> Any:
        """See `Distribution.draw`."""
        return loc + scales[1] * rng.standard_t(scales[0], size=np.shape(loc))
