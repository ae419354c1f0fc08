"""What a user wants to see of a solution: states, observables, expressions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import sympy as sp

from pysymude.errors import InvalidInputError
from pysymude.model.coerce import label_of, meant, real_expression, short
from pysymude.model.symbols import t as time
from pysymude.model.system import ODESystem

__all__ = ["read_columns"]


def read_columns(system: ODESystem, given: Any) -> list[tuple[str, sp.Expr | None]]:
    """Names of columns, and expressions of those that the system does not have."""
    known = [*(x.name for x in system.states), *system.observables]
    if given is None:
        return [(x.name, None) for x in system.states]
    if isinstance(given, Mapping):
        return [
            (label_of(k), _expression(system, v, known))
            for k, v in cast("Mapping[Any, Any]", given).items()
        ]
    several = given if isinstance(given, list | tuple) else [given]
    found: list[tuple[str, sp.Expr | None]] = []
    for k, entry in enumerate(cast("Sequence[Any]", several)):
        if isinstance(entry, str | sp.Symbol) and label_of(entry) in known:
            found.append((label_of(entry), None))
        elif isinstance(entry, sp.Expr) and not isinstance(entry, sp.Symbol):
            found.append((f"column{k}", _expression(system, entry, known)))
        else:
            raise InvalidInputError(
                f"observables= takes states, observables and expressions; found {short(entry)}, and the "
                f"system has {', '.join(known)}{meant(label_of(entry), known)}"
            )
    if not found:
        raise InvalidInputError("observables= is empty: name at least one")
    return found


def _expression(system: ODESystem, value: Any, known: Sequence[str]) -> sp.Expr:
    found = real_expression(value, "an entry of observables=")
    own = {*system.states, *system.parameters, *system.trainable, *system.symbolic_parameters}
    for symbol in sorted(found.free_symbols - own - {time}, key=str):
        raise InvalidInputError(
            f"observables= contains {symbol}, which the system does not have; it has "
            f"{', '.join(sorted(map(str, own)))}"
        )
    return found
