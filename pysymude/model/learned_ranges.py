"""Bounds and scales of trainable parameters, checked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import sympy as sp

from pysymude.errors import InvalidInputError
from pysymude.model.system_input import mapping_of
from pysymude.model.transforms import is_logarithmic

__all__ = ["bounds_of", "scales_of"]

Names = Mapping[Any, Any]


Lookup = Callable[..., sp.Symbol]
"""A system's symbol by name."""


def bounds_of(
    trainable: Mapping[sp.Symbol, float], symbol_of: Lookup, given: Names
) -> dict[sp.Symbol, tuple[float, float]]:
    """(low, high) of every trainable parameter, around its start."""
    bounds = {s: (0.0 if s.is_positive else -np.inf, np.inf) for s in trainable}
    for key, pair in mapping_of("bounds", given).items():
        symbol = _trainable(symbol_of, key, trainable, what="bounds=")
        bounds[symbol] = _interval(symbol.name, pair)
    for symbol, (low, high) in bounds.items():
        start = trainable[symbol]
        if not low <= start <= high or (np.inf in (-low, high) and start in (low, high)):
            raise InvalidInputError(
                f"the bounds of {symbol.name!r} are [{low:g}, {high:g}], which excludes its "
                f"start {start:g}"
            )
    return bounds


def scales_of(
    bounds: Mapping[sp.Symbol, tuple[float, float]], symbol_of: Lookup, given: Names
) -> dict[sp.Symbol, str]:
    """How every trainable parameter is learned between its bounds."""
    scales = {s: "log" if is_logarithmic(*b) else "linear" for s, b in bounds.items()}
    for key, scale in mapping_of("scales", given).items():
        symbol = _trainable(symbol_of, key, bounds, what="scales=")
        if scale not in ("log", "linear"):
            raise InvalidInputError(
                f"scales[{symbol.name}] must be 'log' or 'linear'; found {scale!r}"
            )
        low, high = bounds[symbol]
        if scale == "log" and not (low == 0.0 and high == np.inf) and not 0.0 < low < high < np.inf:
            raise InvalidInputError(
                f"scales[{symbol.name}]='log' needs the bounds (0, inf), or two positive ones; found "
                f"({low:g}, {high:g})"
            )
        scales[symbol] = scale
    return scales


def _trainable(
    symbol_of: Lookup, key: Any, known: Collection[sp.Symbol], *, what: str
) -> sp.Symbol:
    symbol = symbol_of(key, what=what)
    if symbol not in known:
        raise InvalidInputError(
            f"{what} names {symbol.name!r}, which is not trainable; "
            f"put it in trainable={{{symbol.name}: start}}"
        )
    return symbol


def _interval(name: str, pair: Any) -> tuple[float, float]:
    try:
        low, high = pair
        low = -np.inf if low is None else float(low)
        high = np.inf if high is None else float(high)
    except (TypeError, ValueError):
        raise InvalidInputError(
            f"bounds[{name}] must be (low, high), with None for no bound; found {pair!r}"
        ) from None
    if not low < high:
        raise InvalidInputError(f"bounds[{name}] must have low < high; found ({low:g}, {high:g})")
    return low, high
