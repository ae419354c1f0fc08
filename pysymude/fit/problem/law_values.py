# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false
"""Values and sizes of laws along trajectories."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pysymude.plan.compiled import compile_system
from pysymude.plan.enforcement import Enforced
from pysymude.plan.law import Law
from pysymude.plan.numeric import NumericModel

__all__ = ["absolute_terms", "law_sizes", "law_values"]

Float = NDArray[np.float64]


def law_values(
    enforced: Enforced,
    p: Float,
    theta: Float,
    t: Float,
    u: Float,
    laws: Sequence[Law] | None = None,
) -> dict[str, Float]:
    """Each law by name at times and states of the user's system; float64 (times,)."""
    laws = enforced.laws if laws is None else laws
    if not laws:
        return {}
    plan = compile_system(enforced.system)
    found = NumericModel(plan, p, theta).evaluate(plan.tape([law.expr for law in laws]), t, u)
    return {law.name: found[..., k].copy() for k, law in enumerate(laws)}


def absolute_terms(expr: sp.Expr) -> sp.Expr:
    """The sum of the absolute values of an expression's terms."""
    return sp.Add(*(sp.Abs(term) for term in sp.Add.make_args(expr)))


def law_sizes(enforced: Enforced, p: Float, theta: Float, t: Float, u: Float) -> dict[str, Float]:
    """The sum of the absolute values of each law's terms: what its rounding is relative to."""
    terms = [Law(law.name, absolute_terms(law.expr)) for law in enforced.laws]
    found = law_values(enforced, p, theta, t, u, terms)
    return {name: np.where(size > 0, size, 1.0) for name, size in found.items()}
