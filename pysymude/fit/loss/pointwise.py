"""Likelihoods measurement by measurement, and measurements that a model would give again."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pysymude.fit.loss.objective import Objective
from pysymude.fit.terms.likelihood import floor_of
from pysymude.model.distributions.distribution import Distribution
from pysymude.model.distributions.normal import Normal

__all__ = ["Pointwise"]

Float = NDArray[np.float64]


class _Measured(NamedTuple):
    """A column: where it was measured, and its family with where that finds its numbers."""

    column: int
    rows: NDArray[np.int64]
    experiments: NDArray[np.int64]
    times: NDArray[np.int64]
    family: Distribution
    scales: tuple[int, ...] | None
    weight: Float


@dataclass(frozen=True, eq=False)
class Pointwise:
    """The measurements of an objective one by one: experiment after experiment, time after time, by column."""

    objective: Objective

    @cached_property
    def places(self) -> NDArray[np.int64]:
        """Experiment, time and column of each measurement, int64 (measurements, 3)."""
        return np.argwhere(self.objective.loss.weight > 0)

    @cached_property
    def observed(self) -> Float:
        """What was measured; limits where these are all that is known."""
        return self.objective.loss.y[tuple(self.places.T)]

    @cached_property
    def unknown(self) -> tuple[int, ...]:
        """Columns whose noise was nowhere given."""
        obj = self.objective
        modelled = {c.at for c in obj.models.columns}
        return tuple(
            j
            for j, name in enumerate(obj.data.columns)
            if j not in modelled and not any(name in tr.noise for tr in obj.data)
        )

    def seen(self, theta: Float) -> Float:
        """What the model gives, float64 (experiments, times, columns)."""
        return self.objective.simulated(theta)

    def drawn_scales(self, seen: Float, rng: np.random.Generator) -> Float:
        """The noise of columns without any, in units of their weights, drawn given theta; else 1.

        With the density 1/scale its square is inverse gamma.
        """
        found = np.ones(seen.shape[2])
        for j in self.unknown:
            r = self._residuals(seen, j)
            found[j] = np.sqrt(0.5 * float(r @ r) / rng.gamma(0.5 * r.size))
        return found

    def likely_scales(self, seen: Float, freedom: float = 1.0) -> Float:
        """The same, as the residuals show it; `freedom` is the part of the measurements left over."""
        found = np.ones(seen.shape[2])
        for j in self.unknown:
            r = self._residuals(seen, j)
            found[j] = np.sqrt(max(float(r @ r) / (r.size * freedom), 1e-300)) if r.size else 1.0
        return found

    def log_likelihood(self, seen: Float, scales: Float) -> Float:
        """The logarithm of the likelihood of each measurement, float64 (measurements,)."""
        loss = self.objective.loss
        found = np.empty(len(self.places))
        for rows, family, numbers, h in self._columns(seen, scales):
            e, i, j = self.places[rows].T
            y = loss.y[e, i, j]
            side = np.zeros(len(rows)) if loss.side is None else loss.side[e, i, j]
            low = floor_of(family, y)
            inside = h if low is None else np.maximum(h, low)
            for kind in (0, -1, 1):
                here = side == kind
                if not here.any():
                    continue
                given = [n[here] for n in numbers]
                with np.errstate(all="ignore"):
                    if kind == 0:
                        value = family.terms(y[here], inside[here], *given)[0]
                    else:
                        value = family.tail(y[here], inside[here], *given, above=kind > 0)[0]
                found[rows[here]] = -value
        return found

    def again(self, seen: Float, scales: Float, rng: np.random.Generator) -> Float:
        """Measurements that the model would give, float64 (measurements,)."""
        found = np.empty(len(self.places))
        for rows, family, numbers, h in self._columns(seen, scales):
            with np.errstate(all="ignore"):
                found[rows] = family.draw(rng, h, *numbers)
        return found

    def _residuals(self, seen: Float, j: int) -> Float:
        """Those of a column in units of its weights, where it was measured."""
        loss = self.objective.loss
        here = loss.weight[:, :, j] > 0
        return (loss.weight[:, :, j] * (seen[:, :, j] - loss.y[:, :, j]))[here]

    def _columns(
        self, seen: Float, scales: Float
    ) -> list[tuple[NDArray[np.int64], Distribution, list[Float], Float]]:
        """Of each column the rows of its measurements, its family with the numbers there, and the prediction."""
        found: list[tuple[NDArray[np.int64], Distribution, list[Float], Float]] = []
        for j, rows, e, i, family, others, weight in self._measured:
            numbers = [scales[j] / weight] if others is None else [seen[e, i, k] for k in others]
            found.append((rows, family, numbers, seen[e, i, j]))
        return found

    @cached_property
    def _measured(self) -> list[_Measured]:
        """Of each column what is the same for all predictions."""
        obj = self.objective
        models = {c.at: c for c in obj.models.columns}
        found: list[_Measured] = []
        for j in np.unique(self.places[:, 2]).tolist():
            rows = np.flatnonzero(self.places[:, 2] == j)
            e, i, _ = self.places[rows].T
            family, others = (
                (models[j].family, models[j].scales) if j in models else (Normal(1), None)
            )
            found.append(_Measured(j, rows, e, i, family, others, obj.loss.weight[e, i, j]))
        return found
