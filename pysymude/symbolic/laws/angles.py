# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""Normal forms with further angles as coordinates."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import sympy as sp

from pysymude.model.system import ODESystem
from pysymude.symbolic.exact.normal_form import NormalForm, normal_form

__all__ = ["with_angles"]

_MOST = 3  # angles that join


def with_angles(form: NormalForm) -> NormalForm | None:
    """The normal form with sin and cos of cyclic states; half angles where sin and cos stand already.

    A state is cyclic where no rate depends on it and its own is not constant.  None where there is no
    such state.
    """
    rates = {x: cast("sp.Expr", form.system.rhs[x]) for x in form.states}
    used = {z for f in rates.values() for z in f.free_symbols}
    cyclic = [x for x, f in rates.items() if x not in used and f.free_symbols & set(form.states)]
    halved = [cast("sp.Symbol", c.of) for c in form.of_kind("sin") if c.of in form.states]
    if not 0 < len(cyclic) + len(halved) <= _MOST:
        return None
    rhs = {x: _halved(f, halved) for x, f in rates.items()}
    name, names = "slot", {s.name for s in (*used, *form.states)}
    while name in names:
        name += "_"
    slot = sp.Symbol(name, real=True)
    extra = sp.Add(*(sp.sin(x) for x in cyclic), *(sp.sin(x / 2) for x in halved))
    wider = normal_form(ODESystem({**rhs, slot: extra}), opaque=True)
    kept = {z: c for z, c in wider.coordinates.items() if z != slot}
    return replace(wider, system=form.system, states=form.states, coordinates=kept)


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
