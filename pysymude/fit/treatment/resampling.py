"""Bootstrap resamples of measurements, as weights in the loss."""

from __future__ import annotations

import numpy as np

from pysymude.plan.problem import LossData

__all__ = ["resampled"]


def resampled(loss: LossData, seed: int) -> LossData:
    """The loss in which each measurement counts as often as it was drawn, column by column.

    From the n measurements of a column n are drawn with replacement, over all experiments.

    References
    ----------
    .. [1] Efron and Tibshirani, An Introduction to the Bootstrap, 1993, sec. 9.4: pairs.
    """
    rng = np.random.default_rng([int(seed), *b"bootstrap"])
    weight = np.zeros_like(loss.weight)
    for j in range(weight.shape[2]):
        rows = np.argwhere(loss.weight[:, :, j] > 0)
        drawn = np.bincount(rng.integers(len(rows), size=len(rows)), minlength=len(rows))
        at = (rows[:, 0], rows[:, 1], j)
        # the loss squares its weights
        weight[at] = loss.weight[at] * np.sqrt(drawn)
    return loss.with_weight(weight)
