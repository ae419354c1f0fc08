# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""First integrals from symmetries alone: the coefficients by which characteristics depend on each other.

If W = sum g_a W_a with symmetries W, W_1 .. W_r whose W_a are independent at a generic point, then
every g_a is constant along solutions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np
import sympy as sp

from pysymude.errors import InvalidInputError
from pysymude.model.calls import explained
from pysymude.model.symbols import t
from pysymude.model.system import ODESystem
from pysymude.symbolic.exact.normal_form import NormalForm, exact
from pysymude.symbolic.exact.polynomials import ExactField, Fraction
from pysymude.symbolic.null_space.modular import (
    PRIMES,
    Residues,
    evaluate,
    null_space,
    sample,
)
from pysymude.symbolic.proof.certificate import lie_derivative_of, vanishes
from pysymude.symbolic.symmetries.generator import Generator
from pysymude.symbolic.symmetries.joint_form import admissible_parameters, joint_form
from pysymude.symbolic.symmetries.symmetry import is_symmetry

__all__ = ["symmetry_laws"]

_P = PRIMES[0]


@explained
def symmetry_laws(system: ODESystem, generators: Sequence[Generator]) -> list[sp.Expr]:
    """Independent first integrals that follow from symmetries of a system, without a further search.

    Parameters
    ----------
    system : ODESystem
    generators : sequence of Generator
        Its symmetries; more than there are states, or dependent ones, to say anything.

    Returns
    -------
    list of SymPy expressions
        Quotients, each shown to be constant along solutions; empty where no characteristic is a
        combination of others with coefficients that vary.

    Raises
    ------
    InvalidInputError
        One of the generators is no symmetry.

    References
    ----------
    .. [1] Olver, Applications of Lie Groups to Differential Equations, 2nd ed., sec. 2.5.

    Examples
    --------
    >>> import pysymude as psu
    >>> x, y = psu.states("x y")
    >>> system = psu.ODESystem({x: y, y: 0})
    >>> psu.symmetry_laws(system, [psu.Generator(1), psu.Generator(0, {x: psu.t, y: 1}),
    ...                            psu.Generator(0, {x: x, y: y})])
    [(t*y - x)/y, y]
    """
    for X in generators:
        if not is_symmetry(system, X):
            raise InvalidInputError(f"{X} is no symmetry of {system}")
    rhs = {x: exact(f) for x, f in system.rhs.items()}
    rates = {t: cast("sp.Expr", sp.S.One), **rhs}
    flat = [X.moves(x) - X.xi * f for X in generators for x, f in rhs.items()]
    form, inside = joint_form(rhs, flat)
    n = len(rhs)
    rows = [inside[k * n : (k + 1) * n] for k in range(len(generators))]
    field = ExactField(form)
    found: list[sp.Expr] = []
    for g in _coefficients(rows, field):
        law = form.to_user(_expression(g, field))
        if not law.free_symbols & {t, *rhs} or not vanishes(lie_derivative_of(law, rates)):
            continue
        if _rank([*found, law], rhs) > len(found):
            found.append(law)
            if len(found) == n:
                break
    return found


def _rank(laws: list[sp.Expr], rhs: Mapping[sp.Symbol, sp.Expr]) -> int:
    """How many of some laws are independent: the rank of their gradients at a random point."""
    variables = [t, *rhs]
    form, inside = joint_form(rhs, [law.diff(z) for law in laws for z in variables])
    width = len(variables)
    rows = _at_a_point(form, [inside[k : k + width] for k in range(0, len(inside), width)])
    return len(laws) - len(null_space(rows, _P)[0])


def _at_a_point(form: NormalForm, rows: Sequence[Sequence[sp.Expr]]) -> Residues:
    """Expressions in coordinates at one random point."""
    rng = np.random.default_rng(0)
    point = sample(form, 1, _P, rng, admissible_parameters(form, rng))
    seen: dict[Any, Residues] = {}
    return np.array([[int(np.ravel(evaluate(e, point, _P, seen))[0]) for e in row] for row in rows])


def _expression(g: Fraction, field: ExactField) -> sp.Expr:
    """A fraction up to a rational factor; its reciprocal where no state stands in the numerator."""
    top, bottom = (field.expression(part).primitive()[1] for part in (g.top, g.bottom))
    if not top.free_symbols & {*field.form.states}:
        top, bottom = bottom, top
    quotient = top / bottom
    return cast("sp.Expr", -quotient if quotient.could_extract_minus_sign() else quotient)


def _coefficients(rows: list[list[sp.Expr]], field: ExactField) -> Iterator[Fraction]:
    """The coefficients of each dependent characteristic in terms of the independent ones."""
    kept, equations = _independent(rows, field)
    if not kept:
        return
    matrix = [[field.fraction(rows[k][i]) for k in kept] for i in equations]
    others = [row for k, row in enumerate(rows) if k not in kept]
    sides = [[field.fraction(row[i]) for row in others] for i in equations]
    solved = _solved(field, [left + right for left, right in zip(matrix, sides, strict=True)])
    for column in range(len(kept), len(kept) + len(others)):
        for row in solved:
            yield row[column]


def _independent(rows: list[list[sp.Expr]], field: ExactField) -> tuple[list[int], list[int]]:
    """Rows that are independent at a random point, and as many columns on which they are."""
    if not rows:
        return [], []
    values = _at_a_point(field.form, rows)
    free = set(null_space(values, _P)[0])
    kept = [k for k in range(len(rows)) if k not in free]
    spare = set(null_space(values[kept].T.copy(), _P)[0]) if kept else set()
    return kept, [i for i in range(values.shape[1]) if i not in spare]


def _solved(field: ExactField, matrix: list[list[Fraction]]) -> list[list[Fraction]]:
    """Gauss-Jordan elimination over the fractions, modulo the relations."""

    def normal(f: Fraction) -> Fraction:
        return Fraction(field.normal(f.top), f.bottom) * Fraction(field.one, field.one)

    minus = Fraction(-field.one, field.one)
    rows = [[normal(f) for f in row] for row in matrix]
    for k in range(len(rows)):
        pivot = next(i for i in range(k, len(rows)) if not rows[i][k].top.is_zero())
        rows[k], rows[pivot] = rows[pivot], rows[k]
        over = rows[k][k] ** -1
        rows[k] = [normal(f * over) for f in rows[k]]
        for i in range(len(rows)):
            factor = rows[i][k] * minus
            if i != k and not factor.top.is_zero():
                rows[i] = [normal(f + factor * g) for f, g in zip(rows[i], rows[k], strict=True)]
    return rows
