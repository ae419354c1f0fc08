# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""Arithmetic mod a prime below 2^31 on NumPy arrays (products of two residues stay exact in int64)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pysymude.errors import DerivationError
from pysymude.symbolic import effort
from pysymude.symbolic.effort import LimitReachedError
from pysymude.symbolic.exact.normal_form import PRIMES, NormalForm
from pysymude.symbolic.exact.parameters import parameter_values
from pysymude.symbolic.null_space.null_space_mod_p import matrix

__all__ = [
    "PRIMES",
    "Residues",
    "as_fractions",
    "draw_parameters",
    "evaluate",
    "independent_rows",
    "inverse",
    "last_reduced",
    "null_space",
    "power",
    "product",
    "rational",
    "sample",
    "shortened",
    "sparse_basis",
    "tangent",
]

Residues = NDArray[np.int64]


_MOST_ROOTS = 14  # of even order
_PASSES = 5  # in which a vector is shortened by all others


def power(a: Residues, n: int, p: int) -> Residues:
    """a**n mod p for n >= 0, entry by entry."""
    result = np.ones_like(a)
    base = a
    while n:
        if n & 1:
            result = result * base % p
        n >>= 1
        if n:
            base = base * base % p
    return result


def inverse(a: Residues, p: int) -> Residues:
    """1/a mod p; 0 for 0."""
    return power(a, p - 2, p)


