"""Extreme rays of the nonnegative vectors in a space: moieties that consist of no smaller ones."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import gcd

import flint

from pysymude.symbolic import effort

__all__ = ["completed", "nonnegative_basis"]

_MOST_RAYS = 300
_MOST_WORK = 200_000  # comparisons of rays
_MOST_VECTORS = 24

Row = tuple[int, ...]


def nonnegative_basis(vectors: Sequence[Sequence[int]]) -> list[Row] | None:
    """Extreme rays that are independent, those with few entries first, and as many as there are.

    Parameters
    ----------
    vectors : sequence of sequences of int
        Independent ones, which span the space.

    Returns
    -------
    list of tuples of int or None
        Fewer than the dimension where nonnegative vectors do not span the space; None where there are
        too many rays to be listed.

    References
    ----------
    .. [1] Schuster, Hoefer, Determining all extreme semi-positive conservation relations in chemical
       reaction systems, J. Chem. Soc. Faraday Trans. 87 (1991) 2561-2566.
    .. [2] Fukuda, Prodon, Double description method revisited, LNCS 1120 (1996) 91-111.
    """
    if len(vectors) > _MOST_VECTORS:
        return None
    rays = _extreme_rays(vectors)
    if rays is None:
        return None
    short = sorted(rays, key=lambda r: (sum(map(bool, r)), sum(r), tuple(-e for e in r)))
    return completed([], short)


def completed(rows: Sequence[Row], more: Sequence[Sequence[int]]) -> list[Row]:
    """Independent rows, and those of some others that are independent of them."""
    chosen = list(rows)
    for row in more:
        if _rank([*chosen, tuple(row)]) > len(chosen):
            chosen.append(tuple(row))
    return chosen


def _extreme_rays(vectors: Sequence[Sequence[int]]) -> list[Row] | None:
    """All of them, one coordinate after the other: those on either side of it are combined."""
    reduced, rank = flint.fmpq_mat([list(map(int, v)) for v in vectors]).rref()
    rays = [_whole([reduced[i, j] for j in range(reduced.ncols())]) for i in range(rank)]
    owned = [next(j for j, e in enumerate(ray) if e) for ray in rays]
    done = sum(1 << j for j in owned)
    left = [j for j in range(reduced.ncols()) if j not in owned]
    work = 0
    while left:
        effort.check()
        # first those that leave fewest pairs
        at = min(left, key=lambda j: _pairs(rays, j))
        left.remove(at)
        positive, negative = [r for r in rays if r[at] > 0], [r for r in rays if r[at] < 0]
        zeros = {r: _zeros(r, done) for r in rays}
        work += len(positive) * len(negative) * len(rays)
        if work > _MOST_WORK:
            return None
        made = [
            _combined(r, s, at) for r, s in product(positive, negative) if _adjacent(zeros, r, s)
        ]
        done |= 1 << at
        rays = [r for r in rays if r[at] >= 0] + made
        if len(rays) > _MOST_RAYS:
            return None
    return rays


def _pairs(rays: Sequence[Row], at: int) -> int:
    return sum(r[at] > 0 for r in rays) * sum(r[at] < 0 for r in rays)


def _adjacent(zeros: dict[Row, int], r: Row, s: Row) -> bool:
    """Whether no third ray is zero wherever both are."""
    common = zeros[r] & zeros[s]
    return not any(common & mask == common for q, mask in zeros.items() if q not in (r, s))


def _combined(r: Row, s: Row, at: int) -> Row:
    """The vector between two that is zero at a coordinate."""
    return _divided([r[at] * b - s[at] * a for a, b in zip(r, s, strict=True)])


def _zeros(ray: Row, done: int) -> int:
    """The coordinates of those dealt with at which a ray is zero, as bits."""
    return sum(1 << j for j, e in enumerate(ray) if not e) & done


def _whole(fractions: Sequence[flint.fmpq]) -> Row:
    common = 1
    for e in fractions:
        common = common * int(e.q) // gcd(common, int(e.q))
    return _divided([int(e.p) * (common // int(e.q)) for e in fractions])


def _divided(row: Sequence[int]) -> Row:
    content = gcd(*row) or 1
    return tuple(e // content for e in row)


def _rank(rows: Sequence[Row]) -> int:
    return int(flint.fmpz_mat([list(map(int, r)) for r in rows]).rank())
