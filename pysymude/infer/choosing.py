"""Whole measurements: chosen one after the other, exchanged, or rounded from weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pysymude.infer.criteria import Criterion

__all__ = ["Task"]

Float = NDArray[np.float64]
Places = NDArray[np.int64]

_SWEEPS = 50
_WORTH = 1e-9  # of the criterion: what an exchange has to bring


@dataclass(frozen=True, eq=False)
class Task:
    """`n` of the candidates are wanted, beside what is known before.

    Attributes
    ----------
    judge : Criterion
    before : float64 array (p, p)
        Information that is there.
    rows : float64 array (candidates, r, p)
    n : int
    replicates : bool
        Whether a candidate may be chosen several times.
    """

    judge: Criterion
    before: Float
    rows: Float
    n: int
    replicates: bool

    @property
    def cap(self) -> float:
        """The largest weight of a candidate, of all effort."""
        return 1.0 if self.replicates else 1.0 / self.n

    def of(self, part: Places | NDArray[np.bool_]) -> Task:
        """The same with some of the candidates."""
        return Task(self.judge, self.before, self.rows[part], self.n, self.replicates)

    def information(self, chosen: Places) -> Float:
        """What is known after the measurements `chosen`."""
        found = self.rows[chosen].reshape(-1, self.rows.shape[2])
        return self.before + found.T @ found

    def weighted(self, weights: Float) -> Float:
        """What is known after n measurements that are spread by weights with the sum 1."""
        at = np.flatnonzero(weights)
        found = self.rows[at] * np.sqrt(self.n * weights[at])[:, None, None]
        found = found.reshape(-1, self.rows.shape[2])
        return self.before + found.T @ found

    def value(self, chosen: Places) -> float:
        """The criterion of measurements."""
        return self.judge.value(self.information(chosen))

    def greedy(self) -> Places:
        """One candidate after the other, each the best beside those before it."""
        chosen = np.zeros(0, np.int64)
        for _ in range(self.n):
            best = int(np.argmin(self._with(chosen)))
            chosen = np.append(chosen, best)
        return chosen

    def exchanged(self, chosen: Places) -> Places:
        """The same with measurements exchanged for others as long as that helps."""
        chosen, value = chosen.copy(), self.value(chosen)
        for _ in range(_SWEEPS):
            before = value
            for k in range(len(chosen)):
                rest = np.delete(chosen, k)
                best = int(np.argmin(self._with(rest)))
                there = self.value(np.append(rest, best))
                if there < value - _WORTH * max(abs(value), 1.0):
                    chosen[k], value = best, there
            if value == before:
                break
        return chosen

    def rounded(self, weights: Float) -> Places:
        """n whole measurements that follow weights (Pukelsheim and Rieder's efficient rounding)."""
        if not self.replicates:
            return np.sort(np.argsort(-weights, kind="stable")[: self.n])
        support = np.flatnonzero(weights > 1e-3 * weights.max())
        share = weights[support] / weights[support].sum()
        counts = np.ceil((self.n - 0.5 * len(support)) * share).clip(0.0)
        while counts.sum() < self.n:
            counts[np.argmin(counts / share)] += 1
        while counts.sum() > self.n:
            counts[np.argmax(np.where(counts > 0, (counts - 1) / share, -np.inf))] -= 1
        return np.repeat(support, counts.astype(np.int64))

    def _with(self, chosen: Places) -> Float:
        """The criterion with each candidate beside those chosen; infinite for those that may not come again."""
        values = self.judge.values_with(self.information(chosen), self.rows)
        if not self.replicates:
            values[chosen] = np.inf
        return values
