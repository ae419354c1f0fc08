"""The normal distribution."""

from __future__ import annotations

from typing import Any, final

import numpy as np
from scipy.special import log_ndtr

from pysymude.model.distributions.distribution import Distribution, Information, Terms

__all__ = ["Normal", "normal_draw", "normal_information", "normal_tail", "normal_terms"]

_HALF_LOG_2PI = 0.9189385332046727


def normal_terms(y: Any, loc: Any, s: Any) -> Terms:
    """(y - loc)^2/(2 s^2) + log s + log(2 pi)/2."""
    r = (y - loc) / s
    return 0.5 * r * r + np.log(s) + _HALF_LOG_2PI, r / s, -r / s, ((1.0 - r * r) / s,)


def normal_tail(y: Any, loc: Any, s: Any, above: bool) -> Terms:
    """-log Phi(+-(y - loc)/s)."""
    sign = -1.0 if above else 1.0
    r = sign * (y - loc) / s
    logp = log_ndtr(r)
    # phi/Phi, by logarithms: both may be tiny
    ratio = np.exp(-0.5 * r * r - _HALF_LOG_2PI - logp)
    slope = -ratio * sign / s
    return -logp, slope, -slope, (ratio * r / s,)


def normal_draw(rng: np.random.Generator, loc: Any, s: Any) -> Any:
    """Around `loc`."""
    return loc + s * rng.standard_normal(np.shape(loc))


def normal_information(s: Any) -> Information:
    """1/s^2 of the location, 2/s^2 of the scale."""
    return (1.0 / s**2, 0.0 * s), (0.0 * s, 2.0 / s**2)


@final
class Normal(Distribution):
    """Normal(scale) as noise, Normal(loc, scale) as a prior; `scale` is the standard deviation."""

    def terms(self, y: Any, loc: Any, *scales: Any) -> Terms:
        """See `Distribution.terms`."""
        return normal_terms(y, loc, scales[0])

    def tail(self, y: Any, loc: Any, *scales: Any, above: bool) -> Terms:
        """See `Distribution.tail`."""
        return normal_tail(y, loc, scales[0], above)

    def information(self, loc: Any, *scales: Any) -> Information:
        """See `Distribution.information`."""
        return normal_information(scales[0])

    def spread(self, loc: Any, *scales: Any) -> Any:
        """See `Distribution.spread`."""
        return scales[0]

    def draw(self, rng: np.random.Generator, loc: Any, *scales: Any) -> Any:
        """See `Distribution.draw`."""
        return normal_draw(rng, loc, scales[0])
