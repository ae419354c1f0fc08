# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""Invariant hyperplanes of affine fields: the eigenvectors of their transposed matrix."""

from __future__ import annotations

from typing import Any

import flint
import sympy as sp

from pysymude.symbolic import effort
from pysymude.symbolic.exact.normal_form import NormalForm
from pysymude.symbolic.exact.polynomials import ExactField, Polynomial

__all__ = ["affine_planes"]

_MOST_STATES = 24


def affine_planes(form: NormalForm, exact: ExactField) -> list[sp.Expr] | None:
    """Those that move with rational eigenvalues other than 0; None for a field of another kind.

    Of x' = A x + b with rational A the plane l v.x + v.b has the cofactor l where v A = l v. Symbols may
    stand in b, such as states that rest. Of several planes that move alike there is a basis.
    """
    found = _matrix(form, exact)
    if found is None:
        return None
    matrix, constants = found
    n, planes = len(constants), list[Polynomial]()
    gens = [exact.context.gens()[exact.symbols.index(x)] for x in form.states]
    for factor, _ in matrix.charpoly().factor()[1]:
        if factor.degree() != 1 or factor[0] == 0:
            continue
        effort.check()
        root = -factor[0] / factor[1]
        turned = [[matrix[j, i] - (root if i == j else 0) for j in range(n)] for i in range(n)]
        for vector in _null_space(flint.fmpq_mat(turned)):
            terms = [
                (gen * root + own) * v
                for v, gen, own in zip(vector, gens, constants, strict=True)
                if v
            ]
            planes.append(exact.factors([sum(terms[1:], terms[0])])[0])
    return exact.darboux(planes)


def _matrix(form: NormalForm, exact: ExactField) -> tuple[Any, list[Polynomial]] | None:
    """A and b of an affine field; None for another kind."""
    n, places = len(form.states), [exact.symbols.index(x) for x in form.states]
    if not 2 <= n <= _MOST_STATES:
        return None
    rows: list[list[Any]] = []
    constants: list[Polynomial] = []
    for x in form.states:
        rate = exact.fraction(form.coordinates[x].rate)
        if not rate.bottom.is_constant():
            return None
        row, rest = [flint.fmpq(0)] * n, {}
        for powers, c in (rate.top / rate.bottom.leading_coefficient()).to_dict().items():
            of = [k for k, i in enumerate(places) if powers[i]]
            if not of:
                rest[powers] = c
            elif sum(powers) == 1:
                row[of[0]] = c
            else:
                return None
        rows.append(row)
        constants.append(exact.context.from_dict(rest))
    return flint.fmpq_mat(rows), constants


def _null_space(matrix: Any) -> list[list[Any]]:
    """A basis of the vectors that a matrix maps to 0."""
    reduced, rank = matrix.rref()
    n = matrix.ncols()
    pivots = [next(j for j in range(n) if reduced[i, j]) for i in range(rank)]
    basis: list[list[Any]] = []
    for free in (j for j in range(n) if j not in pivots):
        vector = [flint.fmpq(0)] * n
        vector[free] = flint.fmpq(1)
        for i, j in enumerate(pivots):
            vector[j] = -reduced[i, free]
        basis.append(vector)
    return basis
