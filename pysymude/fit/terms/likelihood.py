"""Noise models: what measurements are worth, given what the model gives for each of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from pysymude.errors import InvalidInputError
from pysymude.fit.terms.term import AbstractScore
from pysymude.model.dataset import Dataset
from pysymude.model.distributions.distribution import Distribution
from pysymude.plan.problem import LossData, LossSpec

__all__ = ["Column", "Likelihood", "floor_of", "likelihood_of"]

Float = NDArray[np.float64]

_LOG_2PI = 1.8378770664093453
_FLOOR = 1e-10  # of the data: where only positive locations mean anything, less is rounding
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Column:
    """A measured column, its family, and the columns in which an engine gives the family's scales."""

    name: str
    at: int
    family: Distribution
    scales: tuple[int, ...]


@final
@dataclass(frozen=True, eq=False)
class Likelihood(AbstractScore):
    """The noise models of a loss.

    Attributes
    ----------
    columns : tuple of Column
        Those with a noise model; all others are normal with fixed scales.
    plain : int64 array
        Positions of the others.
    normal : Distribution or None
        What those others are where they are only known to lie beyond a limit.
    """

    columns: tuple[Column, ...]
    plain: NDArray[np.int64]
    normal: Distribution | None = None

    def evaluate(
        self, seen: Float, loss: LossData, *, gradient: bool = True
    ) -> tuple[float, Float]:
        """Minus twice the logarithm of the likelihood, and its derivatives by `seen` (E, T, columns).

        For columns with fixed normal noise it is their sum of squares, without the constants. The
        derivatives come with the value.
        """
        given = np.zeros_like(seen)
        r = loss.weight[:, :, self.plain] * (seen[:, :, self.plain] - loss.y[:, :, self.plain])
        r = np.where(self._is_number(loss), r, 0.0)
        total = float((r**2).sum())
        given[:, :, self.plain] = 2.0 * loss.weight[:, :, self.plain] * r
        total += 2.0 * self._limits(seen, loss, given)
        for column in self.columns:
            total += 2.0 * self._column(column, seen, loss, given)
        return total, given

    def _is_number(self, loss: LossData) -> NDArray[np.bool_]:
        """Where the columns without a noise model have a number, and no limit."""
        counted = loss.weight[:, :, self.plain] > 0
        return counted if loss.side is None else counted & (loss.side[:, :, self.plain] == 0)

    def _limits(self, seen: Float, loss: LossData, given: Float) -> float:
        """The negative log-likelihood of limits in columns with fixed normal noise."""
        total = 0.0
        if loss.side is None or self.normal is None:
            return total
        for j in self.plain:
            for kind in (-1, 1):
                here = (loss.weight[:, :, j] > 0) & (loss.side[:, :, j] == kind)
                y, h, w = loss.y[:, :, j][here], seen[:, :, j][here], loss.weight[:, :, j][here]
                value, _, d_loc, _ = self.normal.tail(y, h, 1.0 / w, above=kind > 0)
                total += float(np.sum(value))
                given[here, j] += 2.0 * d_loc
        return total

    def _column(self, column: Column, seen: Float, loss: LossData, given: Float) -> float:
        """The negative log-likelihood of one column; twice its derivatives into `given`."""
        counted = loss.weight[:, :, column.at] > 0
        often = loss.weight[:, :, column.at] ** 2
        side = (
            np.zeros_like(counted, dtype=np.int8)
            if loss.side is None
            else loss.side[:, :, column.at]
        )
        total = 0.0
        for kind in (0, -1, 1):
            here = counted & (side == kind)
            if not here.any():
                continue
            y, h = loss.y[:, :, column.at][here], seen[:, :, column.at][here]
            scales = tuple(seen[:, :, k][here] for k in column.scales)
            low = floor_of(column.family, y)
            with np.errstate(all="ignore"):
                inside = h if low is None else np.maximum(h, low)
                if kind == 0:
                    value, _, d_loc, d_scales = column.family.terms(y, inside, *scales)
                else:
                    value, _, d_loc, d_scales = column.family.tail(
                        y, inside, *scales, above=kind > 0
                    )
            if low is not None:
                # below what means anything the loss goes on as a slope that leads back
                back = np.where(
                    h < low, 2.0 * np.abs(d_loc) + 1.0 / np.maximum(low / _FLOOR, 1e-300), 0.0
                )
                value = value + (d_loc - back) * (h - inside)
                d_loc = d_loc - back
            total += float((often[here] * value).sum())
            given[here, column.at] += 2.0 * often[here] * d_loc
            for k, d in zip(column.scales, d_scales, strict=True):
                given[here, k] += 2.0 * often[here] * d
        return total

    def complaint(self, seen: Float, loss: LossData, data: Dataset) -> str:
        """Which noise model has no density where, or that it is a prior."""
        place = self.without_density(seen, loss)
        if place is None:
            return "A noise model or a prior has no density for what was measured or learned."
        column, e, i, scales = place
        numbers = ", ".join(f"{s:.4g}" for s in scales)
        return (
            f"The noise of {column.name!r}, {column.family!r}, has no density at t = {loss.batch.ts[e, i]:g} of "
            f"experiment {data[e].name!r}"
            + (f", where its arguments are {numbers}." if numbers else ".")
        )

    def without_density(
        self, seen: Float, loss: LossData
    ) -> tuple[Column, int, int, tuple[float, ...]] | None:
        """The first measurement whose density is not a number: column, experiment, row, scales."""
        for column in self.columns:
            for e, i in np.argwhere(loss.weight[:, :, column.at] > 0):
                scales = tuple(float(seen[e, i, k]) for k in column.scales)
                with np.errstate(all="ignore"):
                    y, h = loss.y[e, i, column.at], seen[e, i, column.at]
                    value = column.family.terms(y, h, *scales)[0]
                if not np.isfinite(value):
                    return column, int(e), int(i), scales
        return None

    def impossible(self, seen: Float, loss: LossData) -> list[tuple[str, int, int]]:
        """Column, experiment and row of measurements that need a positive prediction and have none: the first."""
        found: list[tuple[str, int, int]] = []
        for column in self.columns:
            y, h = loss.y[:, :, column.at], seen[:, :, column.at]
            here = (loss.weight[:, :, column.at] > 0) & (h <= 0)
            if column.family.counts:
                size = float(np.abs(y).max(initial=0.0))
                # none were counted and none are expected, but for rounding
                here &= (y > 0) | (h < -_ROUNDING * size)
            elif not column.family.positive:
                continue
            if here.any():
                e, i = np.argwhere(here)[0].tolist()
                found.append((column.name, e, i))
        return found

    def fixed(self, loss: LossData, data: Dataset) -> float | None:
        """What `judged` adds to the sum of squares where all noise is given; None elsewhere."""
        names = {name for trajectory in data for name in trajectory.noise}
        if self.columns or loss.side is not None or not names.issuperset(data.columns):
            return None
        counted = loss.weight > 0
        return float((_LOG_2PI - 2.0 * np.log(loss.weight[counted])).sum())

    def judged(self, seen: Float, loss: LossData, data: Dataset) -> tuple[float, Float]:
        """Minus twice the logarithm of the likelihood, with all constants, and its derivatives by `seen`.

        A column without noise has the scale that makes it likeliest. Infinite where something measured has
        the probability 0.
        """
        given = np.zeros_like(seen)
        if self.impossible(seen, loss):
            return np.inf, given
        numbers = self._is_number(loss)
        total = 2.0 * self._limits(seen, loss, given)
        total += 2.0 * sum(self._column(column, seen, loss, given) for column in self.columns)
        for k, j in enumerate(self.plain):
            name, w, here = data.columns[j], loss.weight[:, :, j], numbers[:, :, k]
            w = w[here]
            r = w * (seen[:, :, j] - loss.y[:, :, j])[here]
            n, squares, part = r.size, float(r @ r), 1.0
            if n == 0:
                continue
            if not any(name in trajectory.noise for trajectory in data):
                # in multiples of the fixed scales: r has the variance that the residuals show
                variance = max(squares / n, 1e-300)
                total += n * np.log(variance)
                squares, part = n, 1.0 / variance
            given[here, j] = 2.0 * part * w * r
            total += squares + float((_LOG_2PI - 2.0 * np.log(w)).sum())
        return total, given


