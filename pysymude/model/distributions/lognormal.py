"""The log-normal distribution."""

from __future__ import annotations

from typing import Any, final

import numpy as np

from pysymude.model.distributions.base import Distribution, Terms
from pysymude.model.distributions.normal import normal_tail, normal_terms

__all__ = ["LogNormal", "on_logarithms"]


def on_logarithms(found: Terms, y: Any, h: Any | None, *, density: bool) -> Terms:
    """Terms in log y, and in log h where h is the prediction, as terms in y and h."""
    value, d_y, d_loc, d_scales = found
    if density:
        value, d_y = value + np.log(y), d_y + 1.0
    return value, d_y / y, d_loc if h is None else d_loc / h, d_scales


@final
class LogNormal(Distribution):
    """log y ~ Normal(log h, scale) around a prediction h as noise; log y ~ Normal(loc, scale) as a prior."""

    positive = True

    def terms(self, y: Any, loc: Any, *scales: Any) -> Terms:
        """See `Distribution.terms`; `loc` is the prediction as noise, the mean of log y as a prior."""
        h = loc if self.is_noise else None
        middle = np.log(loc) if self.is_noise else loc
        return on_logarithms(normal_terms(np.log(y), middle, scales[0]), y, h, density=True)

    def tail(self, y: Any, loc: Any, *scales: Any, above: bool) -> Terms:
        """See `Distribution.tail`."""
        found = normal_tail(np.log(y), np.log(loc), scales[0], above)
        return on_logarithms(found, y, loc, density=False)

    def spread(self, loc: Any, *scales: Any) -> Any:
        """See `Distribution.spread`."""
        return loc * scales[0]
