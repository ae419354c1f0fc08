"""Small matrices over the rational functions of the parameters (over Q where there are none)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pysymude.symbolic import effort
from pysymude.symbolic.exact.fraction import Fraction

__all__ = ["Field", "Vector"]

Vector = list[Fraction]


@dataclass(frozen=True)
class Field:
    """The fractions of the polynomials of a flint context."""

    context: Any

    @property
    def zero(self) -> Fraction:
        return Fraction(self.context.constant(0), self.context.constant(1))

    @property
    def one(self) -> Fraction:
        return Fraction(self.context.constant(1), self.context.constant(1))

    def reduced(self, rows: Sequence[Vector]) -> tuple[list[Vector], list[int]]:
        """The reduced echelon form without zero rows, and its pivot columns."""
        left = [list(row) for row in rows]
        done: list[Vector] = []
        pivots: list[int] = []
        for j in range(len(left[0]) if left else 0):
            usable = [row for row in left if not row[j].top.is_zero()]
            if not usable:
                continue
            effort.check()
            # short entries first: they grow least
            pivot = min(usable, key=lambda row: sum(len(e.top) + len(e.bottom) for e in row))
            left = [row for row in left if row is not pivot]
            lead = pivot[j]
            pivot = [e if e.top.is_zero() else e / lead for e in pivot]
            left = [self._without(row, pivot, j) for row in left]
            done = [self._without(row, pivot, j) for row in done]
            done.append(pivot)
            pivots.append(j)
        return done, pivots

    @staticmethod
    def _without(row: Vector, pivot: Vector, j: int) -> Vector:
        factor = row[j]
        if factor.top.is_zero():
            return row
        return [e if p.top.is_zero() else e - factor * p for e, p in zip(row, pivot, strict=True)]

    def null_space(self, rows: Sequence[Vector], n: int) -> list[Vector]:
        """A basis of the vectors of length `n` that all rows annihilate."""
        reduced, pivots = self.reduced(rows)
        basis: list[Vector] = []
        for free in sorted(set(range(n)) - set(pivots)):
            vector = [self.zero] * n
            vector[free] = self.one
            for row, pivot in zip(reduced, pivots, strict=True):
                vector[pivot] = -row[free]
            basis.append(vector)
        return basis

    def combination(self, factors: Vector, rows: Sequence[Vector]) -> Vector:
        """sum factors_i rows_i."""
        total = [self.zero] * len(rows[0])
        for c, row in zip(factors, rows, strict=True):
            if not c.top.is_zero():
                total = [
                    e if r.top.is_zero() else e + c * r for e, r in zip(total, row, strict=True)
                ]
        return total

    def times(self, A: Sequence[Vector], B: Sequence[Vector]) -> list[Vector]:
        """The product of two matrices, each a list of rows."""
        return [self.combination(row, B) for row in A]

    def characteristic(self, A: Sequence[Vector]) -> Vector:
        """The coefficients of det(s - A), the highest first.

        References
        ----------
        .. [1] Faddeev and Faddeeva, Computational Methods of Linear Algebra, 1963, sec. 47.
        """
        n = len(A)
        found = [self.one]
        product = [[self.zero] * n for _ in range(n)]
        for k in range(1, n + 1):
            shifted = [
                [e + found[-1] if i == j else e for j, e in enumerate(row)]
                for i, row in enumerate(product)
            ]
            product = self.times(A, shifted)
            trace = self.zero
            for i in range(n):
                trace = trace + product[i][i]
            found.append(-(trace / Fraction(self.context.constant(k), self.context.constant(1))))
        return found
