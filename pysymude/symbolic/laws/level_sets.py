# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""Systems on the level sets of their laws: a law as a parameter, and one state less.

On w^2/2 - cos q = h the state w is sqrt(2 h + 2 cos q).  What depended on the law is a number there, and
subsystems become smaller.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import sympy as sp

from pysymude.model.system import ODESystem

__all__ = ["LevelSet", "level_sets"]

_LONGEST = 60  # operations in what a state is replaced by
_LARGEST = 120  # operations in a smaller system
_HIGHEST = 4  # powers in a law over one denominator
_WHOLE = (sp.sin, sp.cos, sp.tan, sp.exp, sp.log, sp.atan, sp.sinh, sp.cosh, sp.tanh)
_MOST_WITH_ROOT = 5  # states of a system in which one is replaced by a root


@dataclass(frozen=True)
class LevelSet:
    """A system without the state `state`, which is a function of the others and of `level`.

    Attributes
    ----------
    system : ODESystem
        Autonomous or not, as the given one, with the parameter `level`.
    level : symbol
        The value of `law`.
    """

    system: ODESystem
    law: sp.Expr
    level: sp.Symbol
    state: sp.Symbol
    power: int
    base: sp.Expr

    def restored(self, expr: sp.Expr) -> sp.Expr:
        """A law of the smaller system, written with all states."""
        if self.power == 2:

            def is_root(e: Any) -> bool:
                return bool(
                    e.is_Pow
                    and e.exp.is_Rational
                    and e.exp.q == 2
                    and sp.expand(e.base - self.base) == 0
                )

            expr = expr.replace(is_root, lambda e: self.state ** (2 * e.exp))
        found = expr.xreplace({self.level: self.law})
        # sqrt(w^2) may be w or -w: on each side of zero either is a law where the other is
        return cast("sp.Expr", found.replace(sp.Abs, lambda a: a))


def level_sets(system: ODESystem, law: sp.Expr) -> Iterator[LevelSet]:
    """The ways to solve a law for a state of which it is linear or purely quadratic, short ones first.

    Of a sum of logarithms with whole coefficients the product is taken.
    """
    law = _without_logarithms(law)
    names = {s.name for f in system.rhs.values() for s in f.free_symbols}
    name = "level"
    while name in names or any(x.name == name for x in system.states):
        name += "_"
    level = sp.Symbol(name, real=True)
    found: list[tuple[int, LevelSet]] = []
    for x in system.states:
        if x in law.free_symbols:
            one = _solved(system, law, level, x)
            if one is not None:
                found.append((int(sp.count_ops(one.base)), one))
    for _, one in sorted(found, key=lambda pair: pair[0]):
        yield one


def _without_logarithms(law: sp.Expr) -> sp.Expr:
    pairs = [e.as_coeff_Mul(rational=True) for e in sp.Add.make_args(law)]
    if not all(isinstance(e, sp.log) for _, e in pairs):
        return law
    common = sp.gcd([c for c, _ in pairs])
    return cast("sp.Expr", sp.Mul(*(e.args[0] ** (c / common) for c, e in pairs)))


def _solved(system: ODESystem, law: sp.Expr, level: sp.Symbol, x: sp.Symbol) -> LevelSet | None:
    found = _powers(law, level, x)
    if found is None or (found[0] == 2 and len(system.states) > _MOST_WITH_ROOT):
        return None
    power, base = found
    rhs: dict[sp.Symbol, sp.Expr] = {}
    for z, f in system.rhs.items():
        if z == x:
            continue
        if x in f.free_symbols:
            if sp.count_ops(f) > _LONGEST or (power == 2 and _has_branches(f, x)):
                return None
            f = _replaced(f, x, power, base)
        rhs[z] = f
    if any(f.atoms(sp.I, sp.nan, sp.zoo, sp.oo, -sp.oo) for f in rhs.values()):
        return None
    if not rhs or sum(int(sp.count_ops(f)) for f in rhs.values()) > _LARGEST:
        return None
    return LevelSet(ODESystem(rhs), law, level, x, power, base)


def _has_branches(f: sp.Expr, x: sp.Symbol) -> bool:
    """Whether a function of x stands in it that may be another one for negative x, such as atan2."""
    return any(e.has(x) and not isinstance(e, _WHOLE) for e in f.atoms(sp.Function))


def _powers(law: sp.Expr, level: sp.Symbol, x: sp.Symbol) -> tuple[int, sp.Expr] | None:
    """(1 or 2, what that power of x is) where the law has its level."""
    power, lead, rest = 0, sp.S.Zero, sp.S.Zero
    for term in sp.Add.make_args(law):
        factor, own = term.as_independent(x, as_Add=False)
        base, exponent = own.as_base_exp()
        if own == 1:
            rest += factor
        elif base == x and exponent in (1, 2) and power in (0, exponent):
            power, lead = int(exponent), lead + factor
        else:
            return _powers_of_quotient(law, level, x)
    if not power or sp.count_ops(rest) + sp.count_ops(lead) > _LONGEST:
        return None
    if lead.is_number:
        # term by term: over one denominator sums of negative powers become long
        return power, cast("sp.Expr", sp.Add(*(e / lead for e in sp.Add.make_args(level - rest))))
    return power, sp.expand(sp.cancel((level - rest) / lead))


def _powers_of_quotient(law: sp.Expr, level: sp.Symbol, x: sp.Symbol) -> tuple[int, sp.Expr] | None:
    high = any(abs(e.exp) > _HIGHEST for e in law.atoms(sp.Pow) if e.exp.is_number)
    if high or sp.count_ops(law) > _LONGEST:
        return None
    top, bottom = sp.fraction(sp.together(law))
    equation = sp.expand(level * bottom - top)
    if not equation.is_polynomial(x):
        return None
    poly = sp.Poly(equation, x)
    power = int(poly.degree())
    if power not in (1, 2) or (power == 2 and poly.coeff_monomial(x) != 0):
        return None
    return power, sp.expand(sp.cancel(-poly.coeff_monomial(1) / poly.coeff_monomial(x**power)))


def _replaced(f: sp.Expr, x: sp.Symbol, power: int, base: sp.Expr) -> sp.Expr:
    if power == 1:
        return cast("sp.Expr", f.xreplace({x: base}))
    # even powers need no root
    root = sp.Symbol(x.name, positive=True)
    even = sp.expand(f.xreplace({x: root})).replace(
        lambda e: e.is_Pow and e.base == root and e.exp.is_Integer,
        lambda e: base ** (e.exp // 2) * root ** (e.exp % 2),
    )
    return cast("sp.Expr", sp.expand(even).xreplace({root: sp.sqrt(base)}))
