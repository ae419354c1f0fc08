# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""Expressions as reduced and factored fractions of polynomials, modulo the relations of their functions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from typing import Any, cast

import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.simplify.fu import TR8

from pysymude.errors import DerivationError
from pysymude.model.network import NetworkDerivative, NetworkOutput
from pysymude.model.signal import SignalValue
from pysymude.model.system import ODESystem
from pysymude.symbolic.exact.digits import value_at
from pysymude.symbolic.exact.normal_form import normal_form
from pysymude.symbolic.exact.polynomials import ExactField, Fraction, reduced
from pysymude.symbolic.proof.certificate import vanishes

__all__ = [
    "canonical",
    "conditions",
    "differs_from_zero",
    "expanded_roots",
    "is_zero",
    "opaque",
    "sums_of_angles",
]

_OPAQUE = (NetworkOutput, NetworkDerivative, AppliedUndef, SignalValue, sp.Derivative, sp.Subs)


def canonical(expr: sp.Expr) -> sp.Expr:
    """`expr` as a factored fraction in lowest terms; 0 where it vanishes identically.

    Networks and unknown functions count as variables. What has no exact normal form comes back as it
    is, unless `vanishes` proves it to be zero.
    """
    if _has_fractions_of_angles(expr):
        expr = sums_of_angles(expr)
    if is_zero(expr):
        return sp.S.Zero
    try:
        value = _value(expr, whole_angles=True)
    except DerivationError:
        return expr
    # sin^2 is often shorter than 1 - cos^2
    forms = [value.factored(f) for f in (value.fraction, value.remainder)]
    return min(forms, key=lambda e: (sp.count_ops(e), forms.index(e)))


def is_zero(expr: sp.Expr) -> bool:
    """Whether an expression is proved to be zero identically; quick where a value shows that it is not."""
    if expr.is_number or differs_from_zero(expr):
        return expr == 0
    try:
        if _value(expanded_roots(expr)).remainder.top.is_zero():
            return True
    except DerivationError:
        pass
    return vanishes(expr)


def differs_from_zero(expr: sp.Expr) -> bool:
    """Whether a value at some point proves that an expression is not zero identically.

    Networks and unknown functions take any value there.
    """
    masked = cast("sp.Expr", expr.xreplace(opaque(expr)))
    symbols = sorted(masked.free_symbols, key=lambda s: s.name)
    for start in (3, 11, 29):
        point = {z: sp.sqrt(sp.prime(start + k)).evalf(40) / 5 for k, z in enumerate(symbols)}
        value = sp.Abs(value_at(masked, point, 30))
        if value.is_Float and value > sp.Float("1e-25"):
            return True
    return False


def expanded_roots(expr: sp.Expr) -> sp.Expr:
    """Roots of expanded sums, so that sqrt((x - y)^2) meets sqrt((y - x)^2)."""
    return cast(
        "sp.Expr",
        expr.replace(
            lambda e: e.is_Pow and e.exp.is_Rational and not e.exp.is_Integer and e.base.is_Add,
            lambda e: sp.expand(e.base) ** e.exp,
        ),
    )


def _has_fractions_of_angles(expr: sp.Expr) -> bool:
    """Whether x/2 stands beside x in sines and cosines."""
    found = {cast("sp.Expr", e.args[0]) for e in expr.atoms(sp.sin, sp.cos)}
    angles = sorted(found, key=sp.default_sort_key)
    return any((a / b).is_Rational for a, b in combinations(angles, 2))


def sums_of_angles(expr: sp.Expr) -> sp.Expr:
    """Products of sines and cosines as sums, where half angles meet whole ones: an identity."""
    masked = opaque(expr)
    plain = sp.expand(TR8(sp.expand(expr.xreplace(masked))))
    return cast("sp.Expr", plain.xreplace({s: node for node, s in masked.items()}))


def conditions(expr: sp.Expr, parameters: Iterable[sp.Symbol]) -> tuple[sp.Expr, ...]:
    """Expressions of the parameters: where all of them are zero, so is `expr`.

    Empty where no such values exist, or where parameters stand inside of functions.
    """
    known = set(parameters)
    try:
        value = _value(expr)
    except DerivationError:
        return ()
    atoms = [c for c in value.field.form.coordinates.values() if c.of is not None]
    if any(c.meaning.free_symbols & known and c.meaning.free_symbols <= known for c in atoms):
        return ()
    polynomial = value.expression(value.remainder.top)
    variables = sorted(polynomial.free_symbols - known, key=sp.default_sort_key)
    present = sorted(polynomial.free_symbols & known, key=lambda s: s.name)
    if not present:
        return ()
    poly = sp.Poly(polynomial, *variables) if variables else None
    rows = {_essential(c) for c in (poly.coeffs() if poly else [polynomial])}
    basis = sp.groebner(sorted(rows, key=sp.default_sort_key), *present)
    found = [_essential(cast("sp.Expr", g)) for g in basis.exprs]
    return () if any(g.is_number for g in found) else tuple(found)


