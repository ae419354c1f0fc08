"""Scalings and reflections that a field respects: candidates of different weight cannot mix in a law.

A grading gives each coordinate a whole number (or a parity) such that the field maps functions of one
weight to functions of one weight. The search then falls apart into small ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import gcd, lcm
from typing import Any

import flint
import numpy as np

from pysymude.symbolic.exact.normal_form import NormalForm
from pysymude.symbolic.exact.polynomials import ExactField
from pysymude.symbolic.laws.ansatz import Ansatz, Primitive, Term

__all__ = ["Grading"]

Ints = Any


@dataclass(frozen=True)
class Grading:
    """Weights of factors, one row a grading; those from `parities` on count modulo 2."""

    weights: Ints
    parities: int
    of_primitives: dict[Primitive, Ints]

    @classmethod
    def of(cls, exact: ExactField, fields: Sequence[NormalForm], ansatz: Ansatz) -> Grading:
        """The gradings of all `fields` for which the factors and primitives have weights."""
        n = len(exact.symbols) - exact.n_parameters
        rows = sorted(set(_equations(exact, fields, n)))
        width = n + len(fields)
        whole = [v[:n] for v in _null_space(rows, width)]
        even = [v[:n] for v in _parity_space(rows, width)]
        shapes = [_monomials(exact, g.expr, n) for g in ansatz.gens]
        # d(primitive) = weight d(inner)
        pairs = [
            (_monomials(exact, p.weight, n), _monomials(exact, p.inner, n))
            for p in ansatz.primitives
        ]
        everything = [*shapes, *(shape for pair in pairs for shape in pair)]
        found: list[list[int]] = []
        parities = 0
        for vectors, modulus in ((whole, 0), (even, 2)):
            for vector in vectors:
                if all(_homogeneous(shape, vector, modulus) for shape in everything):
                    weights = [_weight(shape, vector) for shape in shapes]
                    weights += [_weight(a, vector) + _weight(b, vector) for a, b in pairs]
                    found.append(weights)
                    parities += modulus == 0
        table = np.array(found, dtype=np.int64).reshape(len(found), len(shapes) + len(pairs))
        of_primitives = {p: table[:, len(shapes) + k] for k, p in enumerate(ansatz.primitives)}
        return cls(table[:, : len(shapes)], parities, of_primitives)

    def groups(self, terms: Sequence[Term]) -> list[list[int]]:
        """The places of terms of equal weight, each group in ascending order."""
        if not len(self.weights):
            return [list(range(len(terms)))]
        of_factors: list[list[int]] = self.weights.T.tolist()
        of_primitives = {p: w.tolist() for p, w in self.of_primitives.items()}
        nothing = [0] * len(self.weights)
        found: dict[tuple[int, ...], list[int]] = {}
        for place, term in enumerate(terms):
            total = nothing if term.primitive is None else of_primitives[term.primitive]
            for i, k in term.powers:
                total = [w + k * v for w, v in zip(total, of_factors[i], strict=True)]
            even = [w % 2 for w in total[self.parities :]]
            found.setdefault((*total[: self.parities], *even), []).append(place)
        return list(found.values())


# exponents of the terms of a numerator, and of a denominator
Shape = tuple[list[tuple[int, ...]], list[tuple[int, ...]]]


def _monomials(exact: ExactField, expr: Any, n: int) -> Shape:
    fraction = exact.fraction(expr)
    return _exponents(fraction.top, n), _exponents(fraction.bottom, n)


def _exponents(poly: Any, n: int) -> list[tuple[int, ...]]:
    return list(dict.fromkeys(tuple(m)[:n] for m in poly.monoms()))


def _dot(powers: Sequence[int], vector: Sequence[int]) -> int:
    return sum(k * w for k, w in zip(powers, vector, strict=True) if k)


def _homogeneous(shape: Shape, vector: Sequence[int], modulus: int) -> bool:
    for part in shape:
        weights = {_dot(m, vector) % modulus if modulus else _dot(m, vector) for m in part}
        if len(weights) > 1:
            return False
    return True


def _weight(shape: Shape, vector: Sequence[int]) -> int:
    top, bottom = shape
    return _dot(top[0], vector) - _dot(bottom[0], vector)


def _equations(
    exact: ExactField, fields: Sequence[NormalForm], n: int
) -> Iterator[tuple[int, ...]]:
    """Rows that vanish on (weights, degrees of the fields) of every grading."""
    count = len(fields)
    for relation in exact.relations:
        yield from _same(_exponents(relation, n), count)
    for f, field in enumerate(fields):
        for z, rate in field.rates.items():
            top, bottom = _monomials(exact, rate, n)
            if not top:
                continue
            yield from _same(top, count)
            yield from _same(bottom, count)
            i = exact.symbols.index(z)
            row = [a - b - (j == i) for j, (a, b) in enumerate(zip(top[0], bottom[0], strict=True))]
            yield (*row, *(-(k == f) for k in range(count)))


def _same(powers: list[tuple[int, ...]], count: int) -> Iterator[tuple[int, ...]]:
    for other in powers[1:]:
        yield (*(a - b for a, b in zip(powers[0], other, strict=True)), *(0,) * count)


def _null_space(rows: list[tuple[int, ...]], width: int) -> list[list[int]]:
    matrix = flint.fmpq_mat(len(rows), width, [flint.fmpq(e) for row in rows for e in row])
    reduced, rank = matrix.rref()
    pivots = [next(j for j in range(width) if reduced[i, j]) for i in range(rank)]
    found: list[list[int]] = []
    for free in sorted(set(range(width)) - set(pivots)):
        column = {p: -reduced[i, free] for i, p in enumerate(pivots)}
        scale = lcm(1, *(int(c.q) for c in column.values()))
        vector = [0] * width
        vector[free] = scale
        for p, c in column.items():
            vector[p] = int(c.p) * (scale // int(c.q))
        common = gcd(*vector)
        found.append([v // common for v in vector])
    return found


def _parity_space(rows: list[tuple[int, ...]], width: int) -> list[list[int]]:
    matrix = flint.nmod_mat(len(rows), width, [e % 2 for row in rows for e in row], 2)
    reduced, rank = matrix.rref()
    pivots = [next(j for j in range(width) if int(reduced[i, j])) for i in range(rank)]
    found: list[list[int]] = []
    for free in sorted(set(range(width)) - set(pivots)):
        vector = [0] * width
        vector[free] = 1
        for i, p in enumerate(pivots):
            vector[p] = int(reduced[i, free])
        found.append(vector)
    return found
