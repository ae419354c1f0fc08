"""Stages of training as text, such as ``Adam(300, learning_rate=0.01), LBFGS(500)``: parsed, never executed."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from pysymude.errors import InvalidInputError
from pysymude.fit.stages.all_stages import STAGES
from pysymude.fit.stages.stage import Stage

__all__ = ["stages_from_text"]

_STAGE = re.compile(r"\s*([A-Za-z_]+)\s*(?:\(((?:[^()]|\([^()]*\))*)\))?\s*(?:,|$)")
_ARGUMENT = re.compile(r"\s*(?:([A-Za-z_]+)\s*=)?\s*([^(),=]+|\([^()]*\))\s*(?:,|$)")
_USUAL = "Adam(300), LBFGS(500)"


def stages_from_text(text: str) -> tuple[Stage, ...]:
    """The stages that a text names, each with numbers in brackets behind it.

    Raises
    ------
    InvalidInputError
        No stages, an unknown name, an argument that a stage does not have or that is no number.

    Examples
    --------
    >>> stages_from_text("Adam(300, learning_rate=0.01), LBFGS(horizon=(0.5, 1))")[0]
    Adam(iterations=300, learning_rate=0.01, horizon=(1.0,), clip=1000.0, batch=None)
    """
    found: list[Stage] = []
    for name, inside in _pieces(_STAGE, text, f"stages are written {_USUAL}"):
        known = {key.lower(): kind for key, kind in STAGES.items()}
        kind = known.get(name.replace("_", "").lower())
        if kind is None:
            close = difflib.get_close_matches(name, STAGES, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise InvalidInputError(f"there is no stage {name!r}, only {', '.join(STAGES)}{hint}")
        found.append(kind(**_keywords(kind, inside or "")))
    if not found:
        raise InvalidInputError(f"no stages are named; write {_USUAL}")
    return tuple(found)


def _keywords(kind: Any, inside: str) -> dict[str, Any]:
    names = [field.name for field in fields(kind)]
    found: dict[str, Any] = {}
    how = f"{kind.__name__} takes numbers, such as {kind.__name__}(300)"
    for place, (key, value) in enumerate(_pieces(_ARGUMENT, inside, how)):
        name = key or (names[place] if place < len(names) else "")
        if name not in names or name in found:
            raise InvalidInputError(
                f"{kind.__name__} takes {', '.join(names)}, each once; found {key or value.strip()!r}"
            )
        found[name] = _value(value.strip(), f"{kind.__name__}({name}=)")
    return found


def _pieces(form: re.Pattern[str], text: str, how: str) -> Iterable[tuple[str, str]]:
    """The groups of a form that stands again and again, up to the end."""
    place = 0
    while text[place:].strip():
        found = form.match(text, place)
        if found is None:
            raise InvalidInputError(f"{how}; found {text[place : place + 60].strip()!r}")
        yield found[1], found[2]
        place = found.end()


def _value(text: str, what: str) -> Any:
    if text.startswith("("):
        return tuple(_number(part, what) for part in text[1:-1].split(",") if part.strip())
    return _number(text, what)


def _number(text: str, what: str) -> float | int:
    text = text.strip()
    if re.fullmatch(r"\d{1,15}", text):
        return int(text)
    plain = re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", text)
    if not plain or not math.isfinite(float(text)):
        raise InvalidInputError(f"{what} takes numbers; found {text!r}")
    return float(text)
