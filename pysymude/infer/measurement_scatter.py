"""The scatter of measurements around predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pysymude.errors import InvalidInputError
from pysymude.fit.result.imagined import Imagined
from pysymude.infer.observed_columns import Observed
from pysymude.model.distributions.distribution import Distribution
from pysymude.model.distributions.normal import Normal

if TYPE_CHECKING:
    from pysymude.fit.result.fit_result import FitResult
    from pysymude.infer.predicting import Spread

__all__ = ["Measuring"]

Float = NDArray[np.float64]

_DRAWS = 4000  # of a measurement, where its quantiles have no formula


@dataclass(frozen=True, eq=False)
class Measuring:
    """How the columns of a prediction would be measured: by noise models, or with what is known of the noise."""

    fit: FitResult
    model: Imagined

    @classmethod
    def possible(cls, fit: FitResult, looked: Observed, *, chosen: bool) -> tuple[str, ...]:
        """Those of the columns whose noise is known.

        Raises
        ------
        InvalidInputError
            There is none, or one that was chosen is not among them.
        """
        known = {*fit.system.noise, *_scales(fit)}
        good = tuple(name for name in looked.columns if name in known)
        if not good or (chosen and len(good) < len(looked.columns)):
            bad = next((looked.shown(n) for n in looked.columns if n not in known), "")
            raise InvalidInputError(
                f"nothing is known of the noise of {bad!r}, so a further measurement of it has no band; write "
                "interval='confidence', or give it noise"
            )
        return good

    @cached_property
    def families(self) -> list[tuple[Distribution, tuple[int, ...], float]]:
        """Of each column its family, the columns that hold its scales, and its scale where these are none."""
        likelihood, scales = self.model.objective.likelihood, _scales(self.fit)
        models = {} if likelihood is None else {c.name: c for c in likelihood.columns}
        found: list[tuple[Distribution, tuple[int, ...], float]] = []
        for name in self.model.columns:
            column = models.get(name)
            if column is not None:
                found.append((column.family, column.scales, 0.0))
            else:
                found.append((Normal(1), (), scales[name]))
        return found

    def drawn(self, rng: np.random.Generator, values: Float, seen: Float) -> Float:
        """A measurement for each of the predictions (..., times, columns); scales are read from `seen`."""
        found = np.empty_like(values)
        for j, (family, places, scale) in enumerate(self.families):
            scales = [seen[..., k] for k in places] or [scale]
            with np.errstate(all="ignore"):
                found[..., j] = family.draw(rng, values[..., j], *scales)
        return found

    def ends(self, seen: Float, errors: Float, spread: Spread) -> tuple[Float, Float]:
        """Both ends for a further measurement, given standard errors (times, columns) of the curve."""
        value = seen[:, : len(self.model.columns)]
        low, high = np.empty_like(value), np.empty_like(value)
        for j, (family, places, scale) in enumerate(self.families):
            middle, error = value[:, j], errors[:, j]
            if isinstance(family, Normal):
                sigma = seen[:, places[0]] if places else scale
                width = spread.quantile * np.sqrt(error**2 + sigma**2)
                low[:, j], high[:, j] = middle - width, middle + width
            else:
                scales = [seen[:, k] for k in places]
                low[:, j], high[:, j] = _quantiles(family, scales, middle, error, spread)
        return low, high


def _quantiles(
    family: Distribution, scales: Sequence[Any], middle: Float, error: Float, spread: Spread
) -> tuple[Float, Float]:
    """Of measurements whose prediction is itself uncertain."""
    rng = np.random.default_rng([spread.asked.seed, *b"measured"])
    known = np.isfinite(error)
    moved = middle + np.where(known, error, 0.0) * rng.standard_normal((_DRAWS, middle.size))
    if family.positive or family.counts:
        moved = np.maximum(moved, 1e-12 * np.maximum(middle, 1e-300))
    if "total_count" in family.scales:
        moved = np.minimum(moved, 1.0)
    low, high = spread.tails(family.draw(rng, moved, *scales))
    least = 0.0 if family.positive or family.counts else -np.inf
    return np.where(known, low, least), np.where(known, high, np.inf)


def _scales(fit: FitResult) -> dict[str, float]:
    """The noise of measured columns without a model: as given, or as the residuals show."""
    found = {row.name: float(row.noise) for row in fit.residuals.table if row.noise > 0}
    for trajectory in fit.data:
        for name, scale in trajectory.noise.items():
            found[name] = float(np.nanmean(scale))
    return {name: s for name, s in found.items() if name not in fit.system.noise}
