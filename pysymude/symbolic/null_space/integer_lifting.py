"""From residues modulo primes to an integer basis, checked against every equation."""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd, isqrt
from typing import Any, cast

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pysymude.symbolic.null_space.integer_elimination import Solved, SparseRows, balanced
from pysymude.symbolic.null_space.null_space_mod_p import Image, image_of

__all__ = ["lifted"]


def lifted(solved: Solved) -> NDArray[Any]:
    """The reduced basis, each column in integers without a common factor, and checked."""
    lift: _Lift | None = None
    for p in _primes():
        image = image_of(solved, p)
        if image is None:
            continue
        if lift is None or image.rank < lift.rank:
            # an unlucky prime shows more vectors, or later leads
            lift = _Lift(solved.original, image)
        elif image.rank == lift.rank:
            lift.add(image)
        if not lift.open:
            return lift.basis
    raise AssertionError("there are infinitely many primes")


def _primes() -> Iterator[int]:
    """Primes below 2^31, so that products of two residues fit in int64."""
    p = 2**31
    while True:
        p = cast("int", sp.prevprime(p))
        yield p


class _Lift:
    """A basis known modulo a growing product of primes; `open` columns are not known exactly yet."""

    def __init__(self, equations: SparseRows, image: Image) -> None:
        self.equations = equations
        self.rank = image.rank
        self.modulus = image.p
        # most vectors are integers that one prime shows as they are
        self.small = balanced(image.basis, image.p)
        self.open = sorted(set(range(len(image.leads))) - set(_null_columns(equations, self.small)))
        self.large: dict[int, NDArray[Any]] = {}
        self.residues = image.basis[:, self.open].astype(object)
        self.used = self.next_try = 1
        self._try()

    @property
    def basis(self) -> NDArray[Any]:
        """All columns, once none is open: int64, or Python integers where these do not suffice."""
        fits = all(max(v.max(), -v.min()) < 2**31 for v in self.large.values())
        found = self.small if fits else self.small.astype(object)
        for k, v in self.large.items():
            found[:, k] = v
        return found

    def add(self, image: Image) -> None:
        """Takes in one more prime (Chinese remainders)."""
        m, p = self.modulus, image.p
        new = image.basis[:, self.open]
        where = (self.residues != 0) | (new != 0)
        old = self.residues[where]
        self.residues[where] = old + m * ((new[where] - old) * pow(m, -1, p) % p)
        self.modulus *= p
        self.used += 1
        if self.used >= self.next_try:
            self._try()

    def _try(self) -> None:
        self.next_try = self.used + 1 + self.used // 3
        candidates = np.zeros_like(self.residues)
        for k in range(len(self.open)):
            candidates[:, k] = _integers(self.residues[:, k], self.modulus)
        good = _null_columns(self.equations, candidates)
        self.large |= {self.open[k]: candidates[:, k] for k in good}
        kept = np.delete(np.arange(len(self.open)), good)
        self.open = [self.open[k] for k in kept]
        self.residues = self.residues[:, kept]


def _integers(residues: NDArray[Any], m: int) -> NDArray[Any]:
    """The integer vector that a vector of small fractions is a multiple of; zeros where none is.

    References
    ----------
    .. [1] Maple help, iratrecon: n/d is unique for |n| <= N, d <= D with 2 N D < m (Wang's algorithm).
    """
    found = np.zeros(len(residues), dtype=object)
    bound, half = isqrt(m // 2), m // 2
    bottom = 1
    support = np.flatnonzero(residues)
    tops: list[int] = []
    for r in residues[support].tolist():
        # entries share most of their denominators
        top = r * bottom % m
        if top > half:
            top -= m
        if not -bound <= top <= bound:
            fraction = _fraction(top % m, m, bound)
            if fraction is None or bottom * fraction[1] > bound:
                return found
            top, d = fraction
            tops = [a * d for a in tops]
            bottom *= d
        tops.append(top)
    factor = gcd(*tops)
    found[support] = [a // factor for a in tops]
    return found


def _fraction(a: int, m: int, bound: int) -> tuple[int, int] | None:
    """(n, d) with n = a d mod m and |n|, d <= bound, by Euclid's algorithm."""
    r0, r1, d0, d1 = m, a, 0, 1
    while r1 > bound:
        q = r0 // r1
        r0, r1, d0, d1 = r1, r0 - q * r1, d1, d0 - q * d1
    if abs(d1) > bound:
        return None
    return (r1, d1) if d1 > 0 else (-r1, -d1)


def _null_columns(equations: SparseRows, basis: NDArray[Any]) -> list[int]:
    """The columns other than 0 that satisfy all equations, in integers."""
    if not basis.size:
        return []
    nonzero = (basis != 0).any(axis=0)
    largest = max(1, int(basis.max()), -int(basis.min()))
    if largest * equations.largest_sum < 2**63:
        small = basis.astype(np.int64)
        good = np.ones(basis.shape[1], dtype=bool)
        for first in range(0, len(good), 64):
            part = slice(first, first + 64)
            good[part] = ~equations.times(small[:, part]).any(axis=0)
        return np.flatnonzero(good & nonzero).tolist()
    return [
        k
        for k, column in enumerate(basis.T.tolist())
        if nonzero[k]
        and not any(sum(a * column[i] for i, a in equation) for equation in equations.rows)
    ]