def rational(a: int, p: int) -> tuple[int, int] | None:
    """The fraction n/d = a mod p with |n|, d <= sqrt(p/2), or None.

    References
    ----------
    .. [1] Wang, A p-adic algorithm for univariate partial fractions, SYMSAC 1981.
    """
    bound = int((p // 2) ** 0.5)
    r0, r1, t0, t1 = p, a % p, 0, 1
    while r1 > bound:
        q = r0 // r1
        r0, r1, t0, t1 = r1, r0 - q * r1, t1, t0 - q * t1
    if t1 == 0 or abs(t1) > bound:
        return None
    return (r1, t1) if t1 > 0 else (-r1, -t1)


def evaluate(
    expr: Any, values: Mapping[Any, Residues], p: int, seen: dict[Any, Residues]
) -> Residues:
    """A rational expression at sampled points; `seen` shares common subexpressions.

    Zero denominators give 0; such points are dropped by whoever drew them (`sample`).
    """
    if expr in values:
        return values[expr]
    found = seen.get(expr)
    if found is not None:
        return found
    if expr.is_Rational:
        n, d = int(expr.p), int(expr.q)
        found = np.array(n * pow(d, -1, p) % p, dtype=np.int64)
    elif expr.is_Add or expr.is_Mul:
        parts = [evaluate(a, values, p, seen) for a in expr.args]
        found = parts[0]
        for part in parts[1:]:
            found = (found + part) % p if expr.is_Add else found * part % p
    elif expr.is_Pow and expr.exp.is_Integer:
        base, n = evaluate(expr.base, values, p, seen), int(expr.exp)
        found = power(base, n, p) if n >= 0 else inverse(power(base, -n, p), p)
    else:
        raise DerivationError(f"{expr} is not rational in the coordinates")
    seen[expr] = found
    return found


def tangent(
    expr: Any,
    values: Mapping[Any, Residues],
    slopes: Mapping[Any, Residues],
    p: int,
    seen: dict[Any, tuple[Residues, Residues | None]],
) -> tuple[Residues, Residues | None]:
    """Value and derivative of a rational expression, given those of its symbols; None means 0.

    `slopes` may have more axes in front than `values`: one for each direction.
    """
    found = seen.get(expr)
    if found is not None:
        return found
    slope: Residues | None = None
    if expr in values:
        found = values[expr], slopes.get(expr)
    elif expr.is_Add:
        parts = [tangent(a, values, slopes, p, seen) for a in expr.args]
        value = parts[0][0]
        for v, _ in parts[1:]:
            value = (value + v) % p
        for _, s in parts:
            if s is not None:
                slope = s if slope is None else (slope + s) % p
        found = value, slope
    elif expr.is_Mul:
        value = np.ones((), dtype=np.int64)
        for a in expr.args:
            v, s = tangent(a, values, slopes, p, seen)
            slope = None if slope is None else slope * v % p
            if s is not None:
                slope = value * s % p if slope is None else (slope + value * s) % p
            value = value * v % p
        found = value, slope
    elif expr.is_Pow and expr.exp.is_Integer:
        base, s = tangent(expr.base, values, slopes, p, seen)
        n = int(expr.exp)
        if n < 0:
            base = inverse(base, p)
            s = None if s is None else (p - base * base % p) * s % p
            n = -n
        before = power(base, n - 1, p)
        slope = None if s is None else before * (n % p) % p * s % p
        found = before * base % p, slope
    else:
        found = evaluate(expr, values, p, {}), None
    seen[expr] = found
    return found


def draw_parameters(form: NormalForm, p: int, rng: np.random.Generator) -> dict[Any, Residues]:
    """One random residue for each parameter, such that the roots of parameters alone exist."""
    values = parameter_values(form, p, lambda: int(rng.integers(1, p)))
    return {z: np.asarray(v) for z, v in values.items()}


def sample(
    form: NormalForm,
    count: int,
    p: int,
    rng: np.random.Generator,
    parameters: Mapping[Any, Residues],
) -> dict[Any, Residues]:
    """Points of the variety, as residues by coordinate symbol, at given parameter values.

    Points where a denominator vanishes or a root does not exist are drawn again.
    """
    even = sum(1 for root in form.of_kind("root") if root.order % 2 == 0)
    if even > _MOST_ROOTS:
        raise LimitReachedError(f"{even} roots hardly ever exist at one point")
    factor = 2**even
    kept: dict[Any, list[Residues]] = {}
    have = 0
    for _ in range(40):
        effort.check()
        values, good = _draw(form, int(1.1 * factor * count) + 8, p, rng, parameters)
        for z, value in values.items():
            kept.setdefault(z, []).append(value[good] if value.ndim else value)
        have += int(good.sum())
        if have >= count:
            return {
                z: (np.concatenate(parts)[:count] if parts[0].ndim else parts[0])
                for z, parts in kept.items()
            }
    raise DerivationError("no points could be drawn on which all roots of the system exist")


def _draw(
    form: NormalForm, n: int, p: int, rng: np.random.Generator, parameters: Mapping[Any, Any]
) -> tuple[dict[Any, Residues], NDArray[np.bool_]]:
    values: dict[Any, Residues] = {}
    circle: dict[Any, Residues] = {}
    for c in form.coordinates.values():
        match c.kind:
            case "parameter":
                values[c.symbol] = np.asarray(parameters[c.symbol])
            case "root":
                base = np.broadcast_to(evaluate(c.of, values, p, {}), n)
                root, exists = _root(base, c.order, p)
                # later coordinates are drawn only where this one exists
                values = {z: v[exists] if v.ndim else v for z, v in values.items()}
                values[c.symbol] = root[exists]
                circle = {a: half[exists] for a, half in circle.items()}
                n = int(exists.sum())
            case "sin" | "cos":
                half = circle.setdefault(c.of, rng.integers(1, p, n, dtype=np.int64))
                one, square = np.int64(1), half * half % p
                top = 2 * half % p if c.kind == "sin" else (one - square) % p
                values[c.symbol] = top * inverse((one + square) % p, p) % p
            case _:
                values[c.symbol] = rng.integers(1, p, n, dtype=np.int64)
    good = np.ones(n, dtype=bool)
    seen: dict[Any, Residues] = {}
    for rate in form.rates.values():
        for factor in _denominators(rate):
            good &= np.broadcast_to(evaluate(factor, values, p, seen), n) != 0
    return values, good


def _root(base: Residues, order: int, p: int) -> tuple[Residues, NDArray[np.bool_]]:
    """A root of `base`, and where there is one other than 0."""
    odd = order
    found = base
    while odd % 2 == 0:
        found, odd = power(found, (p + 1) // 4, p), odd // 2
    if odd > 1:
        try:
            found = power(found, pow(odd, -1, p - 1), p)
        except ValueError:
            raise DerivationError(f"roots of order {order} are not treated") from None
    return found, (power(found, order, p) == base) & (base != 0)


def _denominators(expr: Any) -> set[Any]:
    return {
        node.base
        for node in sp.preorder_traversal(expr)
        if node.is_Pow and node.exp.is_Integer and node.exp < 0
    }


def null_space(columns: Residues, p: int) -> tuple[list[int], Residues]:
    """Free columns and the null vectors that belong to them, one a row.

    Parameters
    ----------
    columns : int64 array, shape (columns, equations)

    Returns
    -------
    free : list of int
        Ascending; vector i has a 1 there, 0 at other free columns, and entries at pivots before it.
    vectors : int64 array, shape (free, columns)
    """
    k = len(columns)
    reduced, pivots = _reduced(columns, p)
    if len(pivots) == k:
        return [], np.zeros((0, k), dtype=np.int64)
    free = sorted(set(range(k)) - set(pivots))
    vectors = np.zeros((len(free), k), dtype=np.int64)
    for i, j in enumerate(free):
        vectors[i, j] = 1
        for row, pivot in enumerate(pivots):
            if pivot > j:
                break
            vectors[i, pivot] = -int(reduced[row, j]) % p
    return free, vectors


def independent_rows(rows: Residues, p: int) -> list[int]:
    """The places of the rows that are no combination of those before them."""
    return _reduced(rows, p)[1]


def _reduced(columns: Residues, p: int) -> tuple[Any, list[int]]:
    reduced, rank = matrix(columns.T, p).rref()
    pivots: list[int] = []
    for i in range(rank):
        # only as far as the first entry: reading all of them would cost more than the reduction
        j = pivots[-1] + 1 if pivots else 0
        while not int(reduced[i, j]):
            j += 1
        pivots.append(j)
    return reduced, pivots


def product(a: Residues, b: Residues, p: int) -> Residues:
    """The matrix product mod p."""
    # halves of 16 bits, so that sums of products stay below 2^63
    high, low = a >> 16, a & 0xFFFF
    return (((high @ b) % p << 16) + low @ b) % p


def last_reduced(rows: Residues, p: int) -> tuple[Residues, list[int]]:
    """Reduced rows that span the same space, each with a 1 at its last entry, and these places."""
    m, k = rows.shape
    reduced, rank = matrix(rows[:, ::-1], p).rref()
    found = np.array([*map(int, reduced.entries())], dtype=np.int64).reshape(m, k)
    found = found[:rank, ::-1][::-1]
    return found, [int(np.flatnonzero(row)[-1]) for row in found]


def shortened(
    vector: Residues, others: Sequence[Residues], p: int, good: Callable[[Residues], bool]
) -> Residues:
    """A vector less multiples of others, as long as that leaves fewer entries and a good vector."""
    for _ in range(_PASSES):
        before = np.count_nonzero(vector)
        for other in others:
            support = np.flatnonzero(other)
            ratios = vector[support] * inverse(other[support], p) % p
            found, counts = np.unique(ratios[ratios != 0], return_counts=True)
            if not len(found) or counts.max() == 1:
                continue
            less = (vector - int(found[counts.argmax()]) * other) % p
            if 0 < np.count_nonzero(less) < np.count_nonzero(vector) and good(less):
                vector = less
        if np.count_nonzero(vector) == before:
            break
    return vector


def sparse_basis(vectors: Sequence[Residues], p: int) -> list[Residues]:
    """Vectors with fewer entries that span the same space."""
    found = list(vectors)
    for k, vector in enumerate(found):
        effort.check()
        others = found[:k] + found[k + 1 :]
        # nothing but zero is lost: each keeps its part that is no combination of the others
        found[k] = shortened(vector, others, p, lambda v: True)
    return found


def as_fractions(vector: Residues, p: int) -> list[tuple[int, int]] | None:
    """All entries as small fractions, or None where one of them is none."""
    found = [rational(int(a), p) for a in vector]
    return None if any(f is None for f in found) else cast("list[tuple[int, int]]", found)
