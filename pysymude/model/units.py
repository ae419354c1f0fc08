"""Units: text that stands beside names in tables and figures; nothing is ever converted."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, cast

import sympy as sp

from pysymude.errors import InvalidInputError
from pysymude.model.coerce import close_matches, label_of
from pysymude.model.symbols import t

__all__ = ["LONGEST", "TIME", "checked_units", "unit_of", "unit_of_sum", "with_unit"]

TIME = t.name
"""Under which name the unit of time stands."""
LONGEST = 200
_BEHIND = re.compile(r".*?[\s_]*[\[(]([^\[\]()]*)[\])]$")


def checked_units(given: Any, known: Collection[str], of: str = "the system") -> dict[str, str]:
    """Units by name.

    Raises
    ------
    InvalidInputError
        No mapping, a name that is not there, or a unit that is no line of text.
    """
    if not isinstance(given, Mapping):
        raise InvalidInputError(
            f"units= is a mapping such as {{'t': 'h', 'x': 'mg / l'}}; found {given!r}"
        )
    found: dict[str, str] = {}
    for key, unit in cast("Mapping[Any, Any]", given).items():
        name = label_of(key)
        if name not in known and name != TIME:
            raise InvalidInputError(
                f"units= names {name!r}, which {of} does not have; time is {TIME!r}; "
                f"{close_matches(name, known)}"
            )
        if not isinstance(unit, str) or not unit.isprintable() or len(unit) > LONGEST:
            raise InvalidInputError(
                f"units[{name!r}] is a line of text such as 'mol / l', of at most {LONGEST} letters; found "
                f"{unit!r}"
            )
        if unit:
            found[name] = unit
    return found


def with_unit(name: str, units: Mapping[str, str]) -> str:
    """A name for a table or an axis, with its unit in brackets where it has one.

    Examples
    --------
    >>> with_unit("A", {"A": "mmol / l"}), with_unit("k", {})
    ('A [mmol / l]', 'k')
    """
    return f"{name} [{units[name]}]" if name in units else name


def unit_of(column: str) -> str:
    """What stands in brackets behind the name of a column; empty where nothing does.

    Examples
    --------
    >>> unit_of("x [mg/l]"), unit_of("time (h)"), unit_of("x")
    ('mg/l', 'h', '')
    """
    found = _BEHIND.match(column.strip())
    return found[1].strip() if found else ""


def unit_of_sum(expr: Any, units: Mapping[str, str]) -> str:
    """The unit of a sum of multiples of things with one unit; empty where that cannot be said.

    Examples
    --------
    >>> x, y = sp.symbols("x y")
    >>> unit_of_sum(x + 2*y, {"x": "g", "y": "g"}), unit_of_sum(x*y, {"x": "g", "y": "g"})
    ('g', '')
    """
    found: set[str] = set()
    for term in sp.Add.make_args(expr):
        parts: tuple[Any, Any] = term.as_coeff_Mul()
        factor, rest = parts
        found.add(units.get(rest.name, "") if rest.is_Symbol and factor.is_number else "")
    return found.pop() if len(found) == 1 else ""
