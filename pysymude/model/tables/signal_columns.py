"""Signals in tables: which columns were named, and their points beside others."""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from typing import Any, cast

from pysymude.model.coerce import label_of, one_each
from pysymude.model.signal import Signal
from pysymude.model.tables.named_columns import take_columns

__all__ = ["joined_signals", "take_signals"]


def take_signals(options: MutableMapping[str, Any] | Any) -> dict[str, str] | None:
    """Takes the columns out of `options` that ``signals=`` names; by the names of signals."""
    signals: Any = options.get("signals")
    if isinstance(signals, str | Signal):
        signals = [signals]
    if isinstance(signals, list | tuple) and all(
        isinstance(one, str | Signal) for one in cast("Iterable[Any]", signals)
    ):
        options.pop("signals")
        return {label_of(one): label_of(one) for one in cast("Iterable[Any]", signals)}
    return take_columns(options, "signals")


def joined_signals(found: list[Any], given: Any) -> list[Any]:
    """The signals of the table, each experiment's with those that were given besides."""
    others = one_each(given, len(found), what="signals")
    return [{**(other or {}), **points} for points, other in zip(found, others, strict=True)]
