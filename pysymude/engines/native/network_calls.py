"""Networks as data: the row of integers and the slots of one use of a network at one point, a call."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pysymude.model.network_values import Scaling

__all__ = [
    "BASE",
    "INPUTS",
    "KIND",
    "KINDS",
    "LAYERS",
    "MEMBERS",
    "ORDER",
    "ROOM",
    "SCALING",
    "TOP",
    "WEIGHTS",
    "WEIGHTS_END",
    "WIDTHS",
    "CallLayout",
    "count_weights",
    "pack_call",
    "pack_scaling",
]

# The row of a call: these, then the widths, then the inputs' slots
ORDER, INPUTS, LAYERS, KIND, WEIGHTS, WEIGHTS_END, SCALING, BASE, TOP, MEMBERS, ROOM, WIDTHS = (
    range(12)
)

KINDS = {
    name: kind
    for kind, name in enumerate(
        ["tanh", "sigmoid", "swish", "gelu", "softplus", "rbf", "relu", "identity"]
    )
}
"""The code of each activation; those up to gelu are formed from a tanh."""


class CallLayout:
    """The slots of a call, counted from its first, of a network with these widths.

    `widths` runs from the inputs to the outputs. `order` 0: the outputs alone; 1: their derivatives with
    respect to the inputs as well; 2: the second derivatives as well.

    A layer has room for whole fours. It holds the members of its units' jets one after the other: the
    values, the derivatives with respect to each input, the second ones of each pair of inputs once. A hidden
    layer holds these behind the activation, then those before it (the slopes in place of the values), and
    from order 1 the curvatures and the third derivatives.

    Attributes
    ----------
    size : int
        How many slots the call takes; those of what it reads are not among them.
    top : int
        Where the results begin.
    """

    def __init__(self, widths: Sequence[int], order: int) -> None:
        self._n, self._order = widths[0], order
        n, steps = widths[0], [padded(width) for width in widths]
        self.members = [1, 1 + n, 1 + n + n * (n + 1) // 2][order]
        self.room = 2 * self.members + (2 if order > 0 else 0)
        self.top = steps[0] * self.members + sum(steps[1:-1]) * self.room
        self._step = steps[-1]
        self.size = self.top + self._step * self.members

    def output(self, i: int) -> int:
        """The slot of output i."""
        return self.top + i

    def jacobian(self, i: int, j: int) -> int:
        """The slot of the derivative of output i with respect to input j, from order 1."""
        return self.top + self._step * (1 + j) + i

    def hessian(self, i: int, j: int, k: int) -> int:
        """The slot of its second derivative with respect to inputs j and k in any order, at order 2."""
        j, k = min(j, k), max(j, k)
        pair = j * self._n - j * (j - 1) // 2 + k - j
        return self.top + self._step * (1 + self._n + pair) + i


def padded(width: int) -> int:
    """The slots of a layer: whole fours."""
    return (width + 3) & -4


def pack_call(
    widths: Sequence[int],
    activation: str,
    *,
    order: int,
    weights: int,
    scaling: int,
    base: int,
    inputs: Sequence[int],
) -> NDArray[np.int64]:
    """The row of a call that reads the slots `inputs` and whose own slots begin at `base`.

    The network's weights begin at theta[weights], its scaling at scaling[scaling].
    """
    layout = CallLayout(widths, order)
    head = [order, widths[0], len(widths) - 1, KINDS[activation]]
    head += [weights, weights + count_weights(widths), scaling]
    head += [base, base + layout.top, layout.members, layout.room]
    return np.array([*head, *widths, *inputs], dtype=np.int64)


def pack_scaling(scaling: Scaling) -> NDArray[np.float64]:
    """A network's scaling as the loops read it: input shifts, 1/scales, output shifts, scales."""
    parts = [scaling.input_shift, 1.0 / scaling.input_scale]
    return np.concatenate([*parts, scaling.output_shift, scaling.output_scale])


def count_weights(widths: Sequence[int]) -> int:
    """How many weights and biases a network with these widths has."""
    return sum((c + 1) * r for c, r in pairwise(widths))
