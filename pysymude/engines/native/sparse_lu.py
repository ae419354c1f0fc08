"""The loops of sparse linear systems, by a plan of `sparse_plan`: its docstring has the layout."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.native.compiling import inner, summed

__all__ = ["factor_sparse", "solve_sparse", "solve_sparse_transposed"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@inner
def factor_sparse(
    plan: Ints, a: float, J: Floats, oj: int, F: Floats, o: int, w: Floats, ow: int
) -> bool:
    """The factors of a I - J, into F from `o` on; false where a pivot is 0 or not finite.

    The values of J are those from `oj` on; n numbers of w from `ow` on are overwritten.
    """
    n, m, size = plan[0], plan[1], plan[2]
    place = plan[3 + n : 3 + n + m]
    heads = plan[3 + n + 3 * m : 7 + 5 * n + 3 * m]
    runs = plan[7 + 5 * n + 3 * m :]
    values, row = F[o : o + size], w[ow : ow + n]
    values[:] = 0.0
    values[:n] = a
    for k in range(m):
        values[place[k]] -= J[oj + k]
    for i in range(n):
        begin, upper, end, p = heads[4 * i], heads[4 * i + 1], heads[4 * i + 4], heads[4 * i + 2]
        row[i] = values[i]
        for e in range(begin, end):
            first, length = runs[2 * e], runs[2 * e + 1]
            _copy(row, first, values, p, length)
            p += length
        for e in range(begin, upper):
            for k in range(runs[2 * e], runs[2 * e] + runs[2 * e + 1]):
                x = row[k] * values[k]
                row[k] = x
                if x != 0.0:
                    _subtract(
                        row, x, values, heads[4 * k + 3], runs, heads[4 * k + 1], heads[4 * k + 4]
                    )
        if not (0.0 < abs(row[i]) < np.inf):
            return False
        values[i] = 1.0 / row[i]
        p = heads[4 * i + 2]
        for e in range(begin, end):
            first, length = runs[2 * e], runs[2 * e + 1]
            _copy(values, p, row, first, length)
            p += length
    return True


@inner
def _copy(y: Floats, oy: int, x: Floats, ox: int, n: int) -> None:
    for i in range(n):
        y[oy + i] = x[ox + i]


@inner
def _subtract(
    y: Floats, x: float, values: Floats, p: int, runs: Ints, begin: int, end: int
) -> None:
    """y -= x times the row that consists of the runs from `begin` to `end`, with values from p on."""
    for e in range(begin, end):
        first, length = runs[2 * e], runs[2 * e + 1]
        for j in range(length):
            y[first + j] -= x * values[p + j]
        p += length


@summed
def _product(y: Floats, values: Floats, p: int, runs: Ints, begin: int, end: int) -> float:
    """Y times that row."""
    total = 0.0
    for e in range(begin, end):
        first, length = runs[2 * e], runs[2 * e + 1]
        for j in range(length):
            total += y[first + j] * values[p + j]
        p += length
    return total


@inner
def solve_sparse(plan: Ints, F: Floats, o: int, x: Floats, ox: int, w: Floats, ow: int) -> None:
    """x <- (a I - J)^-1 x, for what `factor_sparse` left in F; n numbers of w are overwritten."""
    n, m = plan[0], plan[1]
    heads = plan[3 + n + 3 * m : 7 + 5 * n + 3 * m]
    runs = plan[7 + 5 * n + 3 * m :]
    values, y = F[o : o + plan[2]], w[ow : ow + n]
    for i in range(n):
        y[i] = x[ox + plan[3 + i]]
    for i in range(n):
        y[i] -= _product(y, values, heads[4 * i + 2], runs, heads[4 * i], heads[4 * i + 1])
    for i in range(n - 1, -1, -1):
        s = _product(y, values, heads[4 * i + 3], runs, heads[4 * i + 1], heads[4 * i + 4])
        y[i] = (y[i] - s) * values[i]
        x[ox + plan[3 + i]] = y[i]


@inner
def solve_sparse_transposed(
    plan: Ints, F: Floats, o: int, x: Floats, ox: int, w: Floats, ow: int
) -> None:
    """x <- transpose(a I - J)^-1 x, for what `factor_sparse` left in F; n numbers of w are overwritten."""
    n, m = plan[0], plan[1]
    heads = plan[3 + n + 3 * m : 7 + 5 * n + 3 * m]
    runs = plan[7 + 5 * n + 3 * m :]
    values, y = F[o : o + plan[2]], w[ow : ow + n]
    for i in range(n):
        y[i] = x[ox + plan[3 + i]]
    for i in range(n):
        y[i] *= values[i]
        _subtract(y, y[i], values, heads[4 * i + 3], runs, heads[4 * i + 1], heads[4 * i + 4])
    for i in range(n - 1, -1, -1):
        _subtract(y, y[i], values, heads[4 * i + 2], runs, heads[4 * i], heads[4 * i + 1])
        x[ox + plan[3 + i]] = y[i]
