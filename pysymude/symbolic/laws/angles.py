# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""Normal forms with further angles as coordinates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from typing import cast

import sympy as sp

from pysymude.model.system import ODESystem
from pysymude.symbolic.exact.normal_form import NormalForm, normal_form
from pysymude.symbolic.laws.ansatz import Primitive

__all__ = ["angle_forms", "half_differences"]

_MOST = 4  # angles that join


def angle_forms(form: NormalForm) -> Iterator[NormalForm]:
    """The normal form with sin and cos of cyclic states; then with half of the angles in it.

    A state is cyclic where no rate depends on it and its own is not constant.
    """
    rates = {x: cast("sp.Expr", form.system.rhs[x]) for x in form.states}
    used = {z for f in rates.values() for z in f.free_symbols}
    cyclic = [x for x, f in rates.items() if x not in used and f.free_symbols & set(form.states)]
    if 0 < len(cyclic) <= _MOST:
        yield _joined(form, rates, [sp.sin(x) for x in cyclic])
    halved = [cast("sp.Symbol", c.of) for c in form.of_kind("sin") if c.of in form.states]
    if 0 < len(halved) <= _MOST:
        changed = {x: _halved(f, halved) for x, f in _in_plain_angles(rates).items()}
        yield _joined(form, changed, [sp.sin(x / 2) for x in halved])


def half_differences(form: NormalForm) -> list[Primitive]:
    """Logarithms of sin((x - y) / 2) for all pairs of angles of which the half stands in a form."""
    halves = [c for c in form.of_kind("sin") if 2 * cast("sp.Expr", c.of) in form.states]
    cosines = {c.of: c.symbol for c in form.of_kind("cos")}
    found: list[Primitive] = []
    for one, other in combinations(halves, 2):
        g = one.symbol * cosines[other.of] - cosines[one.of] * other.symbol
        shown = sp.log(sp.sin(cast("sp.Expr", one.of) - cast("sp.Expr", other.of)))
        found.append(Primitive(cast("sp.Expr", shown), cast("sp.Expr", 1 / g), cast("sp.Expr", g)))
    return found


def _joined(form: NormalForm, rhs: dict[sp.Symbol, sp.Expr], extra: list[sp.Expr]) -> NormalForm:
    """The normal form with further functions among its coordinates."""
    name, names = "slot", {s.name for f in rhs.values() for s in (*f.free_symbols, *form.states)}
    while name in names:
        name += "_"
    slot = sp.Symbol(name, real=True)
    wider = normal_form(ODESystem({**rhs, slot: sp.Add(*extra)}), opaque=True)
    kept = {z: c for z, c in wider.coordinates.items() if z != slot}
    return replace(wider, system=form.system, states=form.states, coordinates=kept)


def _in_plain_angles(rates: dict[sp.Symbol, sp.Expr]) -> dict[sp.Symbol, sp.Expr]:
    """Without sines and cosines of sums."""
    return {x: cast("sp.Expr", sp.expand_trig(f)) for x, f in rates.items()}


def _halved(f: sp.Expr, angles: list[sp.Symbol]) -> sp.Expr:
    """sin(x) and cos(x) of some angles in terms of x / 2."""
    for x in angles:
        half = x / 2
        table = {
            sp.sin(x): 2 * sp.sin(half) * sp.cos(half),
            sp.cos(x): 2 * sp.cos(half) ** 2 - 1,
        }
        f = cast("sp.Expr", f.xreplace(table))
    return f
