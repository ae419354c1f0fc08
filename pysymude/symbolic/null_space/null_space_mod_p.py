"""The null space of eliminated equations, as one prime shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import flint
import numpy as np

from pysymude.symbolic.null_space.integer_elimination import Ints, Solved, SparseRows

__all__ = ["Image", "image_of", "matrix"]

_SPARE = 32  # equations beyond the number of unknowns that a dense matrix starts with


@dataclass(frozen=True)
class Image:
    """The reduced basis mod p: column k is 1 at leads[k] and 0 at the other leads.

    The leads are the first independent coordinates, so they do not depend on the elimination.
    """

    p: int
    leads: list[int]
    basis: Ints

    @property
    def rank(self) -> tuple[int, list[int]]:
        """Smallest for the primes that tell the truth."""
        return len(self.leads), self.leads


def image_of(solved: Solved, p: int) -> Image | None:
    """The reduced basis mod p; None where p divides a number that was divided by."""
    if any(a % p == 0 for a in solved.leads):
        return None
    owners, basis = _basis(solved, p)
    _exchange(owners, basis, p)
    order = np.argsort(owners)
    return Image(p, owners[order].tolist(), basis[:, order])


def _basis(solved: Solved, p: int) -> tuple[Ints, Ints]:
    """Null vectors mod p as columns, and where each is 1 and the others are 0."""
    back = _BackSubstitution(solved, p)
    owners = np.array(solved.free, dtype=np.int64)
    basis = back(np.eye(len(owners), dtype=np.int64))
    postponed = solved.postponed
    if not postponed.rows:
        return owners, basis
    # a few more equations than unknowns nearly always have the rank of all; spread over all of
    # them, as neighbours are alike
    count = min(len(postponed.rows), len(owners) + _SPARE)
    spread = np.linspace(0, len(postponed.rows) - 1, count).astype(int)
    chosen, values = _null_space(SparseRows([postponed.rows[e] for e in spread]).times(basis, p), p)
    owners, basis = owners[chosen], back(values)
    while len(owners):
        rest = postponed.times(basis, p)
        rest = rest[rest.any(axis=1)]
        if not len(rest):
            break
        chosen, values = _null_space(rest[: len(owners) + _SPARE], p)
        owners, basis = owners[chosen], _product(basis, values, p)
    return owners, basis


def _exchange(owners: Ints, basis: Ints, p: int) -> None:
    """Reduces columns in place until the first independent rows own them."""
    for r in range(len(basis)):
        support = np.flatnonzero(basis[r])
        later = support[owners[support] > r]
        if not len(later):
            continue
        k = int(later[owners[later].argmax()])
        column = basis[:, k] * pow(int(basis[r, k]), -1, p) % p
        others = np.ix_(np.flatnonzero(column), support[support != k])
        basis[others] = (basis[others] - column[others[0]] * basis[r, others[1]]) % p
        basis[:, k] = column
        owners[k] = r


class _BackSubstitution:
    """All unknowns from the free ones, mod p."""

    def __init__(self, solved: Solved, p: int) -> None:
        self.solved = solved
        self.p = p
        self.values = solved.pivots.residues(p)
        # sums of products of small entries need only one remainder
        self.is_small = solved.pivots.largest_sum < 2**32

    def __call__(self, values: Ints) -> Ints:
        """The unknowns, shape (unknowns, columns), from the free ones, shape (free, columns)."""
        solved, p = self.solved, self.p
        found = np.zeros((len(solved.unknowns) + len(solved.free), values.shape[1]), dtype=np.int64)
        found[solved.free] = values
        starts, index = solved.pivots.starts.tolist(), solved.pivots.index
        for s in range(len(solved.unknowns) - 1, -1, -1):
            a, b = starts[s], starts[s + 1]
            if a == b:
                continue
            row, terms = self.values[a:b], found[index[a:b]]
            total = row @ terms if self.is_small else (row[:, None] * terms % p).sum(axis=0)
            scale = -pow(solved.leads[s], -1, p) % p
            found[solved.unknowns[s]] = total % p * scale % p
        return found


def matrix(a: Ints, p: int) -> Any:
    """The rows as a matrix of flint."""
    # nmod_mat reads a list of int far more slowly than fmpz_mat does
    return flint.nmod_mat(flint.fmpz_mat(len(a), a.shape[1], a.ravel().tolist()), p)


def _null_space(a: Ints, p: int) -> tuple[list[int], Ints]:
    """All x with a @ x = 0 mod p, as columns, and where each is 1 and the others are 0."""
    k = a.shape[1]
    # from the last unknown to the first, so that the first ones stay free
    reduced, rank = matrix(a[:, ::-1], p).rref()
    pivots: list[int] = []
    free: list[int] = []
    for j in range(k):
        r = len(pivots)
        (pivots if r < rank and int(reduced[r, j]) else free).append(j)
    found = np.zeros((k, len(free)), dtype=np.int64)
    found[free, range(len(free))] = 1
    entries = [-int(reduced[r, j]) % p for r in range(rank) for j in free]
    found[pivots] = np.array(entries, dtype=np.int64).reshape(rank, len(free))
    return [k - 1 - j for j in free], found[::-1]


def _product(a: Ints, b: Ints, p: int) -> Ints:
    """A matrix product mod p."""
    # halves of 16 bits: a sum of fewer than 2^20 products is exact in a double
    a1, a0 = (a >> 16).astype(float), (a & 0xFFFF).astype(float)
    b1, b0 = (b >> 16).astype(float), (b & 0xFFFF).astype(float)
    high = (a1 @ b1).astype(np.int64) % p
    middle = (a1 @ b0 + a0 @ b1).astype(np.int64) % p
    low = (a0 @ b0).astype(np.int64) % p
    return ((high * 2**16 % p + middle) * 2**16 % p + low) % p
