# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""Whether an expression is zero identically, decided by SymPy's polynomials alone.

Every function becomes a variable; what remains is a polynomial identity modulo sin^2 + cos^2 = 1 and
root^n = base. Nothing here is shared with the search for laws.
"""

from __future__ import annotations

from typing import Any, cast

import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.polys.orderings import lex
from sympy.polys.rings import PolyElement, PolyRing

from pysymude.model.network import NetworkOutput

__all__ = ["vanishes"]


def vanishes(expr: sp.Expr) -> bool:
    """Whether an expression in states, functions and networks is zero identically.

    Examples
    --------
    >>> import sympy as sp
    >>> x, y = sp.symbols("x y")
    >>> vanishes(sp.sqrt(x**2 + y**2)**3 / (x**2 + y**2) - sp.sqrt(x**2 + y**2))
    True
    >>> vanishes(sp.sin(x)**2 - sp.cos(x)**2 - 1)
    False
    """
    variables: dict[Any, sp.Symbol] = {}
    relations: list[tuple[sp.Symbol, sp.Expr]] = []
    plain = _plain(_exact(expr), variables, relations)
    if plain.is_Rational:
        return bool(plain == 0)
    free = plain.free_symbols.union(*(r.free_symbols | {v} for v, r in relations))
    field = _Numerators(sorted(free, key=sp.default_sort_key))
    top = field.numerator(plain)
    # roots of roots come later in the list, so they are replaced first
    for variable, relation in reversed(relations):
        if not top:
            return True
        top = _remainder(top, field.numerator(relation), field.gens[variable])
    return not top


class _Numerators:
    """Rational expressions as polynomials over products of powers of denominators.

    Denominators are never multiplied out: an identity needs the numerator alone.
    """

    def __init__(self, symbols: list[sp.Symbol]) -> None:
        # names are counted: symbols that differ in assumptions alone stay different
        self.ring: Any = PolyRing([f"z{i}" for i in range(len(symbols))], sp.QQ, lex)
        self.gens: dict[Any, PolyElement] = dict(zip(symbols, self.ring.gens, strict=True))
        self.seen: dict[Any, tuple[PolyElement, dict[PolyElement, int]]] = {}

    def numerator(self, expr: sp.Expr) -> PolyElement:
        return self.fraction(expr)[0]

    def fraction(self, expr: Any) -> tuple[PolyElement, dict[PolyElement, int]]:
        """Top, and the power of each denominator."""
        if expr not in self.seen:
            self.seen[expr] = self._fraction(expr)
        return self.seen[expr]

    def _fraction(self, expr: Any) -> tuple[PolyElement, dict[PolyElement, int]]:
        if expr in self.gens:
            return self.gens[expr], {}
        if expr.is_Rational:
            return self.ring(sp.QQ(int(expr.p), int(expr.q))), {}
        if expr.is_Pow:
            return self._power(expr)
        parts = [self.fraction(a) for a in expr.args]
        if expr.is_Mul:
            product, powers = self.ring.one, dict[PolyElement, int]()
            for top, bottom in parts:
                product = product * top
                for d, k in bottom.items():
                    powers[d] = powers.get(d, 0) + k
            return product, powers
        common: dict[PolyElement, int] = {}
        for _, bottom in parts:
            for d, k in bottom.items():
                common[d] = max(common.get(d, 0), k)
        total = self.ring.zero
        for top, bottom in parts:
            for d, k in common.items():
                missing = k - bottom.get(d, 0)
                top = top * d**missing if missing else top
            total = total + top
        return total, common

    def _power(self, expr: Any) -> tuple[PolyElement, dict[PolyElement, int]]:
        top, bottom = self.fraction(expr.base)
        n = int(expr.exp)
        if n >= 0:
            return top**n, {d: k * n for d, k in bottom.items()}
        above = self.ring.one
        for d, k in bottom.items():
            above = above * d ** (-k * n)
        if len(top) == 1:
            ((powers, c),) = top.terms()
            # each factor by itself, so that terms share what they can
            return above.mul_ground(c**n), {
                g: -n * k for g, k in zip(self.ring.gens, powers, strict=True) if k
            }
        return above.mul_ground(top.LC**n), {top.monic(): -n}


def _remainder(top: PolyElement, relation: PolyElement, x: PolyElement) -> PolyElement:
    """`top` modulo a relation lead x^n = rest, times a power of lead."""
    ring = top.ring
    i = ring.gens.index(x)
    n = relation.degree(x)
    lead = relation.coeff_wrt(x, n)
    rest = lead * x**n - relation
    groups: dict[int, Any] = {}
    for powers, c in top.terms():
        quotient, left = divmod(powers[i], n)
        reduced = (*powers[:i], left, *powers[i + 1 :])
        groups[quotient] = groups.get(quotient, ring.zero) + ring({reduced: c})
    highest = max(groups)
    total = ring.zero
    for quotient, group in groups.items():
        total = total + group * rest**quotient * lead ** (highest - quotient)
    return total


def _exact(expr: sp.Expr) -> sp.Expr:
    floats = {f: sp.Rational(repr(float(f))) for f in expr.atoms(sp.Float)}
    expr = cast("sp.Expr", expr.xreplace(floats))
    for f in (sp.sinh, sp.cosh, sp.tanh):
        expr = expr.replace(f, lambda a, f=f: f(a).rewrite(sp.exp))
    expr = expr.replace(sp.tan, lambda a: sp.sin(a) / sp.cos(a))
    return _in_common_angles(cast("sp.Expr", expr))


def _in_common_angles(expr: sp.Expr) -> sp.Expr:
    """Sines and cosines of sums and multiples, by those of the common divisors of all angles."""
    angles = {f.args[0] for f in expr.atoms(sp.sin, sp.cos)}
    parts = {
        angle: {
            rest: factor
            for factor, rest in (
                a.as_coeff_Mul(rational=True) for a in sp.Add.make_args(sp.expand(angle))
            )
        }
        for angle in angles
    }
    terms = sorted({term for part in parts.values() for term in part}, key=sp.default_sort_key)
    matrix = sp.Matrix([[part.get(term, 0) for term in terms] for part in parts.values()])
    if len(angles) <= 1 or matrix.rank() == len(angles):
        return expr
    units = [sp.Symbol(f"angle{i}@") for i in range(len(terms))]
    whole = [
        sp.ilcm(1, *(part.get(term, sp.S.Zero).q for part in parts.values())) for term in terms
    ]
    table = {
        angle: sp.Add(
            *(part.get(z, 0) * k * u for z, k, u in zip(terms, whole, units, strict=True))
        )
        for angle, part in parts.items()
    }
    written = {
        f(angle): sp.expand_trig(f(table[angle])) for angle in angles for f in (sp.sin, sp.cos)
    }
    return cast("sp.Expr", expr.xreplace(written))


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
        # sqrt((x - y)^2) and sqrt((y - x)^2) are one root
        base = cast("sp.Expr", sp.expand(node.base) ** sp.Rational(1, node.exp.q))
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
