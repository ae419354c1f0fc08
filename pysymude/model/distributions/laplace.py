"""The Laplace distribution."""

from __future__ import annotations

from typing import Any, final

import numpy as np

from pysymude.model.distributions.distribution import Distribution, Information, Terms

__all__ = ["Laplace", "laplace_draw", "laplace_information", "laplace_tail", "laplace_terms"]


def laplace_terms(y: Any, loc: Any, b: Any) -> Terms:
    """|y - loc|/b + log(2 b); the derivative where y = loc is 0."""
    r = (y - loc) / b
    sign = np.sign(r)
    return np.abs(r) + np.log(2.0 * b), sign / b, -sign / b, ((1.0 - np.abs(r)) / b,)


def laplace_tail(y: Any, loc: Any, b: Any, above: bool) -> Terms:
    """The logarithm of exp(r)/2 below the location, of 1 - exp(-r)/2 above it."""
    sign = -1.0 if above else 1.0
    r = sign * (y - loc) / b
    small = 0.5 * np.exp(-np.abs(r))
    value = np.where(r < 0, -r + np.log(2.0), -np.log1p(-small))
    slope = np.where(r < 0, -1.0, -small / (1.0 - small))
    d_y = slope * sign / b
    return value, d_y, -d_y, (-slope * r / b,)


def laplace_draw(rng: np.random.Generator, loc: Any, b: Any) -> Any:
    """Around `loc`."""
    return loc + b * rng.laplace(size=np.shape(loc))


def laplace_information(b: Any) -> Information:
    """1/b^2 of the location and of the scale."""
    return (1.0 / b**2, 0.0 * b), (0.0 * b, 1.0 / b**2)


@final
class Laplace(Distribution):
    """Laplace(scale) as noise, Laplace(loc, scale) as a prior; as a prior it is L1 regularisation."""

    def terms(self, y: Any, loc: Any, *scales: Any) -> Terms:
        """See `Distribution.terms`."""
        return laplace_terms(y, loc, scales[0])

    def tail(self, y: Any, loc: Any, *scales: Any, above: bool) -> Terms:
        """See `Distribution.tail`."""
        return laplace_tail(y, loc, scales[0], above)

    def information(self, loc: Any, *scales: Any) -> Information:
        """See `Distribution.information`."""
        return laplace_information(scales[0])

    def spread(self, loc: Any, *scales: Any) -> Any:
        """See `Distribution.spread`."""
        return np.sqrt(2.0) * scales[0]

    def draw(self, rng: np.random.Generator, loc: Any, *scales: Any) -> Any:
        """See `Distribution.draw`."""
        return laplace_draw(rng, loc, scales[0])
