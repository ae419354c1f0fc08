# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""Functions from their gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import sympy as sp

from pysymude.symbolic.exact.canonical import canonical, is_zero, opaque

__all__ = ["potential"]


def potential(gradient: Mapping[sp.Symbol, sp.Expr]) -> sp.Expr | None:
    """B with dB/dz = gradient[z] for each z; None where there is none or it cannot be integrated.

    SymPy proposes the integrals, one variable after the other; exact differentiation decides.
    """
    found: sp.Expr = sp.S.Zero
    for z, slope in gradient.items():
        rest = canonical(slope - found.diff(z))
        if rest != 0:
            found += _primitive(rest, z)
    wrong = any(not is_zero(found.diff(z) - slope) for z, slope in gradient.items())
    return None if wrong else found


def _primitive(expr: sp.Expr, z: sp.Symbol) -> sp.Expr:
    """A candidate for the integral: for positive symbols, where SymPy's branches fall together."""
    if z not in expr.free_symbols:
        return cast("sp.Expr", expr * z)
    table: dict[Any, Any] = opaque(expr)
    masked = cast("sp.Expr", expr.xreplace(table))
    table |= {s: sp.Dummy(s.name, positive=True) for s in masked.free_symbols}
    own = table[z]
    terms = sp.Add.make_args(sp.expand(masked.xreplace(table)))
    found = cast("sp.Expr", sp.Add(*(_generic(sp.integrate(e, own)) for e in terms)))
    if found.has(sp.Integral):
        found = _generic(sp.integrate(sp.together(sp.Add(*terms)), own))
    # sqrt(1 + x^2/y^2) as sqrt(x^2 + y^2)/y
    found = found.replace(
        lambda e: e.is_Pow and e.exp.is_Rational and not e.exp.is_Integer,
        lambda e: sp.together(e.base) ** e.exp,
    )
    back = {s: node for node, s in table.items()}
    return cast("sp.Expr", found.xreplace(back).xreplace(back))


def _generic(expr: sp.Expr) -> sp.Expr:
    """The branch that holds but for special parameter values."""

    def branch(*pieces: Any) -> Any:
        return next(e for e, condition in pieces if not isinstance(condition, sp.Equality))

    return cast("sp.Expr", expr.replace(sp.Piecewise, branch))
