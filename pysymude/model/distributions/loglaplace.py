"""The log-Laplace distribution."""

from __future__ import annotations

from typing import Any, final

import numpy as np

from pysymude.model.distributions.distribution import LogDistribution
from pysymude.model.distributions.laplace import (
    laplace_draw,
    laplace_information,
    laplace_tail,
    laplace_terms,
)

__all__ = ["LogLaplace"]


@final
class LogLaplace(LogDistribution):
    """log y ~ Laplace(log h, scale) around a prediction h as noise; log y ~ Laplace(loc, scale) as a prior."""

    log_terms = staticmethod(laplace_terms)
    log_tail = staticmethod(laplace_tail)
    log_draw = staticmethod(laplace_draw)
    log_information = staticmethod(laplace_information)

    def spread(self, loc: Any, *scales: Any) -> Any:
        """See `Distribution.spread`."""
        return np.sqrt(2.0) * loc * scales[0]
