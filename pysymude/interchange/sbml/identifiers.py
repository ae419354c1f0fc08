"""From the ids of SBML to names of symbols, which may stand in generated code."""

from __future__ import annotations

import keyword
from collections.abc import Iterable

__all__ = ["Identifiers", "plain_name"]


def plain_name(identifier: str) -> str:
    """The id, or the nearest name that is no keyword, not that of time, and no private one.

    Examples
    --------
    >>> plain_name("lambda"), plain_name("t"), plain_name("__x"), plain_name("beta")
    ('lambda_', 't_', 'x', 'beta')
    """
    name = identifier.lstrip("_") if identifier.startswith("__") else identifier
    if not name or not (name[0].isalpha() or name[0] == "_"):
        name = f"x{name}"
    return f"{name}_" if keyword.iskeyword(name) or name == "t" else name


class Identifiers:
    """Names by id; two ids never share one."""

    def __init__(self, identifiers: Iterable[str]) -> None:
        ids = list(identifiers)
        self._taken = {i for i in ids if plain_name(i) == i}
        self.names = {i: i if i in self._taken else self.fresh(i) for i in ids}

    def fresh(self, wanted: str) -> str:
        """A name like the wanted one that nothing else has; it is taken from then on."""
        name = plain_name(wanted)
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        return name
