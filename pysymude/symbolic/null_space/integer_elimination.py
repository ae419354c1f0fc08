"""Sparse equations solved in integers: the shortest first, each for its rarest unknown."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import gcd

import numpy as np
from numpy.typing import NDArray

__all__ = ["Equation", "Ints", "Solved", "SparseRows", "Vector", "balanced", "eliminated"]

Ints = NDArray[np.int64]
Vector = dict[int, int]  # nonzero entries by index
Equation = tuple[tuple[int, int], ...]  # the same, as (index, entry) pairs

_LONGEST = 24  # entries of an equation; a longer one is cheaper in a dense matrix
_LARGEST = 2**62  # entry of an equation that is solved in integers; below it int64 is enough
_CHUNK = 2**20  # entries of the largest temporary array


class SparseRows:
    """Sparse rows, one after the other: row r has the entries starts[r] to starts[r + 1]."""

    def __init__(self, rows: Sequence[Equation]) -> None:
        self.rows = rows
        self.starts = np.cumsum([0, *map(len, rows)])
        self.index = np.array([i for row in rows for i, _ in row], dtype=np.int64)
        self.exact = [a for row in rows for _, a in row]

    @cached_property
    def largest_sum(self) -> int:
        """A bound on the sum of the magnitudes in one row."""
        largest = max(max(self.exact, default=0), -min(self.exact, default=0))
        return largest * max(map(len, self.rows), default=0)

    def residues(self, p: int) -> Ints:
        """The entries mod p, between -p/2 and p/2."""
        exact = self.exact if self.largest_sum < _LARGEST else [a % p for a in self.exact]
        return balanced(np.array(exact, dtype=np.int64) % p, p)

    def times(self, matrix: Ints, p: int | None = None) -> Ints:
        """The rows, none of them empty, times a matrix; without p, sums must fit in int64."""
        values = np.array(self.exact, dtype=np.int64) if p is None else self.residues(p)
        found = np.zeros((len(self.rows), matrix.shape[1]), dtype=np.int64)
        for first, last in self._chunks(matrix.shape[1]):
            a, b = self.starts[first], self.starts[last]
            products = values[a:b, None] * matrix[self.index[a:b]]
            if p is not None:
                products %= p
            found[first:last] = np.add.reduceat(products, self.starts[first:last] - a, axis=0)
        return found if p is None else found % p

    def _chunks(self, width: int) -> Iterator[tuple[int, int]]:
        """Ranges of rows whose products with a matrix of `width` columns are not too large."""
        most = max(1, _CHUNK // max(1, width))
        first = 0
        while first < len(self.rows):
            last = int(np.searchsorted(self.starts, self.starts[first] + most, side="right")) - 1
            last = max(last, first + 1)
            yield first, last
            first = last


@dataclass(frozen=True)
class Solved:
    """Equations of which some are solved for one unknown each.

    Equation s of `pivots` gives `unknowns[s]`, which has the coefficient `leads[s]` there, from
    unknowns that are solved later or never (`free`). The `postponed` equations are as they were.
    """

    unknowns: list[int]
    leads: list[int]
    free: list[int]
    pivots: SparseRows
    postponed: SparseRows
    original: SparseRows


def eliminated(equations: list[Equation], n: int) -> Solved:
    """Short equations solved one by one, the shortest first, each for its rarest unknown."""
    m = len(equations)
    current = [dict(equation) for equation in equations]
    waiting = [not _is_heavy(equation) for equation in current]
    users: list[set[int]] = [set() for _ in range(n)]
    for e, equation in enumerate(current):
        if waiting[e]:
            for i in equation:
                users[i].add(e)
    # one integer holds length and number
    heap = [len(equation) * m + e for e, equation in enumerate(current) if waiting[e]]
    heapq.heapify(heap)
    postponed = [e for e in range(m) if not waiting[e]]
    unknowns: list[int] = []
    leads: list[int] = []
    pivots: list[Vector] = []
    while heap:
        length, e = divmod(heapq.heappop(heap), m)
        pivot = current[e]
        if not waiting[e] or length != len(pivot):
            continue
        waiting[e] = False
        if not pivot:
            continue
        for i in pivot:
            users[i].discard(e)
        u = -min((len(users[i]), -i) for i in pivot)[1]
        lead = pivot.pop(u)
        unknowns.append(u)
        leads.append(lead)
        pivots.append(pivot)
        for f in users[u]:
            equation = current[f]
            _subtract(equation, equation.pop(u), pivot, lead, users, f)
            if not _is_heavy(equation):
                heapq.heappush(heap, len(equation) * m + f)
                continue
            waiting[f] = False
            postponed.append(f)
            for i in equation:
                users[i].discard(f)
        users[u] = set()
    solved = set(unknowns)
    return Solved(
        unknowns,
        leads,
        [i for i in range(n) if i not in solved],
        SparseRows([tuple(pivot.items()) for pivot in pivots]),
        SparseRows([equations[e] for e in sorted(postponed)]),
        SparseRows(equations),
    )


def _is_heavy(equation: Vector) -> bool:
    if len(equation) > _LONGEST:
        return True
    values = equation.values()
    return bool(values) and (max(values) >= _LARGEST or min(values) <= -_LARGEST)


def _subtract(
    equation: Vector, b: int, pivot: Vector, a: int, users: list[set[int]], f: int
) -> None:
    """An equation, number f, times a less b times the pivot; keeps the users of each unknown."""
    common = gcd(a, b) if a > 0 else -gcd(a, b)
    a, b = a // common, b // common
    if a != 1:
        for i in equation:
            equation[i] *= a
    for i, c in pivot.items():
        old = equation.get(i)
        if old is None:
            equation[i] = -b * c
            users[i].add(f)
        elif old == b * c:
            del equation[i]
            users[i].discard(f)
        else:
            equation[i] = old - b * c
    if a != 1 and equation:
        factor = gcd(*equation.values())
        if factor > 1:
            for i in equation:
                equation[i] //= factor


def balanced(residues: Ints, p: int) -> Ints:
    """The same residues between -p/2 and p/2."""
    return np.where(residues > p // 2, residues - p, residues)
