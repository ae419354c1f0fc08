# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false, reportConstantRedefinition=false
"""Laws that contain time: exp(-s t) t^k P(u), from polynomials that the Lie derivative maps to each other.

For an autonomous polynomial field the Lie derivative X is linear on polynomials.  On the largest space
W of polynomials (to a degree) with X W inside W it is a matrix; a chain (X - s) w_k = w_(k-1) gives
the law exp(-s t) (w_k - t w_(k-1) + t^2/2 w_(k-2) - ...).
"""

from __future__ import annotations

import time as clock
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import sympy as sp
from sympy.polys.matrices import DomainMatrix

from pysymude.model.symbols import t
from pysymude.symbolic.invariant import ModularFlow, MonomialFlow, monomials
from pysymude.symbolic.normal import NormalForm
from pysymude.symbolic.polynomials import ExactField

__all__ = ["Timed", "timed_laws"]

_HIGHEST = 4
_MOST = 130  # monomials
_LONGEST = 8  # terms under a root of parameters


@dataclass(frozen=True)
class Timed:
    """Laws that belong to one eigenvalue: one, or a pair.

    Attributes
    ----------
    exprs : tuple of SymPy expressions
    spans : tuple of SymPy expressions
        Polynomials in the states (and in t) whose gradients span those of the laws up to factors.
    rates : tuple of SymPy expressions
        d/dt of the `spans`, if the laws are right.
    """

    exprs: tuple[sp.Expr, ...]
    spans: tuple[sp.Expr, ...]
    rates: tuple[sp.Expr, ...]

    def holds(self, flow: ModularFlow) -> bool:
        """Whether the spans have those rates at random points modulo a prime.

        They come of exact arithmetic; this is the second opinion.
        """
        return all(
            flow.has_rate(span, rate) for span, rate in zip(self.spans, self.rates, strict=True)
        )


def timed_laws(
    form: NormalForm, exact: ExactField, highest: int | None, deadline: float
) -> Iterator[Timed]:
    """Candidate laws exp(-s t) t^k P(u) in ascending degree of P; may be dependent.

    To degree `highest`, 4 by default. None where the field is not polynomial in the states or contains
    time or hidden coordinates. Ends at `deadline`, a value of `time.perf_counter()`.
    """
    flow = MonomialFlow.of(form, exact)
    if flow is None:
        return
    states = list(form.states)
    for degree in range(1, (highest or _HIGHEST) + 1):
        powers = monomials(len(states), degree)
        if len(powers) > _MOST or clock.perf_counter() > deadline:
            return
        support = flow.new_support(powers, degree)
        if support is None:
            continue
        names = [sp.Mul(*(x**k for x, k in zip(states, m, strict=True))) for m in support]
        space = _invariant(cast("list[sp.Expr]", names), support, form, exact)
        if space is not None:
            # the eigenvalue zero belongs to laws without exponentials, which higher degrees repeat
            yield from _laws(*space, states, with_zero=degree == 1, deadline=deadline)


def _invariant(
    names: list[sp.Expr], support: list[tuple[int, ...]], form: NormalForm, exact: ExactField
) -> tuple[DomainMatrix, list[sp.Expr]] | None:
    """The matrix of the Lie derivative on the largest invariant space of some monomials; its basis."""
    parameters = [c.symbol for c in form.of_kind("parameter")]
    field: Any = sp.QQ.frac_field(*parameters) if parameters else sp.QQ
    place = {m: i for i, m in enumerate(support)}
    rows: dict[tuple[int, ...], dict[int, Any]] = {m: {} for m in support}
    for k, name in enumerate(names):
        for powers, c in _rate(name, form, exact, field):
            rows.setdefault(powers, {})[k] = c
    n = len(names)
    inside = DomainMatrix(
        {place[m]: row for m, row in rows.items() if m in place and row}, (n, n), field
    )
    beyond = [row for m, row in rows.items() if m not in place and row]
    outside = DomainMatrix(dict(enumerate(beyond)), (len(beyond), n), field)
    C = outside.nullspace() if beyond else DomainMatrix.eye(n, field).to_sparse()
    while C.shape[0]:
        images = C * inside.transpose()
        pairs = images.vstack(-C).transpose().nullspace()
        kept = pairs.extract(range(pairs.shape[0]), range(C.shape[0])) * C
        if kept.shape[0] == C.shape[0]:
            break
        C = kept
    if C.shape[0] <= 1:
        return None
    C, pivots = C.rref()
    action = (C * inside.transpose()).extract(range(C.shape[0]), pivots)
    basis = C.to_Matrix()
    functions = [
        sp.Add(*(c * m for c, m in zip(basis.row(i), names, strict=True)))
        for i in range(C.shape[0])
    ]
    return action.transpose(), cast("list[sp.Expr]", functions)


def _rate(
    name: sp.Expr, form: NormalForm, exact: ExactField, field: Any
) -> list[tuple[tuple[int, ...], Any]]:
    """The monomials of the rate of a monomial, with coefficients in the field of the parameters."""
    places = [exact.symbols.index(x) for x in form.states]
    rate = exact.rate(exact.fraction(name), exact.flow)

    def element(poly: dict[tuple[int, ...], Any]) -> Any:
        numbers = {m: sp.QQ(int(c.p), int(c.q)) for m, c in poly.items()}
        if not exact.n_parameters:
            return numbers[()]
        ring = field.get_ring()
        return field.convert_from(ring.ring.from_dict(numbers), ring)

    ((_, bottom),) = exact.split(rate.bottom).items()
    return [
        (tuple(powers[i] for i in places), element(c) / element(bottom))
        for powers, c in exact.split(rate.top).items()
    ]