def floor_of(family: Distribution, y: Float) -> Float | None:
    """The smallest location that is taken as it is, for each measurement; None where any is."""
    if family.positive:
        return _FLOOR * y
    if family.counts:
        return np.full(y.shape, _FLOOR * max(float(np.abs(y).max(initial=0.0)), 1.0))
    return None


def likelihood_of(noise: Mapping[str, Distribution], spec: LossSpec, data: Dataset) -> Likelihood:
    """The noise models of a loss, after a look at the data.

    Raises
    ------
    InvalidInputError
        Measurements that a family cannot have made.
    """
    columns: list[Column] = []
    measured = len(data.columns)
    place = {name: k for k, name in enumerate(spec.columns)}
    for j, name in enumerate(data.columns):
        family = noise.get(name)
        if family is None:
            continue
        for trajectory in data:
            if name in trajectory.columns:
                family.check_values(
                    trajectory.u[:, trajectory.columns.index(name)],
                    f"column {name!r} of experiment {trajectory.name!r}",
                )
                if name in trajectory.noise:
                    raise InvalidInputError(
                        f"column {name!r} has a noise model in the system, {family!r}, and numbers in "
                        f"experiment {trajectory.name!r}; leave out one of them"
                    )
        scales = tuple(place[f"{name}_noise{k}"] for k in range(len(family.args)))
        columns.append(Column(name, j, family, scales))
    known = {c.at for c in columns}
    plain = np.array([j for j in range(measured) if j not in known], dtype=np.int64)
    # SciPy's special functions take a while to load
    from pysymude.model.distributions.normal import Normal

    return Likelihood(tuple(columns), plain, Normal(1))
