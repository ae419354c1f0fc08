"""What a band or a profile looks at: states, observables, and expressions of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, cast

import sympy as sp

from pysymude.errors import InvalidInputError
from pysymude.model.coerce import label_of, meant, real_expression
from pysymude.model.system import ODESystem

__all__ = ["Observed", "observed"]


@dataclass(frozen=True)
class Observed:
    """Columns in their order.

    Attributes
    ----------
    columns : tuple of str
    expressions : mapping from column to SymPy expression
        Of those that are neither states nor observables.
    nameless : frozenset of str
        Columns with a name that nobody gave, shown as their expressions.
    """

    columns: tuple[str, ...]
    expressions: Mapping[str, sp.Expr]
    nameless: frozenset[str] = frozenset()

    def shown(self, column: str) -> str:
        """What a column is called."""
        return str(self.expressions[column]) if column in self.nameless else column


def observed(system: ODESystem, observe: Any) -> Observed:
    """The columns of ``observe=``.

    Raises
    ------
    InvalidInputError
        A name that is neither a state nor an observable, or something that is no expression.
    """
    names = [s.name for s in system.states]
    known = list(dict.fromkeys([*names, *system.observables]))
    if observe is None:
        return Observed(tuple(known), {})
    if isinstance(observe, Mapping):
        given = cast("Mapping[Any, Any]", observe)
        made = {
            label_of(k): real_expression(v, f"observe[{label_of(k)!r}]") for k, v in given.items()
        }
        for name in made:
            if name in known:
                raise InvalidInputError(
                    f"observe= calls an expression {name!r}, which is taken; choose another name"
                )
        return Observed(tuple(made), made)
    free = (name for k in count() if (name := f"expression_{k}") not in known)
    columns: list[str] = []
    expressions: dict[str, sp.Expr] = {}
    for entry in observe if isinstance(observe, list | tuple) else [observe]:
        if isinstance(entry, sp.Expr) and not isinstance(entry, sp.Symbol):
            name = next(free)
            expressions[name] = entry
        else:
            name = label_of(entry)
            if name not in known:
                raise InvalidInputError(
                    f"observe= names {name!r}, which is neither a state nor an observable; there are "
                    f"{', '.join(known)}{meant(name, known)}"
                )
        columns.append(name)
    return Observed(tuple(columns), expressions, frozenset(expressions))
