"""Losses of one measurement, whose gradients can be written down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

import pysymude as psu
from pysymude.fit.loss.objective import Objective

__all__ = ["SENSEALGS", "end_loss", "end_slope"]

Float = NDArray[np.float64]

SENSEALGS = ("adjoint", "forward")


def end_loss(
    system: psu.ODESystem, u0: Mapping[Any, float], end: float, **keywords: Any
) -> Objective:
    """The square of the first state (or observable) at `end`, from 0 on: (value, and 2 x dx/dtheta)."""
    column = next(iter(system.observables), None) or next(iter(system.states)).name
    data = psu.Dataset.from_arrays([0.0, end], [[np.nan], [0.0]], states=[column], u0=u0)
    return psu.objective(system, data, **keywords)


def end_slope(obj: Objective) -> tuple[float, Float]:
    """|x(end)| and d|x(end)|/dtheta at the objective's start, from its value and gradient."""
    found = obj.evaluate(obj.theta0())
    assert found.success, found.retcode
    root = float(np.sqrt(found.value))
    return root, found.gradient / (2 * root)
