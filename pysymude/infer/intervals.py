"""Intervals by each method: Wald's, profiles, and the bootstrap."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pysymude.errors import InvalidInputError, WrongCallError
from pysymude.infer.bootstrap import bootstrap_intervals
from pysymude.infer.covariance import check_level, wald_intervals
from pysymude.infer.evidence import Evidence
from pysymude.infer.profile import profile
from pysymude.model.calls import instead

if TYPE_CHECKING:
    from pysymude.fit.result.fit_result import FitResult

__all__ = ["intervals_of"]

Intervals = dict[str, tuple[float, float]]


def intervals_of(
    fit: FitResult, level: float, method: str, keywords: Mapping[str, Any]
) -> Intervals:
    """See `FitResult.confidence_intervals`."""
    check_level(level)
    if method == "wald":
        if keywords:
            name = next(iter(keywords))
            raise WrongCallError(
                f"method='wald' has no {name}=; {instead(name, ['level', 'method'])}"
            )
        return wald_intervals(fit, level)
    if method == "profile":
        found = profile(fit, list(Evidence(fit).slots), level=level, **keywords)
        return {name: one.interval(level) for name, one in found.items()}
    if method == "bootstrap":
        return bootstrap_intervals(fit, level, **keywords)
    raise InvalidInputError(f"method must be 'wald', 'profile' or 'bootstrap'; found {method!r}")
