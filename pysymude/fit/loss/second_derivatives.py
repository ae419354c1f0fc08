"""Second derivatives by central differences of exact first ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from pysymude.errors import InvalidInputError
from pysymude.fit.loss.objective import Objective

__all__ = ["second_derivatives", "slopes_around"]

Float = NDArray[np.float64]


def second_derivatives(
    gradient: Callable[[Float], Float],
    theta: Float,
    places: NDArray[np.int64],
    steps: Sequence[float] | Float,
) -> Float:
    """Those by the numbers at some places, made symmetric; each is moved by its own step to both sides."""
    rows: list[Float] = []
    for place, h in zip(places, steps, strict=True):
        sides: list[Float] = []
        for sign in (1.0, -1.0):
            moved = theta.copy()
            moved[place] += sign * h
            sides.append(gradient(moved)[places])
        rows.append((sides[0] - sides[1]) / (2 * h))
    matrix = np.array(rows).reshape(places.size, places.size)
    return 0.5 * (matrix + matrix.T)


def slopes_around(obj: Objective) -> Callable[[Float], Float]:
    """The gradient of an objective around a fit.

    Raises
    ------
    InvalidInputError
        There is none at a theta, when the function is called with it.
    """

    def gradient(theta: Float) -> Float:
        found = obj.evaluate(theta)
        if not found.success or found.gradient is None:
            raise InvalidInputError(f"the loss cannot be evaluated around the fit: {found.message}")
        return found.gradient

    return gradient
