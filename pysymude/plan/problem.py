"""Initial value problems and losses as arrays: what every engine receives beside the plan."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

__all__ = ["Batch", "LossData", "LossSpec", "MatchingData"]

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Batch:
    """Initial value problems of one system, solved together; E experiments, n states, T times.

    Attributes
    ----------
    t0 : float64, shape (E,)
        Start times.
    u0 : float64, shape (E, n)
        Initial states.
    p : float64, shape (E, parameters)
        Parameter values.
    ts : float64, shape (E, T)
        Output times, ascending from t0 on; a short experiment repeats its last time.
    """

    t0: Float
    u0: Float
    p: Float
    ts: Float


@dataclass(frozen=True)
class LossSpec:
    """What a loss is made of, apart from numbers; equal specs share one compiled program.

    Attributes
    ----------
    columns : tuple of str
        Measured states and observables.
    links : bool
        Whether the end of one experiment is tied to the start of another (multiple shooting).
    """

    columns: tuple[str, ...]
    links: bool = False


@dataclass(frozen=True, eq=False)
class LossData:
    """The numbers of a loss: sum of (weight * (measured - model))^2, and the ties of shooting.

    Attributes
    ----------
    batch : Batch
    y : float64, shape (E, T, columns)
        Measurements; anything finite where the weight is 0.
    weight : float64, shape (E, T, columns)
        1/noise, or 1; 0 where nothing was measured.
    u0_index : int32, shape (E, n)
        Where in theta a trainable initial value stands; -1 where `batch.u0` is used.
    link : int32, shape (E,)
        The experiment that starts where this one ends; -1 for none.
    link_weight : float64, shape (n,)
        Weight of each state's gap.
    """

    batch: Batch
    y: Float
    weight: Float
    u0_index: NDArray[np.int32]
    link: NDArray[np.int32]
    link_weight: Float

    def with_weight(self, weight: Float) -> LossData:
        """The same loss with other weights: a validation part, a shorter horizon."""
        return replace(self, weight=weight)

    def with_horizon(self, fraction: float) -> LossData:
        """The same shapes, but times and weights after a fraction of each time span cut off."""
        ts, t0 = self.batch.ts, self.batch.t0
        end = t0 + fraction * (ts[:, -1] - t0)
        inside = ts <= end[:, None] * (1 + 1e-12)
        # at least two times stay, so that there is something to solve
        inside[:, : min(2, ts.shape[1])] = True
        last = np.where(inside, ts, -np.inf).max(axis=1)
        cut = np.minimum(ts, last[:, None])
        return replace(
            self, batch=replace(self.batch, ts=cut), weight=self.weight * inside[:, :, None]
        )

    @cached_property
    def n_measured(self) -> int:
        """How many measurements count."""
        return int(np.count_nonzero(self.weight))


@dataclass(frozen=True, eq=False)
class MatchingData:
    """Smoothed states and their slopes, for matching the vector field without solving; N points.

    Attributes
    ----------
    t : float64, shape (N,); u, du, weight : float64, shape (N, n); p : float64, shape (N, parameters)
    """

    t: Float
    u: Float
    du: Float
    weight: Float
    p: Float
