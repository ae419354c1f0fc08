# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false
"""What a fit has learned in the place of each network output."""

from __future__ import annotations

from typing import cast

import sympy as sp

from pysymude.fit.result.fit_result import FitResult
from pysymude.model.network import NetworkOutput
from pysymude.plan.projection import corrected_outputs

__all__ = ["learned_outputs"]


def learned_outputs(fit: FitResult) -> dict[NetworkOutput, sp.Expr]:
    """Each network output as it acts: itself, or what the projection of the fit's laws leaves of it."""
    enforced = fit.objective.enforced
    if enforced.conserve != "project":
        return {}
    known = {s: sp.Float(float(fit.values[s.name]), 17) for s in fit.system.unread}
    found = corrected_outputs(enforced.system, enforced.laws)
    return {o: cast("sp.Expr", e.xreplace(known)) for o, e in found.items()}
