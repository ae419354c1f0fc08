"""Formulas in legends: drawn where matplotlib can draw them, else as text."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import sympy as sp

from pysymude.model.network import NetworkDerivative, NetworkOutput
from pysymude.plot.style import plain_text

__all__ = ["formula_text"]

_LONGEST = 60  # letters of a formula's text


@lru_cache(maxsize=256)
def formula_text(expr: Any) -> str:
    """A formula for a legend: mathematics of matplotlib's, or text, with an end where it is long."""
    short = _rounded(expr)
    text = plain_text(str(short))
    if len(text) > _LONGEST:
        return text[: _LONGEST - 3] + "..."
    # a network's name is no product of its letters
    if short.atoms(NetworkOutput, NetworkDerivative):
        return text
    drawn = f"${sp.latex(short)}$"
    return drawn if _is_drawn(drawn) else text


def _rounded(expr: Any) -> Any:
    """Numbers with three digits."""
    numbers = {n: sp.Float(float(n), 3) for n in expr.atoms(sp.Float)}
    return expr.xreplace(numbers)


def _is_drawn(text: str) -> bool:
    """Whether matplotlib's own mathematics knows all of it."""
    from matplotlib.mathtext import MathTextParser

    try:
        MathTextParser("path").parse(text)
    except ValueError:
        return False
    return True
