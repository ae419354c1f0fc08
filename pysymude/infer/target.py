"""The posterior as a density of a few nearly round numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pysymude.errors import InvalidInputError
from pysymude.fit.loss.densities import log_density
from pysymude.infer.evidence import Evidence

if TYPE_CHECKING:
    from pysymude.fit.result.fit_result import FitResult

__all__ = ["Target"]

Float = NDArray[np.float64]

_WIDEST = 1.0  # natural units: where the data say nothing, one is as good a first guess as any


@dataclass(frozen=True, eq=False)
class Target:
    """The log-density of y, where theta = fit + spread y: y is nearly standard normal.

    Weights of networks need priors, since a density that is flat in them has no end.
    """

    fit: FitResult

    def __post_init__(self) -> None:
        obj = self.fit.objective
        obj.refuse_own("density")
        for slot in obj.layout.of_kind("weight"):
            name = slot.name.rpartition(".")[0]
            if slot.offset in self.evidence.free and not {name, slot.name} & set(obj.system.priors):
                raise InvalidInputError(
                    f"the weights of network {name!r} have no prior, so there is no density to sample: give "
                    f"ODESystem(..., priors={{{name}: psu.Normal(0, 1)}}), or frozen=[{name}] in the fit"
                )
        if obj.composition.sampled or obj.enforced.penalised:
            raise InvalidInputError(
                "penalties of laws and symmetries are no densities; fit with conserve='project' or without them"
            )

    @cached_property
    def evidence(self) -> Evidence:
        """What the data say around the fit."""
        return Evidence(self.fit)

    @property
    def size(self) -> int:
        """How many numbers are sampled."""
        return self.evidence.free.size

    @cached_property
    def spread(self) -> Float:
        """A square root of the covariance at the fit, by the free numbers."""
        evidence = self.evidence
        values, vectors, _ = evidence.modes
        least = evidence.scale / _WIDEST**2
        root = vectors * np.sqrt(evidence.scale / np.maximum(values, least))
        return evidence.units[:, None] * root

    def theta(self, y: Float) -> Float:
        """Theta of y, of shape (..., size)."""
        found = np.broadcast_to(self.fit.theta, (*y.shape[:-1], self.fit.theta.size)).copy()
        found[..., self.evidence.free] += y @ self.spread.T
        return found

    def __call__(self, y: Float) -> tuple[float, Float]:
        """The log-density, and its slopes; -inf where a solve fails."""
        theta = self.fit.theta.copy()
        theta[self.evidence.free] += self.spread @ y
        found = log_density(self.fit.objective, theta, gradient=True)
        slopes = found.slopes
        if slopes is None or not np.isfinite(slopes).all():
            return -np.inf, np.zeros_like(y)
        return found.value, self.spread.T @ slopes[self.evidence.free]

    def value(self, y: Float) -> float:
        """The log-density alone."""
        return log_density(self.fit.objective, self.theta(y), gradient=False).value
