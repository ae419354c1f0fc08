"""Doses in tables: which columns hold amounts, and what stands in them."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any, cast

from pysymude.errors import InvalidInputError
from pysymude.model.coerce import FloatArray, label_of, one_each

__all__ = ["doses_of_rows", "joined_doses", "take_doses"]

Doses = dict[str, list[tuple[float, float]]]


def take_doses(options: MutableMapping[str, Any] | Any) -> dict[str, str] | None:
    """Takes the columns out of `options` that ``doses=`` names, by the names of states."""
    doses: Any = options.get("doses")
    if isinstance(doses, str):
        raise InvalidInputError(
            f"doses= says into which state a column goes: doses={{'gut': {doses!r}}}"
        )
    if not isinstance(doses, Mapping):
        return None
    given = cast("Mapping[Any, Any]", doses)
    columns = {label_of(k): v for k, v in given.items() if isinstance(v, str)}
    rest = {k: v for k, v in given.items() if not isinstance(v, str)}
    options.pop("doses")
    if rest:
        options["doses"] = rest
    return columns or None


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
