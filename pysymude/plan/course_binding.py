# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportReturnType=false
"""What experiments say of changes on the way, bound to a plan."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pysymude.errors import CapabilityError, InvalidInputError
from pysymude.model.coerce import meant
from pysymude.model.network import NetworkDerivative, NetworkOutput
from pysymude.model.period import Given
from pysymude.model.symbols import t
from pysymude.model.system import ODESystem
from pysymude.model.trajectory import Trajectory
from pysymude.plan.compiled import CompiledSystem, compile_system
from pysymude.plan.course import Course, Courses, Leg
from pysymude.plan.fixed_values import parameter_values

__all__ = ["bind_courses", "resolved"]


def bind_courses(
    plan: CompiledSystem,
    data: Sequence[Trajectory],
    *,
    mixes: bool = False,
    moved: Sequence[str] | None = None,
) -> Courses | None:
    """The courses of experiments; None where nothing changes on the way, unless `moved` says what must.

    Raises
    ------
    InvalidInputError
        A name that the system does not have, a value that is missing, an expression that is none here.
    """
    learned = set(plan.trainable)
    asked = moved is not None
    moved = sorted(
        {
            *(moved or ()),
            *(
                name
                for trajectory in data
                for values in (trajectory.parameters, *(p.parameters for p in trajectory.periods))
                for name, value in values.items()
                if isinstance(value, sp.Expr) or name in learned
            ),
        }
    )
    if not asked and not moved and not any(tr.periods or tr.doses for tr in data):
        return None
    _check_names(plan, data, moved)
    inner = compile_system(_inner(plan.system, moved)) if moved else plan
    binder = _Binder(plan, tuple(moved), mixes)
    each = tuple(binder.course(trajectory) for trajectory in data)
    # behind the parameters stand the tables of signals, of which both have the same
    first = len(plan.parameters)
    signals = range(first, first + len(plan.signals))
    keep = [*(plan.parameters.index(name) for name in inner.parameters), *signals]
    return Courses(
        plan, inner, tuple(moved), _take(plan, inner, moved), np.array(keep, dtype=np.int64), each,
        tuple(trajectory.signals for trajectory in data),
    )  # fmt: skip


def _check_names(plan: CompiledSystem, data: Sequence[Trajectory], moved: Sequence[str]) -> None:
    known = [*plan.parameters, *plan.trainable]
    for name in moved:
        if name not in known:
            kind = "a state; its start belongs to u0=" if name in plan.states else "no parameter"
            raise InvalidInputError(
                f"parameters= names {name!r}, which is {kind}; there are {', '.join(known) or 'none'}"
                f"{meant(name, known)}"
            )
    for trajectory in data:
        for name in [*trajectory.doses, *(x for period in trajectory.periods for x in period.set)]:
            if name not in plan.states:
                raise InvalidInputError(
                    f"experiment {trajectory.name!r} changes {name!r}, which is no state; the states are "
                    f"{', '.join(plan.states)}{meant(name, plan.states)}"
                )


def _inner(system: ODESystem, moved: Sequence[str]) -> ODESystem:
    """The system with moved parameters among what it learns, each free in its natural value."""
    symbols = [system.symbol(name) for name in moved]
    free = dict.fromkeys(symbols, 0.0)
    fixed = {s: v for s, v in system.parameters.items() if s not in free}
    bounds = {s: b for s, b in system.bounds.items() if s not in free}
    scales = {s: v for s, v in system.given_scales.items() if s not in free}
    return system.replace(
        parameters=fixed, trainable={**system.trainable, **free}, priors={}, scales=scales,
        bounds={**bounds, **dict.fromkeys(symbols, (None, None))},
    )  # fmt: skip


def _take(plan: CompiledSystem, inner: CompiledSystem, moved: Sequence[str]) -> NDArray[np.int64]:
    found = np.empty(inner.layout.size, dtype=np.int64)
    for slot in inner.layout.values():
        if slot.name in moved:
            found[slot.offset] = -1 - moved.index(slot.name)
        else:
            at = plan.layout[slot.name].offset
            found[slot.slice] = np.arange(at, at + slot.size)
    return found


def resolved(
    plan: CompiledSystem, expr: Given, what: str, *, states: bool = False, learned: bool = True
) -> sp.Expr:
    """An expression of the user's in the plan's own symbols, which go by name.

    Raises
    ------
    InvalidInputError
        It contains something that the system does not have, or that has no place here.
    """
    found = sp.sympify(expr, strict=True)
    if not isinstance(expr, sp.Expr):
        return found
    own = {s.name: s for s in (*plan.system.states, *_parameters(plan.system))}
    swap: dict[Any, Any] = {}
    for symbol in sorted(found.free_symbols - {t}, key=str):
        if symbol.name not in own:
            raise InvalidInputError(
                f"{what} = {expr} contains {symbol.name!r}, which is neither a state nor a parameter of the "
                f"system{meant(symbol.name, own)}; a parameter that stands in no equation is made with "
                f"ODESystem(..., trainable={{{symbol.name}: start}})"
            )
        if symbol.name in plan.states and not states:
            raise InvalidInputError(
                f"{what} = {expr} contains the state {symbol.name!r}; it is made of parameters and networks"
            )
        swap[symbol] = own[symbol.name]
    used = {o.args[0].name: o.args[0] for o in found.atoms(NetworkOutput, NetworkDerivative)}
    if used and not learned:
        raise InvalidInputError(f"{what} = {expr} contains a network; it is made of parameters")
    networks = {nn.name: nn for nn in plan.networks}
    if missing := used.keys() - networks:
        raise InvalidInputError(
            f"{what} = {expr} contains the network {min(missing)!r}, which stands nowhere in the system; "
            "observe it: ODESystem(..., observables={...: nn[0]})"
        )
    # the system's may know its scaling
    swap |= {nn: networks[name] for name, nn in used.items()}
    return found.xreplace(swap)


def _parameters(system: ODESystem) -> list[sp.Symbol]:
    return [*system.parameters, *system.symbolic_parameters, *system.trainable]


@dataclass(frozen=True)
class _Change:
    """What happens at one time, after a rest where `rest`: `parameters` None where they go on."""

    start: Given
    set: Mapping[str, sp.Expr]
    parameters: Mapping[str, Given] | None
    rest: bool = False


@dataclass(frozen=True, eq=False)
class _Binder:
    """From what trajectories say to legs."""

    plan: CompiledSystem
    moved: tuple[str, ...]
    mixes: bool

    def course(self, trajectory: Trajectory) -> Course:
        """The legs of one experiment."""
        if self.mixes and (trajectory.doses or any(p.set for p in trajectory.periods)):
            raise CapabilityError(
                "conserve='eliminate' solves fewer states, which periods with set= and doses cannot change; "
                "use conserve='project' or 'penalty'"
            )
        legs = [
            self.leg(trajectory, -math.inf, {}, period.parameters)
            for period in trajectory.periods
            if period.is_steady
        ]
        current: Mapping[str, Given] = {}
        begun = False
        for change in self.changes(trajectory):
            if not begun and change.start != trajectory.t0:
                legs.append(self.leg(trajectory, trajectory.t0, {}, current))
            begun = True
            if change.rest:
                legs.append(self.leg(trajectory, -math.inf, {}, current))
            current = current if change.parameters is None else change.parameters
            legs.append(self.leg(trajectory, change.start, change.set, current))
        if not begun:
            legs.append(self.leg(trajectory, trajectory.t0, {}, current))
        return Course(tuple(legs))

    def changes(self, trajectory: Trajectory) -> list[_Change]:
        """Periods and doses in the order of time, those at one time as one."""
        found = [
            _Change(self.time(p.start, trajectory), p.set, p.parameters, p.rest)
            for p in trajectory.periods
            if not p.is_steady
        ]
        for name, pairs in trajectory.doses.items():
            x = self.plan.system.symbol(name)
            found += [
                _Change(
                    self.time(time, trajectory), {name: x + sp.sympify(amount, strict=True)}, None
                )
                for time, amount in pairs
            ]
        found.sort(key=lambda c: self.guess(c.start, trajectory))
        merged: list[_Change] = []
        for change in found:
            if merged and merged[-1].start == change.start:
                merged[-1] = self.together(merged[-1], change)
            else:
                merged.append(change)
        return merged

    def time(self, start: Given, trajectory: Trajectory) -> Given:
        what = f"a start in experiment {trajectory.name!r}"
        found = resolved(self.plan, start, what, learned=False)
        return float(found) if found.is_number else found

    def guess(self, start: Given, trajectory: Trajectory) -> float:
        """Where a start lies at first: the order of learned starts is that of their first values."""
        if not isinstance(start, sp.Expr):
            return start
        system = self.plan.system
        known: dict[Any, Any] = {**system.parameters, **system.trainable}
        known |= {
            system.symbol(k): v for k, v in trajectory.parameters.items() if isinstance(v, float)
        }
        return float(start.xreplace({s: sp.Float(v) for s, v in known.items()}))

    def together(self, first: _Change, then: _Change) -> _Change:
        """Two changes at one time, the second one of what the first has made."""
        swap = {self.plan.system.symbol(k): v for k, v in first.set.items()}
        both = dict(first.set) | {
            k: sp.sympify(v, strict=True).xreplace(swap) for k, v in then.set.items()
        }
        values = first.parameters if then.parameters is None else then.parameters
        return _Change(first.start, both, values, first.rest or then.rest)

    def leg(
        self,
        trajectory: Trajectory,
        start: Given,
        changes: Mapping[str, Any],
        own: Mapping[str, Given],
    ) -> Leg:
        values = {**trajectory.parameters, **own}
        plan = self.plan
        numbers = {k: v for k, v in values.items() if k not in self.moved}
        # what is moved has no number of its own
        stand_in = {k: 0.0 for k in self.moved if k in plan.parameters}
        who = f" in experiment {trajectory.name!r}"
        p = parameter_values(plan, {**numbers, **stand_in}, trajectory.signals, who)
        moved = tuple(self.value(trajectory, name, values) for name in self.moved)
        swap = {plan.system.symbol(k): v for k, v in zip(self.moved, moved, strict=True)}
        what = f"set[{{}}] in experiment {trajectory.name!r}"
        places = [plan.states.index(name) for name in changes]
        found = [
            resolved(plan, f, what.format(name), states=True).xreplace(swap)
            for name, f in changes.items()
        ]
        added = [f - plan.system.states[k] for f, k in zip(found, places, strict=True)]
        numbers = None
        if all(d.is_number for d in added):
            numbers = np.array([float(d) for d in added])
        return Leg(start, p, moved, np.array(places, dtype=np.int64), tuple(found), numbers)

    def value(self, trajectory: Trajectory, name: str, values: Mapping[str, Given]) -> sp.Expr:
        """A moved parameter's value in one leg: given here, learned, or fixed."""
        system = self.plan.system
        symbol = system.symbol(name)
        if name in values:
            label = f"parameters[{name}] of experiment {trajectory.name!r}"
            return resolved(self.plan, values[name], label)
        if symbol in system.trainable:
            return symbol
        if symbol not in system.parameters:
            raise InvalidInputError(
                f"parameter {name!r} has no value in experiment {trajectory.name!r}; give it in "
                "parameters= there, or to the system"
            )
        return sp.Float(system.parameters[symbol])
