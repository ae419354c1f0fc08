"""Intervals by each method: Wald's, profiles, and the bootstrap."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pysymude.errors import InvalidInputError, WrongCallError
from pysymude.fit.long_work.progress_bar import Reporter
from pysymude.fit.stages.stages import LBFGS
from pysymude.fit.training.fitting import fit as train
from pysymude.infer.covariance import check_level, wald_intervals
from pysymude.infer.evidence import Evidence
from pysymude.infer.profile import profile
from pysymude.model.calls import explained, instead, whole_number

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
        return {
            name: profile(fit, name, level=level, **keywords).interval(level)
            for name in Evidence(fit).slots
        }
    if method == "bootstrap":
        return bootstrap_intervals(fit, level, **keywords)
    raise InvalidInputError(f"method must be 'wald', 'profile' or 'bootstrap'; found {method!r}")


@explained
def bootstrap_intervals(
    fit: FitResult, level: float, *, draws: int = 200, seed: int = 0, progress: bool = True
) -> Intervals:
    """Quantiles of refits from the fit itself, in each of which measurements count as often as drawn."""
    whole_number(draws, what="draws", least=20)
    whole_number(seed, what="seed")
    slots = Evidence(fit).slots
    keywords = {k: v for k, v in fit.objective.keywords.items() if k != "weigh"}
    found: dict[str, list[float]] = {name: [] for name in slots}
    with Reporter(progress, draws, "refits on resamples") as reporter:
        for k in range(draws):
            again = train(
                fit.system, fit.data, theta0=fit.theta, stages=LBFGS(200),
                resample=seed * 100_000 + k, progress=False, **keywords,
            )  # fmt: skip
            reporter.advance("refits on resamples", again.loss)
            if not again.retcode.successful:
                continue
            for name, values in found.items():
                values.append(float(again.values[name]))
    tail = 0.5 * (1.0 - level)
    return {
        name: (float(np.quantile(v, tail)), float(np.quantile(v, 1.0 - tail)))
        for name, v in found.items()
    }
