"""Limited-memory BFGS, from one good point to the next."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray

from pysymude.fit.optimizers.optimizer import Evaluate, Memory, Point

__all__ = ["LBFGS"]

Float = NDArray[np.float64]
_NOTHING = 1e-100  # slopes whose squares are no numbers any more
# what is rounding is told by this many times the loss so many iterations ago
_ABOVE, _RECENT = 1e3, 20
_SMALL = 1e-6  # a loss that begins below is one in other units


@final
@dataclass(frozen=True)
class LBFGS:
    """Limited-memory BFGS with SciPy's line search for the strong Wolfe conditions.

    References
    ----------
    .. [1] Nocedal and Wright, Numerical Optimization, 2nd ed., algorithms 7.4, 7.5, 3.5.
    """

    memory: int = 50
    tolerance: float = 1e-12
    descends: ClassVar[bool] = True

    def start(self, theta: Float) -> Memory:
        """No pairs yet."""
        empty = np.zeros((0, theta.size))
        return {"s": empty, "y": empty.copy()}

    def step(
        self, point: Point, memory: Memory, evaluate: Evaluate, along: Float | None = None
    ) -> Point | None:
        """One quasi-Newton step; further tries along the gradient, ever shorter, before giving up.

        `along` is the `direction` where the caller has it.
        """
        memory.setdefault("first", np.array([abs(point.value)]))
        recent = memory.get("recent", memory["first"])
        if self.is_flat(point, memory):
            return None
        known = dict(memory)
        found = None
        if len(memory["s"]):
            found = self._search(point, memory, evaluate, 1.0, along)
        for length in (1e-1, 1e-3, 1e-5):
            if found is not None and found.value < point.value:
                break
            memory |= self.start(point.theta)
            found = self._search(point, memory, evaluate, length)
        if found is None or not found.value < point.value:
            memory |= known  # what `promise` judges by
            return None
        s, y = found.theta - point.theta, found.gradient - point.gradient
        if float(s @ y) > 1e-14 * float(np.linalg.norm(s) * np.linalg.norm(y)):
            memory["s"] = np.vstack([memory["s"], s])[-self.memory :]
            memory["y"] = np.vstack([memory["y"], y])[-self.memory :]
        memory["recent"] = np.append(recent, abs(found.value))[-_RECENT:]
        return found

    def is_flat(self, point: Point, memory: Memory) -> bool:
        """Whether the slope is rounding beside the loss, whatever the unit of that is.

        Beside the loss some iterations ago: that at the start, if it was far above all data, is no measure.
        """
        steepest = float(np.abs(point.gradient).max())
        first = memory.get("first", np.array([abs(point.value)]))
        size = float(min(first[0], _ABOVE * memory.get("recent", first)[0]))
        return steepest <= self.tolerance * size or steepest < _NOTHING

    def promise(self, point: Point, memory: Memory) -> float:
        """Half of the slope along the quasi-Newton step."""
        if not len(memory["s"]):
            return 0.0 if self.is_flat(point, memory) else np.inf
        return -0.5 * float(point.gradient @ self.direction(point, memory))

    def direction(self, point: Point, memory: Memory) -> Float:
        """Minus the approximate inverse Hessian times the gradient."""
        return _direction(point.gradient, memory)

    def _search(
        self,
        point: Point,
        memory: Memory,
        evaluate: Evaluate,
        length: float,
        along: Float | None = None,
    ) -> Point | None:
        """A better point along the quasi-Newton direction; without memory it has at most that length.

        Without memory a step is the slope itself, of a loss whose first value is not small: in other units
        of the data all steps are the same.
        """
        # loaded here because most starts do without it
        from scipy.optimize import line_search

        direction = self.direction(point, memory) if along is None else along
        if not len(memory["s"]):
            unit = max(min(1.0, float(memory["first"][0]) / _SMALL), _NOTHING)
            direction = direction * min(1.0 / unit, length / float(np.linalg.norm(direction)))
        seen: dict[bytes, Point] = {}

        def at(theta: Float) -> Point:
            key = theta.tobytes()
            if key not in seen:
                seen[key] = evaluate(theta)
            return seen[key]

        def value(theta: Float) -> float:
            # far above, but finite, so that the interpolation inside the search backs off
            found = at(theta)
            return found.value if found.ok else 1e3 * (abs(point.value) + 1.0)

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            step = line_search(
                value, lambda z: at(z).gradient, point.theta, direction,
                gfk=point.gradient, old_fval=point.value, maxiter=20,
            )[0]  # fmt: skip
        if step is not None:
            found = at(point.theta + step * direction)
            return found if found.ok else None
        better = [p for p in seen.values() if p.ok and p.value < point.value]
        return min(better, key=lambda p: p.value) if better else None


def _direction(gradient: Float, memory: Memory) -> Float:
    """The two-loop recursion."""
    q = -gradient
    products: list[float] = np.vecdot(memory["s"], memory["y"]).tolist()
    pairs = list(zip(memory["s"], memory["y"], products, strict=True))
    alphas: list[float] = []
    for s, y, product in reversed(pairs):
        alpha = float(s.dot(q)) / product
        alphas.append(alpha)
        q -= alpha * y
    if pairs:
        _, y, product = pairs[-1]
        q *= product / float(y.dot(y))
    for (s, y, product), alpha in zip(pairs, reversed(alphas), strict=True):
        q += (alpha - float(y.dot(q)) / product) * s
    return q
