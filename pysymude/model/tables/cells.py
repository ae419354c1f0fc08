"""What the cell of a table says: a number, a limit, nothing, or a text that is none of these."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["MISSING", "Style", "found_style", "is_missing", "plain_numbers", "reading", "text_of"]

MISSING = frozenset(
    ["", "nan", "na", "n/a", "<na>", "nat", "null", "none", "#n/a", "#na", ".", "-", "--", "—", "?"]
)
"""How a cell says that nothing was measured, in any case of letters."""

_LIMIT = re.compile(r"(<=?|>=?|≤|≥)\s*(.*)")
_BARE_LIMITS = {"blq": -1, "bloq": -1, "bql": -1, "<lloq": -1, "alq": 1, "aloq": 1}
_WORDS = frozenset({"loq", "lloq", "lod", "lld", "dl", "uloq", "mdl", "bdl"})

_GROUPED = re.compile(r"[+-]?\d{1,3}([ \u00a0\u202f'’]\d{3})+([.,]\d*)?$")
_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?$")
_THREE = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}$")
_POINT = re.compile(r"[+-]?(\d*\.(\d{1,2}|\d{4,})|0?\.\d+|\d+\.\d+[eE][+-]?\d+|\d{4,}\.\d+)$")
_COMMA_GROUPS = re.compile(r"[+-]?[1-9]\d{0,2}((,\d{3})+\.\d*|(,\d{3}){2,})$")
_POINT_GROUPS = re.compile(r"[+-]?[1-9]\d{0,2}((\.\d{3})+,\d*|(\.\d{3}){2,})$")
_ANY_COMMA_GROUPS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?$")
_ANY_POINT_GROUPS = re.compile(r"[+-]?[1-9]\d{0,2}(\.\d{3})+(,\d*)?$")


@dataclass(frozen=True, slots=True)
class Style:
    """How numbers are written: the sign before decimals, and whether the other one groups thousands."""

    decimal: str = "."
    grouped: bool = False


def text_of(cell: object) -> str:
    """A cell as text without blanks around it; empty for None."""
    return "" if cell is None else str(cell).strip()


def is_missing(cell: object) -> bool:
    """Whether a cell says that nothing was measured."""
    return text_of(cell).lower() in MISSING


def reading(cell: object, style: Style) -> tuple[float, int] | None:
    """A cell's number, and -1 or 1 where it is a limit; None for a text that says neither.

    The number is NaN where nothing was measured, and for a limit that is a word, such as ``<LOQ``.

    Examples
    --------
    >>> reading("< 0,5", Style(","))
    (0.5, -1)
    >>> reading("<LOQ", Style()), reading("n/a", Style()), reading("high", Style())
    ((nan, -1), (nan, 0), None)
    """
    if isinstance(cell, float | int) and not isinstance(cell, bool):
        return None if math.isinf(cell) else (float(cell), 0)
    text = text_of(cell)
    low = text.lower()
    if low in MISSING:
        return math.nan, 0
    if low in _BARE_LIMITS:
        return math.nan, _BARE_LIMITS[low]
    side = 0
    if found := _LIMIT.match(text):
        side, text = (-1 if found[1][0] in "<≤" else 1), found[2].strip()
        if text.lower() in _WORDS:
            return math.nan, side
    number = _number(text, style)
    return None if number is None else (number, side)


def plain_numbers(cells: Sequence[Any], style: Style) -> list[float] | None:
    """All cells as floats, where each of them is a number in the usual form; the quick way for long columns."""
    try:
        if style.decimal == ",":
            if any("." in cell for cell in cells):
                return None
            found = [float(cell.replace(",", ".")) for cell in cells]
        elif any(isinstance(cell, str) and "_" in cell for cell in cells):
            return None
        else:
            found = [float(cell) for cell in cells]
    except (TypeError, ValueError, AttributeError):
        return None
    odd = any(isinstance(cell, bool) for cell in cells) or not all(map(math.isfinite, found))
    return None if odd else found


def _number(text: str, style: Style) -> float | None:
    """A finite number; None where it is none, or could be two."""
    text = text.replace("−", "-")
    if _GROUPED.match(text):
        text = re.sub(r"[ \u00a0\u202f'’]", "", text)
    if style.decimal == ",":
        if _ANY_POINT_GROUPS.match(text):
            text = text.replace(".", "")
        elif "." in text:
            return None
        text = text.replace(",", ".")
    elif _COMMA_GROUPS.match(text) or (style.grouped and _ANY_COMMA_GROUPS.match(text)):
        text = text.replace(",", "")
    try:
        # float() reads 1_000 as 1000, which in a data file is more likely a slip
        number = math.nan if "_" in text else float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def found_style(cells: Iterable[object]) -> Style | str:
    """How the numbers of a table are written, or a sentence that says why that cannot be told.

    Examples
    --------
    >>> found_style(["0,5", "1.234,5"])
    Style(decimal=',', grouped=False)
    >>> found_style(["1,234", "0.5"])
    Style(decimal='.', grouped=True)
    """
    given = [cell for cell in cells if isinstance(cell, str)]
    with_comma = [_bare(cell) for cell in given if "," in cell]
    three = [text for text in with_comma if _THREE.match(text)]
    decimals = [
        text
        for text in with_comma
        if _POINT_GROUPS.match(text) or (_COMMA.match(text) and not _THREE.match(text))
    ]
    groups = [text for text in with_comma if _COMMA_GROUPS.match(text)]
    if not decimals and not three:
        return Style()
    points = groups or [text for cell in given if _POINT.match(text := _bare(cell))]
    if decimals and points:
        return (
            f"some numbers have a decimal comma ({decimals[0]!r}) and others a decimal point "
            f"({points[0]!r}); say decimal=',' or decimal='.'"
        )
    if decimals:
        return Style(",")
    if points:
        return Style(".", grouped=True)
    return f"{three[0]!r} may be a thousand or a decimal comma; say decimal=',' or decimal='.'"


def _bare(cell: str) -> str:
    text = cell.strip()
    found = _LIMIT.match(text)
    return found[2] if found else text
