# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""Spaces of functions of all coordinates that a field maps to themselves: polynomials, sines, roots, time.

On such a space the Lie derivative is a matrix, and each of its eigenvalues s gives laws
exp(-s t) t^k P.  Time is one of the coordinates where the field reads it: x' = -x + sin t has the space
of x, sin t and cos t.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import sympy as sp

from pysymude.symbolic import effort
from pysymude.symbolic.exact.coefficients import Entry
from pysymude.symbolic.exact.fraction import Fraction, common_denominator
from pysymude.symbolic.exact.matrix import Field, Vector
from pysymude.symbolic.exact.normal_form import NormalForm
from pysymude.symbolic.exact.polynomials import ExactField, Polynomial
from pysymude.symbolic.laws.ansatz import slopes_of
from pysymude.symbolic.laws.exponential_laws import Space, Timed, Unwritten
from pysymude.symbolic.null_space.modular import (
    Residues,
    independent_rows,
    null_space,
    product,
    sample,
    tangent,
)

__all__ = ["function_laws", "invariant_support"]

_SPARE = 15


def invariant_support(
    form: NormalForm, functions: Sequence[sp.Expr], parameters: Mapping[Any, Residues]
) -> list[sp.Expr]:
    """The functions of which the largest invariant space in their span is made; modulo a prime.

    Functions that are combinations of earlier ones are left out.
    """
    rng = np.random.default_rng(9)
    p = form.prime
    effort.afford((2 * len(functions)) ** 3 / 60)
    points = sample(form, 2 * len(functions) + _SPARE, p, rng, parameters)
    count = next(points[x] for x in form.states).shape[-1]
    slopes = slopes_of(form, points, p)
    seen: dict[Any, tuple[Residues, Residues | None]] = {}
    pairs = [tangent(f, points, slopes, p, seen) for f in functions]
    values = np.array([np.broadcast_to(v, (count,)) for v, _ in pairs])
    kept = independent_rows(values, p)
    rates = np.zeros((len(kept), count), dtype=np.int64)
    for row, k in enumerate(kept):
        rate = pairs[k][1]
        if rate is not None:
            rates[row] = rate
    inside = _closed(values[kept], rates, p)
    return [functions[kept[k]] for k in np.flatnonzero(inside.any(axis=0))]


def _closed(values: Residues, rates: Residues, p: int) -> Residues:
    """Coefficients of a basis of the largest space of functions that contains its own rates."""
    n = len(values)
    pairs = null_space(np.concatenate([rates, (p - values) % p]), p)[1]
    basis, images = pairs[:, :n], pairs[:, n:]
    while len(basis):
        pairs = null_space(np.concatenate([images, (p - basis) % p]), p)[1]
        if len(pairs) == len(basis):
            break
        factors = np.ascontiguousarray(pairs[:, : len(basis)])
        basis, images = product(factors, basis, p), product(factors, images, p)
    return basis


def function_laws(
    form: NormalForm,
    exact: ExactField,
    support: Sequence[sp.Expr],
) -> Iterator[Timed | Unwritten]:
    """Laws exp(-s t) t^k P with P in the largest invariant space that the functions span."""
    numbers = Field(exact.parameter_context)
    space = Space(form, exact, numbers, list(support))
    values = [exact.fraction(f) for f in support]
    rates = [exact.rate(v, exact.flow) for v in values]
    _, tops = common_denominator([*values, *rates], exact.one)
    tops = [exact.normal(top) for top in tops]
    n = len(values)
    rows = _equations(exact, [*tops[n:], *(-top for top in tops[:n])], form.prime)
    pairs = numbers.null_space(rows, 2 * n)
    basis, images = [v[:n] for v in pairs], [v[n:] for v in pairs]
    while basis:
        columns = [[*(v[j] for v in images), *(-v[j] for v in basis)] for j in range(n)]
        pairs = numbers.null_space(columns, 2 * len(basis))
        if len(pairs) == len(basis):
            space.basis = basis
            space.action = [v[len(basis) :] for v in _normalised(numbers, pairs)]
            for law in space.laws():
                written = isinstance(law, Timed)
                yield replace(law, exprs=tuple(map(form.to_user, law.exprs))) if written else law
            return
        factors = [v[: len(basis)] for v in pairs]
        basis, images = numbers.times(factors, basis), numbers.times(factors, images)


def _normalised(numbers: Field, pairs: list[Vector]) -> list[Vector]:
    """Pairs (c, d) with c images = d basis, such that the factors c are the unit vectors in order."""
    rows, _ = numbers.reduced(pairs)
    return rows


def _equations(exact: ExactField, columns: Sequence[Polynomial], p: int) -> list[Vector]:
    """Independent equations for c with sum c_k columns[k] = 0, a row each."""
    context = exact.parameter_context
    one, zero = context.constant(1), Fraction(context.constant(0), context.constant(1))
    rows: dict[tuple[int, ...], dict[int, Entry]] = {}
    for k, column in enumerate(columns):
        for monomial, entry in exact.split(column).items():
            rows.setdefault(monomial, {})[k] = entry
    effort.afford(4 * len(rows) * len(columns) ** 2)
    found = list(rows.values())
    point = [int(v) for v in np.random.default_rng(10).integers(1, p, exact.n_parameters)]
    if not found:
        return []
    seen = np.zeros((len(found), len(columns)), dtype=np.int64)
    for i, row in enumerate(found):
        for k, entry in row.items():
            seen[i, k] = _residue(entry, point, p)
    chosen: list[Vector] = []
    for i in independent_rows(seen, p):
        vector = [zero] * len(columns)
        for k, entry in found[i].items():
            vector[k] = Fraction(context.from_dict(entry), one)
        chosen.append(vector)
    return chosen


def _residue(entry: Entry, point: Sequence[int], p: int) -> int:
    total = 0
    for powers, c in entry.items():
        term = int(c.p) if c.q == 1 else int(c.p) * pow(int(c.q), -1, p)
        for base, k in zip(point, powers, strict=True):
            term = term * pow(base, int(k), p) % p
        total += term
    return cast("int", total % p)
