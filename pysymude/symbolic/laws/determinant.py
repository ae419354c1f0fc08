"""Determinants of polynomials."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pysymude.symbolic import effort
from pysymude.symbolic.exact.guarded import product, quotient

__all__ = ["determinant"]


def determinant(rows: Sequence[Sequence[Any]], one: Any) -> Any:
    """The determinant of a matrix of polynomials, by elimination without fractions.

    References
    ----------
    .. [1] Bareiss, Sylvester's identity and multistep integer-preserving Gaussian elimination, Math.
       Comp. 22 (1968).
    """
    matrix = [list(row) for row in rows]
    before, sign = one, 1
    for k in range(len(matrix) - 1):
        pivot = next((i for i in range(k, len(matrix)) if not matrix[i][k].is_zero()), None)
        if pivot is None:
            return one * 0
        if pivot != k:
            matrix[k], matrix[pivot] = matrix[pivot], matrix[k]
            sign = -sign
        for i in range(k + 1, len(matrix)):
            effort.check()
            for j in range(k + 1, len(matrix)):
                cross = product(matrix[i][j], matrix[k][k]) - product(matrix[i][k], matrix[k][j])
                matrix[i][j] = quotient(cross, before)
        before = matrix[k][k]
    return matrix[-1][-1] * sign