def _laws(
    A: DomainMatrix,
    functions: list[sp.Expr],
    states: list[sp.Symbol],
    *,
    with_zero: bool,
    deadline: float,
) -> Iterator[Timed]:
    """Laws from the chains of the matrix, for factors of its characteristic polynomial to degree two."""
    s = sp.Dummy("s")
    coefficients = [A.domain.to_sympy(c) for c in A.charpoly()]
    factors = sp.Poly(coefficients, s).factor_list()[1]
    for factor, multiplicity in sorted(factors, key=lambda f: (f[0].degree(), str(f[0].as_expr()))):
        if clock.perf_counter() > deadline:
            return
        numbers = [sp.cancel(c) for c in factor.all_coeffs()]
        if factor.degree() == 1:
            root = sp.cancel(-numbers[1] / numbers[0])
            if root != 0 or with_zero:
                yield from _chains(A, root, multiplicity, functions, states)
        elif factor.degree() == 2:
            yield from _pairs(A, [sp.cancel(c / numbers[0]) for c in numbers], functions, states)


def _chains(
    A: DomainMatrix,
    root: sp.Expr,
    multiplicity: int,
    functions: list[sp.Expr],
    states: list[sp.Symbol],
) -> Iterator[Timed]:
    n = A.shape[0]
    N = A - DomainMatrix.eye(n, A.domain).to_sparse() * A.domain.from_sympy(root)
    for vector in _rows((N**multiplicity).nullspace()):
        total: sp.Expr = sp.S.Zero
        part, k = vector.transpose(), 0
        while not part.is_zero_matrix:
            total += (-t) ** k / sp.factorial(k) * _function(part, functions)
            part, k = N * part, k + 1
        (polynomial,) = _without_content(states, total)
        if polynomial.has(*states):
            law = cast("sp.Expr", sp.exp(-root * t) * polynomial)
            yield Timed((law,), (polynomial,), (cast("sp.Expr", root * polynomial),))


def _pairs(
    A: DomainMatrix,
    quadratic: list[sp.Expr],
    functions: list[sp.Expr],
    states: list[sp.Symbol],
) -> Iterator[Timed]:
    """Laws from w with X^2 w + b X w + c w = 0: no root is taken but in the exponent.

    With eigenvalues alpha +- beta, X w - (alpha -+ beta) w is an eigenfunction.
    """
    _, b, c = quadratic
    field = A.domain
    n = A.shape[0]
    one = DomainMatrix.eye(n, field).to_sparse()
    kernel = (A * A + A * field.from_sympy(b) + one * field.from_sympy(c)).nullspace()
    alpha, square = -b / 2, sp.factor(b**2 / 4 - c)
    if not square.is_number and len(sp.Add.make_args(sp.expand(square))) > _LONGEST:
        return
    turning = bool(square.is_negative)
    beta = sp.sqrt(-square if turning else square)
    seen: list[DomainMatrix] = []
    for row in _rows(kernel):
        v = row.transpose()
        # X w belongs to the same pair as w
        if seen and DomainMatrix.hstack(*seen, v).rank() == len(seen):
            continue
        moved = A * v
        seen += [v, moved]
        w, xw = _without_content(states, *(_function(part, functions) for part in (v, moved)))
        damping = sp.exp(-alpha * t)
        if turning:
            y = sp.expand(xw - alpha * w)
            first = damping * (sp.cos(beta * t) * w - sp.sin(beta * t) * y / beta)
            second = damping * (sp.sin(beta * t) * w + sp.cos(beta * t) * y / beta)
        else:
            first = sp.exp(-(alpha + beta) * t) * sp.expand(xw - (alpha - beta) * w)
            second = sp.exp(-(alpha - beta) * t) * sp.expand(xw - (alpha + beta) * w)
        laws = (cast("sp.Expr", first), cast("sp.Expr", second))
        yield Timed(laws, (w, xw), (xw, cast("sp.Expr", -b * xw - c * w)))


def _rows(matrix: DomainMatrix) -> list[DomainMatrix]:
    columns = range(matrix.shape[1])
    return [matrix.extract([i], columns) for i in range(matrix.shape[0])]


def _function(vector: DomainMatrix, functions: Sequence[sp.Expr]) -> sp.Expr:
    entries = [vector.domain.to_sympy(e) for e in vector.to_list_flat()]
    return cast(
        "sp.Expr", sp.Add(*(c * f for c, f in zip(entries, functions, strict=True) if c != 0))
    )


def _without_content(states: Sequence[sp.Symbol], *given: sp.Expr) -> list[sp.Expr]:
    """Polynomials in states and time, without denominators or a common factor of all coefficients."""
    polys = [sp.Poly(sp.expand(e), *states, t) for e in given]
    coefficients = [c for poly in polys for c in poly.coeffs() if c != 0]
    if all(c.is_Rational for c in coefficients):
        bottom = sp.ilcm(1, *(c.q for c in coefficients))
        content = sp.igcd(0, *(int(c * bottom) for c in coefficients))
        return [cast("sp.Expr", poly.as_expr() * bottom / content) for poly in polys]
    fractions = [sp.fraction(sp.together(sp.cancel(c))) for c in coefficients]
    bottom = sp.lcm_list([b for _, b in fractions])
    content = sp.gcd_list([sp.expand(sp.cancel(a * bottom / b)) for a, b in fractions])
    return [
        cast(
            "sp.Expr",
            sp.Add(
                *(
                    sp.factor(sp.cancel(c * bottom / content))
                    * sp.prod(map(pow, poly.gens, powers))
                    for powers, c in poly.terms()
                )
            ),
        )
        for poly in polys
    ]
