"""`Task`: what one leg of training minimises, as a function of its own vector of unknowns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.base import Evaluation
from pysymude.fit.optimizers.optimizer import Point

__all__ = ["Task"]

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Task:
    """A loss over theta and perhaps some unknowns of its own behind it.

    Attributes
    ----------
    run : callable
        ``run(vector, step)`` gives an `Evaluation` with its gradient; `step` counts iterations.
    decay : float64 array, shape (parameters,)
        The weight of each number's square.
    extra : float64 array
        Where the unknowns of its own start.
    full : bool
        Whether it is the whole training loss, of which the best theta is kept.
    resting : tuple of int
        Places of theta that stay as they are.
    """

    run: Callable[[Float, int], Evaluation]
    decay: Float
    extra: Float
    full: bool = False
    resting: tuple[int, ...] = ()

    def embed(self, theta: Float) -> Float:
        """The task's vector for a theta."""
        return np.concatenate([theta, self.extra])

    def extract(self, vector: Float) -> Float:
        """Theta out of the task's vector."""
        return vector[: vector.size - self.extra.size]

    def evaluate(self, vector: Float, step: int = 0) -> Point:
        """Value, gradient and named terms at the task's vector, as the step of that number sees them."""
        here = self.run(vector, step)
        if not here.success or here.gradient is None:
            return Point(vector, np.inf, np.zeros_like(vector), False, {}, here.message)
        theta = self.extract(vector)
        gradient = here.gradient.copy()
        gradient[: theta.size] += 2 * self.decay * theta
        gradient[list(self.resting)] = 0.0
        decay = float(self.decay @ theta**2)
        terms = {k: v for k, v in here.terms.items() if k == "data" or v != 0}
        if decay:
            terms["weight_decay"] = decay
        return Point(vector, here.value + decay, gradient, True, terms)
