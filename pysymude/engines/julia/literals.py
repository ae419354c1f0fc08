"""Numbers as Julia literals that read back to the same float64."""

from __future__ import annotations

import math

__all__ = ["number"]


def number(value: float) -> str:
    """`value` in source; a negative one in parentheses."""
    if not math.isfinite(value):
        raise ValueError(f"{value} is no literal")
    text = repr(float(value))
    return f"({text})" if text.startswith("-") else text
