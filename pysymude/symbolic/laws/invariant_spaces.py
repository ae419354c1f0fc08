"""Spaces of polynomials that a polynomial field maps to themselves, found modulo a prime."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import combinations_with_replacement
from typing import Any

import numpy as np

from pysymude.symbolic.exact.normal_form import NormalForm
from pysymude.symbolic.exact.polynomials import ExactField
from pysymude.symbolic.laws.ansatz import slopes_of
from pysymude.symbolic.null_space.modular import (
    Residues,
    draw_parameters,
    evaluate,
    null_space,
    product,
    sample,
    tangent,
)

__all__ = ["ModularFlow", "MonomialFlow", "monomials"]

Powers = tuple[int, ...]


@cache
def monomials(n: int, degree: int) -> tuple[Powers, ...]:
    """Exponents of all monomials in `n` variables to a degree, the constant first."""
    found: list[Powers] = []
    for d in range(degree + 1):
        for picked in combinations_with_replacement(range(n), d):
            found.append(tuple(picked.count(i) for i in range(n)))
    return tuple(found)


@dataclass
class MonomialFlow:
    """How a polynomial field acts on monomials, at random values of the parameters.

    `terms[i]` are the monomials of the rate of state i, with residues.
    """

    terms: list[list[tuple[Powers, int]]]
    prime: int
    known: list[tuple[int, list[Powers], Residues]] = field(default_factory=list[Any])

    @classmethod
    def of(cls, form: NormalForm, exact: ExactField) -> MonomialFlow | None:
        """None for a field that is not polynomial, or reads time, a network, a sine, ..."""
        states = set(form.states)
        parameters = [c.symbol for c in form.of_kind("parameter")]
        p = form.prime
        values = draw_parameters(form, p, np.random.default_rng(2))
        place = [exact.symbols.index(x) for x in form.states]
        terms: list[list[tuple[Powers, int]]] = []
        for x in form.states:
            rate = form.coordinates[x].rate
            if rate is None or not rate.free_symbols <= {*states, *parameters}:
                return None
            fraction = exact.fraction(rate)
            bottom = exact.expression(fraction.bottom)
            if bottom.free_symbols & states:
                return None
            scale = pow(int(evaluate(bottom, values, p, {})), -1, p)
            found: dict[Powers, int] = {}
            for powers, c in fraction.top.to_dict().items():
                value = int(c.p) * pow(int(c.q), -1, p) * scale
                for z in parameters:
                    value = value * pow(int(values[z]), powers[exact.symbols.index(z)], p) % p
                key = tuple(powers[i] for i in place)
                found[key] = (found.get(key, 0) + value) % p
            terms.append(list(found.items()))
        return cls(terms, p)

    def supports(self, n: int, highest: int) -> Iterator[tuple[int, list[Powers]]]:
        """Degrees, and the monomials in the largest invariant space to that degree.

        Only degrees at which there is more than products of what lower degrees have.
        """
        powers = monomials(n, highest)
        inside, outside = self._matrices(powers)
        whole = _Reduced.whole(len(powers))
        if len(outside):
            whole = _Reduced(*null_space(outside.T, self.prime))
        whole = whole.closed(inside, self.prime)
        rng = np.random.default_rng(3)
        before = 1
        for degree in range(1, highest + 1):
            count = len(monomials(n, degree))
            # the spaces are nested: each is found inside the one of the highest degree, of which
            # each row ends where no other one has an entry
            low = sum(place < count for place in whole.places)
            if low <= before:
                continue
            space, before = whole, low
            if low < len(whole.rows):
                part = _Reduced(whole.places[:low], whole.rows[:low])
                space = part.closed(inside, self.prime)
            basis = space.rows
            points = rng.integers(1, self.prime, (n, len(basis) + 8), dtype=np.int64)
            if len(basis) <= 1 or self._spanned_by_products(degree, points) == len(basis):
                continue
            used = np.flatnonzero(basis.any(axis=0))
            support = [powers[k] for k in used]
            self.known.append((degree, support, np.ascontiguousarray(basis[:, used])))
            yield degree, support

    def _spanned_by_products(self, degree: int, points: Residues) -> int:
        """The dimension of what products of functions found at lower degrees span."""
        products = {0: [np.ones(points.shape[1], dtype=np.int64)]}
        functions = [
            (d, row)
            for d, powers, basis in self.known
            for row in product(basis, _values(powers, points, self.prime), self.prime)
        ]
        for total in range(1, degree + 1):
            level = [
                lower * row % self.prime
                for d, row in functions
                if d <= total
                for lower in products[total - d]
            ]
            products[total] = _independent([*products[total - 1], *level], self.prime)
        return len(_independent(products[degree], self.prime))

    def _matrices(self, powers: Sequence[Powers]) -> tuple[Residues, Residues]:
        """The images of monomials: their parts among the monomials, and beyond them."""
        place = {m: i for i, m in enumerate(powers)}
        beyond: dict[Powers, int] = {}
        entries: list[tuple[int, int, int]] = []
        for k, m in enumerate(powers):
            for i, exponent in enumerate(m):
                if not exponent:
                    continue
                for term, c in self.terms[i]:
                    target = tuple(
                        a + b - (j == i) for j, (a, b) in enumerate(zip(m, term, strict=True))
                    )
                    row = place.get(target)
                    if row is None:
                        row = len(powers) + beyond.setdefault(target, len(beyond))
                    entries.append((row, k, exponent * c % self.prime))
        matrix = np.zeros((len(powers) + len(beyond), len(powers)), dtype=np.int64)
        for row, k, c in entries:
            matrix[row, k] = (matrix[row, k] + c) % self.prime
        return matrix[: len(powers)], matrix[len(powers) :]


@dataclass(frozen=True)
class _Reduced:
    """A space of coefficient vectors, ascending by their last entries.

    Attributes
    ----------
    places : list of int
        The last entry of each row: a 1, where all other rows have 0.
    rows : int64 array, shape (vectors, monomials)
    """

    places: list[int]
    rows: Residues

    @classmethod
    def whole(cls, n: int) -> _Reduced:
        return cls(list(range(n)), np.eye(n, dtype=np.int64))

    def closed(self, inside: Residues, p: int) -> _Reduced:
        """The largest part that a matrix maps to itself."""
        forward = np.ascontiguousarray(inside.T)
        places, rows = np.array(self.places, dtype=np.int64), self.rows
        while len(rows) > 1:
            images = product(rows, forward, p)
            beyond = (images - product(np.ascontiguousarray(images[:, places]), rows, p)) % p
            moved = beyond.any(axis=1)
            if not moved.any():
                break
            # combinations of the rows that leave, less and less of them, that stay
            leaving = np.flatnonzero(moved)
            free, pairs = null_space(beyond[leaving][:, beyond.any(axis=0)], p)
            kept = np.sort(np.concatenate([np.flatnonzero(~moved), leaving[free]]))
            rows = rows.copy()
            # the row of a free column has a 1 there, and other entries before it alone
            rows[leaving[free]] = product(pairs, rows[leaving], p)
            places, rows = places[kept], rows[kept]
        return _Reduced(places.tolist(), rows)


class ModularFlow:
    """A field at random points of the variety and at random values of the parameters."""

    def __init__(self, form: NormalForm, count: int = 8) -> None:
        self.prime = form.prime
        rng = np.random.default_rng(4)
        parameters = draw_parameters(form, self.prime, rng)
        self.points = sample(form, count, self.prime, rng, parameters)
        self.slopes = slopes_of(form, self.points, self.prime)

    def has_rate(self, expr: Any, rate: Any) -> bool:
        """Whether d(expr)/dt = rate; both rational in the coordinates."""
        slope = tangent(expr, self.points, self.slopes, self.prime, {})[1]
        wanted = evaluate(rate, self.points, self.prime, {})
        return not np.any(((0 if slope is None else slope) - wanted) % self.prime)


def _values(powers: list[Powers], points: Residues, p: int) -> Residues:
    """Monomials at points, one row each."""
    rows: list[Residues] = []
    for m in powers:
        row = np.ones(points.shape[1], dtype=np.int64)
        for x, k in zip(points, m, strict=True):
            for _ in range(k):
                row = row * x % p
        rows.append(row)
    return np.array(rows)


def _independent(rows: list[Residues], p: int) -> list[Residues]:
    """Rows of a set that are independent of those before them."""
    dependent = set(null_space(np.array(rows), p)[0])
    return [row for k, row in enumerate(rows) if k not in dependent]
