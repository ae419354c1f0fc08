"""Derivatives that are wanted of what a model gives for measurements, experiment by experiment."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.native import structures as st
from pysymude.engines.native.desks import Desk, linearise_back, linearise_forward

__all__ = ["Wanted"]

Float = NDArray[np.float64]


class Wanted:
    """The places `asked` (E, T, columns), and `slopes` with a row for each of them.

    The columns are `directions` (K, theta), or without these as many numbers of theta as the caller has.
    """

    def __init__(
        self, theta: Float, asked: NDArray[np.bool_], directions: Float | None, size: int
    ) -> None:
        self.theta, self.asked, self.directions = theta, asked, directions
        counts = asked.sum(axis=(1, 2))
        self.ends = np.cumsum(counts)
        self.counts = counts
        self.slopes = np.zeros((int(counts.sum()), size if directions is None else len(directions)))

    def fill(self, desk: Desk, e: int) -> None:
        """The rows of experiment e, after its solve."""
        problem = desk.problem
        desk.run(self.theta, e, e + 1, st.SOLVE | st.MEASURE)
        count = int(self.counts[e])
        if problem.codes[e] != 0 or count == 0:
            return
        rows = self.slopes[self.ends[e] - count : self.ends[e]]
        if self.directions is not None:
            if len(self.directions) <= count:
                rows[:] = self._ahead(desk, e, self.directions)
            else:
                rows[:] = self._back(desk, e) @ self.directions.T
            return
        own = _own(problem, e, self.theta.size)
        if own.size <= count:
            rows[:, own] = self._ahead(desk, e, np.eye(self.theta.size)[own])
        else:
            rows[:, : self.theta.size] = self._back(desk, e)

    def _ahead(self, desk: Desk, e: int, directions: Float) -> Float:
        """The rows of an experiment along directions."""
        asked = self.asked[e]
        out = np.zeros((*asked.shape, len(directions)))
        linearise_forward(_slopes(desk, np.ascontiguousarray(directions), asked, out), e)
        return out[asked]

    def _back(self, desk: Desk, e: int) -> Float:
        """The rows of an experiment by all of theta."""
        asked, problem = self.asked[e], desk.problem
        out = np.zeros((*asked.shape, self.theta.size))
        wanted = _slopes(desk, np.zeros((0, self.theta.size)), asked, out)
        linearise_back(wanted, e)
        rows, starts = out[asked], wanted.starts[asked] @ problem.mix
        for c in np.flatnonzero(problem.u0_index[e] >= 0):
            at = problem.u0_index[e, c]
            slope = np.exp(self.theta[at]) if problem.positive[c] else 1.0
            rows[:, at] += slope * starts[:, c]
        return rows


def _slopes(desk: Desk, directions: Float, asked: NDArray[np.bool_], out: Float) -> st.Slopes:
    return st.Slopes(
        task=desk.task, directions=directions, asked=asked.astype(np.int64), slopes=out,
        starts=np.zeros((*asked.shape, desk.task.model.n)),
    )  # fmt: skip


def _own(problem: st.Problem, e: int, size: int) -> NDArray[np.int64]:
    """What an experiment reads of theta: all but the starts of others."""
    starts = problem.u0_index[problem.u0_index >= 0]
    if not starts.size:
        return np.arange(size)
    shared = np.setdiff1d(np.arange(size), starts)
    return np.union1d(shared, problem.u0_index[e][problem.u0_index[e] >= 0])
