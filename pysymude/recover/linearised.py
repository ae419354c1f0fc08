"""The fit to the data, linearised: the residuals as a linear function of all coefficients.

Near a model that follows the data, a change of the unknown term changes the solution by the solution
of the variational equation; this is one step of quasilinearisation for all candidates at once. Unlike
a regression on the network's outputs it weighs errors as the measurements do, and does not ask what
the network says where no measurement has informed it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

__all__ = ["Linear", "best_subsets"]

Float = NDArray[np.float64]
Support = tuple[int, ...]
_SEEN = 1e-4  # part of a column that must be left: sensitivities are known to about this
_RIDGE = 1e-12  # of unit columns: keeps candidates that cannot be told apart from dividing by zero


@dataclass(frozen=True, eq=False)
class Linear:
    """Target = nuisance @ b + columns @ c + noise, over n measurements.

    Attributes
    ----------
    columns : float64 array, shape (n, candidates)
    nuisance : float64 array, shape (n, nuisances)
        Columns of what is learned in every model.
    target : float64 array, shape (n,)
    """

    columns: Float
    nuisance: Float
    target: Float

    @cached_property
    def reduced(self) -> tuple[Float, Float, Float, float]:
        """Gram matrix and right-hand side of unit columns without the nuisances; norms; target^2."""
        Q = np.linalg.qr(self.nuisance)[0]
        C = self.columns - Q @ (Q.T @ self.columns)
        y = self.target - Q @ (Q.T @ self.target)
        whole = np.linalg.norm(self.columns, axis=0)
        norm = np.linalg.norm(C, axis=0)
        # what the nuisances alone can do as well tells nothing of a candidate
        norm = np.where(norm > _SEEN * whole, norm, np.inf)
        unit = C / norm
        return unit.T @ unit, unit.T @ y, norm, float(y @ y)

    @cached_property
    def live(self) -> NDArray[np.int_]:
        """The candidates that the measurements can see."""
        return np.flatnonzero(np.isfinite(self.reduced[2]))

    def solve(self, supports: list[Support]) -> tuple[Float, Float]:
        """Least squares on supports of one size: residual sums (supports,), coefficients (supports, size)."""
        G, g, norm, total = self.reduced
        at = np.array(supports, dtype=int).reshape(len(supports), -1)
        A, b = G[at[:, :, None], at[:, None, :]], g[at]
        c = np.linalg.solve(A + _RIDGE * np.eye(at.shape[1]), b[..., None])[..., 0]
        # total - c @ b would hold without the ridge only
        rss = total - 2 * (c * b).sum(axis=1) + np.einsum("si,sij,sj->s", c, A, c)
        return np.maximum(rss, 0.0), c / norm[at]


def best_subsets(
    linear: Linear, largest: int, *, width: int = 100
) -> dict[int, list[tuple[float, Support]]]:
    """For each size the best supports with their residual sums, best first, by beam search.

    The `width` best supports of one size are each extended by every candidate.
    """
    found: dict[int, list[tuple[float, Support]]] = {0: [(linear.reduced[3], ())]}
    live = linear.live.tolist()
    for size in range(1, largest + 1):
        grown = {
            tuple(sorted((*support, j)))
            for _, support in found[size - 1]
            for j in live
            if j not in support
        }
        if not grown:
            found[size] = []
            continue
        supports = sorted(grown)
        rss, _ = linear.solve(supports)
        order = np.argsort(rss, kind="stable")[:width]
        found[size] = [(float(rss[i]), supports[i]) for i in order]
    return found
