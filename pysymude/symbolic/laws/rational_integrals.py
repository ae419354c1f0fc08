# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""What integrals of rational functions are made of: powers of the denominators, logarithms and arctangents.

References
----------
.. [1] Rothstein, Aspects of symbolic integration, 1976, and Trager, Algebraic factoring and rational
   function integration, 1976: logarithms of the factors of the denominator suffice.
.. [2] Bronstein, Symbolic Integration I, 2nd ed., ch. 2.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import flint
import sympy as sp

from pysymude.symbolic.exact.polynomials import ExactField
from pysymude.symbolic.laws.ansatz import Factor, Primitive, powers_of_degree

__all__ = ["angle", "angles", "fractions_below", "rational_primitives"]


def rational_primitives(
    exact: ExactField, bottom: Any, variables: Sequence[sp.Symbol], degree: int
) -> list[Primitive]:
    """Candidates for integrals of forms N / bottom along `variables`, N of at most that degree.

    Complete where the irreducible factors of `bottom` that are more than quadratic have rational
    residues.
    """
    factors = [(f, int(k)) for f, k in bottom.factor()[1] if _moves(exact, f, variables)]
    found = [Primitive.log(exact.expression(f)) for f, _ in factors]
    for factor, _ in factors:
        found += angles(exact, factor, variables)
    below = sp.Mul(*(exact.expression(f) ** (k - 1) for f, k in factors))
    lowered = sum((k - 1) * _degree(exact, f, variables) for f, k in factors)
    whole = sum(k * _degree(exact, f, variables) for f, k in factors)
    highest = max(degree + 1 - whole + lowered, lowered)
    return [*found, *(Primitive.of(e) for e in fractions_below(below, variables, highest))]


def fractions_below(
    below: sp.Expr, variables: Sequence[sp.Symbol], degree: int
) -> Iterator[sp.Expr]:
    """Monomials to a degree, divided by a product."""
    over = 1 / below
    for d in range(0 if below != 1 else 1, degree + 1):
        for powers in powers_of_degree(tuple(map(Factor, variables)), d):
            yield cast("sp.Expr", sp.Mul(*(variables[i] ** k for i, k in powers)) * over)


def angles(exact: ExactField, factor: Any, variables: Sequence[sp.Symbol]) -> list[Primitive]:
    """Of a factor A x^2 + B x + C with 4 A C - B^2 = d s^2, d a number: the angle of its two conjugate lines.

    With U = (2 A x + B) / s it is the integral of dU / (d + U^2): an arctangent, or for negative d the
    logarithm of a quotient.
    """
    for x in reversed(variables):
        i = exact.symbols.index(x)
        if factor.degrees()[i] != 2:
            continue
        slope = factor.derivative(i)
        leading = slope.derivative(i) * flint.fmpq(1, 2)
        rest = factor.subs({exact.context.names()[i]: 0})
        linear = slope.subs({exact.context.names()[i]: 0})
        split = _square_part(exact, 4 * leading * rest - linear * linear)
        if split is None:
            continue
        d, s = split
        inner = cast("sp.Expr", exact.expression(slope) / s)
        return [angle(inner, d)]
    return []


def angle(inner: sp.Expr, d: sp.Expr) -> Primitive:
    """The integral of dU / (d + U^2) for an inner function U and a number d."""
    return Primitive(_angle(inner, d), cast("sp.Expr", 1 / (d + inner**2)), inner)


def _angle(u: sp.Expr, d: sp.Expr) -> sp.Expr:
    """The integral of du / (d + u^2), real where the sign of d is known or shown."""
    if d.is_negative or (d.is_negative is None and d.could_extract_minus_sign()):
        root = _root(-d)
        return cast("sp.Expr", (sp.log(u - root) - sp.log(u + root)) / (2 * root))
    root = _root(d)
    return cast("sp.Expr", sp.atan(u / root) / root)


def _root(square: sp.Expr) -> sp.Expr:
    """A square root; of a square, either will do."""
    return cast("sp.Expr", sp.sqrt(sp.factor(square)).replace(sp.Abs, lambda a: a))


def _square_part(exact: ExactField, poly: Any) -> tuple[sp.Expr, sp.Expr] | None:
    """(d, s) with d s^2 = poly and no variable in d; None where there are none."""
    if poly.is_zero():
        return None
    number, factors = poly.factor()
    d, s = sp.Rational(int(number.p), int(number.q)), sp.S.One
    cut = len(exact.symbols) - exact.n_parameters
    for factor, k in factors:
        moves = any(e for e in factor.degrees()[:cut])
        if moves and int(k) % 2:
            return None
        s *= exact.expression(factor) ** (int(k) // 2)
        if int(k) % 2:
            d *= exact.expression(factor)
    outside = sp.Integer(_outer(abs(int(number.p)))) / _outer(int(number.q))
    return cast("tuple[sp.Expr, sp.Expr]", (d / outside**2, s * outside))


def _outer(n: int) -> int:
    """The largest r whose square divides n, from small primes."""
    found = 1
    for p in sp.primerange(2, 200):
        while n % (p * p) == 0:
            n //= p * p
            found *= p
    return found


def _moves(exact: ExactField, factor: Any, variables: Sequence[sp.Symbol]) -> bool:
    return _degree(exact, factor, variables) > 0


def _degree(exact: ExactField, factor: Any, variables: Sequence[sp.Symbol]) -> int:
    places = [exact.symbols.index(x) for x in variables]
    return max(sum(tuple(m)[i] for i in places) for m in factor.monoms())
