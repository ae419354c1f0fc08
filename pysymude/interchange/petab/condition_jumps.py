"""What events of the model do at known times, and at the times of conditions, which come first."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import sympy as sp

from pysymude.interchange.petab.experiment_stages import Stage
from pysymude.interchange.sbml.happenings import Happening

__all__ = ["Jumps"]


@dataclass(frozen=True)
class Jumps:
    """The events of a model, as they act in one experiment.

    Attributes
    ----------
    timed : sequence of (Happening, float)
        Those that begin a stage of their own.
    others : sequence of Happening
        Those of the system, whose times a solve looks for, but not at the start of a stage.
    numbers : callable
        Puts in what is fixed.
    refuse : callable
        Raises the error about an event.
    """

    timed: Sequence[tuple[Happening, float]]
    others: Sequence[Happening]
    numbers: Callable[[Any], Any]
    refuse: Callable[[Happening, str], NoReturn]

    def applied(self, stages: Sequence[Stage]) -> tuple[Stage, ...]:
        """The stages with what the events do, each after what a condition does at its time."""
        found = list(stages)
        begins = next(s.start for s in stages if s.start > -math.inf)
        for event, start in self.timed:
            if start < begins or (start == begins and not event.at_once):
                continue
            at = max(k for k, s in enumerate(found) if s.start <= start)
            before = found[at]
            sets = self._numbered(event.sets, before)
            if before.start < start:
                found.insert(at + 1, Stage(start, sets, before.parameters))
            else:
                found[at] = Stage(start, _then(before.set, sets), before.parameters)
        for k in range(1, len(found)):
            found[k] = self._crossed(found[k - 1], found[k])
        return tuple(found)

    def _numbered(self, sets: Mapping[Any, Any], stage: Stage) -> dict[Any, Any]:
        """What an event sets, with the values that parameters have then."""
        return {x: self.numbers(e.xreplace(dict(stage.parameters))) for x, e in sets.items()}

    def _crossed(self, before: Stage, stage: Stage) -> Stage:
        """A stage at whose start an event happens if what is set there takes its expression through zero."""
        changed = {*stage.set} | {
            s for s, v in stage.parameters.items() if before.parameters.get(s) != v
        }
        moved = [event for event in self.others if changed & event.rising.free_symbols]
        if not moved:
            return stage
        event = moved[0]
        also = [e for e in self.others if e.rising.free_symbols & event.sets.keys()]
        if len(moved) > 1 or any(e is not event for e in also):
            self.refuse(
                event,
                f"at {stage.start:g} a condition changes what several events depend on, which is not read",
            )
        was = self.numbers(event.rising.xreplace(dict(before.parameters)))
        now = self.numbers(event.rising.xreplace(dict(stage.parameters))).xreplace(dict(stage.set))
        happens = sp.And(*((was < 0, now >= 0) if event.closed else (was <= 0, now > 0)))
        after = _then(stage.set, self._numbered(event.sets, stage))
        sets = {
            x: sp.Piecewise((e, happens), (stage.set.get(x, x), True)) if x in event.sets else e
            for x, e in after.items()
        }
        return Stage(stage.start, sets, stage.parameters)


def _then(first: Mapping[Any, Any], second: Mapping[Any, Any]) -> dict[Any, Any]:
    """Two changes, one after the other, as one."""
    return {**first, **{x: e.xreplace(dict(first)) for x, e in second.items()}}
