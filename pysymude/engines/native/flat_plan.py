"""The plan of `flat_lu`: which number of the factors each entry changes, for small systems with many zeros.

The factors are one run of numbers: the inverses of the pivots, and then for each pivot, in the order of
elimination, the entries right of it (U) and below it (L). No rows are exchanged, see `sparse_plan`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.native.sparse_plan import Elimination, Pivots, eliminate

__all__ = ["plan_flat"]

Ints = NDArray[np.int64]


def plan_flat(n: int, rows: Ints, columns: Ints, pivots: Pivots | None = None) -> Elimination:
    """The elimination for matrices a I - J, where J has entries at the given rows and columns.

    The plan holds n, the number of entries, the size of the factors; for each entry its place in them; for each
    pivot where its part begins, and these parts: its row, how many entries are right of it and below it, where
    their values begin, their columns and rows, and for each product of one below and one right its place.
    """
    order, upper, lower = pivots or eliminate(n, rows, columns)
    right, below = [sorted(upper[k]) for k in order], [sorted(lower[k]) for k in order]
    place = {(k, k): i for i, k in enumerate(order)}
    begins: list[int] = []
    size = n
    for k, ahead, under in zip(order, right, below, strict=True):
        begins.append(size)
        for j in ahead:
            place[k, j] = size
            size += 1
        for i in under:
            place[i, k] = size
            size += 1
    parts: list[int] = []
    heads: list[int] = []
    for k, ahead, under, begin in zip(order, right, below, begins, strict=True):
        heads.append(n + len(parts))
        targets = [place[i, j] for i in under for j in ahead]
        parts += [k, len(ahead), len(under), begin, *ahead, *under, *targets]
    entries = [place[r, c] for r, c in zip(rows.tolist(), columns.tolist(), strict=True)]
    plan = np.array([n, len(entries), size, *entries, *heads, *parts], dtype=np.int64)
    products = sum(len(a) * len(b) for a, b in zip(right, below, strict=True))
    return Elimination(plan, n, size, products, n)
