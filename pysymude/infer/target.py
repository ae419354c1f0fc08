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

__all__ = ["NETWORKS", "Target"]

Float = NDArray[np.float64]

NETWORKS = ("sample", "laplace", "hold")
_WIDEST = 1.0  # natural units: where the data say nothing, one is as good a first guess as any


@dataclass(frozen=True, eq=False)
class Target:
    """The log-density of y, where theta = fit + spread y: y is nearly standard normal.

    Weights of networks need priors, since a density that is flat in them has no end; or they are held.
    `networks` is one of `NETWORKS`.
    """

    fit: FitResult
    networks: str = "sample"

    def __post_init__(self) -> None:
        obj = self.fit.objective
        obj.refuse_own("density")
        for slot in obj.layout.of_kind("weight"):
            name = slot.name.rpartition(".")[0]
            known = {name, slot.name} & set(obj.system.priors) or self.fit.weight_decay > 0
            if slot.offset in self.evidence.free and not known and self.networks != "hold":
                raise InvalidInputError(
                    f"the weights of network {name!r} have no prior, so there is no density to sample: give "
                    f"ODESystem(..., priors={{{name}: psu.Normal(0, 1)}}), weight_decay= or frozen=[{name}] in "
                    "the fit, or networks='hold'"
                )
        if obj.composition.sampled or obj.enforced.penalised:
            raise InvalidInputError(
                "penalties of laws and symmetries are no densities; fit with conserve='project' or without them"
            )
        if self.endless:
            raise InvalidInputError(
                f"{' and '.join(self.endless)} can go anywhere together, as far as data, priors and bounds go: "
                "there is no distribution to sample. Give one of them a prior, priors={...}, or bounds={...}"
            )

    @cached_property
    def evidence(self) -> Evidence:
        """What the data say around the fit."""
        return Evidence(self.fit)

    @property
    def size(self) -> int:
        """How many numbers are sampled."""
        return int(self.moving.sum())

    @cached_property
    def endless(self) -> tuple[str, ...]:
        """Names of numbers that neither data, nor a prior, nor bounds keep from going anywhere together."""
        evidence, priors = self.evidence, self.fit.system.priors
        _, vectors, known = evidence.modes
        found: list[str] = []
        for vector in vectors[:, ~known].T:
            parts = [
                n
                for n, part in zip(evidence.slots, vector[evidence.inside], strict=True)
                if abs(part) > 0.1
            ]
            # one alone that has run to an end of its range is kept there by the data
            free = [n for n in parts if n not in priors and not np.isfinite(evidence.slots[n].high)]
            found += free if len(parts) > 1 and len(free) == len(parts) else []
        return tuple(dict.fromkeys(found))

    @cached_property
    def weights(self) -> NDArray[np.bool_]:
        """Which of the free numbers are weights of networks."""
        found = np.zeros(self.fit.theta.size, dtype=bool)
        for slot in self.fit.layout.of_kind("weight"):
            found[slot.slice] = True
        return found[self.evidence.free]

    @cached_property
    def moving(self) -> NDArray[np.bool_]:
        """Which of the free numbers are sampled."""
        return (
            np.ones(self.weights.size, dtype=bool) if self.networks == "sample" else ~self.weights
        )

    @property
    def kept(self) -> set[int]:
        """Places of theta that keep their values although they are free."""
        return set(self.evidence.free[self.weights].tolist()) if self.networks == "hold" else set()

    @cached_property
    def spread(self) -> Float:
        """How the free numbers move with y: by a square root of the covariance at the fit, (free, size)."""
        evidence, moving = self.evidence, self.moving
        if not moving.any():
            raise InvalidInputError(
                "nothing is left to sample but weights that are held or integrated over"
            )
        information, follow = evidence.scaled, np.eye(moving.size)[:, moving]
        if self.networks == "laplace":
            # given the others, weights are where the loss is smallest
            follow[~moving] = -np.linalg.solve(
                information[np.ix_(~moving, ~moving)], information[np.ix_(~moving, moving)]
            )
        values, vectors = np.linalg.eigh(follow.T @ information @ follow)
        least = evidence.scale / _WIDEST**2
        root = vectors * np.sqrt(evidence.scale / np.maximum(values, least))
        return evidence.units[:, None] * (follow @ root)

    def theta(self, y: Float) -> Float:
        """Theta of y, of shape (..., size)."""
        if y.ndim == 1:
            found = self.fit.theta.copy()
        else:
            found = np.broadcast_to(self.fit.theta, (*y.shape[:-1], self.fit.theta.size)).copy()
        found[..., self.evidence.free] += y @ self.spread.T
        return found

    def drawn(self, y: Float, seed: int) -> Float:
        """The same, with weights that were integrated over drawn around where they follow."""
        found = self.theta(y)
        if self.networks != "laplace":
            return found
        evidence, here = self.evidence, ~self.moving
        values, vectors = np.linalg.eigh(evidence.scaled[np.ix_(here, here)])
        root = evidence.units[here][:, None] * vectors * np.sqrt(evidence.scale / values)
        rng = np.random.default_rng([seed, *b"weights"])
        found[..., evidence.free[here]] += rng.standard_normal((*y.shape[:-1], here.sum())) @ root.T
        return found

    def __call__(self, y: Float) -> tuple[float, Float]:
        """The log-density, and its slopes; -inf where a solve fails."""
        theta = self.theta(y)
        found = log_density(self.fit.objective, theta, gradient=True)
        slopes = found.slopes
        if slopes is None or not np.isfinite(slopes).all():
            return -np.inf, np.zeros_like(y)
        slopes = slopes[self.evidence.free]
        if self._penalty is None:
            return found.value, self.spread.T @ slopes
        value, more = self._decay(theta)
        return found.value + value, self.spread.T @ (slopes + more)

    def value(self, y: Float) -> float:
        """The log-density alone."""
        theta = self.theta(y)
        return log_density(self.fit.objective, theta, gradient=False).value + self._decay(theta)[0]

    def _decay(self, theta: Float) -> tuple[float, Float]:
        """Weight decay as a normal prior of the weights that move, and its slopes."""
        penalty = self._penalty
        if penalty is None:
            return 0.0, np.zeros(self.evidence.free.size)
        part = theta[self.evidence.free]
        return -0.5 * float(penalty @ part**2), -penalty * part

    @cached_property
    def _penalty(self) -> Float | None:
        """The precision of weight decay as a prior of the free numbers; None where there is none."""
        penalty = self.evidence.penalty / self.evidence.scale
        return None if self.networks == "hold" or not penalty.any() else penalty
