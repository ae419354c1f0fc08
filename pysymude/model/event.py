"""`Event`: an expression whose zeros a solve watches for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import sympy as sp

from pysymude.errors import InvalidInputError
from pysymude.model.symbols import check_label, t
from pysymude.model.system import ODESystem

__all__ = ["Event", "event_expressions", "event_list"]


@dataclass(frozen=True)
class Event:
    """A zero of `expr` along a solution, for ``solve(..., events=[...])``.

    Parameters
    ----------
    expr : SymPy expression
        In states, parameters, ``psu.t`` and, by symbols of their names, observables.
    direction : int
        1: only where `expr` rises through zero; -1: only where it falls; 0: both.
    terminate : bool
        Whether the solve ends there.
    name : str, optional
        The key in ``Solution.events``; by default the expression as text.

    Raises
    ------
    InvalidInputError
        `expr` is no real expression, `direction` is none of -1, 0, 1, or `name` is no line of text.

    Examples
    --------
    >>> import numpy as np, pysymude as psu
    >>> height, speed = psu.states("height speed")
    >>> fall = psu.ODESystem({height: speed, speed: -9.81})
    >>> ground = psu.Event(height, direction=-1, terminate=True, name="ground")
    >>> sol = psu.solve(fall, u0=[10.0, 0.0], t=np.linspace(0, 5, 6), events=[ground])
    >>> sol.retcode.name, round(float(sol.t[-1]), 4), sol.events["ground"].t.shape
    ('Terminated', 1.4278, (1,))
    """

    expr: Any
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

    @property
    def key(self) -> str:
        """Its name, or its expression as text."""
        return str(self.expr) if self.name is None else self.name


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
    return tuple(cast("Sequence[Event]", events))


def event_expressions(system: ODESystem, events: Sequence[Event]) -> list[sp.Expr]:
    """What the events watch, with the observables' symbols replaced by what they stand for.

    Raises
    ------
    InvalidInputError
        Something that is no `Event`, a name that stands twice, or a symbol that the system lacks.
    """
    observables = {sp.Symbol(name): expr for name, expr in system.observables.items()}
    known = {*system.states, *system.parameters, *system.symbolic_parameters, *system.trainable, t}
    seen: set[str] = set()
    found: list[sp.Expr] = []
    for event in events:
        if not isinstance(event, Event):
            raise InvalidInputError(
                f"events must hold psu.Event(expr, ...) only; found {type(event).__name__}"
            )
        if event.key in seen:
            raise InvalidInputError(
                f"two events are called {event.key!r}; give them names: psu.Event(expr, name=...)"
            )
        seen.add(event.key)
        # observables go by name, whatever assumptions their symbol was made with
        named = {
            s: observables[sp.Symbol(s.name)]
            for s in event.expr.free_symbols - known
            if sp.Symbol(s.name) in observables
        }
        expr = event.expr.xreplace(named)
        for symbol in sorted(expr.free_symbols - known, key=str):
            raise InvalidInputError(
                f"event {event.key!r} contains {symbol}, which is neither a state, a parameter, an "
                f"observable nor t; there are {', '.join(sorted(map(str, known)))}"
            )
        found.append(expr)
    return found
