# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""Antiderivatives of what stands in a right-hand side, as candidates for laws."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import sympy as sp

from pysymude.model.symbols import t
from pysymude.symbolic import effort
from pysymude.symbolic.exact.normal_form import NormalForm
from pysymude.symbolic.exact.polynomials import ExactField
from pysymude.symbolic.laws.ansatz import Primitive
from pysymude.symbolic.laws.elementary_integrals import integrals

__all__ = ["antiderivatives"]

_LONGEST = 30  # operations in an integrand


def antiderivatives(form: NormalForm, exact: ExactField) -> tuple[Primitive, ...]:
    """Integrals of the factors of rates that depend on one state alone, and of 1/f for u' = f(u).

    Those that are products of powers or logarithms anyway are left out.
    """
    found: dict[sp.Expr, list[Primitive]] = {}
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
        found[h] = integrals(form, exact, z, h, wide=False)
    return tuple(dict.fromkeys(p for parts in found.values() for p in parts))


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
