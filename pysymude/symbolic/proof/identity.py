# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""Whether an expression is zero identically, decided from the expression alone.

Every function becomes a variable; what remains is a polynomial identity modulo sin^2 + cos^2 = 1 and
root^n = base. A value modulo a prime decides first where it is not zero; what is left is expanded.
Nothing here is shared with the search for laws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

import sympy as sp
from sympy.core.function import AppliedUndef

from pysymude.model.network import NetworkOutput
from pysymude.model.signal import SignalValue
from pysymude.symbolic.proof.grouped import Groups, Value
from pysymude.symbolic.proof.points import Relation, differs_from_zero

__all__ = ["vanishes"]

_PLAIN: dict[Any, Callable[[Any], Any]] = {
    **{f: lambda a, f=f: f(a).rewrite(sp.exp)
       for f in (sp.sinh, sp.cosh, sp.tanh, sp.coth, sp.sech, sp.csch)},
    sp.tan: lambda a: sp.sin(a) / sp.cos(a),
    sp.cot: lambda a: sp.cos(a) / sp.sin(a),
    sp.sec: lambda a: 1 / sp.cos(a),
    sp.csc: lambda a: 1 / sp.sin(a),
}  # fmt: skip


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
    if expr == 0:
        return True
    plain = _Plain(_exact(expr))
    if plain.expr.is_Rational:
        return bool(plain.expr == 0)
    if differs_from_zero(plain.expr, plain.relations, plain.circles):
        return False
    rest, powers = _without_common_powers(plain.expr)
    return any(_expands_to_zero(plain, part) for part in (rest, *powers))


def _without_common_powers(expr: sp.Expr) -> tuple[sp.Expr, dict[Any, int]]:
    """An expression without the powers of sums that all its terms share, and these powers.

    They are not multiplied out: what they multiply decides.
    """
    if expr.is_Pow and expr.base.is_Add and expr.exp.is_Integer and expr.exp > 0:
        return cast("sp.Expr", sp.S.One), {expr.base: int(expr.exp)}
    if not (expr.is_Add or expr.is_Mul):
        return expr, {}
    parts = [_without_common_powers(cast("sp.Expr", a)) for a in expr.args]
    if expr.is_Mul:
        total: dict[Any, int] = {}
        for _, powers in parts:
            for base, k in powers.items():
                total[base] = total.get(base, 0) + k
        return cast("sp.Expr", sp.Mul(*(rest for rest, _ in parts))), total
    shared = [powers.keys() for _, powers in parts]
    common = {
        b: min(powers[b] for _, powers in parts) for b in set(shared[0]).intersection(*shared)
    }
    if not common:
        # as a factor it may be common to what it stands in
        return cast("sp.Expr", sp.S.One), {expr: 1}
    terms = [
        rest * sp.Mul(*(b ** (k - common.get(b, 0)) for b, k in powers.items()))
        for rest, powers in parts
    ]
    left = cast("sp.Expr", sp.Add(*terms))
    return cast("sp.Expr", sp.S.One), {**common, left: common.get(left, 0) + 1}


def _expands_to_zero(plain: _Plain, expr: sp.Expr) -> bool:
    """Whether all groups of one denominator vanish, or else their sum does."""
    used = expr.free_symbols.union(*(base.free_symbols | {v} for v, _, base in plain.relations))
    used |= {*plain.circles, *plain.circles.values()} if plain.circles else set()
    groups = Groups(sorted(used, key=sp.default_sort_key))
    powers: list[tuple[sp.Symbol, int, Value]] = []
    for variable, order, base in plain.relations:
        value = groups.value(base)
        root = groups.value(variable)
        powers.append((variable, order, value))
        groups.inverses[groups.place[variable]] = groups.product(
            groups.power(root, order - 1), groups.inverse(value)
        )
    for sine, cosine in plain.circles.items():
        powers.append((sine, 2, groups.value(1 - cosine**2)))
    total = groups.value(expr)
    for step in (False, True):
        if step:
            total = {(): groups.together(total)[1]}
        # roots of roots come later in the list, so they are replaced first
        for variable, order, power in reversed(powers):
            total = groups.reduced(total, variable, order, power)
        if not total:
            return True
    # a base with a denominator brings it back
    return not groups.together(total)[1]


def _exact(expr: sp.Expr) -> sp.Expr:
    floats = {f: sp.Rational(repr(float(f))) for f in expr.atoms(sp.Float)}
    expr = cast("sp.Expr", expr.xreplace(floats))
    functions = expr.atoms(sp.Function)
    for f, plain in _PLAIN.items():
        # most expressions have none: to look for one is cheaper than to rebuild
        if any(isinstance(a, f) for a in functions):
            expr = cast("sp.Expr", expr.replace(f, plain))
    return _in_common_angles(expr)


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


