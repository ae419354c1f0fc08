# SymPy annotates its classes in parts only
# pyright: reportReturnType=false, reportUnnecessaryCast=false, reportArgumentType=false, reportCallIssue=false
"""Terms that need no solve: sums of squares of expressions at given points, which an engine computes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import cast, final

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pysymude.engines.base import BoundLoss
from pysymude.fit.problem.prepared import Prepared
from pysymude.fit.terms.term import AbstractTerm
from pysymude.plan.enforcement import Enforced
from pysymude.plan.problem import Samples

__all__ = ["SampledTerm", "in_solved_states"]

Float = NDArray[np.float64]


@final
@dataclass(frozen=True, eq=False)
class SampledTerm(AbstractTerm):
    """A named sum of squares of `expressions` at points, in the solved system's coordinates."""

    name: str
    expressions: tuple[sp.Expr, ...]
    samples: Samples
    prepared: Prepared

    @cached_property
    def _bound(self) -> BoundLoss:
        prepared = self.prepared
        return prepared.runner.samples(prepared.compiled, self.expressions, self.samples)

    def evaluate(self, theta: Float, *, gradient: bool) -> tuple[float, Float | None]:
        """The sum, and its slopes."""
        here = self._bound.evaluate(theta, gradient=gradient)
        return here.value, here.gradient


def in_solved_states(enforced: Enforced, expr: sp.Expr) -> sp.Expr:
    """An expression of the user's states in those of the solved system."""
    if not enforced.mixes:
        return expr
    back = {
        x: enforced.solved.observables[x.name]
        for x in enforced.system.states
        if x not in enforced.solved.rhs
    }
    return cast("sp.Expr", expr.subs(back))
