"""Initial states and amounts that are expressions of what is learned: values, and the way back of gradients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pysymude.model.dataset import Dataset
from pysymude.model.system import ODESystem
from pysymude.plan.binding import start_expressions
from pysymude.plan.compiled import CompiledSystem
from pysymude.plan.dose_binding import bind_doses
from pysymude.plan.formulas import Formulas, formulas
from pysymude.plan.problem import LossData

__all__ = ["ComputedStarts", "starts_within"]

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ComputedStarts:
    """The starts that ``initial=``, or the expressions of an experiment's `u0`, give, and amounts of doses.

    To an engine they are learned numbers that stand behind those of theta, so that it needs no more than it
    has: `embed` computes them, and `pull` brings their derivatives home.

    Attributes
    ----------
    each : tuple of Formulas or None
        Those of each experiment: its starts, then its amounts.
    first : int array, shape (E + 1,)
        The number of each experiment's first one.
    size : int
        Of theta.
    p : float64 array, shape (E, parameters)
    t0 : float64 array, shape (E,)
    positive : bool array, shape (starts,)
        Whether it must not be negative.
    logarithms : bool array, shape (starts,)
        Whether an engine takes it by its logarithm.
    """

    each: tuple[Formulas | None, ...]
    first: NDArray[np.int64]
    size: int
    p: Float
    t0: Float
    positive: NDArray[np.bool_]
    logarithms: NDArray[np.bool_]

    @property
    def count(self) -> int:
        """How many starts there are."""
        return int(self.first[-1])

    def values(self, theta: Float) -> Float:
        """The starts at theta, float64 (starts,)."""
        parts = [
            own.values(self.p[e], theta, self.t0[e])
            for e, own in enumerate(self.each)
            if own is not None
        ]
        return np.concatenate(parts) if parts else np.zeros(0)

    def embed(self, theta: Float) -> Float:
        """Theta as the engine takes it: with the starts behind its own numbers."""
        values = self.values(theta)
        # 0 is a fine start of a positive state; only its logarithm is not
        with np.errstate(all="ignore"):
            logs = np.log(np.where(values == 0.0, 1e-300, values))
        stored = np.where(self.logarithms, logs, values)
        stored[self.positive & (values < 0.0)] = np.nan
        return np.concatenate([theta[: self.size], stored, theta[self.size :]])

    def pull(self, theta: Float, gradient: Float) -> Float:
        """The gradient by theta of what has this gradient by ``embed(theta)``."""
        count = self.count
        own = np.concatenate([gradient[: self.size], gradient[self.size + count :]])
        slopes = gradient[self.size : self.size + count]
        if self.logarithms.any():
            values = self.values(theta)
            with np.errstate(all="ignore"):
                slopes = np.where(
                    self.logarithms, slopes / np.where(values == 0.0, 1e-300, values), slopes
                )
        for e, mine in enumerate(self.each):
            if mine is not None:
                weights = slopes[self.first[e] : self.first[e + 1]]
                pulled = mine.pull(weights, self.p[e], theta, self.t0[e]).theta
                own[: pulled.size] += pulled
        return own

    def jacobian(self, theta: Float) -> Float:
        """The derivatives of ``embed(theta)``, float64 (its size, theta)."""
        count, size = self.count, theta.size + self.count
        own = np.setdiff1d(np.arange(size), self.size + np.arange(count))
        found = np.zeros((size, theta.size))
        found[own] = np.eye(theta.size)
        for k in range(self.size, self.size + count):
            found[k] = self.pull(theta, np.eye(size)[k])
        return found

    def filled(self, loss: LossData, theta: Float) -> LossData:
        """The loss with the starts at theta among its numbers: they tell how large states are."""
        u0 = loss.batch.u0.copy()
        missing = np.isnan(u0)
        e, k = np.nonzero((loss.u0_index >= self.size) & (loss.u0_index < self.size + self.count))
        u0[e, k] = self.values(theta)[loss.u0_index[e, k] - self.size]
        u0[missing & ~np.isfinite(u0)] = 0.0
        return replace(loss, batch=replace(loss.batch, u0=u0))


def starts_within(
    plan: CompiledSystem, system: ODESystem, data: Dataset, loss: LossData, size: int
) -> tuple[ComputedStarts | None, LossData]:
    """Starts and amounts of doses that are expressions, None without any, and the loss that reads them."""
    given = start_expressions(plan, system, data, loss.courses)
    amounts = bind_doses(plan, [x.name for x in system.states], loss.courses, data)[1]
    if not any(given) and not any(amounts):
        return None, loss
    return _computed(plan, given, amounts, loss, size)


def _computed(
    plan: CompiledSystem,
    starts: Sequence[Mapping[int, sp.Expr]],
    amounts: Sequence[Mapping[int, sp.Expr]],
    loss: LossData,
    size: int,
) -> tuple[ComputedStarts, LossData]:
    """The starts and amounts of a loss, and the loss that reads them.

    `starts` are those of each experiment by state, `amounts` by the place among its doses.
    """
    index, doses = loss.u0_index.copy(), loss.batch.doses
    counts = [len(own) + len(more) for own, more in zip(starts, amounts, strict=True)]
    first = np.cumsum([0, *counts])
    made: dict[tuple[sp.Expr, ...], Formulas] = {}
    each: list[Formulas | None] = []
    states: list[int] = []
    dose_index = None if doses is None else doses.index.copy()
    for e, (own, more) in enumerate(zip(starts, amounts, strict=True)):
        index[e, list(own)] = size + first[e] + np.arange(len(own))
        if dose_index is not None:
            dose_index[e, list(more)] = size + first[e] + len(own) + np.arange(len(more))
        states += [*own, *([-1] * len(more))]
        exprs = (*own.values(), *more.values())
        each.append(made.setdefault(exprs, formulas(plan, exprs)) if exprs else None)
    of = np.array(states, dtype=np.int64)
    # an engine need not take logarithms of a state whose starts are all of this kind
    declared, a_start = loss.positive, of >= 0
    free = np.array([not (loss.u0_index[:, k] >= 0).any() for k in range(index.shape[1])])
    loss = replace(loss, positive=declared & ~(free & np.isin(np.arange(len(free)), of)))
    if doses is not None and dose_index is not None:
        batch = replace(loss.batch, doses=replace(doses, index=dose_index))
        loss = replace(loss, batch=batch)
    found = ComputedStarts(
        tuple(each), first, size, loss.batch.p, loss.batch.t0, declared[of] & a_start,
        loss.positive[of] & a_start,
    )  # fmt: skip
    return found, replace(loss, u0_index=index.astype(np.int32))
