"""What is trainable but keeps its value."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from pysymude.errors import InvalidInputError
from pysymude.model.chain import parts_named
from pysymude.model.coerce import meant
from pysymude.model.theta import ThetaLayout

__all__ = ["frozen_names", "is_frozen"]


def frozen_names(given: Any, layout: ThetaLayout) -> tuple[str, ...]:
    """Names of slots and networks, checked, and those of slots that are always held.

    Raises
    ------
    InvalidInputError
        Something that is not learned, or nothing is left to learn.
    """
    several = isinstance(given, (list, tuple, set, frozenset))
    entries = [name for key in (given if several else [given]) for name in parts_named(key)]
    known = [*dict.fromkeys(s.name.rpartition(".")[0] for s in layout.of_kind("weight")), *layout]
    names: list[str] = []
    for name in entries:
        if name not in known:
            raise InvalidInputError(
                f"frozen= names {name!r}, which is not learned; there are {', '.join(known)}"
                f"{meant(name, known)}"
            )
        names.append(name)
    names = list(dict.fromkeys([*names, *(slot.name for slot in layout.held)]))
    if names and all(is_frozen(name, names) for name in layout):
        raise InvalidInputError(
            "frozen= names everything that is trainable; nothing is left to learn"
        )
    return tuple(names)


def is_frozen(slot: str, names: Collection[str]) -> bool:
    """Whether a slot, or the network that it belongs to, is named."""
    return slot in names or slot.rpartition(".")[0] in names
