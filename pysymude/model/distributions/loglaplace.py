"""The log-Laplace distribution."""

from __future__ import annotations

from typing import Any, final

import numpy as np

from pysymude.model.distributions.base import Distribution, Terms
from pysymude.model.distributions.laplace import laplace_tail, laplace_terms
from pysymude.model.distributions.lognormal import on_logarithms

__all__ = ["LogLaplace"]


@final
class LogLaplace(Distribution):
    """log y ~ Laplace(log h, scale) around a prediction h as noise; log y ~ Laplace(loc, scale) as a prior."""

    positive = True

    def terms(self, y: Any, loc: Any, *scales: Any) -> Terms:
        """See `Distribution.terms`; `loc` as for `LogNormal`."""
        h = loc if self.is_noise else None
        middle = np.log(loc) if self.is_noise else loc
        return on_logarithms(laplace_terms(np.log(y), middle, scales[0]), y, h, density=True)

    def tail(self, y: Any, loc: Any, *scales: Any, above: bool) -> Terms:
        """See `Distribution.tail`."""
        found = laplace_tail(np.log(y), np.log(loc), scales[0], above)
        return on_logarithms(found, y, loc, density=False)

    def spread(self, loc: Any, *scales: Any) -> Any:
        """See `Distribution.spread`."""
        return np.sqrt(2.0) * loc * scales[0]
