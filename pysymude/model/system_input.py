"""What a user gives `ODESystem`: mappings of equations, observables and starts, checked."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

import sympy as sp

from pysymude.errors import InvalidInputError
from pysymude.model.coerce import label_of, real_expression
from pysymude.model.language import check_own_name
from pysymude.model.symbols import t

__all__ = ["equations_of", "mapping_of", "near", "observables_of", "starts_of"]

Names = Mapping[Any, Any]


def equations_of(rhs: Any) -> dict[sp.Symbol, sp.Expr]:
    """Right-hand sides by state."""
    if not isinstance(rhs, Mapping) or not rhs:
        raise InvalidInputError(
            "ODESystem(rhs) takes a mapping from state symbols to expressions, such as {x: -x}; "
            f"found {type(rhs).__name__} {rhs!r}. For Eq(x(t).diff(t), ...) use from_equations"
        )
    found: dict[sp.Symbol, sp.Expr] = {}
    for state, value in rhs.items():
        if not isinstance(state, sp.Symbol):
            raise InvalidInputError(
                f"the states of an ODESystem are SymPy symbols; found the key {state!r} of type "
                f"{type(state).__name__}. Make them with psu.states(...)"
            )
        if state == t:
            raise InvalidInputError("psu.t is time and cannot be a state")
        found[state] = real_expression(value, f"the right-hand side of {state}")
    return found


def observables_of(given: Names, states: tuple[sp.Symbol, ...]) -> dict[str, sp.Expr]:
    """Measured expressions by name."""
    found: dict[str, sp.Expr] = {}
    for key, value in mapping_of("observables", given).items():
        name = check_own_name(label_of(key), what="the name of an observable")
        if name in {s.name for s in states}:
            raise InvalidInputError(f"observable {name!r} has the name of a state; rename it")
        found[name] = real_expression(value, f"observable {name!r}")
    return found


def starts_of(given: Names, states: tuple[sp.Symbol, ...]) -> dict[sp.Symbol, sp.Expr]:
    """Where states start, by state."""
    names = {s.name: s for s in states}
    found: dict[sp.Symbol, sp.Expr] = {}
    for key, value in mapping_of("initial", given).items():
        name = label_of(key)
        if name not in names:
            raise InvalidInputError(
                f"initial= names {name!r}, which is no state; the states are {', '.join(names)}"
                f"{near(name, names)}"
            )
        start = real_expression(value, f"initial[{name}]")
        if read := start.free_symbols & set(states):
            raise InvalidInputError(
                f"initial[{name}] = {start} contains the state {min(map(str, read))}; a start is made of "
                "parameters, networks and time"
            )
        found[names[name]] = start
    return found


def mapping_of(what: str, given: Any) -> Mapping[Any, Any]:
    """What was given, if it is a mapping."""
    if not isinstance(given, Mapping):
        raise InvalidInputError(
            f"{what}= takes a mapping such as {{k: 1.0}}; found {type(given).__name__} {given!r}"
        )
    return given


def near(text: str, names: Iterable[str]) -> str:
    """A hint at the name that is nearest, or nothing."""
    close = difflib.get_close_matches(text, list(names), n=1)
    return f". Did you mean {close[0]!r}?" if close else ""
