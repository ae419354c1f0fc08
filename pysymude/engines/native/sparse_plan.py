"""Sparse linear systems with one pattern: elimination in an order that fills up little, planned once.

No rows are exchanged: whoever uses it asks `linear.is_solution`, and where that says no, solves with
`linear.factor_dense` or takes a shorter step, with which the diagonal of W = a I - J grows.

The plan is one array of integers. The factors are one run of numbers: the inverses of the pivots, and then for
each row, in the order of elimination, what is left of the diagonal (L) and right of it (U). A row consists of
runs of neighbouring columns, so that the loops are those over dense vectors, and runs that are near to each
other are joined, with zeros between them. Indices into runs are unsigned: those are seen not to be negative,
without which LLVM leaves the loops scalar, and slices would cost more than a short run takes.
"""

from __future__ import annotations

import heapq
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Elimination", "Pivots", "eliminate", "plan_elimination"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# so many zeros cost less than one more run
_GAP = 2


class Pivots(NamedTuple):
    """The pivots in their order, and for each unknown what is in its row and in its column when it is one."""

    order: list[int]
    upper: list[set[int]]
    lower: list[set[int]]


class Elimination(NamedTuple):
    """What is known of a pattern before there are numbers.

    Attributes
    ----------
    plan : numpy.ndarray
        For the compiled functions. It holds n, the number of entries, the size of the factors; the order of
        elimination; for each entry its place in the factors; the rows and columns of the entries; for each row
        (lower, upper, L, U), where its runs and its values begin; for each run (first column, length).
    unknowns : int
        How many there are.
    size : int
        How many numbers the factors are.
    products : int
        How many multiplications the factors take.
    visits : int
        How many runs those are in.
    """

    plan: Ints
    unknowns: int
    size: int
    products: int
    visits: int


def plan_elimination(
    n: int, rows: Ints, columns: Ints, pivots: Pivots | None = None
) -> Elimination:
    """The elimination for matrices a I - J, where J has entries at the given rows and columns.

    A place may be named more than once: its values are added. `pivots` may be given, where they are known.
    """
    order, upper, lower = pivots or eliminate(n, rows, columns)
    order = _depth_first(order, upper, lower)
    at = np.empty(n, dtype=np.int64)
    at[order] = np.arange(n)
    left: list[list[int]] = [[] for _ in range(n)]
    for i, k in enumerate(order):
        for j in lower[k]:
            left[at[j]].append(i)
    sides = [(_runs(np.array(left[i])), _runs(at[list(upper[k])])) for i, k in enumerate(order)]
    runs = np.concatenate([run for side in sides for run in side])
    counts = np.array([[len(run) for run in side] for side in sides])
    lengths = np.array([[run[:, 1].sum() for run in side] for side in sides])
    begins = np.concatenate([[0], np.cumsum(counts)]), np.concatenate([[0], np.cumsum(lengths)]) + n
    heads = np.zeros((n + 1, 4), dtype=np.int64)
    heads[:, :2] = np.append(begins[0], 0).reshape(-1, 2)
    heads[:, 2:] = np.append(begins[1], 0).reshape(-1, 2)
    size = int(begins[1][-1])
    owners = np.repeat(np.arange(n), counts.sum(axis=1))
    place = _places(n, runs, owners, at[rows], at[columns])
    parts = ([n, len(rows), size], order, place, rows, columns, heads.ravel(), runs.ravel())
    plan = np.concatenate([np.asarray(part, dtype=np.int64) for part in parts])
    users = np.array([len(lower[k]) for k in order])
    return Elimination(plan, n, size, int(users @ lengths[:, 1]), int(users @ counts[:, 1]))


def eliminate(n: int, rows: Ints, columns: Ints) -> Pivots:
    """Markowitz' order: next is the pivot of the fewest products."""
    upper: list[set[int]] = [set() for _ in range(n)]
    lower: list[set[int]] = [set() for _ in range(n)]
    for r, c in zip(rows.tolist(), columns.tolist(), strict=True):
        if r != c:
            upper[r].add(c)
            lower[c].add(r)
    heap = [(len(upper[k]) * len(lower[k]), k) for k in range(n)]
    heapq.heapify(heap)
    order: list[int] = []
    done = [False] * n
    while heap:
        products, k = heapq.heappop(heap)
        if done[k] or products != len(upper[k]) * len(lower[k]):
            continue  # there is a newer entry
        done[k] = True
        order.append(k)
        for i in lower[k]:
            upper[i] |= upper[k]
            upper[i] -= {i, k}
        for j in upper[k]:
            lower[j] |= lower[k]
            lower[j] -= {j, k}
        for i in upper[k] | lower[k]:
            heapq.heappush(heap, (len(upper[i]) * len(lower[i]), i))
    return Pivots(order, upper, lower)


def _depth_first(order: list[int], upper: list[set[int]], lower: list[set[int]]) -> list[int]:
    # Another order with the same fill, in which what is eliminated into one another is near: runs get longer.
    n = len(order)
    at = np.empty(n, dtype=np.int64)
    at[order] = np.arange(n)
    later = [set(at[list(upper[k] | lower[k])].tolist()) for k in order]
    children: list[list[int]] = [[] for _ in range(n)]
    roots: list[int] = []
    for i in range(n):
        if later[i]:
            parent = min(later[i])
            later[parent] |= later[i] - {
                parent
            }  # rows and columns may differ, so that this is more than fill
            children[parent].append(i)
        else:
            roots.append(i)
    found: list[int] = []
    while roots:  # each after all that is below it, backwards
        i = roots.pop()
        found.append(order[i])
        roots += children[i]
    return found[::-1]


def _runs(columns: Ints) -> Ints:
    """(first, length) of what covers some columns."""
    if not len(columns):
        return np.zeros((0, 2), dtype=np.int64)
    columns = np.sort(columns)
    breaks = np.flatnonzero(np.diff(columns) > _GAP + 1)
    first = columns[np.append(0, breaks + 1)]
    return np.column_stack([first, columns[np.append(breaks, -1)] - first + 1])


def _places(n: int, runs: Ints, owners: Ints, rows: Ints, columns: Ints) -> Ints:
    # Runs and values ascend, by row and then by column.
    first, length = runs.T
    before = np.cumsum(length) - length
    keys = np.repeat(owners * n + first - before, length) + np.arange(length.sum())
    return np.where(rows == columns, rows, n + np.searchsorted(keys, rows * n + columns))
