"""Options that may map names to columns of a table beside values of their own."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any, cast

from pysymude.model.coerce import label_of

__all__ = ["take_columns"]


def take_columns(options: MutableMapping[str, Any] | Any, key: str) -> dict[str, str] | None:
    """Takes the entries of ``options[key]`` that are texts, which name columns; others stay where they are."""
    asked: Any = options.get(key)
    if not isinstance(asked, Mapping):
        return None
    given = cast("Mapping[Any, Any]", asked)
    rest = {k: v for k, v in given.items() if not isinstance(v, str)}
    options.pop(key)
    if rest:
        options[key] = rest
    return {label_of(k): v for k, v in given.items() if isinstance(v, str)} or None
