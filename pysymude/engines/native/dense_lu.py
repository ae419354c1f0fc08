"""Dense linear systems of up to some hundred unknowns: W = a I - J, its factors, and what solves with them.

W is stored by columns, n * n numbers from an offset on, and becomes its factors in place: rows are exchanged
for the largest pivots, and the inverse of each pivot is on the diagonal.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.native.compiling import inner, summed

__all__ = ["factor_dense", "is_solution", "shift_dense", "solve_dense", "solve_dense_transposed"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@inner
def shift_dense(
    W: Floats, o: int, n: int, a: float, J: Floats, oj: int, rows: Ints, columns: Ints
) -> None:
    """W = a I - J, where J has the values from `oj` on at certain rows and columns, and is 0 elsewhere."""
    W[o : o + n * n] = 0.0
    for i in range(n):
        W[o + i * n + i] = a
    for k in range(rows.shape[0]):
        W[o + columns[k] * n + rows[k]] -= J[oj + k]


@inner
def factor_dense(W: Floats, o: int, pivots: Ints, op: int, n: int) -> bool:
    """The factors of W, in its place; false where a pivot is 0 or not finite."""
    for k in range(n):
        pivot = W[o + k * n : o + k * n + n]
        top, largest = k, abs(pivot[k])
        for r in range(k + 1, n):
            size = abs(pivot[r])
            if size > largest:
                top, largest = r, size
        if not (0.0 < largest < np.inf):
            return False
        pivots[op + k] = top
        if top != k:
            for c in range(o, o + n * n, n):
                W[c + k], W[c + top] = W[c + top], W[c + k]
        inverse = 1.0 / pivot[k]
        pivot[k] = inverse
        below = pivot[k + 1 : n]
        for r in range(n - k - 1):
            below[r] *= inverse
        for c in range(k + 1, n):
            x = W[o + c * n + k]
            if x != 0.0:  # many are where J is sparse
                column = W[o + c * n + k + 1 : o + c * n + n]
                for r in range(n - k - 1):
                    column[r] -= x * below[r]
    return True


@inner
def solve_dense(W: Floats, o: int, pivots: Ints, op: int, n: int, x: Floats, ox: int) -> None:
    """x <- W^-1 x, for what `factor_dense` left of W."""
    y = x[ox : ox + n]
    for k in range(n):
        top = pivots[op + k]
        y[k], y[top] = y[top], y[k]
    for k in range(n - 1):
        below = W[o + k * n + k + 1 : o + k * n + n]
        rest = y[k + 1 : n]
        s = y[k]
        for r in range(n - k - 1):
            rest[r] -= s * below[r]
    for k in range(n - 1, -1, -1):
        above = W[o + k * n : o + k * n + k]
        s = y[k] * W[o + k * n + k]
        y[k] = s
        for r in range(k):
            y[r] -= s * above[r]


@inner
def solve_dense_transposed(
    W: Floats, o: int, pivots: Ints, op: int, n: int, x: Floats, ox: int
) -> None:
    """x <- transpose(W)^-1 x, for what `factor_dense` left of W."""
    for k in range(n):
        x[ox + k] = (x[ox + k] - _product(W, o + k * n, x, ox, k)) * W[o + k * n + k]
    for k in range(n - 2, -1, -1):
        x[ox + k] -= _product(W, o + k * n + k + 1, x, ox + k + 1, n - k - 1)
    for k in range(n - 1, -1, -1):
        top = pivots[op + k]
        x[ox + k], x[ox + top] = x[ox + top], x[ox + k]


@summed
def _product(x: Floats, ox: int, y: Floats, oy: int, n: int) -> float:
    """The sum of n products."""
    total = 0.0
    for i in range(n):
        total += x[ox + i] * y[oy + i]
    return total


@inner
def is_solution(
    n: int,
    a: float,
    J: Floats,
    oj: int,
    rows: Ints,
    columns: Ints,
    x: Floats,
    ox: int,
    b: Floats,
    ob: int,
    w: Floats,
    ow: int,
) -> bool:
    """Whether x solves (a I - J) x = b, up to 1e-10 of the sum of the sizes of the terms in each row.

    2 n numbers of w from `ow` on are overwritten.
    """
    for i in range(n):
        term = a * x[ox + i]
        w[ow + i] = b[ob + i] - term
        w[ow + n + i] = abs(b[ob + i]) + abs(term)
    for k in range(rows.shape[0]):
        term = J[oj + k] * x[ox + columns[k]]
        w[ow + rows[k]] += term
        w[ow + n + rows[k]] += abs(term)
    good = True
    for i in range(n):
        good &= abs(w[ow + i]) <= 1e-10 * w[ow + n + i]
    return good
