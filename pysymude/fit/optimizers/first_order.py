"""Adam, from one good point to the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray

from pysymude.fit.optimizers.optimizer import Evaluate, Memory, Point

__all__ = ["Adam"]

Float = NDArray[np.float64]

_NOTHING = 1e-150


@final
@dataclass(frozen=True)
class Adam:
    """Adam with a step size that falls along a half cosine to one hundredth.

    A step into a failed solve is taken back, and the step size is halved from then on.

    References
    ----------
    .. [1] Kingma and Ba, Adam: A Method for Stochastic Optimization, arXiv:1412.6980, algorithm 1.
    """

    learning_rate: float
    iterations: int
    clip: float
    descends: ClassVar[bool] = False
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def start(self, theta: Float) -> Memory:
        """First and second moments zero."""
        zeros = np.zeros_like(theta)
        return {"m": zeros, "v": zeros.copy(), "k": np.zeros(1), "shrink": np.ones(1)}

    def step(self, point: Point, memory: Memory, evaluate: Evaluate) -> Point | None:
        """One Adam step from `point`."""
        gradient = point.gradient
        norm = float(np.linalg.norm(gradient))
        if norm > self.clip:
            gradient = gradient * (self.clip / norm)
        k = memory["k"][0] + 1
        memory["k"] = np.array([k])
        memory["m"] = self.beta1 * memory["m"] + (1 - self.beta1) * gradient
        memory["v"] = self.beta2 * memory["v"] + (1 - self.beta2) * gradient**2
        m = memory["m"] / (1 - self.beta1**k)
        v = memory["v"] / (1 - self.beta2**k)
        # beside slopes, which are small where the data are in large units
        size = float(memory.setdefault("size", np.array([norm]))[0])
        epsilon = max(self.epsilon * min(size, 1.0), _NOTHING)
        cosine = 0.505 + 0.495 * np.cos(np.pi * min(k / max(self.iterations, 1), 1.0))
        for _ in range(20):
            rate = self.learning_rate * cosine * memory["shrink"][0]
            found = evaluate(point.theta - rate * m / (np.sqrt(v) + epsilon))
            if found.ok:
                return found
            memory["shrink"] = memory["shrink"] / 2
        return None

    def promise(self, point: Point, memory: Memory) -> float:
        """Not known: it has no model of the loss."""
        return np.inf