def _essential(polynomial: sp.Expr) -> sp.Expr:
    """The product of its irreducible factors, each once, without those that cannot be zero."""
    factors = [f for f, _ in sp.factor_list(polynomial)[1]]
    return cast("sp.Expr", sp.Mul(*(f for f in factors if not f.is_nonzero)))


@dataclass(frozen=True)
class _Value:
    """An expression in the field of fractions of its own functions and symbols."""

    field: ExactField
    fraction: Fraction
    hidden: dict[sp.Expr, Any]

    @property
    def remainder(self) -> Fraction:
        """The fraction with both parts reduced modulo sin^2 + cos^2 - 1 and root^n - base."""
        top, bottom = map(self.field.normal, (self.fraction.top, self.fraction.bottom))
        return reduced(top, bottom)

    def expression(self, polynomial: Any) -> sp.Expr:
        """A polynomial with the coordinates as symbols."""
        terms = [
            sp.Rational(int(c.p), int(c.q))
            * sp.Mul(*(z**e for z, e in zip(self.field.symbols, powers, strict=True) if e))
            for powers, c in polynomial.to_dict().items()
        ]
        return cast("sp.Expr", sp.Add(*terms))

    def factored(self, fraction: Fraction) -> sp.Expr:
        """A fraction in the user's symbols."""
        number: sp.Expr = sp.S.One
        parts: list[sp.Expr] = []
        for polynomial, sign in ((fraction.top, 1), (fraction.bottom, -1)):
            content, factors = polynomial.factor()
            number *= sp.Rational(int(content.p), int(content.q)) ** sign
            parts += [self.expression(f) ** (sign * int(n)) for f, n in factors]
        sums = [k for k, e in enumerate(parts) if e.is_Add]
        if number < 0 and sums:
            # a - b rather than -(b - a)
            number, parts[sums[0]] = -number, cast("sp.Expr", -parts[sums[0]])
        parts = [e for e in (number, *parts) if e != 1]
        user = self.field.form.to_user(cast("sp.Expr", sp.Mul(*parts)))
        user = cast("sp.Expr", user.xreplace(self.hidden))
        # exp(x - y) rather than exp(x) exp(-y)
        return sp.powsimp(user, deep=True, combine="exp") if user.has(sp.exp) else user


def opaque(expr: sp.Expr) -> dict[Any, sp.Symbol]:
    """Networks, their derivatives and unknown functions, each with a symbol to stand for it."""
    stem = _stem(expr, "unknown_")
    nodes = sorted(expr.atoms(*_OPAQUE), key=sp.default_sort_key)
    return {node: sp.Symbol(f"{stem}{k}", real=True) for k, node in enumerate(nodes)}


def _value(expr: sp.Expr, *, whole_angles: bool = False) -> _Value:
    """The value in its field; with `whole_angles`, sin(x - y) is not taken apart."""
    if expr.atoms(sp.I, sp.nan, sp.zoo, sp.oo, -sp.oo):
        raise DerivationError(f"{expr} is not real and finite")
    symbols = opaque(expr)
    masked = cast("sp.Expr", expr.xreplace(symbols))
    hidden: dict[sp.Expr, Any] = {s: node for node, s in symbols.items()}
    if whole_angles:
        found = {node.args[0] for node in masked.atoms(sp.sin, sp.cos)}
        angles = sorted((a for a in found if a.is_Add), key=sp.default_sort_key)
        table = {a: sp.Symbol(f"{_stem(masked, 'angle_')}{k}") for k, a in enumerate(angles)}
        masked = masked.replace(
            lambda e: isinstance(e, (sp.sin, sp.cos)) and e.args[0] in table,
            lambda e: e.func(table[e.args[0]]),
        )
        hidden |= {s: a.xreplace(hidden) for a, s in table.items()}
    target = sp.Symbol(_stem(masked, "value_"))
    # one equation, so that the expression's own functions become coordinates
    form = normal_form(ODESystem({target: masked}))
    field = ExactField(form)
    return _Value(field, field.fraction(form.coordinates[target].rate), hidden)


def _stem(expr: sp.Expr, stem: str) -> str:
    """The beginning of names that no symbol of `expr` has."""
    while any(s.name.startswith(stem) for s in cast("Iterable[sp.Symbol]", expr.free_symbols)):
        stem += "_"
    return stem
