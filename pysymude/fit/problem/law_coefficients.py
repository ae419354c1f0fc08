# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""The unknown coefficients of laws: which there are, and whether a law can tell them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import sympy as sp

from pysymude.errors import InvalidInputError
from pysymude.model.dataset import Dataset
from pysymude.model.system import ODESystem
from pysymude.plan.enforcement import Enforced
from pysymude.plan.law import Law
from pysymude.symbolic.exact.canonical import is_zero

__all__ = ["check_trainable", "free_scale", "unknown_coefficients"]


def unknown_coefficients(system: ODESystem, laws: Iterable[Law]) -> set[sp.Symbol]:
    """The trainable parameters that stand in laws."""
    return {s for law in laws for s in (law.expr + law.rate).free_symbols if s in system.trainable}


def free_scale(system: ODESystem, law: Law) -> bool:
    """Whether multiplying all unknown coefficients by a number multiplies the law by it."""
    factor = sp.Dummy("factor", positive=True)
    coefficients = unknown_coefficients(system, [law])
    scaled = law.expr.subs({c: factor * c for c in coefficients}, simultaneous=True)
    return bool(coefficients) and is_zero(cast("sp.Expr", scaled - factor * law.expr))


def check_trainable(enforced: Enforced, data: Dataset) -> None:
    """Every trainable parameter stands somewhere; a law whose coefficients are free is not nothing.

    Raises
    ------
    InvalidInputError
        The message names the parameter.
    """
    system = enforced.system
    read = {name for trajectory in data for name in trajectory.read}
    idle = system.unread - unknown_coefficients(system, enforced.laws)
    for symbol in sorted(idle, key=lambda s: s.name):
        if symbol.name in read:
            continue
        raise InvalidInputError(
            f"the trainable parameter {symbol.name!r} stands in no equation, observable or law; take "
            "it out of trainable="
        )
    pinned = {s for f in system.rhs.values() for s in f.free_symbols}
    for law in enforced.penalised:
        if free_scale(system, law) and not pinned & unknown_coefficients(system, [law]):
            names = ", ".join(sorted(s.name for s in unknown_coefficients(system, [law])))
            raise InvalidInputError(
                f"conserve='penalty' would be satisfied by {names} = 0 in the law {law.expr}; fix one of "
                "its coefficients, which only changes its unit"
            )
