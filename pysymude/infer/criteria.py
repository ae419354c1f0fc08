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
_AT_ONCE = 1 << 22  # numbers in one stack of matrices


@dataclass(frozen=True, eq=False)
class Criterion(ABC):
    """A function of the covariance of the numbers at places `asked`; others are learned beside them.

    Each is convex in the information. `least` is added to the diagonal of the information, so that what is not
    measured yet has a number, too.
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
        return float(self.of(self.covariance(information)[np.ix_(self.asked, self.asked)]))

    def values_with(self, information: Float, rows: Float) -> Float:
        """The criterion with each of the candidates (candidates, r, p) added, one at a time."""
        C = self.covariance(information)
        part = max(1, _AT_ONCE // (rows.shape[1] * len(C) + self.asked.size**2))
        parts = [self._with(C, rows[k : k + part]) for k in range(0, len(rows), part)]
        return np.concatenate(parts)

    def _with(self, C: Float, rows: Float) -> Float:
        # (M + R'R)^-1 = C - C R' (1 + R C R')^-1 R C
        left = rows @ C
        S = left @ rows.transpose(0, 2, 1) + np.eye(rows.shape[1])
        return self.after(C[np.ix_(self.asked, self.asked)], left[:, :, self.asked], S)

    def after(self, C: Float, A: Float, S: Float) -> Float:
        """The criterion of ``C - A' S^-1 A`` for each A (candidates, r, a) and S (candidates, r, r)."""
        return self.of(C - A.transpose(0, 2, 1) @ np.linalg.solve(S, A))

    def gains(self, information: Float, rows: Float) -> tuple[float, Float]:
        """A lower tangent at an information: its height, and the slope by the weight of each candidate.

        The criterion at another information is at least the height less the slopes times what weights grew.
        """
        C = self.covariance(information)
        block = C[np.ix_(self.asked, self.asked)]
        G = self.slope(block)
        # d(C_aa) = -(C F C)_aa
        left = C[:, self.asked] @ G @ C[self.asked, :]
        return self.height(block, G), np.einsum("icj,icj->i", rows @ left, rows)

    def height(self, C: Float, G: Float) -> float:
        """Where the tangent with the slope G touches, or lies below, the criterion of C."""
        return float(self.of(C))

    @abstractmethod
    def of(self, C: Float) -> Float:
        """The criterion of covariances (..., a, a)."""

    @abstractmethod
    def slope(self, C: Float) -> Float:
        """Its derivative by each entry of one covariance."""


class Determinant(Criterion):
    """D: the logarithm of the squared volume of the confidence ellipsoid."""

    def of(self, C: Float) -> Float:
        """See `Criterion.of`."""
        return np.asarray(np.linalg.slogdet(C)[1], np.float64)

    def after(self, C: Float, A: Float, S: Float) -> Float:
        """See `Criterion.after`; by determinants of the size of one measurement."""
        inner = S - A @ np.linalg.solve(C, A.transpose(0, 2, 1))
        return np.asarray(self.of(C) + self.of(inner) - self.of(S), np.float64)

    def slope(self, C: Float) -> Float:
        """See `Criterion.slope`."""
        return np.asarray(np.linalg.inv(C), np.float64)


class Trace(Criterion):
    """A: the sum of the variances, in natural units."""

    def of(self, C: Float) -> Float:
        """See `Criterion.of`."""
        return np.asarray(np.trace(C, axis1=-2, axis2=-1), np.float64)

    def slope(self, C: Float) -> Float:
        """See `Criterion.slope`."""
        return np.eye(len(C))


class Largest(Criterion):
    """E: the longest half axis of the ellipsoid, squared; its slope is smoothed as that of a norm."""

    def of(self, C: Float) -> Float:
        """See `Criterion.of`."""
        return np.asarray(np.linalg.eigvalsh(C)[..., -1], np.float64)

    def slope(self, C: Float) -> Float:
        """See `Criterion.slope`."""
        values, vectors = np.linalg.eigh(C)
        parts = (np.maximum(values, 0.0) / max(values[-1], 1e-300)) ** (_POWER - 1.0)
        return (vectors * (parts / max(float(parts.sum()), 1e-300))) @ vectors.T

    def height(self, C: Float, G: Float) -> float:
        """See `Criterion.height`: an average of variances is no more than the largest."""
        return float(np.sum(G * C))


CRITERIA: dict[str, Callable[[NDArray[np.int64], float], Criterion]] = {
    "D": Determinant,
    "A": Trace,
    "E": Largest,
}
