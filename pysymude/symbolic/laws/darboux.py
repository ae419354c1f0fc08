# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""Darboux polynomials: P with X(P) = K P, from the factors of the extactic determinant."""

from __future__ import annotations

import time as clock
from itertools import combinations_with_replacement
from typing import Any, cast

import flint
import numpy as np
import sympy as sp

from pysymude.symbolic import effort
from pysymude.symbolic.exact.normal_form import NormalForm
from pysymude.symbolic.exact.polynomials import ExactField, Polynomial
from pysymude.symbolic.laws.affine_planes import affine_planes
from pysymude.symbolic.laws.determinant import determinant
from pysymude.symbolic.laws.hyperplanes import hyperplanes
from pysymude.symbolic.null_space.modular import draw_parameters

__all__ = ["darboux_polynomials"]

_MOST_TERMS = 4000  # in the entries of a determinant
_MOST_PARAMETERS = 4


def darboux_polynomials(form: NormalForm, exact: ExactField, deadline: float) -> list[sp.Expr]:
    """The irreducible Darboux polynomials of degree 1, and of degree 2 in the plane.

    Complete for fields whose extactic determinants are not zero, where time and size allow; empty for
    fields that read time, a network or an atom. With more than three states those with rational
    coefficients, of fields without symbols, and of affine fields.

    References
    ----------
    .. [1] Christopher, Llibre, Pereira, Multiplicity of invariant algebraic curves in polynomial vector
       fields, Pacific J. Math. 229 (2007): every invariant curve of the degree divides the extactic.
    """
    states = list(form.states)
    allowed = {*states, *(c.symbol for c in form.of_kind("parameter"))}
    rates = [cast("sp.Expr", form.coordinates[x].rate) for x in states]
    if (
        len(states) < 2
        or exact.n_parameters > _MOST_PARAMETERS
        or any(not rate.free_symbols <= allowed for rate in rates)
    ):
        return []
    planes = affine_planes(form, exact)
    if len(states) > 3:
        if planes is None and not exact.n_parameters:
            return hyperplanes(form, exact)
        return planes or []
    found = planes or []
    for degree in (1, 2) if len(states) == 2 else (1,):
        effort.check()
        if clock.perf_counter() > deadline:
            break
        extactic = _extactic(form, exact, degree)
        if extactic is None or extactic.is_zero():
            if degree == 1 and not exact.n_parameters:
                # as where a linear law holds
                found += [p for p in hyperplanes(form, exact) if p not in found]
            continue
        if _shares_a_factor(form, exact, extactic):
            # conjugate planes divide it together, as a factor of a higher degree
            found += [p for p in exact.darboux(exact.factors([extactic])) if p not in found]
    return found


def _extactic(form: NormalForm, exact: ExactField, degree: int) -> Any:
    """det(X^i(m_j)) for the monomials m_j to a degree; None where it is too large to form."""
    # the column of the monomial 1 is a unit vector: its row and itself are left out
    row = [
        exact.fraction(sp.Mul(*picked)).top
        for d in range(1, degree + 1)
        for picked in combinations_with_replacement(form.states, d)
    ]
    rows: list[list[Polynomial]] = []
    while len(rows) < len(row):
        rows.append([exact.flow.slope(entry) for entry in (rows[-1] if rows else row)])
        if sum(map(len, rows[-1])) > _MOST_TERMS:
            return None
    return determinant(rows, exact.one)


def _shares_a_factor(form: NormalForm, exact: ExactField, extactic: Polynomial) -> bool:
    """Whether the extactic may have a factor that divides its own rate, and so that of the extactic.

    Both are looked at modulo a prime on a random line along each axis, where a common factor stays one:
    to factor the whole of it takes longer than all else.
    """
    p, rng = form.prime, np.random.default_rng(6)
    values = draw_parameters(form, p, rng)
    names = exact.context.names()
    point = {
        name: int(values.get(z, rng.integers(1, p)))
        for name, z in zip(names, exact.symbols, strict=True)
    }
    pair = (extactic, exact.flow.slope(extactic))
    for axis in map(exact.symbols.index, form.states):
        others = {name: v for name, v in point.items() if name != names[axis]}
        one, other = (_of_one_variable(poly.subs(others), axis, p) for poly in pair)
        if one.gcd(other).degree() > 0:
            return True
    return False


def _of_one_variable(poly: Polynomial, axis: int, p: int) -> Any:
    """A polynomial of one variable modulo a prime."""
    found = [0] * (max(int(poly.degrees()[axis]), 0) + 1)
    for powers, c in poly.to_dict().items():
        found[powers[axis]] = int(c.p) * pow(int(c.q), -1, p) % p
    return flint.nmod_poly(found, p)
