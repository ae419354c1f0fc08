"""Tables as HTML, for notebooks and reports."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

__all__ = ["html_table"]


def html_table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table; cells that are not text are numbers, and those that are none of these are empty."""
    cells = "".join(f"<th>{escape(h)}</th>" for h in head)
    lines = "".join(f"<tr>{''.join(_cell(c) for c in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{lines}</tbody></table>"


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return f"<td>{escape(value)}</td>"
    return f'<td class="number">{value:.6g}</td>' if math.isfinite(value) else "<td>-</td>"
