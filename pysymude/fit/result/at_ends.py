"""Learned numbers that have gone to an end of what they may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pysymude.fit.problem.frozen import is_frozen
from pysymude.model.theta import Slot

if TYPE_CHECKING:
    from pysymude.fit.result.fit_result import FitResult

__all__ = ["at_ends", "numbers_of"]

_EDGE = 6.0  # on the unconstrained scale between two bounds: a 400th of the interval
_GONE = 16.0  # on the scale of a logarithm, from the start: a value that has fallen ten millionfold


def numbers_of(fit: FitResult) -> list[Slot]:
    """Parameters and starts that were learned."""
    slots = [*fit.layout.of_kind("parameter"), *fit.layout.of_kind("u0")]
    return [slot for slot in slots if not is_frozen(slot.name, fit.objective.frozen)]


def at_ends(fit: FitResult) -> dict[str, str]:
    """By name a sentence on each number that lies at a bound, has run to it, or has run away."""
    found: dict[str, str] = {}
    start = fit.objective.theta0(fit.seed)
    for slot in numbers_of(fit):
        z, value = fit.theta[slot.offset], slot.natural(fit.theta[slot.offset])
        low, high = np.isfinite(slot.low), np.isfinite(slot.high)
        if low and high and abs(z) > _EDGE and abs(z) > abs(start[slot.offset]) + 1.0:
            bound = slot.low if z < 0 else slot.high
            found[slot.name] = f"{slot.name} = {value:.4g} lies at its bound {bound:g}"
        elif low != high and z < start[slot.offset] - _GONE:
            bound = slot.low if low else slot.high
            found[slot.name] = f"{slot.name} = {value:.4g} has run to its bound {bound:g}"
        elif low != high and z > start[slot.offset] + _GONE:
            found[slot.name] = f"{slot.name} = {value:.4g} has run away"
    return found
