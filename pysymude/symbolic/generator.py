# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""Infinitesimal generators xi d/dt + sum eta_i d/du_i, and what can be done with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import cast

import sympy as sp

from pysymude.model.symbols import t

__all__ = ["Generator"]

_ZERO = cast("sp.Expr", sp.S.Zero)


@dataclass(frozen=True, eq=False)
class Generator:
    """A vector field xi d/dt + sum eta_i d/du_i on time and states.

    Attributes
    ----------
    xi : SymPy expression
        How time moves.
    eta : mapping from state to SymPy expression
        How each state moves; 0 where none is given.
    characteristic : mapping from state to SymPy expression
        W = eta - xi f for the system u' = f that has this symmetry; empty without a system.
    """

    xi: sp.Expr = _ZERO
    eta: Mapping[sp.Symbol, sp.Expr] = field(default_factory=dict[sp.Symbol, sp.Expr])
    characteristic: Mapping[sp.Symbol, sp.Expr] = field(default_factory=dict[sp.Symbol, sp.Expr])

    def __post_init__(self) -> None:
        object.__setattr__(self, "xi", sp.sympify(self.xi))
        object.__setattr__(self, "eta", _fixed(self.eta))
        object.__setattr__(self, "characteristic", _fixed(self.characteristic))

    def __call__(self, expr: sp.Expr) -> sp.Expr:
        """The derivative of a function of time and states along the generator; not simplified."""
        moved = [self.xi * expr.diff(t), *(e * expr.diff(x) for x, e in self.eta.items())]
        return cast("sp.Expr", sp.Add(*moved))


def _fixed(given: Mapping[sp.Symbol, sp.Expr]) -> Mapping[sp.Symbol, sp.Expr]:
    return MappingProxyType({x: sp.sympify(e) for x, e in given.items()})
