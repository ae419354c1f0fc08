"""Values in Julia source: numbers that read back to the same float64, text that stays text."""

from __future__ import annotations

import math
import re

from pysymude.errors import EmissionError
from pysymude.model.network import ACTIVATIONS
from pysymude.model.symbols import escaped

__all__ = ["activation", "comment", "identifier", "number", "string"]


def number(value: float) -> str:
    """`value` in source; a negative one in parentheses."""
    if not math.isfinite(value):
        raise ValueError(f"{value} is no literal")
    text = repr(float(value))
    return f"({text})" if text.startswith("-") else text


def string(text: str) -> str:
    """A string literal with this text, in which nothing is interpolated."""
    inside = text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return f'"{escaped(inside)}"'


def comment(text: str) -> str:
    """A comment with this text, which ends with its line."""
    return f"# {escaped(text)}"


def identifier(name: str) -> str:
    """`name` itself, as a word of source.

    Raises
    ------
    EmissionError
        It is no plain identifier. The doors refuse such names; a writer must not rest on that alone.
    """
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise EmissionError(f"{name!r} is no plain identifier", target="Julia")
    return name


def activation(name: str) -> str:
    """The name of an activation, which is the same in Julia.

    Raises
    ------
    EmissionError
        There is no such activation.
    """
    if name not in ACTIVATIONS:
        raise EmissionError(f"the activation {name!r} is unknown", target="Julia")
    return name
