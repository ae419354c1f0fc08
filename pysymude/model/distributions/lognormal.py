"""The log-normal distribution."""

from __future__ import annotations

from typing import Any, final

from pysymude.model.distributions.distribution import LogDistribution
from pysymude.model.distributions.normal import (
    normal_draw,
    normal_information,
    normal_tail,
    normal_terms,
)

__all__ = ["LogNormal"]


@final
class LogNormal(LogDistribution):
    """log y ~ Normal(log h, scale) around a prediction h as noise; log y ~ Normal(loc, scale) as a prior."""

    log_terms = staticmethod(normal_terms)
    log_tail = staticmethod(normal_tail)
    log_draw = staticmethod(normal_draw)
    log_information = staticmethod(normal_information)

    def spread(self, loc: Any, *scales: Any) -> Any:
        """See `Distribution.spread`."""
        return loc * scales[0]
