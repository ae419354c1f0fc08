"""What was searched, as tables of a law file."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

from pysymude.model.toml_table import TomlTable
from pysymude.symbolic.laws.spans import ENDS, Span

__all__ = ["read_span", "span_to_table"]

_REQUIRED = ("family", "candidates", "ended")


def span_to_table(span: Span) -> dict[str, Any]:
    """A span without what is empty."""
    return {k: v for k, v in asdict(span).items() if k in _REQUIRED or v not in (None, {}, "")}


def read_span(table: TomlTable) -> Span:
    """The span in a table.

    Raises
    ------
    ModelFileError
        An entry is missing, unknown or of another type.
    """
    table.only(*(f.name for f in fields(Span)), required=_REQUIRED)
    ended = table.text("ended")
    if ended not in ENDS:
        raise table.error("ended", f"must be one of {', '.join(ENDS)}; found {ended!r}")
    complete = table.values.get("complete", False)
    if not isinstance(complete, bool):
        raise table.error("complete", f"must be true or false; found {complete!r}")
    weights, values, symbols = (table.table(key) for key in ("weights", "values", "symbols"))
    return Span(
        table.text("family"),
        _whole(table, "candidates"),
        ended,
        _whole(table, "degree") if "degree" in table else None,
        {name: _whole(weights, name) for name in weights},
        _whole(table, "laws") if "laws" in table else 0,
        complete,
        {name: values.text(name) for name in values},
        {name: symbols.text(name) for name in symbols},
        table.number("seconds") if "seconds" in table else 0.0,
        table.text("left_out") if "left_out" in table else "",
    )


def _whole(table: TomlTable, key: str) -> int:
    found = table.values[key]
    if not isinstance(found, int) or isinstance(found, bool):
        raise table.error(key, f"must be a whole number; found {found!r}")
    return found
