"""Refits on resampled measurements: made once, read by intervals and by bands."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pysymude.errors import InvalidInputError, PySymUDEError
from pysymude.fit.long_work.progress_bar import Reporter
from pysymude.fit.long_work.sharing import shared
from pysymude.fit.stages.lbfgs import LBFGS
from pysymude.fit.training.fitting import fit as train
from pysymude.infer.evidence import Evidence
from pysymude.model.calls import explained, whole_number

if TYPE_CHECKING:
    from pysymude.fit.result.fit_result import FitResult

__all__ = ["bootstrap_intervals", "refits"]

log = logging.getLogger("pysymude")

Float = NDArray[np.float64]

_WHAT = "refits on resamples"
_LEAST = 20  # refits without which there are no quantiles


@explained
def bootstrap_intervals(
    fit: FitResult,
    level: float,
    *,
    draws: int = 200,
    seed: int = 0,
    jobs: int = 1,
    progress: bool = True,
) -> dict[str, tuple[float, float]]:
    """Quantiles of refits from the fit itself, in each of which measurements count as often as drawn."""
    theta = refits(fit, draws, seed, jobs, progress)
    tails = 0.5 * (1.0 - level), 0.5 * (1.0 + level)
    found: dict[str, tuple[float, float]] = {}
    for name, slot in Evidence(fit).slots.items():
        low, high = np.quantile(np.asarray(slot.natural(theta[:, slot.offset])), tails).tolist()
        found[name] = low, high
    return found


def refits(
    fit: FitResult, draws: int = 200, seed: int = 0, jobs: int = 1, progress: bool = True
) -> Float:
    """What each refit learned, float64 (refits, theta); those that fail are left out and counted.

    A fit keeps them: asked again they are not made again.

    Raises
    ------
    InvalidInputError
        A number that is none, or hardly a refit succeeds.
    """
    whole_number(draws, what="draws", least=_LEAST)
    whole_number(seed, what="seed")
    kept = fit.resampled
    if (draws, seed) not in kept:
        seeds = [seed * 100_000 + k for k in range(draws)]
        found: list[Float | None] = []
        with Reporter(progress, draws, _WHAT) as reporter:
            for theta in shared(_refit, [(fit, one) for one in seeds], jobs):
                found.append(theta)
                reporter.advance(_WHAT, None)
        good = [theta for theta in found if theta is not None]
        if len(good) < max(_LEAST // 2, draws // 2):
            raise InvalidInputError(
                f"only {len(good)} of {draws} refits on resampled measurements succeeded: too few for quantiles"
            )
        if len(good) < draws:
            log.warning(
                "%d of %d refits on resampled measurements failed", draws - len(good), draws
            )
        kept[draws, seed] = np.array(good)
    return kept[draws, seed]


def _refit(fit: FitResult, resample: int) -> Float | None:
    keywords = fit.objective.settings.of_fit
    try:
        again = train(
            fit.system, fit.data, theta0=fit.theta, stages=LBFGS(200), resample=resample, progress=False,
            weight_decay=fit.weight_decay, **keywords,
        )  # fmt: skip
    except PySymUDEError:
        return None
    return again.theta if again.retcode.successful else None
