"""What a loss is a sum of: the three kinds of terms, by who can compute them.

- A *score* judges what the model gives for each measurement. The engine solves, hands over what it saw, and
  takes the score's derivatives back through the solve.
- A *term* is a function of theta alone: nothing is solved for it.
- A *tie* is computed by the engine on its way: it asks for more in the engine's own sum of squares.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from pysymude.model.dataset import Dataset
from pysymude.plan.problem import LossData, LossSpec

__all__ = ["AbstractScore", "AbstractTerm", "AbstractTie"]

Float = NDArray[np.float64]


class AbstractScore(ABC):
    """The worth of what a model gives for measurements, in place of the plain sum of squares.

    Laws
    ----
    The derivatives that `evaluate` gives are the central differences of its value, for each entry of `seen`.
    """

    @abstractmethod
    def evaluate(self, seen: Float, loss: LossData, *, gradient: bool) -> tuple[float, Float]:
        """The value, and its derivatives by `seen` (E, T, columns); these are 0 where not asked for."""

    @abstractmethod
    def complaint(self, seen: Float, loss: LossData, data: Dataset) -> str:
        """A sentence about why the value is not finite, or ""."""


class AbstractTerm(ABC):
    """A named part of a loss that is a function of theta alone.

    Laws
    ----
    The slopes that `evaluate` gives are the central differences of its value.
    """

    name: str

    @abstractmethod
    def evaluate(self, theta: Float, *, gradient: bool) -> tuple[float, Float | None]:
        """The value, and its slopes by theta where they are asked for."""


class AbstractTie(ABC):
    """A part of a loss that an engine computes along its solve.

    Laws
    ----
    What `asked` returns has the same measurements, with the same weights.
    """

    @abstractmethod
    def asked(self, spec: LossSpec, loss: LossData) -> tuple[LossSpec, LossData]:
        """What an engine is asked for with this term in it."""
