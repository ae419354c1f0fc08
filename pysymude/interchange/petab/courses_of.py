"""Experiments: what holds in each of their periods, and where their states start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import sympy as sp

from pysymude.interchange.petab.condition_jumps import Jumps
from pysymude.interchange.petab.described import Described, PeriodText
from pysymude.interchange.petab.entities import Entities
from pysymude.interchange.petab.experiment_stages import Experiment, Stage
from pysymude.interchange.sbml.happenings import Happening, happenings
from pysymude.interchange.sbml.to_equations import Lowered, lowered
from pysymude.model.symbols import t

__all__ = ["Plan", "plan_of"]


@dataclass
class Plan:
    """The equations of a problem, and what its experiments change in them.

    Attributes
    ----------
    lowered : Lowered
    fixed : dict from symbol to float
        Parameters with a number.
    learned : dict from symbol to id
    events : list of Happening
        Those of the model.
    """

    entities: Entities
    lowered: Lowered
    fixed: dict[Any, float]
    learned: dict[Any, str]
    events: list[Happening]

    def time_of(self, event: Happening) -> float | None:
        """When an event happens, where a period is made of it; others are those of the system.

        Beside events that states decide it is one of the system, too, so that they see what it does, unless
        conditions change something at the same time, which comes first.
        """
        times = {one.id: self._number(one) for one in self.events}
        found = times[event.id]
        starts = {p.start for several in self.described.experiments.values() for p in several}
        return found if None not in times.values() or found in starts else None

    def _number(self, event: Happening) -> float | None:
        if event.time is None:
            return None
        time = event.time.xreplace({s: sp.Float(v) for s, v in self.fixed.items()})
        return float(time) if time.is_number else None

    @cached_property
    def keys(self) -> dict[Any, str]:
        """Ids of the model by symbol."""
        return {q.symbol: k for k, q in self.entities.contents.quantities.items()}

    @property
    def described(self) -> Described:
        """The tables."""
        return self.entities.described

    def experiment(self, key: str) -> Experiment:
        """One experiment of the tables."""
        return _Reader(self, self.described.experiments[key]).run()


def plan_of(entities: Entities) -> Plan:
    """The equations of a problem.

    Raises
    ------
    ModelFileError
        What a condition changes cannot be changed.
    """
    described, contents = entities.described, entities.contents
    quantities = contents.quantities
    periods = [p for several in described.experiments.values() for p in several]
    later = [p for several in described.experiments.values() for p in several[1:]]
    changed = {target for p in periods for target in p.changes}
    states = {
        target
        for p in later
        for target, (text, row) in p.changes.items()
        if target in quantities and _moves(entities.formula(text, row, "targetValue"), entities)
    }
    moved = {target for p in later for target in p.changes}
    dependent = {
        key
        for key, start in contents.starts.items()
        if {str(s) for s in start.free_symbols}
        & {str(entities.names[m]) for m in moved if m in entities.names}
    }
    kept = {*changed, *described.parameters, *entities.before, *dependent} & quantities.keys()
    found = lowered(contents, kept=kept, states=states)
    for p in periods:
        for target, (_, row) in p.changes.items():
            if target in contents.assigned:
                row.refuse(f"{target!r} has a rule in the model, and cannot be set")
    fixed = dict(found.parameters)
    learned: dict[Any, str] = {}
    for key, parameter in described.parameters.items():
        if key in entities.slices:
            continue
        symbol = entities.names[key]
        if symbol in found.rhs:
            parameter.row.refuse(f"{key!r} is a state of the model, and no parameter")
        if parameter.nominal is None:
            parameter.row.refuse(f"the column nominalValue of {key!r} has no number")
        fixed.pop(symbol, None)
        if parameter.estimated:
            learned[symbol] = key
        else:
            fixed[symbol] = parameter.nominal
    return Plan(entities, found, fixed, learned, happenings(contents, found))


def _moves(expr: Any, entities: Entities) -> bool:
    """Whether an expression reads something that changes with time."""
    contents = entities.contents
    keys = {q.symbol: k for k, q in contents.quantities.items()}
    for symbol in expr.free_symbols:
        if symbol == t:
            return True
        if (key := keys.get(symbol)) is not None:
            q = contents.quantities[key]
            moving = q.kind == "species" and not (q.constant or q.boundary)
            if moving or key in contents.rates or key in contents.assigned:
                return True
    return False


class _Reader:
    """One experiment, period by period."""

    def __init__(self, plan: Plan, periods: tuple[PeriodText, ...]) -> None:
        self.plan, self.periods = plan, periods
        self.entities, self.lowered = plan.entities, plan.lowered
        self.contents = plan.entities.contents

    def run(self) -> Experiment:
        first = self.periods[0]
        values = self._given(first, {})
        here = self._start_values(values)
        own = {s: v for s, v in here.items() if s not in self.lowered.rhs}
        starts = self._starts(values, own)
        stages = [Stage(first.start, {}, own)]
        for period in self.periods[1:]:
            stages.append(self._next(period, stages[-1]))
        return Experiment(self._jumps().applied(stages), starts)

    def _jumps(self) -> Jumps:
        def refuse(event: Happening, problem: str) -> Any:
            self.contents.document.refuse(self.contents.events[0].element, problem, label=event.id)

        timed = [(e, time) for e in self.plan.events if (time := self.plan.time_of(e)) is not None]
        others = [e for e in self.plan.events if self.plan.time_of(e) is None]
        return Jumps(timed, others, self._numbers, refuse)

    def _given(self, period: PeriodText, more: Mapping[str, Any]) -> dict[Any, Any]:
        """What the changes of a period say, by symbol, as expressions of the time just before."""
        found: dict[Any, Any] = {}
        meaning = {**self.lowered.meaning, **more}
        for target, (text, row) in period.changes.items():
            found[self.entities.symbol(target)] = self.entities.formula(
                text, row, "targetValue", meaning
            )
        for name, given in self.entities.rows.items():
            number = next((given[c] for c in period.conditions if c in given), given.get("0"))
            if number is not None:
                found[sp.Symbol(name, real=True)] = sp.Float(number)
        return found

    def _start_values(self, values: Mapping[Any, Any]) -> dict[Any, Any]:
        """Changes of the first period, and parameters that begin with a formula, in what is learned or fixed."""
        found = dict(values)
        for key, q in self.contents.quantities.items():
            begins: Any = self.contents.starts.get(key, q.start)
            known = q.symbol in found or q.symbol in self.lowered.rhs
            if begins is not None and not known and self._is_kept(q.symbol):
                found[q.symbol] = begins
        return {s: self._settled(e, found) for s, e in found.items()}

    def _is_kept(self, symbol: Any) -> bool:
        """Whether a quantity is a symbol of the equations that has no number of its own."""
        key = self.plan.keys.get(symbol)
        known = symbol in self.plan.fixed or symbol in self.plan.learned
        return key is not None and not known and self.lowered.meaning.get(key) == symbol

    def _settled(self, expr: Any, values: Mapping[Any, Any]) -> Any:
        """`expr` at the start: no changed parameter and no state in it."""
        for _ in range(len(values) + len(self.lowered.rhs) + 1):
            swap = {s: values[s] for s in expr.free_symbols if s in values}
            swap |= {
                s: self.lowered.initial[s]
                for s in expr.free_symbols
                if s in self.lowered.initial and s not in values
            }
            if not swap:
                break
            expr = expr.xreplace(swap)
        return self._numbers(expr)

    def _numbers(self, expr: Any) -> Any:
        return expr.xreplace(
            {s: sp.Float(v) for s in expr.free_symbols if (v := self.plan.fixed.get(s)) is not None}
        )

    def _starts(self, values: Mapping[Any, Any], own: Mapping[Any, Any]) -> dict[Any, Any]:
        """Starts of states, where this experiment has others than the system."""
        changed = {s for s in values if s in self.lowered.rhs}
        initial = self.lowered.initial
        if changed and self._read_by_starts(changed):
            given = {
                k: values[q.symbol]
                for k, q in self.contents.quantities.items()
                if q.symbol in changed
            }
            contents = replace(self.contents, starts={**self.contents.starts, **given})
            kept = [
                k
                for k, q in self.contents.quantities.items()
                if self.lowered.meaning.get(k) == q.symbol
            ]
            states = [
                k for k, q in self.contents.quantities.items() if q.symbol in self.lowered.rhs
            ]
            initial = lowered(contents, kept=kept, states=states).initial
        found: dict[Any, Any] = {}
        for symbol in self.lowered.rhs:
            if symbol in changed:
                found[symbol] = self._settled(values[symbol], {**values, **own})
            elif symbol in initial:
                expr = initial[symbol]
                if expr.free_symbols & own.keys() or expr != self.lowered.initial.get(symbol):
                    found[symbol] = self._settled(expr, {**values, **own})
        return found

    def _read_by_starts(self, symbols: set[Any]) -> bool:
        starts = (
            *self.contents.starts.values(),
            *(q.start for q in self.contents.quantities.values()),
        )
        return any(e.free_symbols & symbols for e in starts if e is not None)

    def _next(self, period: PeriodText, before: Stage) -> Stage:
        """What holds from a later period on."""
        sets: dict[Any, Any] = {}
        carried = dict(before.parameters) if self.plan.described.carried else self._own(before)
        values = carried
        for symbol, expr in self._given(period, {}).items():
            now = self._numbers(
                expr.xreplace(
                    {s: v for s, v in before.parameters.items() if s in expr.free_symbols}
                )
            )
            if symbol in self.lowered.rhs:
                sets[symbol] = now
            else:
                values[symbol] = now
        return Stage(period.start, sets, values)

    def _own(self, before: Stage) -> dict[Any, Any]:
        """Values that parameters go back to: those of formulas at the start, as they were."""
        quantities = self.contents.quantities
        again = {
            q.symbol
            for k, q in quantities.items()
            if k in self.contents.starts or q.start is not None
        }
        return {s: v for s, v in before.parameters.items() if s in again}
