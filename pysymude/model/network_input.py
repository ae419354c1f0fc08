"""What a user says of a network, checked."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import sympy as sp

from pysymude.errors import InvalidInputError

__all__ = ["biases_of", "inputs_of", "scaling_of", "width_of"]


def inputs_of(name: str, inputs: Any) -> tuple[sp.Expr, ...]:
    """The inputs as SymPy expressions; numbers allowed, text refused."""
    given = list(inputs) if isinstance(inputs, (list, tuple, sp.Tuple)) else [inputs]
    if not given:
        raise InvalidInputError(f"MLP {name!r}: inputs must name at least one expression; found []")
    for z in given:
        if not isinstance(z, (sp.Expr, int, float)) or isinstance(z, bool):
            raise InvalidInputError(
                f"MLP {name!r}: inputs must be SymPy expressions of states, parameters and time; "
                f"found {z!r} of type {type(z).__name__}"
            )
    return tuple(cast("sp.Expr", sp.sympify(z, strict=True)) for z in given)


def biases_of(name: str, given: Any, layers: int) -> tuple[bool, ...]:
    """Whether each layer has a bias."""
    several = list(given) if isinstance(given, (list, tuple, np.ndarray)) else [given] * layers
    if len(several) != layers or not all(isinstance(one, (bool, np.bool_)) for one in several):
        raise InvalidInputError(
            f"MLP {name!r}: bias= takes True or False, or one of them for each of its {layers} layers; found "
            f"{given!r}"
        )
    return tuple(map(bool, several))


def width_of(name: str, what: str, value: Any) -> int:
    """A positive number of units."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise InvalidInputError(f"MLP {name!r}: {what} must be positive integers; found {value!r}")
    return int(value)


def scaling_of(name: str, what: str, given: Any, size: int) -> Any:
    """None, "data", or ((shift, ...), (scale, ...)) as nested tuples of floats."""
    if given is None or (isinstance(given, str) and given == "data"):
        return given
    advice = f'MLP {name!r}: {what} must be None, "data" or (shift, scale) for {size} values'
    if isinstance(given, str) or not isinstance(given, (tuple, list)) or len(given) != 2:
        raise InvalidInputError(f"{advice}; found {given!r}")
    try:
        shift, scale = (np.broadcast_to(np.asarray(g, dtype=np.float64), (size,)) for g in given)
    except (TypeError, ValueError):
        raise InvalidInputError(f"{advice}; found {given!r}") from None
    if not (np.isfinite(shift).all() and np.isfinite(scale).all() and (scale != 0).all()):
        raise InvalidInputError(f"{advice}, finite and with scale not 0; found {given!r}")
    return tuple(map(float, shift)), tuple(map(float, scale))
