"""`Event`: an expression whose zeros a solve watches for, or at whose zeros the state becomes another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

import sympy as sp

from pysymude.errors import InvalidInputError
from pysymude.model.calls import explained_class
from pysymude.model.coerce import label_of, meant, real_expression
from pysymude.model.symbols import check_label, t

if TYPE_CHECKING:
    from pysymude.model.system import ODESystem

__all__ = ["Event", "effect_events", "event_expressions", "event_list"]

Change = Callable[[Any], Any]


@explained_class
@dataclass(frozen=True)
class Event:
    """A zero of `expr` along a solution, and perhaps what happens to the state there.

    Without `set` it is watched for, in ``solve(..., events=[...])``. With `set` it is part of a model:
    ``ODESystem(..., events=[...])``, or ``solve(..., events=[...])`` for one solve.

    Parameters
    ----------
    expr : SymPy expression
        In states, parameters, ``psu.t`` and, by symbols of their names, observables. It has to pass zero:
        a zero at the start is none, and neither is one that is touched without a change of sign.
    set : mapping from state to SymPy expression, optional
        What states become at the zero; others keep their value. Expressions of the state just before, of
        parameters, time, networks and observables, each of which may be learned.
    direction : int
        1: only where `expr` rises through zero; -1: only where it falls; 0: both.
    terminate : bool
        Whether the solve ends there.
    name : str, optional
        The key in ``Solution.events``; by default the expression as text.

    Raises
    ------
    InvalidInputError
        `expr` is no real expression, `direction` is none of -1, 0, 1, `name` is no line of text, `set` is
        no mapping from states to expressions, or stands beside `terminate`.

    Notes
    -----
    Outputs at the very time of an event are those behind it; ``Solution.events`` has the state just before.
    Several events at one time act in the order of the list, each on what the one before has left. Then
    those act whose `expr` has changed its sign by that, and so on; where this does not end, or
    events follow each other ever faster, the solve ends with ``Chattering``. An expression that a jump
    takes through zero counts as having passed it.

    Examples
    --------
    >>> import numpy as np, pysymude as psu
    >>> height, speed = psu.states("height speed")
    >>> fall = psu.ODESystem({height: speed, speed: -9.81})
    >>> ground = psu.Event(height, direction=-1, terminate=True, name="ground")
    >>> sol = psu.solve(fall, u0=[10.0, 0.0], t=np.linspace(0, 5, 6), events=[ground])
    >>> sol.retcode.name, round(float(sol.t[-1]), 4), sol.events["ground"].t.shape
    ('Terminated', 1.4278, (1,))

    A ball that keeps half of its speed:

    >>> bounce = psu.Event(height, set={speed: -speed / 2}, direction=-1, name="bounce")
    >>> ball = fall.replace(events=[bounce])
    >>> sol = psu.solve(ball, u0=[10.0, 0.0], t=np.linspace(0, 4, 5))
    >>> [round(float(time), 2) for time in sol.events["bounce"].t]
    [1.43, 2.86, 3.57, 3.93]
    """

    expr: Any
    set: Mapping[Any, Any] = field(default_factory=dict[Any, Any], kw_only=True)
    direction: int = field(default=0, kw_only=True)
    terminate: bool = field(default=False, kw_only=True)
    name: str | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if not isinstance(self.expr, sp.Expr):
            raise InvalidInputError(
                f"the expr of an Event must be a SymPy expression such as x - 1; found "
                f"{type(self.expr).__name__}: {self.expr}. Write x - 1 for x == 1"
            )
        if isinstance(self.direction, bool) or self.direction not in (-1, 0, 1):
            raise InvalidInputError(
                "the direction of an Event must be 1 (rising), -1 (falling) or 0 (both); found "
                f"{self.direction!r}"
            )
        if self.name is not None:
            check_label(self.name, what="the name of an Event")
        object.__setattr__(self, "set", MappingProxyType(_assignments(self.set)))
        if self.set and self.terminate:
            raise InvalidInputError(
                f"event {self.key!r} has set= and terminate=True; the solve would end before anything comes "
                "of what is set. Leave one of them out"
            )

    @property
    def key(self) -> str:
        """Its name, or its expression as text."""
        return str(self.expr) if self.name is None else self.name

    @property
    def expressions(self) -> tuple[Any, ...]:
        """Its condition, and what it sets."""
        return (self.expr, *self.set.values())

    def mapped(self, change: Change) -> Event:
        """The same event, its expressions changed."""
        name = self.name
        if change(self.expr) != self.expr:
            name = self.key  # what it is called in solutions
        changed = {x: change(g) for x, g in self.set.items()}
        return Event(
            change(self.expr),
            set=changed,
            direction=self.direction,
            terminate=self.terminate,
            name=name,
        )

    def __hash__(self) -> int:
        parts = self.direction, self.terminate, self.name
        return hash((self.expr, tuple(self.set.items()), *parts))

    def __reduce__(self) -> Any:
        return _event, (self.expr, dict(self.set), self.direction, self.terminate, self.name)

    def __repr__(self) -> str:
        parts = [str(self.expr)]
        if self.set:
            parts.append("set={" + ", ".join(f"{x}: {g}" for x, g in self.set.items()) + "}")
        parts += [f"direction={self.direction}"] if self.direction else []
        parts += ["terminate=True"] if self.terminate else []
        parts += [f"name={self.name!r}"] if self.name is not None else []
        return f"Event({', '.join(parts)})"


def _event(expr: Any, given: Any, direction: int, terminate: bool, name: str | None) -> Event:
    return Event(expr, set=given, direction=direction, terminate=terminate, name=name)


def _assignments(given: Any) -> dict[Any, sp.Expr]:
    """What `set` says, its values as expressions."""
    if not isinstance(given, Mapping):
        raise InvalidInputError(
            f"set= of an Event takes a mapping such as {{x: x + 1}}; found {type(given).__name__} {given!r}"
        )
    found: dict[Any, sp.Expr] = {}
    for key, value in cast("Mapping[Any, Any]", given).items():
        if not isinstance(key, str | sp.Symbol):
            raise InvalidInputError(
                f"set= of an Event takes states, symbols or names, as keys; found {key!r} of type "
                f"{type(key).__name__}"
            )
        found[key] = real_expression(value, f"what an Event sets {label_of(key)} to")
    return found


def event_list(events: Any) -> tuple[Event, ...]:
    """Events as a tuple; a single one is one.

    Raises
    ------
    InvalidInputError
        Neither an event nor several.
    """
    if isinstance(events, Event):
        return (events,)
    if not isinstance(events, Sequence) or isinstance(events, str):
        raise InvalidInputError(
            f"events= takes psu.Event(expr, ...) objects in a list; found {events!r}"
        )
    found = tuple(cast("Sequence[Event]", events))
    for event in found:
        if not isinstance(event, Event):
            raise InvalidInputError(
                f"events must hold psu.Event(expr, ...) only; found {type(event).__name__}"
            )
    return found


def effect_events(
    given: Any, states: Sequence[sp.Symbol], observables: Mapping[str, sp.Expr]
) -> tuple[Event, ...]:
    """The events of a system: keys of `set` as its states, observables as what they stand for.

    Raises
    ------
    InvalidInputError
        One without `set`, a name that stands twice, or an unknown state.
    """
    found: list[Event] = []
    for event in event_list(given):
        if not event.set:
            raise InvalidInputError(
                f"event {event.key!r} of the system has no effect: give set={{...}}, or watch it by "
                "solve(..., events=[...])"
            )
        if event.key in {other.key for other in found}:
            raise _twice(event.key)
        found.append(_in_states(event, states, observables))
    return tuple(found)


def _twice(key: str) -> InvalidInputError:
    return InvalidInputError(
        f"two events are called {key!r}; give them names: psu.Event(expr, name=...)"
    )


def _in_states(
    event: Event, states: Sequence[sp.Symbol], observables: Mapping[str, sp.Expr]
) -> Event:
    names = {x.name: x for x in states}
    given: dict[Any, Any] = {}
    for key, value in event.set.items():
        label = label_of(key)
        if label not in names:
            raise InvalidInputError(
                f"event {event.key!r} sets {label!r}, which is no state; the states are "
                f"{', '.join(names)}{meant(label, names)}"
            )
        if names[label] in given:
            raise InvalidInputError(f"event {event.key!r} sets {label!r} twice")
        given[names[label]] = value
    same = Event(event.expr, set=given, direction=event.direction, name=event.name)
    return same.mapped(lambda expr: _written_out(expr, {*states, t}, observables))


def _written_out(expr: Any, known: set[sp.Symbol], observables: Mapping[str, sp.Expr]) -> sp.Expr:
    """An expression in which observables, named by symbols with any assumptions, are written out."""
    named = {s: observables[s.name] for s in expr.free_symbols - known if s.name in observables}
    return expr.xreplace(named) if named else expr


def event_expressions(system: ODESystem, events: Sequence[Event]) -> list[sp.Expr]:
    """What the events watch, with the observables' symbols replaced by what they stand for.

    Raises
    ------
    InvalidInputError
        A name that stands twice, or a symbol that the system lacks.
    """
    known = {*system.states, *system.parameters, *system.symbolic_parameters, *system.trainable, t}
    seen: set[str] = set()
    found: list[sp.Expr] = []
    for event in events:
        if event.key in seen:
            raise _twice(event.key)
        seen.add(event.key)
        expr = _written_out(event.expr, known, system.observables)
        for symbol in sorted(expr.free_symbols - known, key=str):
            raise InvalidInputError(
                f"event {event.key!r} contains {symbol}, which is neither a state, a parameter, an "
                f"observable nor t; there are {', '.join(sorted(map(str, known)))}"
            )
        found.append(expr)
    return found
