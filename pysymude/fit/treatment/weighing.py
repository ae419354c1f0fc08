"""How columns without a noise scale count beside each other."""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np
from numpy.typing import NDArray

from pysymude.fit.treatment.noise_estimates import noise_of_series
from pysymude.model.dataset import Dataset
from pysymude.plan.problem import LossData

__all__ = ["noise_part", "relative_scales", "spread_part", "weighed"]

Float = NDArray[np.float64]

_LEAST = 1e-3  # of a column's spread: numbers without noise still have a model's error


def weighed(
    loss: LossData, data: Dataset, models: Collection[str] = (), *, absolute: bool = False
) -> LossData:
    """The loss with its measured columns divided by `relative_scales`."""
    weight = loss.weight.copy()
    # what noise models read stands behind the columns of the data
    weight[:, :, : len(data.columns)] /= relative_scales(data, models, absolute=absolute)
    return loss.with_weight(weight)


def relative_scales(
    data: Dataset, models: Collection[str] = (), *, absolute: bool = False
) -> Float:
    """A number a column by which its residuals are divided, float64 (columns,).

    Where no noise is given, columns of different units and sizes are made comparable by an estimate of
    each one's noise, up to a common factor: the geometric mean of the scales is 1. Columns with noise or
    with noise `models`, and a single one without, have 1. Beside columns with noise, and beside priors
    (`absolute`), the estimate itself counts: what is known of one has to be weighed against the other.
    """
    columns = data.columns
    found = np.ones(len(columns))
    known = {name for trajectory in data for name in trajectory.noise}.union(models)
    open_ones = [j for j, name in enumerate(columns) if name not in known]
    absolute = absolute or bool(known)
    if len(open_ones) < (1 if absolute else 2):
        return found
    for j in open_ones:
        found[j] = _estimate(data, columns[j])
    sizes = found[open_ones]
    if not (sizes > 0).all():
        return np.ones(len(columns))
    found[open_ones] = sizes if absolute else sizes / np.exp(np.mean(np.log(sizes)))
    return found


def noise_part(
    data: Dataset, loss: LossData, measure: Callable[[Float, Float], float] = noise_of_series
) -> float:
    """The sum of squares that the noise makes, by the scales given or else by an estimate."""
    total = 0.0
    for j, name in enumerate(data.columns):
        if any(name in tr.noise for tr in data):
            total += float(np.count_nonzero(loss.weight[:, :, j]))
        else:
            total += float((loss.weight[:, :, j] ** 2).sum()) * _noise_of(data, name, measure) ** 2
    return total


def spread_part(loss: LossData) -> float:
    """The sum of squares of the data about each column's mean."""
    squares = loss.weight**2
    middle = (loss.y * squares).sum(axis=(0, 1)) / np.maximum(squares.sum(axis=(0, 1)), 1e-300)
    return float((((loss.y - middle) * loss.weight) ** 2).sum())


def _series(data: Dataset, name: str) -> list[tuple[Float, Float]]:
    """Times and values of a column in each experiment, where it was measured."""
    return [
        (tr.t[seen], values[seen])
        for tr in data
        if name in tr.columns
        for values in [tr.u[:, tr.columns.index(name)]]
        for seen in [np.isfinite(values)]
    ]


def _noise_of(
    data: Dataset, name: str, measure: Callable[[Float, Float], float] = noise_of_series
) -> float:
    """The noise of a column over all experiments; 0 where no series is long enough to tell."""
    noises = [measure(t, y) for t, y in _series(data, name) if t.size >= 6 and np.diff(t).min() > 0]
    return float(np.sqrt(np.mean(np.square(noises)))) if noises else 0.0


def _estimate(data: Dataset, name: str) -> float:
    """The noise of a column, at least a thousandth of its spread; the spread where it cannot be told."""
    together = np.concatenate([y for _, y in _series(data, name)])
    spread = float(np.std(together)) or float(np.abs(together).max(initial=0.0))
    return max(_noise_of(data, name) or spread, _LEAST * spread)
