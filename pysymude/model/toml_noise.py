"""Noise models and priors in a model file: a family and its arguments, as text."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection
from typing import Any

import sympy as sp

from pysymude.errors import InvalidInputError, ModelFileError
from pysymude.model.distributions.distribution import Distribution
from pysymude.model.toml_table import TomlTable

__all__ = ["described", "read_distributions"]

_CALL = re.compile(r"\s*([A-Z]\w*)\s*\((.*)\)\s*\Z", re.DOTALL)


def read_distributions(
    table: TomlTable, parse: Callable[[str, str], sp.Expr]
) -> dict[str, Distribution]:
    """The distribution under each key of a table: ``"LogNormal(sigma)"``, or an expression for Normal.

    `parse` takes an expression's text and where it stands.
    """
    if not table.values:
        return {}
    # SciPy's special functions take a while to load
    from pysymude.model.distributions.by_name import DISTRIBUTIONS
    from pysymude.model.distributions.normal import Normal

    found: dict[str, Distribution] = {}
    for key in table.values:
        text = table.expression(key)
        call = _CALL.match(text)
        family: type[Distribution] = Normal
        parts = [text]
        if call is not None and call[1] in DISTRIBUTIONS:
            family, parts = DISTRIBUTIONS[call[1]], _split(call[2])
        try:
            found[key] = family(*(parse(part, table.where(key)) for part in parts))
        except ModelFileError as error:
            # which says where it stands
            hint = _family_meant(text, DISTRIBUTIONS)
            raise (table.error(key, hint) if hint else error) from None
        except InvalidInputError as error:
            raise table.error(key, str(error)) from error
    return found


def _family_meant(text: str, families: Collection[str]) -> str:
    """A sentence about a call of something that is nearly the name of a family, or empty."""
    name = text.partition("(")[0].strip()
    lower = {family.lower(): family for family in families}
    close = difflib.get_close_matches(name.lower(), lower, n=1, cutoff=0.75)
    if name in families or "(" not in text or not close:
        return ""
    return f"there is no distribution {name!r}; did you mean {lower[close[0]]}?"


def _split(text: str) -> list[str]:
    """Arguments, at the commas outside of all parentheses."""
    parts, depth, begin = list[str](), 0, 0
    for i, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append(text[begin:i])
            begin = i + 1
    parts.append(text[begin:])
    return [part for part in parts if part.strip()]


def described(model: Distribution, write: Callable[[Any], str]) -> str:
    """The inverse for one distribution."""
    return f"{type(model).__name__}({', '.join(write(a) for a in model.args)})"
