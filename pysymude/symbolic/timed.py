# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false, reportConstantRedefinition=false
"""Laws that contain time: exp(-s t) t^k P(u), from polynomials that the Lie derivative maps to each other.

For an autonomous polynomial field the Lie derivative X is linear on polynomials.  On the largest space
W of polynomials (to a degree) with X W inside W it is a matrix; a chain (X - s) w_k = w_(k-1) gives
the law exp(-s t) (w_k - t w_(k-1) + t^2/2 w_(k-2) - ...).
"""

from __future__ import annotations

from itertools import combinations_with_replacement
from typing import Any, cast

import sympy as sp
from sympy.polys.matrices import DomainMatrix

from pysymude.model.symbols import t
from pysymude.symbolic.normal import NormalForm

__all__ = ["independent", "timed_laws"]

_MOST = 60  # monomials


def timed_laws(form: NormalForm, degree: int) -> list[sp.Expr]:
    """Candidate laws exp(-s t) t^k P(u) with P to a degree, in ascending complexity; may be dependent.

    Empty where the field is not polynomial in the states or contains time or hidden coordinates.
    """
    states = list(form.states)
    known = {*states, *(c.symbol for c in form.of_kind("parameter"))}
    rates = [cast("sp.Expr", form.coordinates[x].rate) for x in states]
    if any(not rate.free_symbols <= known or not rate.is_polynomial(*states) for rate in rates):
        return []
    monomials = [
        cast("sp.Expr", sp.Mul(*picked))
        for d in range(degree + 1)
        for picked in combinations_with_replacement(states, d)
    ]
    if len(monomials) > _MOST:
        return []
    basis, action = _invariant(monomials, states, rates)
    if basis is None or action is None:
        return []
    functions = [
        sp.Add(*(c * m for c, m in zip(column, monomials, strict=True))) for column in basis
    ]
    return _chains(action, functions, with_zero=degree == 1)


def _invariant(
    monomials: list[sp.Expr], states: list[sp.Symbol], rates: list[sp.Expr]
) -> tuple[list[list[sp.Expr]] | None, sp.Matrix | None]:
    """A basis of the largest invariant space, and the matrix of the Lie derivative on it."""
    place = {m: i for i, m in enumerate(monomials)}
    inside: dict[tuple[int, int], Any] = {}
    outside: dict[tuple[sp.Expr, int], Any] = {}
    for k, m in enumerate(monomials):
        moved = sp.expand(sp.Add(*(m.diff(x) * f for x, f in zip(states, rates, strict=True))))
        poly = sp.Poly(moved, *states)
        for powers, c in poly.terms():
            target = sp.Mul(*(x**e for x, e in zip(states, powers, strict=True)))
            if c == 0:
                continue
            if target in place:
                inside[place[target], k] = c
            else:
                outside[target, k] = c
    n = len(monomials)
    rows = sorted({target for target, _ in outside}, key=sp.default_sort_key)
    M = sp.Matrix(n, n, lambda i, j: inside.get((i, j), 0))
    R = sp.Matrix(len(rows), n, lambda i, j: outside.get((rows[i], j), 0))
    C = _null(R) if rows else sp.eye(n)
    while C.shape[1]:
        pairs = _null(sp.Matrix.hstack(M * C, -C))
        kept = C * pairs[: C.shape[1], :]
        if kept.shape[1] == C.shape[1]:
            break
        C = _columns(kept)
    if C.shape[1] <= 1:
        return None, None
    # M C = C A, solved on rows that make C square
    pairs = _null(sp.Matrix.hstack(M * C, -C))
    top, bottom = pairs[: C.shape[1], :], pairs[C.shape[1] :, :]
    A = bottom * top.inv()
    return [list(C[:, j]) for j in range(C.shape[1])], A.applyfunc(sp.cancel)


def _null(matrix: sp.Matrix) -> sp.Matrix:
    """A basis of the null space as columns, over the field of the entries."""
    domain = DomainMatrix.from_Matrix(matrix).to_field()
    null = domain.nullspace().to_Matrix()
    return null.T if null.shape[0] else sp.zeros(matrix.shape[1], 0)


