# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""Proofs that stand on their own: the printed law, the printed system, and SymPy's polynomials.

Nothing here is shared with the search: the law is differentiated afresh, and the result is shown to
be zero as a polynomial modulo the relations of the functions in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import sympy as sp
from sympy.core.function import AppliedUndef

from pysymude.model.network import NetworkOutput

__all__ = ["Certificate", "lie_derivative_of", "vanishes"]


@dataclass(frozen=True)
class Certificate:
    """The claim that `law` does not change along each of the `fields`.

    A field is a mapping from states (and time) to their rates; one for a law, several for a balance.
    """

    law: sp.Expr
    fields: tuple[Mapping[sp.Symbol, sp.Expr], ...]

    def check(self) -> bool:
        """Whether the claim holds, proved again from the expressions alone.

        Examples
        --------
        >>> import pysymude as psu
        >>> x, y = psu.states("x y")
        >>> laws = psu.first_integrals(psu.ODESystem({x: y, y: -x}))
        >>> laws[0].certificate.check()
        True
        """
        return all(vanishes(lie_derivative_of(self.law, f)) for f in self.fields)

    def to_json(self) -> str:
        """The certificate as text: all that a proof needs, in JSON.

        Raises
        ------
        EmissionError
            Something in it cannot be written such that it comes back equal.
        """
        from pysymude.symbolic.files import certificate_to_json

        return certificate_to_json(self)

    @classmethod
    def from_json(cls, text: str) -> Certificate:
        """The certificate in a text of `to_json`; nothing in it is executed, and nothing believed.

        Raises
        ------
        SaveFileError
            It is no such text, is damaged, or comes from a newer version.

        Examples
        --------
        >>> import pysymude as psu
        >>> x, y = psu.states("x y")
        >>> laws = psu.first_integrals(psu.ODESystem({x: y, y: -x}))
        >>> Certificate.from_json(laws[0].certificate.to_json()).check()
        True
        """
        from pysymude.symbolic.files import certificate_from_json

        return certificate_from_json(text)


def lie_derivative_of(law: sp.Expr, rates: Mapping[sp.Symbol, sp.Expr]) -> sp.Expr:
    """d(law)/dt for the given rates of the states and of time; not simplified."""
    return cast("sp.Expr", sp.Add(*(law.diff(z) * rate for z, rate in rates.items())))


def vanishes(expr: sp.Expr) -> bool:
    """Whether an expression in states, functions and networks is zero identically.

    Every function becomes a variable; what remains is a polynomial identity modulo sin^2 + cos^2 = 1
    and root^n = base, decided by division.
    """
    variables: dict[sp.Expr, sp.Symbol] = {}
    relations: list[tuple[sp.Symbol, sp.Expr]] = []
    plain = _plain(_exact(expr), variables, relations)
    top = sp.fraction(sp.together(plain))[0]
    top = sp.expand(top)
    # roots of roots come later in the list, so they are replaced first
    for variable, relation in reversed(relations):
        top = sp.expand(top)
        if top == 0:
            return True
        if top.has(variable):
            top = sp.rem(sp.Poly(top, variable), sp.Poly(relation, variable)).as_expr()
            top = sp.expand(sp.fraction(sp.together(top))[0])
    return bool(sp.expand(top) == 0)


def _exact(expr: sp.Expr) -> sp.Expr:
    floats = {f: sp.Rational(repr(float(f))) for f in expr.atoms(sp.Float)}
    expr = cast("sp.Expr", expr.xreplace(floats))
    for f in (sp.sinh, sp.cosh, sp.tanh):
        expr = expr.replace(f, lambda a, f=f: f(a).rewrite(sp.exp))
    expr = expr.replace(sp.tan, lambda a: sp.sin(a) / sp.cos(a))
    return cast("sp.Expr", sp.expand_trig(expr) if expr.has(sp.sin, sp.cos) else expr)


def _plain(
    node: Any, variables: dict[sp.Expr, sp.Symbol], relations: list[tuple[sp.Symbol, sp.Expr]]
) -> sp.Expr:
    """The expression with every function replaced by a variable, and the relations these obey."""

    def variable(expr: sp.Expr) -> sp.Symbol:
        if expr not in variables:
            variables[expr] = sp.Symbol(f"v{len(variables)}@")
        return variables[expr]

    def inner(a: Any) -> sp.Expr:
        return _plain(a, variables, relations)

    if node.is_Symbol or node.is_Rational:
        return node
    if isinstance(node, (NetworkOutput, AppliedUndef)):
        return variable(cast("sp.Expr", node))
    if node.is_Add or node.is_Mul:
        return node.func(*(inner(a) for a in node.args))
    if isinstance(node, sp.exp):
        return _exponential(node.args[0], variable)
    if node.is_Pow and node.exp.is_Integer:
        return inner(node.base) ** node.exp
    if node.is_Pow and node.exp.is_Rational:
        base = cast("sp.Expr", node.base ** sp.Rational(1, node.exp.q))
        if base.is_Pow and base.exp.q == node.exp.q:
            new = base not in variables
            root = variable(base)
            if new:
                top, bottom = sp.fraction(sp.together(inner(node.base)))
                relations.append((root, bottom * root**node.exp.q - top))
            return root**node.exp.p
        return inner(base**node.exp.p)
    if node.is_Pow:
        whole, rest = node.exp.as_coeff_Add()
        if whole.is_Integer and whole != 0:
            return inner(node.base) ** whole * inner(node.base**rest)
        return variable(node)
    if isinstance(node, (sp.sin, sp.cos)):
        new = sp.sin(node.args[0]) not in variables
        s, c = variable(sp.sin(node.args[0])), variable(sp.cos(node.args[0]))
        if new:
            relations.append((s, s**2 + c**2 - 1))
        return s if isinstance(node, sp.sin) else c
    return variable(node)


def _exponential(argument: sp.Expr, variable: Any) -> sp.Expr:
    """exp of a sum as a product of powers of exp(term/12), so that common terms meet."""
    product: sp.Expr = sp.S.One
    for term in sp.Add.make_args(sp.expand(argument)):
        factor, rest = cast("sp.Expr", term).as_coeff_Mul(rational=True)
        scaled = factor * 27720
        if not scaled.is_Integer:
            return cast("sp.Expr", variable(sp.exp(argument)))
        product *= variable(sp.exp(rest / 27720)) ** scaled
    return product
