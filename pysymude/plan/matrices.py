"""A Jacobian as numbers, dense or sparse: what a linearly implicit step and its spectrum need."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from pysymude.plan.compiled import LARGE
from pysymude.plan.numeric import NumericModel

__all__ = ["JacobianMatrix", "jacobian_matrix"]

Float = NDArray[np.float64]
Int = NDArray[np.int64]


class JacobianMatrix(ABC):
    """J of one moment."""

    @abstractmethod
    def is_finite(self) -> bool:
        """Whether all entries are."""

    @abstractmethod
    def shifted_solve(self, h: float) -> Callable[[Float], Float] | None:
        """The solution of (1 - h J) x = b for any b; None where the matrix is singular."""

    @abstractmethod
    def fastest_decay(self) -> float:
        """The largest -Re(lambda) of the eigenvalues."""


def jacobian_matrix(model: NumericModel, t: float, u: Float) -> JacobianMatrix:
    """df/du at one point, sparse for a large system."""
    if len(u) < LARGE:
        return _Dense(model.jacobian(t, u))
    return _Sparse(len(u), *model.jacobian_entries(t, u))


@final
@dataclass(frozen=True, eq=False)
class _Dense(JacobianMatrix):
    J: Float

    def is_finite(self) -> bool:
        return bool(np.isfinite(self.J).all())

    def shifted_solve(self, h: float) -> Callable[[Float], Float] | None:
        try:
            W = np.linalg.inv(np.eye(len(self.J)) - h * self.J)
        except np.linalg.LinAlgError:
            return None
        return lambda b: W @ b

    def fastest_decay(self) -> float:
        return float(-np.linalg.eigvals(self.J).real.min())


@final
@dataclass(frozen=True, eq=False)
class _Sparse(JacobianMatrix):
    size: int
    rows: Int
    columns: Int
    values: Float

    def matrix(self) -> Any:
        # loading SciPy costs a third of a second, which only a large system repays
        from scipy.sparse import csc_array

        n = self.size
        return csc_array((self.values, (self.rows, self.columns)), shape=(n, n))

    def is_finite(self) -> bool:
        return bool(np.isfinite(self.values).all())

    def shifted_solve(self, h: float) -> Callable[[Float], Float] | None:
        from scipy.sparse import eye_array
        from scipy.sparse.linalg import splu

        J = self.matrix()
        try:
            # the order for nearly symmetric patterns, such as grids have
            return splu((eye_array(J.shape[0]) - h * J).tocsc(), permc_spec="MMD_AT_PLUS_A").solve
        except RuntimeError:  # exactly singular
            return None

    def fastest_decay(self) -> float:
        from scipy.sparse import linalg

        J = self.matrix()
        start = 1.0 + np.random.default_rng(0).uniform(size=J.shape[0])
        try:
            search: Any = linalg.eigs
            found = search(J, k=1, which="SR", v0=start, tol=1e-2, return_eigenvectors=False)
        except linalg.ArpackNoConvergence:
            # Gershgorin: no eigenvalue lies further left
            size = abs(J).sum(axis=1) - abs(J.diagonal())
            return float((size - J.diagonal()).max())
        return float(-found.real.min())
