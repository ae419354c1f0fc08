"""Events of SBML: when they happen, where that is known before, and what they do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp

from pysymude.interchange.sbml.contents import Contents, EventText
from pysymude.interchange.sbml.to_equations import Lowered
from pysymude.model.event import Event
from pysymude.model.symbols import t

__all__ = ["Happening", "as_event", "happenings"]


@dataclass(frozen=True)
class Happening:
    """An event in our terms.

    Attributes
    ----------
    id : str
    rising : SymPy expression
        It happens where this passes zero from below.
    time : SymPy expression or None
        When that is, where it is known before the states are.
    sets : mapping from symbol to SymPy expression
        What states become, of those just before.
    at_once : bool
        Whether it also happens at the start, if `rising` is positive there, or 0 and `closed`.
    """

    id: str
    rising: Any
    time: Any
    sets: Mapping[Any, Any]
    at_once: bool
    closed: bool = False


def happenings(contents: Contents, found: Lowered) -> list[Happening]:
    """The events of a model, in order.

    Raises
    ------
    ModelFileError
        A trigger that is more than one comparison.
    """
    swap: dict[Any, Any] = {
        q.symbol: found.meaning[k]
        for k, q in contents.quantities.items()
        if found.meaning[k] != q.symbol
    }
    made: list[Happening] = []
    for event in contents.events:
        if len(contents.events) > 1 and not event.element.getTrigger().getPersistent():
            contents.document.refuse(
                event.element,
                "it would be called off by what another event does at the same time, which is not read",
                label=event.id,
            )
        trigger: Any = event.trigger.xreplace(swap)
        if not isinstance(
            trigger,
            (sp.StrictLessThan, sp.LessThan, sp.StrictGreaterThan, sp.GreaterThan),
        ):
            contents.document.refuse(
                event.element, "its trigger must be one comparison with < or >", label=event.id
            )
        sides: Any = trigger
        rising = sides.gts - sides.lts
        time = _time(rising, found)
        closed = isinstance(trigger, (sp.LessThan, sp.GreaterThan))
        sets = _sets(contents, found, event, swap)
        made.append(Happening(event.id, rising, time, sets, not event.initially, closed))
    return _joined(contents, made)


def _joined(contents: Contents, made: list[Happening]) -> list[Happening]:
    """Events with the same trigger, whose values are those at the trigger, as one."""
    found: dict[Any, Happening] = {}
    for one, text in zip(made, contents.events, strict=True):
        key = (one.rising, one.at_once) if text.early else one.id
        before = found.get(key)
        if before is None or before.sets.keys() & one.sets.keys():
            found[key if before is None else one.id] = one
            continue
        sets = {**before.sets, **one.sets}
        found[key] = replace(before, id=f"{before.id} and {one.id}", sets=sets)
    return list(found.values())


def as_event(happening: Happening) -> Event:
    """The event of a system, which looks for its time itself."""
    return Event(happening.rising, set=happening.sets, direction=1, name=happening.id)


def _time(rising: Any, found: Lowered) -> Any:
    """Where an expression that is linear in time, and else constant, passes zero upwards."""
    if rising.free_symbols & found.rhs.keys() or t not in rising.free_symbols:
        return None
    slope = sp.expand(rising).coeff(t, 1)
    rest = sp.expand(rising - slope * t)
    if t in slope.free_symbols or t in rest.free_symbols or not slope.is_number or not slope > 0:
        return None
    return -rest / slope


def _sets(
    contents: Contents, found: Lowered, event: EventText, swap: Mapping[Any, Any]
) -> dict[Any, Any]:
    quantities = contents.quantities
    sets: dict[Any, Any] = {}
    for variable, expr in event.sets:
        symbol = quantities[variable].symbol
        if symbol not in found.rhs:
            contents.document.refuse(
                event.element, f"it sets {variable!r}, which has a rule", label=event.id
            )
        sets[symbol] = expr.xreplace(swap)
    for key in [k for k, q in quantities.items() if q.kind == "compartment" and q.symbol in sets]:
        # amounts stay what they are where a volume jumps
        volume = quantities[key].symbol
        for q in quantities.values():
            moved = q.kind == "species" and q.compartment == key and not q.amount
            if moved and q.symbol in found.rhs:
                # what is set is a concentration in the volume before
                sets[q.symbol] = sets.get(q.symbol, q.symbol) * volume / sets[volume]
    return sets