def _columns(matrix: sp.Matrix) -> sp.Matrix:
    """Independent columns that span the same space."""
    reduced = DomainMatrix.from_Matrix(matrix.T).to_field().rref()[0].to_Matrix()
    rows = [i for i in range(reduced.shape[0]) if any(reduced[i, :])]
    return reduced[rows, :].T if rows else sp.zeros(matrix.shape[0], 0)


def _chains(A: sp.Matrix, functions: list[sp.Expr], *, with_zero: bool) -> list[sp.Expr]:
    """Laws from the chains of the matrix, for eigenvalues of degree one and two.

    The eigenvalue zero belongs to laws without exponentials, which higher degrees repeat.
    """
    s = sp.Dummy("s")
    found: list[sp.Expr] = []
    # the coefficients alone: SymPy gives the polynomial a variable of its own
    for factor, multiplicity in sp.Poly(A.charpoly(s).all_coeffs(), s).factor_list()[1]:
        if factor.degree() > 2:
            continue
        for root in sp.roots(factor):
            if root == 0 and not with_zero:
                continue
            found += _laws_of(A, cast("sp.Expr", root), multiplicity, functions)
    return sorted(set(found), key=lambda e: (sp.count_ops(e), sp.default_sort_key(e)))


def _laws_of(
    A: sp.Matrix, root: sp.Expr, multiplicity: int, functions: list[sp.Expr]
) -> list[sp.Expr]:
    N = A - root * sp.eye(A.shape[0])
    found: list[sp.Expr] = []
    for vector in (N**multiplicity).applyfunc(sp.cancel).nullspace():
        total: sp.Expr = sp.S.Zero
        part, k = vector, 0
        while any(sp.simplify(e) != 0 for e in part):
            w = sp.Add(*(c * f for c, f in zip(part, functions, strict=True)))
            total += (-t) ** k / sp.factorial(k) * w
            part, k = (N * part).applyfunc(sp.cancel), k + 1
        found += _real_forms(root, sp.expand(total))
    return [law for law in found if law.free_symbols & {*_symbols(functions)}]


def _symbols(functions: list[sp.Expr]) -> set[Any]:
    return {z for f in functions for z in f.free_symbols}


def _real_forms(root: sp.Expr, w: sp.Expr) -> list[sp.Expr]:
    """exp(-root t) w, in real form where the root is a complex number."""
    if root.is_number and not root.is_real:
        a, b = root.as_real_imag()
        if b < 0:
            return []
        u, v = w.subs(sp.I, 0), w.coeff(sp.I)
        damping = sp.exp(-a * t)
        return [
            cast("sp.Expr", damping * (sp.cos(b * t) * u + sp.sin(b * t) * v)),
            cast("sp.Expr", damping * (sp.cos(b * t) * v - sp.sin(b * t) * u)),
        ]
    return [cast("sp.Expr", sp.exp(-root * t) * w)]


def independent(laws: list[sp.Expr], form: NormalForm) -> bool:
    """Whether the gradients of laws in the user's symbols have full rank at a random point.

    Evaluated with 60 digits at a point of primes' square roots, where no accident makes a minor vanish
    to 1e-30 without vanishing identically.
    """
    symbols = [c.symbol for c in form.of_kind("state", "time", "parameter")]
    point = {z: sp.sqrt(sp.prime(k + 3)).evalf(60) / 3 for k, z in enumerate(symbols)}
    plain = [c.symbol for c in form.of_kind("state", "time")]
    rows = [[law.diff(z).evalf(60, subs=point) for z in plain] for law in laws]
    matrix = sp.Matrix(rows)
    gram = (matrix * matrix.H).evalf(60)
    scale = sp.Mul(*(gram[i, i] for i in range(len(laws))))
    return bool(abs(gram.det(method="berkowitz")) > abs(scale) * sp.Float("1e-30"))
