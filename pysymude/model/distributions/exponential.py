"""The exponential distribution."""

from __future__ import annotations

from typing import Any, final

import numpy as np

from pysymude.model.distributions.distribution import PriorDistribution, Terms

__all__ = ["Exponential"]


@final
class Exponential(PriorDistribution):
    """Exponential(scale) as a prior of something positive, with the mean scale."""

    arguments = ("scale",)

    def own_terms(self, y: Any, loc: Any, *scales: Any) -> Terms:
        """See `PriorDistribution.own_terms`."""
        return (
            y / loc + np.log(loc),
            np.broadcast_to(1.0 / loc, np.shape(y)),
            1.0 / loc - y / loc**2,
            (),
        )

    def draw(self, rng: np.random.Generator, loc: Any, *scales: Any) -> Any:
        """See `Distribution.draw`."""
        return rng.exponential(loc)
