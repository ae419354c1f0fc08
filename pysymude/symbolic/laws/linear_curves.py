# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""Invariant hyperplanes of Lotka-Volterra fields with any number of states.

Where x_i' = x_i L_i with linear L_i, a sum over some states is a Darboux polynomial if their L_i agree in
all other states, and its coefficients follow pair by pair.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import cast

import sympy as sp

from pysymude.symbolic.exact.fraction import Fraction
from pysymude.symbolic.exact.normal_form import NormalForm
from pysymude.symbolic.exact.polynomials import ExactField

__all__ = ["invariant_sums"]

_MOST_STATES = 24

Matrix = list[list[Fraction]]


def invariant_sums(form: NormalForm, exact: ExactField) -> list[sp.Expr]:
    """The smallest invariant sums a_0 + sum a_i x_i that contain two given states, short ones first.

    Empty for a field of another kind.
    """
    rows = _growth_rates(form, exact)
    if rows is None:
        return []
    found: dict[tuple[int, ...], sp.Expr] = {}
    for pair in combinations(range(len(rows)), 2):
        support = _support(rows, pair)
        if support not in found:
            factors = _coefficients(rows, support, exact)
            if factors is not None:
                names = [sp.S.One if k == 0 else form.states[k - 1] for k in support]
                terms = [c * z for c, z in zip(factors, names, strict=True)]
                found[support] = cast("sp.Expr", sp.Add(*terms))
    return [found[support] for support in sorted(found, key=lambda s: (len(s), s))]


def _growth_rates(form: NormalForm, exact: ExactField) -> Matrix | None:
    """L_ij of x_i' = x_i sum_j L_ij x_j, where x_0 = 1 is the first one; None for other fields."""
    places = [exact.symbols.index(x) for x in form.states]
    n, context = len(places), exact.parameter_context
    zero = Fraction(context.constant(0), context.constant(1))
    rows: Matrix = [[zero] * (n + 1)]
    if n > _MOST_STATES:
        return None
    for i, x in enumerate(form.states):
        rate = exact.fraction(cast("sp.Expr", form.coordinates[x].rate))
        below = exact.split(rate.bottom)
        if len(below) != 1 or any(next(iter(below))):
            return None
        under = Fraction(context.constant(1), context.from_dict(next(iter(below.values()))))
        row = [zero] * (n + 1)
        for monomial, entry in exact.split(rate.top).items():
            powers = {k: e for k, e in enumerate(monomial) if e}
            powers[places[i]] = powers.get(places[i], 0) - 1
            left = [k for k, e in powers.items() if e]
            if len(left) > 1 or any(powers[k] != 1 or k not in places for k in left):
                return None
            column = 1 + places.index(left[0]) if left else 0
            row[column] = Fraction(context.from_dict(entry), context.constant(1)) * under
        rows.append(row)
    return rows


def _support(rows: Matrix, start: Sequence[int]) -> tuple[int, ...]:
    """The smallest set that contains `start` and whose rows agree elsewhere."""
    inside = list(start)
    while True:
        first = rows[inside[0]]
        wrong = [
            j
            for j in range(len(rows))
            if j not in inside and any(_differ(rows[i][j], first[j]) for i in inside)
        ]
        if not wrong:
            return tuple(sorted(inside))
        inside += wrong


def _coefficients(rows: Matrix, support: Sequence[int], exact: ExactField) -> list[sp.Expr] | None:
    """The coefficients a_i, with a_i (L_ij - L_jj) + a_j (L_ji - L_ii) = 0 for each pair."""
    known: dict[int, Fraction] = {
        support[0]: Fraction(
            exact.parameter_context.constant(1), exact.parameter_context.constant(1)
        )
    }
    pairs = list(combinations(support, 2))
    for _ in support:
        for i, j in pairs:
            one, other = rows[i][j] - rows[j][j], rows[j][i] - rows[i][i]
            if one.top.is_zero() != other.top.is_zero():
                return None
            if one.top.is_zero():
                continue
            if i in known and j not in known:
                known[j] = -(known[i] * one / other)
            elif j in known and i not in known:
                known[i] = -(known[j] * other / one)
    if len(known) < len(support):
        return None
    for i, j in pairs:
        one, other = rows[i][j] - rows[j][j], rows[j][i] - rows[i][i]
        if not (known[i] * one + known[j] * other).top.is_zero():
            return None
    return [exact.rational(known[k]) for k in support]


def _differ(one: Fraction, other: Fraction) -> bool:
    return not (one - other).top.is_zero()