class _Plain:
    """An expression with every function replaced by a variable, and the relations that these obey.

    Attributes
    ----------
    expr : SymPy expression
    relations : list of Relation
        Roots, each after those that it contains.
    circles : dict of symbol to symbol
        Sines to their cosines.
    """

    def __init__(self, expr: sp.Expr) -> None:
        self.variables: dict[Any, sp.Symbol] = {}
        self.relations: list[Relation] = []
        self.circles: dict[sp.Symbol, sp.Symbol] = {}
        self.seen: dict[Any, sp.Expr] = {}
        self.units = _units(expr)
        self.orders = _orders(expr)
        self.expr = self.of(expr)

    def of(self, node: Any) -> sp.Expr:
        """A part of the expression in variables."""
        found = self.seen.get(node)
        if found is None:
            found = self.seen[node] = self._of(node)
        return found

    def variable(self, expr: Any) -> sp.Symbol:
        """The variable that stands for a function."""
        if expr not in self.variables:
            self.variables[expr] = sp.Symbol(f"v{len(self.variables)}@")
        return self.variables[expr]

    def _of(self, node: Any) -> sp.Expr:
        if node.is_Symbol or node.is_Rational:
            return node
        if isinstance(node, (NetworkOutput, AppliedUndef, SignalValue)):
            return self.variable(node)
        if node.is_Add or node.is_Mul:
            return node.func(*map(self.of, node.args))
        if node == sp.E:
            return self._exponential(sp.E, sp.S.One)
        if isinstance(node, sp.exp):
            return self._exponential(sp.E, node.args[0])
        if node.is_Pow and node.exp.is_Integer:
            return self.of(node.base) ** node.exp
        if node.is_Pow and node.exp.is_Rational:
            return self._root(node.base, node.exp)
        if node.is_Pow:
            return self._exponential(node.base, node.exp)
        if isinstance(node, (sp.sin, sp.cos)):
            s, c = self.variable(sp.sin(node.args[0])), self.variable(sp.cos(node.args[0]))
            self.circles[s] = c
            return s if isinstance(node, sp.sin) else c
        return self.variable(node)

    def _root(self, base: Any, exponent: Any) -> sp.Expr:
        """Powers of one root; sqrt((x - y)^2) and sqrt((y - x)^2) are one."""
        if base.is_Rational and base > 0:
            # sqrt(6) = sqrt(2) sqrt(3)
            parts = sp.factorrat(base) if base != 1 else {}
            product: sp.Expr = sp.S.One
            for prime, k in parts.items():
                product *= self._one_root(sp.Integer(prime), exponent.q) ** (exponent.p * k)
            return product
        whole = cast("sp.Expr", sp.expand(base) ** sp.Rational(1, exponent.q))
        if whole.is_Pow and whole.exp.q == exponent.q:
            return self._one_root(whole.base, exponent.q) ** exponent.p
        return self.of(whole**exponent.p)

    def _one_root(self, base: Any, order: int) -> sp.Expr:
        # sqrt(x) is the square of the fourth root, where that stands somewhere
        asked, order = order, self.orders.get(base, order)
        if order % asked:
            order = asked
        name = sp.Pow(base, sp.Rational(1, order), evaluate=False)
        new = name not in self.variables
        root = self.variable(name)
        if new:
            self.relations.append((root, order, self.of(base)))
        return cast("sp.Expr", root ** (order // asked))

    def _exponential(self, base: Any, exponent: Any) -> sp.Expr:
        """A power as a product of powers, one a term of the exponent, so that common terms meet."""
        product: sp.Expr = sp.S.One
        for factor, rest in _terms(exponent):
            if rest == 1 and base != sp.E:
                product *= self.of(base**factor)
                continue
            unit = self.units.get((base, rest), 1)
            product *= self.variable(sp.Pow(base, rest / unit, evaluate=False)) ** (factor * unit)
        return product


def _orders(expr: sp.Expr) -> dict[Any, int]:
    """The common order of all roots of a base, or of a prime."""
    found: dict[Any, int] = {}
    for node in expr.atoms(sp.Pow):
        if node.exp.is_Rational and not node.exp.is_Integer:
            base = node.base
            whole = base.is_Rational and base > 0
            for b in map(sp.Integer, sp.factorrat(base)) if whole else [sp.expand(base)]:
                found[b] = int(sp.ilcm(found.get(b, 1), node.exp.q))
    return found


def _units(expr: sp.Expr) -> dict[tuple[Any, Any], int]:
    """The common denominators of the exponents that a base has."""
    found: dict[tuple[Any, Any], int] = {}
    powers = [(sp.E, e.args[0]) for e in expr.atoms(sp.exp)]
    powers += [(e.base, e.exp) for e in expr.atoms(sp.Pow) if not e.exp.is_Rational]
    for base, exponent in powers:
        for factor, rest in _terms(exponent):
            found[base, rest] = int(sp.ilcm(found.get((base, rest), 1), factor.q))
    return found


def _terms(exponent: Any) -> Iterable[tuple[Any, Any]]:
    return [
        cast("Any", a).as_coeff_Mul(rational=True) for a in sp.Add.make_args(sp.expand(exponent))
    ]
