"""The loops of small linear systems with many zeros: number by number, by a plan of `flat_plan`.

Where rows have a few entries, loops over runs of them cost more than the entries do.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.native.compiling import inner

__all__ = ["factor_flat", "solve_flat", "solve_flat_transposed"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@inner
def factor_flat(plan: Ints, a: float, J: Floats, oj: int, F: Floats, o: int) -> bool:
    """The factors of a I - J, into F from `o` on; false where a pivot is 0 or not finite.

    The values of J are those from `oj` on.
    """
    n, m, size = plan[0], plan[1], plan[2]
    values = F[o : o + size]
    values[:] = 0.0
    values[:n] = a
    for k in range(m):
        values[plan[3 + k]] -= J[oj + k]
    at = plan[3 + m :]
    for k in range(n):
        if not (0.0 < abs(values[k]) < np.inf):
            return False
        inverse = 1.0 / values[k]
        values[k] = inverse
        c = at[k]
        right, below, p = at[c + 1], at[c + 2], at[c + 3]
        target = c + 4 + right + below
        for i in range(below):
            x = values[p + right + i] * inverse
            values[p + right + i] = x
            for j in range(right):
                values[at[target + j]] -= x * values[p + j]
            target += right
    return True


@inner
def _spread(y: Any, s: Any, values: Any, p: Any, at: Any, c: Any, count: Any) -> None:
    """From the places that are listed at c: s times the values from p on."""
    for i in range(count):
        y[at[c + i]] -= values[p + i] * s


@inner
def _less(s: Any, y: Any, values: Any, p: Any, at: Any, c: Any, count: Any) -> Any:
    """What is left of s without the values from p on, times what is at the places that are listed at c."""
    for i in range(count):
        s -= values[p + i] * y[at[c + i]]
    return s


@inner
def solve_flat(plan: Ints, F: Floats, o: int, x: Floats, ox: int) -> None:
    """x <- (a I - J)^-1 x, for what `factor_flat` left in F."""
    n, values = plan[0], F[o : o + plan[2]]
    y, at = x[ox : ox + n], plan[3 + plan[1] :]
    for k in range(n):
        c = at[k]
        right = at[c + 1]
        _spread(y, y[at[c]], values, at[c + 3] + right, at, c + 4 + right, at[c + 2])
    for k in range(n - 1, -1, -1):
        c = at[k]
        y[at[c]] = _less(y[at[c]], y, values, at[c + 3], at, c + 4, at[c + 1]) * values[k]


@inner
def solve_flat_transposed(plan: Ints, F: Floats, o: int, x: Floats, ox: int) -> None:
    """x <- transpose(a I - J)^-1 x, for what `factor_flat` left in F."""
    n, values = plan[0], F[o : o + plan[2]]
    y, at = x[ox : ox + n], plan[3 + plan[1] :]
    for k in range(n):
        c = at[k]
        y[at[c]] *= values[k]
        _spread(y, y[at[c]], values, at[c + 3], at, c + 4, at[c + 1])
    for k in range(n - 1, -1, -1):
        c = at[k]
        right = at[c + 1]
        y[at[c]] = _less(y[at[c]], y, values, at[c + 3] + right, at, c + 4 + right, at[c + 2])
