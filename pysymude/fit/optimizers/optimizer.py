"""What an optimiser is: one step at a time, so that the training loop can stop, save and go on anywhere.

Each keeps its memory in a dict of arrays, which goes into checkpoints as it is: a resumed fit takes
the same steps as one that was never interrupted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Evaluate", "Memory", "Optimizer", "Point"]

Float = NDArray[np.float64]
Memory = dict[str, Float]


@dataclass(frozen=True, eq=False)
class Point:
    """A loss at one theta; `ok` is False where a solve failed, and then only `theta` counts."""

    theta: Float
    value: float
    gradient: Float
    ok: bool
    terms: dict[str, float] = field(default_factory=dict)
    message: str = ""


Evaluate = Callable[[Float], Point]


class Optimizer(Protocol):
    """From one good point to the next.

    `descends`: each step is downhill, so that steps which gain nothing are the end.
    """

    descends: ClassVar[bool]

    def start(self, theta: Float) -> Memory:
        """An empty memory."""
        ...

    def step(self, point: Point, memory: Memory, evaluate: Evaluate) -> Point | None:
        """The next good point, with `memory` brought up to date; None where no step helps."""
        ...

    def promise(self, point: Point, memory: Memory) -> float:
        """How much a further step would gain if the optimiser's model of the loss were right."""
        ...
