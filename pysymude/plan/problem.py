"""Initial value problems and losses as arrays: what every engine receives beside the plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pysymude.model.signal_values import SignalValues

if TYPE_CHECKING:
    from pysymude.plan.course import Courses

__all__ = ["Batch", "Doses", "LossData", "LossSpec", "Samples"]

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Doses:
    """What is added to states at known times; at most D times in each of E experiments.

    Attributes
    ----------
    t : float64, shape (E, D)
        Ascending; those outside of an experiment are none. Outputs at a dose's time are those behind it, and
        one at the start counts before the first output.
    state : int32, shape (E, D)
        To which state of those that initial values are given for; -1 where a shorter experiment has none.
    amount : float64, shape (E, D)
    index : int32, shape (E, D)
        Where in theta the amount stands, as it is; -1 where `amount` is used.
    """

    t: Float
    state: NDArray[np.int32]
    amount: Float
    index: NDArray[np.int32]

    def rows(self, which: Any) -> Doses:
        """Those of some experiments."""
        return Doses(self.t[which], self.state[which], self.amount[which], self.index[which])

    def within(self, e: int, start: float, end: float, *, first: bool) -> Doses:
        """Those of one experiment behind `start`, or from it on if it is the `first` part, up to `end`."""
        inside = (self.t[e] <= end) & ((self.t[e] >= start) if first else (self.t[e] > start))
        here = self.rows(slice(e, e + 1))
        return replace(here, state=np.where(inside, here.state, np.int32(-1)))

    @classmethod
    def stacked(cls, parts: Sequence[Doses]) -> Doses:
        """Experiments one after the other, each of the same width."""
        names = ("t", "state", "amount", "index")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


@dataclass(frozen=True, eq=False)
class Batch:
    """Initial value problems of one system, solved together; E experiments, n states, T times.

    Attributes
    ----------
    t0 : float64, shape (E,)
        Start times.
    u0 : float64, shape (E, n)
        Initial states.
    p : float64, shape (E, parameters + signals)
        Parameter values; then the number of each signal's table.
    ts : float64, shape (E, T)
        Output times, ascending from t0 on; a short experiment repeats its last time.
    signals : mapping from name to SignalValues
        Points of signals that nobody else holds.
    doses : Doses, optional
    """

    t0: Float
    u0: Float
    p: Float
    ts: Float
    signals: Mapping[str, SignalValues] = field(default_factory=dict[str, SignalValues])
    doses: Doses | None = None

    def part(self, rows: slice | NDArray[np.int64]) -> Batch:
        """Some of the experiments."""
        doses = None if self.doses is None else self.doses.rows(rows)
        return replace(
            self, t0=self.t0[rows], u0=self.u0[rows], p=self.p[rows], ts=self.ts[rows], doses=doses
        )


@dataclass(frozen=True)
class LossSpec:
    """What a loss is made of, apart from numbers; equal specs share one compiled program.

    Attributes
    ----------
    columns : tuple of str
        Measured states and observables.
    links : bool
        Whether the end of one experiment is tied to the start of another (multiple shooting).
    laws : tuple of str
        Observables whose drift along the trajectory is penalised.
    mixes : bool
        Whether the solved states are combinations of those that initial states are given for.
    """

    columns: tuple[str, ...]
    links: bool = False
    laws: tuple[str, ...] = ()
    mixes: bool = False


@dataclass(frozen=True, eq=False)
class LossData:
    """The numbers of a loss: sum of (weight * (measured - model))^2, the ties of shooting, and drifts.

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
    positive : bool, shape (n,)
        Whether an initial value is learned by its logarithm.
    mix : float64, shape (n, n)
        The solved system starts at ``mix @ u0``.
    law_weight : float64, shape (E, T, laws)
        1/spread of each law; 0 at repeated times.
    anchor : float64, shape (E, T)
        A law's drift is its value less the mean with these weights.
    side : int8, shape (E, T, columns), or None
        -1 where `y` is an upper limit of what was measured, 1 where it is a lower one.
    courses : Courses, or None
        What changes on the way; then each experiment is solved leg by leg, see `pysymude.solving.legs`.
    """

    batch: Batch
    y: Float
    weight: Float
    u0_index: NDArray[np.int32]
    link: NDArray[np.int32]
    link_weight: Float
    positive: NDArray[np.bool_]
    mix: Float
    law_weight: Float
    anchor: Float
    side: NDArray[np.int8] | None = None
    courses: Courses | None = None

    def with_weight(self, weight: Float) -> LossData:
        """The same loss with other weights: a validation part, a shorter horizon."""
        return replace(self, weight=weight)

    def with_horizon(self, fraction: float) -> LossData:
        """The same shapes, but times and weights after a fraction of each experiment's times cut off.

        It is a fraction of how many there are: on logarithmic times, one of the span would be nearly all.
        """
        ts, t0 = self.batch.ts, self.batch.t0
        own = 1 + np.argmax(ts == ts[:, -1:], axis=1)
        place = np.minimum(np.ceil(fraction * (own - 1)).astype(int), own - 1)
        end = ts[np.arange(len(t0)), place]
        inside = ts <= end[:, None] * (1 + 1e-12)
        # at least two times stay, so that there is something to solve
        inside[:, : min(2, ts.shape[1])] = True
        last = np.where(inside, ts, -np.inf).max(axis=1)
        cut = np.minimum(ts, last[:, None])
        anchor = self.anchor * inside
        return replace(
            self,
            batch=replace(self.batch, ts=cut),
            weight=self.weight * inside[:, :, None],
            law_weight=self.law_weight * inside[:, :, None],
            anchor=anchor / anchor.sum(axis=1, keepdims=True),
        )

    @cached_property
    def theta_size(self) -> int:
        """How long theta is at least, for the starts and doses that stand in it."""
        doses = self.batch.doses
        last = -1 if doses is None else int(doses.index.max(initial=-1))
        return 1 + max(last, int(self.u0_index.max(initial=-1)))

    @cached_property
    def solved(self) -> Batch:
        """The initial value problems in the coordinates of the solved system."""
        return replace(self.batch, u0=self.batch.u0 @ self.mix.T)

    @cached_property
    def n_measured(self) -> int:
        """How many measurements count."""
        return int(np.count_nonzero(self.weight))


@dataclass(frozen=True, eq=False)
class Samples:
    """A sum of squares over expressions at given points, for which nothing is solved; N points.

    Each of the R residuals is a sum of ``factor * expression`` over its entries, less its target.

    Attributes
    ----------
    t : float64, shape (N,); u : float64, shape (N, n); p : float64, shape (N, parameters + signals)
        The points, in the coordinates of the solved system.
    residual, point, expression : int32, shape (entries,)
        To which residual an entry belongs, and what it takes where.
    factor : float64, shape (entries,)
    target : float64, shape (R,)
    """

    t: Float
    u: Float
    p: Float
    residual: NDArray[np.int32]
    point: NDArray[np.int32]
    expression: NDArray[np.int32]
    factor: Float
    target: Float

    @classmethod
    def each(cls, t: Float, u: Float, p: Float, weight: Float, target: Float) -> Samples:
        """Residuals ``weight * (expression - target)``, both of shape (N, expressions)."""
        count, width = weight.shape
        index = np.arange(count * width, dtype=np.int32)
        point, expression = np.divmod(index, np.int32(width))
        return cls(t, u, p, index, point, expression, weight.ravel(), (weight * target).ravel())
