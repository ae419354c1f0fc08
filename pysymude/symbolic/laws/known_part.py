# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""The known part of a system, and the directions in which its networks push."""

from __future__ import annotations

from typing import cast

import sympy as sp
from sympy.core.function import AppliedUndef

from pysymude.errors import InvalidInputError
from pysymude.model.network import NetworkDerivative, NetworkOutput
from pysymude.model.signal import SignalValue
from pysymude.model.system import ODESystem
from pysymude.symbolic.exact.normal_form import NormalForm, exact
from pysymude.symbolic.proof.certificate import lie_derivative_of

__all__ = ["balance_fields", "considered", "is_unknown", "known_rate", "without_unknowns"]


def considered(system: ODESystem, kind: str) -> ODESystem:
    """The system itself, or its known part."""
    if kind != "compatible":
        return system
    rhs = {x: without_unknowns(f) for x, f in system.rhs.items()}
    return ODESystem(rhs)


def is_unknown(expr: sp.Expr) -> bool:
    """Whether a network or an unknown function stands in it."""
    return bool(expr.atoms(NetworkOutput, NetworkDerivative, AppliedUndef, SignalValue))


def without_unknowns(expr: sp.Expr) -> sp.Expr:
    """The known part: networks, unknown functions and functions of them set to zero."""
    outermost: dict[sp.Basic, sp.Expr] = {}
    walk = sp.preorder_traversal(expr)
    for node in walk:
        plain = node.is_Add or node.is_Mul or (node.is_Pow and node.exp.is_Integer)
        if not plain:
            walk.skip()
            if is_unknown(node):
                outermost[node] = sp.S.Zero
    return cast("sp.Expr", expr.xreplace(outermost))


def balance_fields(form: NormalForm) -> list[NormalForm]:
    """One field for each network output: the directions in which networks push."""
    hidden = [c.symbol for c in form.coordinates.values() if is_unknown(c.meaning)]
    if not hidden:
        raise InvalidInputError("kind='balance' asks about networks, and the system contains none")
    rhs = {x: cast("sp.Expr", form.coordinates[x].rate) for x in form.states}
    return [form.along({x: cast("sp.Expr", f.diff(h)) for x, f in rhs.items()}) for h in hidden]


def known_rate(system: ODESystem, law: sp.Expr, kind: str) -> sp.Expr:
    """d(law)/dt of a balance without its networks; 0 for a law."""
    if kind != "balance":
        return cast("sp.Expr", sp.S.Zero)
    known = {x: without_unknowns(exact(f)) for x, f in system.rhs.items()}
    return cast("sp.Expr", sp.factor(lie_derivative_of(law, known)))
