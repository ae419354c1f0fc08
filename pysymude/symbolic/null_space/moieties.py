"""Moieties: other vectors with the same span, nonnegative and short where that is possible."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pysymude.symbolic.null_space.extreme_rays import completed, nonnegative_basis
from pysymude.symbolic.null_space.integer_elimination import Ints, Vector

__all__ = ["tidied"]


def tidied(basis: NDArray[Any]) -> list[Vector]:
    """The span of the columns from vectors with fewer negative and fewer nonzero entries."""
    found: list[Vector] = []
    for rows, columns in _blocks(basis != 0):
        block = basis[np.ix_(rows, columns)].T
        try:
            vectors = _tidied_block(np.array(block, order="C"))
        except OverflowError:
            vectors = _tidied_block(block.astype(object))
        for v in vectors:
            support = np.flatnonzero(v)
            found.append(dict(zip(rows[support].tolist(), v[support].tolist(), strict=True)))
    return found


def _tidied_block(vectors: NDArray[Any]) -> NDArray[Any]:
    """Other vectors (rows) with the same span."""
    if len(vectors) > 1:
        rays = nonnegative_basis(vectors.tolist())
        if rays is not None and len(rays) == len(vectors):
            return np.array(rays, dtype=object)
        _split(vectors)
        _make_nonnegative(vectors)
        _shorten(vectors)
        if rays:
            return np.array(completed(rays, vectors.tolist()), dtype=object)
    return vectors


def _split(vectors: NDArray[Any]) -> None:
    """Makes parts, not what consists of them, the coordinates that vectors belong to.

    A coordinate that is positive in one vector alone and negative in others is that vector's own
    coordinate less those of the others, as a part is a complex less its other parts.
    """
    positive, negative = (vectors > 0).sum(axis=0), (vectors < 0).sum(axis=0)
    while len(at := np.flatnonzero((positive == 1) & (negative > 0))):
        i = at[0]
        own = vectors[int(np.argmax(vectors[:, i] > 0))]
        for k in np.flatnonzero(vectors[:, i] < 0):
            old = vectors[k].copy()
            vectors[k] = _divided(own[i] * old - old[i] * own)
            positive += (vectors[k] > 0).astype(int) - (old > 0)
            negative += (vectors[k] < 0).astype(int) - (old < 0)


def _blocks(nonzero: NDArray[np.bool_]) -> Iterator[tuple[Ints, Ints]]:
    """The rows and columns of parts that share neither."""
    left = np.ones(nonzero.shape[1], dtype=bool)
    while left.any():
        columns = np.flatnonzero(left)[:1]
        while True:
            rows = np.flatnonzero(nonzero[:, columns].any(axis=1))
            more = np.flatnonzero(nonzero[rows].any(axis=0))
            if len(more) == len(columns):
                break
            columns = more
        left[columns] = False
        yield rows, columns


def _make_nonnegative(vectors: NDArray[Any]) -> None:
    """Adds nonnegative vectors to the others until nothing negative is left, where possible."""
    mixed = [k for k, v in enumerate(vectors) if v.min() < 0]
    good = np.delete(vectors, mixed, axis=0)
    progress = True
    while mixed and progress:
        progress = False
        for k in list(mixed):
            raised = [_raised(good, sign * vectors[k]) for sign in (1, -1)]
            better = min((v for v in raised if v is not None), key=np.count_nonzero, default=None)
            if better is not None:
                progress = True
                mixed.remove(k)
                vectors[k] = better
                good = np.concatenate([good, better[None]])


def _raised(good: NDArray[Any], v: NDArray[Any]) -> NDArray[Any] | None:
    """v plus multiples of nonnegative vectors, without negative entries."""
    while len(negative := np.flatnonzero(v < 0)):
        candidates = good[good[:, negative[0]] > 0]
        if not len(candidates):
            return None
        # the one that brings the fewest new entries
        w = candidates[((candidates != 0) & (v == 0)).sum(axis=1).argmin()]
        at = negative[w[negative] > 0]
        v = _divided(v + (-(v[at] // w[at])).max() * w)
    return v


def _shorten(vectors: NDArray[Any]) -> None:
    """Subtracts nonnegative vectors from those whose support contains theirs."""
    good = [k for k, v in enumerate(vectors) if v.min() >= 0]
    if len(good) < 2:
        return
    support = vectors[good] != 0
    for a in np.argsort(support.sum(axis=1), kind="stable"):
        while True:
            inside = ~(support & ~support[a]).any(axis=1)
            inside[a] = False
            if not inside.any():
                break
            v, w = vectors[good[a]], vectors[good[int(inside.argmax())]]
            top, bottom = _least_ratio(v, w)
            vectors[good[a]] = _divided(bottom * v - top * w)
            support[a] = vectors[good[a]] != 0


def _least_ratio(v: NDArray[Any], w: NDArray[Any]) -> tuple[int, int]:
    """The smallest v[i] / w[i] with w[i] > 0: the multiple of w that leaves nothing negative."""
    support = np.flatnonzero(w)
    tops, bottoms = v[support].tolist(), w[support].tolist()
    least = (tops[0], bottoms[0])
    for top, bottom in zip(tops, bottoms, strict=True):
        if top * least[1] < least[0] * bottom:
            least = (top, bottom)
    return least


def _divided(v: NDArray[Any]) -> NDArray[Any]:
    """Without common factor; an error where the next step might exceed int64."""
    found = v // (int(np.gcd.reduce(v)) or 1)
    if found.dtype != object and max(int(found.max()), -int(found.min())) >= 2**31:
        raise OverflowError
    return found
