"""What options and arguments say: pairs, times, the file of a model."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pysymude.errors import InvalidInputError

if TYPE_CHECKING:
    from pysymude.model.system import ODESystem

__all__ = ["parse_numbers", "parse_times", "read_model"]

_MOST_TIMES = 10_000_000


def read_model(path: Path) -> ODESystem:
    """The system in a TOML file, or in one of SBML: .xml or .sbml."""
    from pysymude.model.system import ODESystem

    if path.suffix.lower() in (".xml", ".sbml"):
        return ODESystem.from_sbml(path)
    return ODESystem.from_toml(path)


def parse_numbers(text: str, option: str) -> dict[str, float]:
    """``"x=1, y=2.5"`` as a dict; `option` is named in errors.

    Raises
    ------
    InvalidInputError
        A part is no pair, has no name, comes twice, or its value is no finite number.

    Examples
    --------
    >>> parse_numbers("x=1, y=2e-3", "--u0")
    {'x': 1.0, 'y': 0.002}
    """
    found: dict[str, float] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, equals, value = (p.strip() for p in part.partition("="))
        if not equals or not name:
            raise InvalidInputError(
                f"{option} takes name=value pairs separated by commas, such as x=1,y=2.5; "
                f"found {part!r}"
            )
        if name in found:
            raise InvalidInputError(f"{option} gives {name!r} twice: {text!r}")
        found[name] = _number(value, f"{option} {name}=")
    return found


def parse_times(text: str, option: str) -> NDArray[np.float64]:
    """``"0:10:101"`` (start:stop:count) or ``"0,1,5"`` as float64, shape (times,).

    Raises
    ------
    InvalidInputError
        Neither form; stop is not after start; the count is no whole number from 2 on.

    Examples
    --------
    >>> parse_times("0:1:5", "--t")
    array([0.  , 0.25, 0.5 , 0.75, 1.  ])
    """
    if ":" not in text:
        return np.array([_number(p.strip(), option) for p in text.split(",")])
    parts = [p.strip() for p in text.split(":")]
    if len(parts) != 3:
        raise InvalidInputError(
            f"{option} takes start:stop:count, such as 0:10:101, or a list of times, such as 0,1,5; "
            f"found {text!r}"
        )
    start, stop = (_number(p, option) for p in parts[:2])
    if not stop > start:
        raise InvalidInputError(f"{option}: stop must come after start; found {text!r}")
    if not (parts[2].isascii() and parts[2].isdigit() and 2 <= int(parts[2]) <= _MOST_TIMES):
        raise InvalidInputError(
            f"{option}: the count of times is a whole number from 2 to {_MOST_TIMES}; found "
            f"{parts[2]!r} in {text!r}"
        )
    return np.linspace(start, stop, int(parts[2]))


def _number(text: str, what: str) -> float:
    try:
        # float() reads 1_000 as 1000, which here is more likely a slip
        number = math.nan if "_" in text else float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InvalidInputError(f"{what} takes a finite number; found {text!r}")
    return number
