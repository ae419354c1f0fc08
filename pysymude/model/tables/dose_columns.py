"""Doses in tables: which columns hold amounts, and what stands in them."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from pysymude.errors import InvalidInputError
from pysymude.model.coerce import FloatArray, one_each
from pysymude.model.tables.named_columns import take_columns

__all__ = ["doses_of_rows", "joined_doses", "take_doses"]

Doses = dict[str, list[tuple[float, float]]]


def take_doses(options: MutableMapping[str, Any] | Any) -> dict[str, str] | None:
    """Takes the columns out of `options` that ``doses=`` names, by the names of states."""
    doses: Any = options.get("doses")
    if isinstance(doses, str):
        raise InvalidInputError(
            f"doses= says into which state a column goes: doses={{'gut': {doses!r}}}"
        )
    return take_columns(options, "doses")


def doses_of_rows(clock: FloatArray, amounts: FloatArray) -> list[tuple[float, float]]:
    """The doses of rows with an amount; empty cells and 0 are none, and those of one time are one."""
    found: dict[float, float] = {}
    for time, amount in zip(clock.tolist(), amounts.tolist(), strict=True):
        if amount == amount and amount != 0.0:
            found[time] = found.get(time, 0.0) + amount
    return sorted(found.items())


def joined_doses(found: list[Doses], given: Any) -> list[Any]:
    """The doses of the table, each experiment's with those that were given besides."""
    others = one_each(given, len(found), what="doses")
    return [{**(other or {}), **own} for own, other in zip(found, others, strict=True)]
