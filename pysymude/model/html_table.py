"""Pieces of HTML for notebooks and reports: tables, sentences. All text is escaped, here alone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

__all__ = ["Html", "html_table", "sentence"]


class Html(str):
    """Text that is HTML already, such as a formula; everything else is escaped."""

    __slots__ = ()


def html_table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table; cells that are not text are numbers, and those that are none of these are empty."""
    cells = "".join(f"<th>{_text(h)}</th>" for h in head)
    lines = "".join(f"<tr>{''.join(_cell(c) for c in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{lines}</tbody></table>"


def sentence(text: str, kind: str = "") -> str:
    """A paragraph; ``kind="warning"`` is what to know before something is trusted."""
    marked = f' class="{escape(kind)}"' if kind else ""
    begins = "<b>Warning:</b> " if kind == "warning" else ""
    return f"<p{marked}>{begins}{_text(text)}</p>"


def _text(value: str) -> str:
    return str(value) if isinstance(value, Html) else escape(value)


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return f"<td>{_text(value)}</td>"
    return f'<td class="number">{value:.6g}</td>' if math.isfinite(value) else "<td>-</td>"
