"""Which experiments to do: all that there are, the best few of them, or a search where there are too many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pysymude.errors import InvalidInputError
from pysymude.infer.alternatives import Experiments, Setting
from pysymude.infer.candidates import Candidates, Questions
from pysymude.infer.choosing import Task

__all__ = ["MOST", "Planning"]

MOST = 1024
"""So many experiments are looked at one by one; of more, one is searched for."""

_FINALISTS = 10
_STARTS, _ROUNDS = 3, 20


@dataclass(frozen=True)
class Planning:
    """The choice of at most `most` experiments; any number where it is None.

    Attributes
    ----------
    questions : Questions
    task : callable
        The task of choosing among candidates.
    most : int or None
    """

    questions: Questions
    task: Callable[[Candidates], Task]
    most: int | None

    def candidates(self, experiments: Experiments) -> Candidates:
        """The candidates of the experiments to do, the best one first where they were chosen."""
        if experiments.count > MOST:
            if self.most != 1:
                raise InvalidInputError(
                    f"candidates give {experiments.count} experiments, more than the {MOST} that are looked at "
                    "one by one: write experiments=1, which searches for the best single one, or give fewer"
                )
            return self.questions.ask([experiments.setting(self._searched(experiments))])
        every = self.questions.ask(list(experiments.all()))
        if self.most is None or self.most >= experiments.count:
            return every
        return every.of(self._best(every))

    def _best(self, every: Candidates) -> list[int]:
        """The best experiment, then the ones that are best beside those before."""
        chosen: list[int] = []
        for _ in range(self.most or 1):
            others = [e for e in range(len(every.settings)) if e not in chosen]
            sets = {e: self._part(every, [*chosen, e]) for e in others}
            begun = {e: task.greedy() for e, task in sets.items()}
            quick = {e: task.value(begun[e]) for e, task in sets.items()}
            first = sorted(quick, key=quick.__getitem__)[:_FINALISTS]
            slow = {e: sets[e].value(sets[e].exchanged(begun[e])) for e in first}
            chosen.append(min(slow, key=slow.__getitem__))
        return chosen

    def _part(self, every: Candidates, experiments: Sequence[int]) -> Task:
        return self.task(every.of(experiments))

    def _searched(self, experiments: Experiments) -> tuple[int, ...]:
        """Alternatives that are best one thing at a time, from several starts."""
        sizes = [len(d) for d in experiments.dimensions]
        rng = np.random.default_rng(0)
        found: list[tuple[float, tuple[int, ...]]] = []
        for k in range(_STARTS):
            at = [int(i) for i in rng.integers(0, sizes)] if k else [0] * len(sizes)
            found.append(self._climbed(experiments, tuple(at)))
        return min(found, key=lambda pair: pair[0])[1]

    def _climbed(
        self, experiments: Experiments, at: tuple[int, ...]
    ) -> tuple[float, tuple[int, ...]]:
        (value,) = self._values([experiments.setting(at)])
        for _ in range(_ROUNDS):
            before = value
            for d, dimension in enumerate(experiments.dimensions):
                if len(dimension) == 1:
                    continue
                ways = [(*at[:d], k, *at[d + 1 :]) for k in range(len(dimension))]
                values = self._values([experiments.setting(way) for way in ways])
                best = int(np.argmin(values))
                if values[best] < value - 1e-9 * abs(value):
                    at, value = ways[best], float(values[best])
            if value == before:
                break
        return value, at

    def _values(self, settings: Sequence[Setting]) -> NDArray[np.float64]:
        every = self.questions.ask(settings)
        tasks = [self._part(every, [e]) for e in range(len(settings))]
        return np.array([task.value(task.greedy()) for task in tasks])
