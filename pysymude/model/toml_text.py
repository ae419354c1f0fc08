"""Names, text and numbers in TOML source; see `pysymude.model.toml` for what a model file says."""

from __future__ import annotations

import math
from collections.abc import Iterable

from pysymude.errors import EmissionError, InvalidInputError
from pysymude.model.symbols import check_name

__all__ = ["toml_list", "toml_name", "toml_number", "toml_string"]


def toml_name(name: str) -> str:
    """`name` itself, as a key or as a word of an expression.

    Raises
    ------
    EmissionError
        It is no plain identifier. The doors refuse such names; a writer must not rest on that alone.
    """
    try:
        return check_name(name, what="a name in a model file")
    except InvalidInputError as error:
        raise EmissionError(str(error), target="TOML") from None


def toml_string(text: str) -> str:
    """A string with this text."""
    return f'"{"".join(map(_character, text))}"'


def _character(c: str) -> str:
    if c in '"\\':
        return f"\\{c}"
    if c.isascii() and c.isprintable():
        return c
    return f"\\u{ord(c):04x}" if ord(c) < 0x10000 else f"\\U{ord(c):08x}"


def toml_list(items: Iterable[str]) -> str:
    """An array of strings."""
    return f"[{', '.join(map(toml_string, items))}]"


def toml_number(value: float) -> str:
    """A float, which needs a point or an exponent; infinities are bounds."""
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return repr(float(value))
