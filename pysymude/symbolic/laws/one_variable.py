# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""Quadratures: states of which the rate depends on themselves alone, and what follows them.

Where u' = f(u), time is the integral of du / f, a state with y' = g(u) that of g du / f, the logarithm of
one with y' = y k(u) that of k du / f, and where y' = m(y) k(u) the integral of dy / m is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import sympy as sp

from pysymude.model.symbols import t
from pysymude.symbolic.exact.normal_form import NormalForm
from pysymude.symbolic.exact.polynomials import ExactField
from pysymude.symbolic.laws.ansatz import Primitive
from pysymude.symbolic.laws.elementary_integrals import integrals

__all__ = ["quadratures"]


def quadratures(form: NormalForm, exact: ExactField, *, time: bool) -> Iterator[list[Primitive]]:
    """For each state that is a closed subsystem: what follows it, and candidates for the integrals."""
    parameters = {c.symbol for c in form.of_kind("parameter")}
    moving = {*form.states, t}
    # a network may depend on anything: it stands for itself
    of: dict[sp.Symbol, set[sp.Basic]] = {
        c.symbol: {c.symbol} if c.kind == "hidden" else c.meaning.free_symbols & moving
        for c in form.coordinates.values()
    }

    def reads(expr: sp.Expr) -> set[sp.Basic]:
        free = expr.free_symbols - parameters
        return {x for z in free for x in of.get(cast("sp.Symbol", z), {z})}

    rates = {x: cast("sp.Expr", form.coordinates[x].rate) for x in form.states}
    clock = {t: cast("sp.Expr", sp.S.One)} if any(t in reads(f) for f in rates.values()) else {}
    for u, f in {**clock, **rates}.items():
        if f == 0 or not reads(f) <= {u}:
            continue
        followed: list[Primitive] = []
        integrands: list[sp.Expr] = []
        if time and u != t:
            followed.append(Primitive.of(cast("sp.Expr", t)))
            integrands.append(cast("sp.Expr", 1 / f))
        for y, g in rates.items():
            if y == u or g == 0:
                continue
            parts = sp.Mul.make_args(g)
            if reads(g) <= {u}:
                followed.append(Primitive.of(cast("sp.Expr", y)))
                integrands += [e / f for e in sp.Add.make_args(sp.expand(g))]
            elif reads(k := sp.expand(g / y)) <= {u}:
                followed.append(Primitive.log(cast("sp.Expr", y)))
                integrands += [e / f for e in sp.Add.make_args(k)]
            elif all(reads(e) <= {u} or reads(e) <= {y} for e in parts):
                inner = sp.Mul(*(e for e in parts if not reads(e) <= {u}))
                followed += integrals(form, exact, y, cast("sp.Expr", 1 / inner))
                integrands.append(cast("sp.Expr", g / inner / f))
        found = [p for h in integrands for p in integrals(form, exact, u, h)]
        yield list(dict.fromkeys([*followed, *found]))
