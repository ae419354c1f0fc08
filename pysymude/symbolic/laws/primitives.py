# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""Antiderivatives of what stands in a right-hand side, as candidates for laws."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any, cast

import sympy as sp

from pysymude.model.symbols import t
from pysymude.symbolic import effort
from pysymude.symbolic.exact.normal_form import NormalForm
from pysymude.symbolic.exact.polynomials import ExactField
from pysymude.symbolic.laws.ansatz import Primitive
from pysymude.symbolic.proof.certificate import vanishes

__all__ = ["antiderivative", "antiderivatives"]

_LONGEST = 30  # operations in an integrand


def antiderivatives(form: NormalForm, exact: ExactField) -> tuple[Primitive, ...]:
    """Integrals of the factors of rates that depend on one state alone, and of 1/f for u' = f(u).

    Those that are products of powers or logarithms anyway are left out. Each is differentiated again
    and compared before it is used.
    """
    found: dict[sp.Expr, Primitive] = {}
    # nothing but a power has an antiderivative where a number stands in its exponent
    fitted = {
        c.symbol
        for c in form.of_kind("power")
        if c.exponent is not None and form.to_user(c.exponent).is_number
    }
    for z, h in _integrands(form, exact):
        if h in found or h.free_symbols & fitted:
            continue
        effort.check()
        shown = form.to_user(h)
        plain = shown.is_polynomial(z) or (shown * z**2).is_polynomial(z)
        if plain or sp.count_ops(shown) > _LONGEST:
            continue
        integral = antiderivative(shown, z)
        if integral is not None:
            found[h] = Primitive(integral, h, cast("sp.Expr", z))
    return tuple(found.values())


def antiderivative(h: sp.Expr, z: sp.Symbol) -> sp.Expr | None:
    """SymPy's integral by rules, if its derivative is proved to be the integrand."""
    if _is_mixed(h, z):
        return None
    # slow to load, and seldom needed
    manual = import_module("sympy.integrals.manualintegrate")

    try:
        with effort.interrupting():
            found = manual.manualintegrate(h, z)
    except effort.EffortEndedError:
        # it remembers which integrals it was about to find
        for cache in ("_integral_cache", "_parts_u_cache"):
            getattr(manual, cache, {}).clear()
        raise
    except (NotImplementedError, ValueError, TypeError, RecursionError):
        return None
    if found.has(sp.Integral, sp.Piecewise, sp.RootSum):
        return None
    return cast("sp.Expr", found) if vanishes(found.diff(z) - h) else None


def _is_mixed(h: sp.Expr, z: sp.Symbol) -> bool:
    """Whether a denominator is a sum of z and of functions of z: the rules search long, and in vain."""
    for factor in sp.Mul.make_args(sp.fraction(h)[1]):
        base = factor.as_base_exp()[0]
        functions = {
            f for f in base.atoms(sp.Function, sp.Pow) if f.has(z) and not f.is_polynomial(z)
        }
        if base.is_Add and functions and base.xreplace({f: sp.Dummy() for f in functions}).has(z):
            return True
    return False


def _integrands(form: NormalForm, exact: ExactField) -> Iterator[tuple[sp.Symbol, sp.Expr]]:
    """Pairs of a state and a function of it alone (and of parameters)."""
    moving = {*form.states, t}
    of = {c.symbol: c.meaning.free_symbols & moving for c in form.coordinates.values()}
    for c in form.of_kind("state"):
        rate = cast("sp.Expr", c.rate)
        if len(form.states) == 1 and rate != 0 and _reads(rate, of) == {c.symbol}:
            yield c.symbol, cast("sp.Expr", 1 / rate)
        for term in sp.Add.make_args(sp.expand_mul(rate)):
            for z in sorted(_reads(term, of), key=sp.default_sort_key):
                alone = [a for a in sp.Mul.make_args(term) if _reads(a, of) == {z}]
                yield z, cast("sp.Expr", sp.Mul(*alone))
    for factor in exact.denominators:
        reads = _reads(factor, of)
        if len(reads) == 1:
            yield next(iter(reads)), cast("sp.Expr", 1 / factor)


def _reads(expr: Any, of: dict[Any, set[Any]]) -> set[Any]:
    return {x for z in expr.free_symbols for x in of.get(z, set())}
