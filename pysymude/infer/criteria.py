"""How good an information matrix is, and its slopes: smaller is better."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["CRITERIA", "Criterion"]

Float = NDArray[np.float64]

_POWER = 12.0


@dataclass(frozen=True, eq=False)
class Criterion(ABC):
    """A function of the covariance of the numbers at places `asked`; others are learned beside them.

    `least` is added to the diagonal of the information, so that what is not measured yet has a number, too.
    """

    asked: NDArray[np.int64]
    least: float

    def covariance(self, information: Float) -> Float:
        """The inverse of the information."""
        return np.asarray(
            np.linalg.inv(information + self.least * np.eye(len(information))), np.float64
        )

    def value(self, information: Float) -> float:
        """The criterion."""
        return self.of(self.covariance(information)[np.ix_(self.asked, self.asked)])

    def gains(self, information: Float, each: Float) -> Float:
        """How fast the criterion falls as the weight of each candidate (candidates, p, p) grows."""
        C = self.covariance(information)
        G = self.slope(C[np.ix_(self.asked, self.asked)])
        # d(C_aa) = -(C F C)_aa
        left = C[:, self.asked] @ G @ C[self.asked, :]
        return np.einsum("ijk,kj->i", each, left)

    @abstractmethod
    def of(self, C: Float) -> float:
        """The criterion of a covariance."""

    @abstractmethod
    def slope(self, C: Float) -> Float:
        """Its derivative by each entry of the covariance."""


class Determinant(Criterion):
    """D: the logarithm of the squared volume of the confidence ellipsoid."""

    def of(self, C: Float) -> float:
        """See `Criterion.of`."""
        return float(np.linalg.slogdet(C)[1])

    def slope(self, C: Float) -> Float:
        """See `Criterion.slope`."""
        return np.asarray(np.linalg.inv(C), np.float64)


class Trace(Criterion):
    """A: the sum of the variances, in natural units."""

    def of(self, C: Float) -> float:
        """See `Criterion.of`."""
        return float(np.trace(C))

    def slope(self, C: Float) -> Float:
        """See `Criterion.slope`."""
        return np.eye(len(C))


class Largest(Criterion):
    """E: the longest half axis of the ellipsoid, squared; smoothed as a norm of high order."""

    def of(self, C: Float) -> float:
        """See `Criterion.of`."""
        return float(np.linalg.eigvalsh(C)[-1])

    def slope(self, C: Float) -> Float:
        """See `Criterion.slope`."""
        values, vectors = np.linalg.eigh(C)
        parts = (np.maximum(values, 0.0) / max(values[-1], 1e-300)) ** (_POWER - 1.0)
        return (vectors * (parts / max(float(parts.sum()), 1e-300))) @ vectors.T


CRITERIA: dict[str, Callable[[NDArray[np.int64], float], Criterion]] = {
    "D": Determinant,
    "A": Trace,
    "E": Largest,
}
