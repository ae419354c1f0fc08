# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""The coefficients of a law on its support: the one null vector of a matrix over Q or Q(parameters)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import flint
import sympy as sp

from pysymude.symbolic import effort
from pysymude.symbolic.exact.fraction import Fraction, Polynomial, common_denominator, reduced

__all__ = [
    "Entry",
    "Numbers",
    "null_vector",
    "primitive",
    "primitive_numbers",
    "primitive_polynomials",
    "symbolic_null_vector",
]

Entry = dict[tuple[int, ...], Any]  # a polynomial in the parameters: coefficient by exponents
Row = dict[int, Fraction]


@dataclass(frozen=True)
class Numbers:
    """What parameters obey that are roots of numbers or of other parameters, and a point where they do.

    Attributes
    ----------
    relations : sequence of polynomials
        Each with a power of its own variable in front.
    point : sequence of int
        A residue for each parameter modulo the prime `prime`.
    """

    relations: Sequence[Polynomial]
    point: Sequence[int]
    prime: int

    def reduced(self, value: Fraction) -> Fraction:
        """The same fraction with powers of roots below their order."""
        if not self.relations:
            return value
        return reduced(self.remainder(value.top), self.remainder(value.bottom))

    def remainder(self, poly: Polynomial) -> Polynomial:
        """The same polynomial likewise."""
        for relation in self.relations:
            poly = divmod(poly, relation)[1]
        return poly


def null_vector(rows: Sequence[Sequence[Any]], n: int) -> list[Any] | None:
    """The null vector of a rational matrix with `n` columns; None unless there is one up to a factor."""
    matrix = flint.fmpq_mat(len(rows), n, [e for row in rows for e in row])
    rref, rank = matrix.rref()
    if rank != n - 1:
        return None
    pivots = [next(j for j in range(n) if rref[i, j]) for i in range(rank)]
    (free,) = set(range(n)) - set(pivots)
    vector = {p: -rref[i, free] for i, p in enumerate(pivots)} | {free: flint.fmpq(1)}
    return [vector[k] for k in range(n)]


def primitive(vector: Sequence[Any]) -> list[sp.Rational]:
    """Whole numbers without a common factor, the first one positive."""
    return primitive_numbers([(int(c.p), int(c.q)) for c in vector])


def primitive_numbers(vector: Sequence[tuple[int, int]]) -> list[sp.Rational]:
    """As `primitive`, for pairs of a numerator and a denominator."""
    fractions = [sp.Rational(n, d) for n, d in vector]
    common = sp.ilcm(1, *(c.q for c in fractions))
    whole = [int(c * common) for c in fractions]
    content = int(sp.igcd(0, *whole))
    sign = -1 if whole[0] < 0 else 1
    return [cast("sp.Rational", sp.Integer(sign * c // content)) for c in whole]


def symbolic_null_vector(
    rows: Sequence[dict[int, Entry]], n: int, context: Any, numbers: Numbers
) -> list[Polynomial] | None:
    """As `null_vector`, with entries that are polynomials of `context`; primitive polynomials."""
    chosen = _independent_rows(rows, n, numbers)
    if chosen is None:
        return None
    matrix = [
        {k: Fraction(context.from_dict(e), context.constant(1)) for k, e in row.items()}
        for row in chosen
    ]
    vector = _solved(matrix, n, context, numbers)
    return primitive_polynomials(common_denominator(vector, context.constant(1))[1])


def primitive_polynomials(polys: Sequence[Polynomial]) -> list[Polynomial]:
    """Polynomials without their common factor, with whole coefficients, the first one positive."""
    content = polys[0] * 0
    for c in polys:
        content = content.gcd(c)
    found = [divmod(c, content)[0] for c in polys]
    numbers = [k for c in found for k in c.to_dict().values()]
    ratio = primitive(numbers)[0] / sp.Rational(int(numbers[0].p), int(numbers[0].q))
    return [c * flint.fmpq(int(ratio.p), int(ratio.q)) for c in found]


def _independent_rows(
    rows: Sequence[dict[int, Entry]], n: int, numbers: Numbers
) -> list[dict[int, Entry]] | None:
    """n - 1 independent rows, short ones first: found modulo a prime at random parameter values.

    The others are left to the proof that the vector solves them too.
    """
    p, point = numbers.prime, numbers.point
    ordered = sorted(rows, key=lambda row: (len(row), sum(map(len, row.values()))))
    pivots: dict[int, dict[int, int]] = {}
    chosen: list[dict[int, Entry]] = []
    for row in ordered:
        values = {k: _value(entry, point, p) for k, entry in row.items()}
        for j in sorted(pivots):
            c = values.get(j, 0)
            if c:
                for k, v in pivots[j].items():
                    values[k] = (values.get(k, 0) - c * v) % p
        left = {k: v for k, v in values.items() if v}
        if not left:
            continue
        first = min(left)
        scale = pow(left[first], -1, p)
        pivots[first] = {k: v * scale % p for k, v in left.items()}
        chosen.append(row)
        if len(chosen) == n - 1:
            break
    return chosen if len(chosen) == n - 1 else None


def _value(entry: Entry, point: Sequence[int], p: int) -> int:
    total = 0
    for powers, c in entry.items():
        term = int(c.p) * pow(int(c.q), -1, p)
        for base, k in zip(point, powers, strict=True):
            if k:
                term = term * pow(base, k, p) % p
        total += term
    return total % p


def _solved(matrix: list[Row], n: int, context: Any, numbers: Numbers) -> list[Fraction]:
    """The null vector, by elimination with short rows and rare columns first."""
    active = list(matrix)
    done: list[tuple[int, Row]] = []
    while active:
        effort.check()
        active.sort(key=len)
        row = active.pop(0)
        count = Counter(k for other in active for k in other)
        pivot = min(row, key=lambda k: (count[k], k))
        done.append((pivot, row))
        for other in active:
            if pivot not in other:
                continue
            factor = other.pop(pivot) / row[pivot]
            for k, value in row.items():
                if k == pivot:
                    continue
                before = other.get(k)
                changed = -(factor * value) if before is None else before - factor * value
                changed = numbers.reduced(changed)
                if changed.top.is_zero():
                    other.pop(k, None)
                else:
                    other[k] = changed
    (free,) = set(range(n)) - {pivot for pivot, _ in done}
    one = Fraction(context.constant(1), context.constant(1))
    vector: dict[int, Fraction] = {free: one}
    for pivot, row in reversed(done):
        total = Fraction(context.constant(0), context.constant(1))
        for k, value in row.items():
            if k != pivot:
                total = total + value * vector[k]
        vector[pivot] = -(total / row[pivot])
    return [vector[k] for k in range(n)]
