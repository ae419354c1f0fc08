# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""Second-order systems q'' = F(t, q, q'): how they are recognised, and their determining equations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import sympy as sp

from pysymude.model.symbols import t
from pysymude.symbolic.symmetries.determining import Coefficients

__all__ = ["SecondOrder", "first_order_equations", "second_order"]

_ZERO = cast("sp.Expr", sp.S.Zero)
_ONE = cast("sp.Expr", sp.S.One)


@dataclass(frozen=True)
class SecondOrder:
    """Positions q with q' = factor * momentum, which makes q'' = F(t, q, momenta).

    Attributes
    ----------
    pairs : mapping from position to its momentum or velocity
    factors : mapping from position to the constant factor, 1 for a velocity
    """

    rhs: Mapping[sp.Symbol, sp.Expr]
    pairs: Mapping[sp.Symbol, sp.Symbol]
    factors: Mapping[sp.Symbol, sp.Expr]

    @property
    def positions(self) -> tuple[sp.Symbol, ...]:
        """The positions, in the order of the states."""
        return tuple(self.pairs)

    def equations(self) -> list[list[Coefficients]]:
        """For each q_i the coefficients of xi, eta_1 .. eta_m in the determining equation.

        D^2 eta_i - 2 F_i D xi - v_i D^2 xi = xi F_t + sum_j eta_j F_qj + (D eta_j - v_j D xi) F_vj,
        with D = d/dt + v . d/dq, because xi and eta depend on (t, q) alone.
        """
        rows: list[list[Coefficients]] = []
        for i, p in self.pairs.items():
            F = self.factors[i] * self.rhs[p]
            v = {q: self.rhs[q] for q in self.pairs}
            slopes = {q: F.diff(self.pairs[q]) / self.factors[q] for q in self.pairs}
            drag = sp.Add(*(v[q] * slopes[q] for q in self.pairs))
            row: list[Coefficients] = [(-F.diff(t), -2 * F + drag, -v[i])]
            row += [(-F.diff(q), -slopes[q], _ONE if q == i else _ZERO) for q in self.pairs]
            rows.append(row)
        return rows

    def prolonged(self, xi: sp.Expr, eta: Mapping[sp.Symbol, sp.Expr]) -> dict[sp.Symbol, sp.Expr]:
        """How positions and momenta move: the first prolongation, in the order of the states."""
        rates = {t: _ONE, **{q: self.rhs[q] for q in self.pairs}}

        def along(expr: sp.Expr) -> sp.Expr:
            return cast("sp.Expr", sp.Add(*(expr.diff(z) * rate for z, rate in rates.items())))

        moved = dict(eta)
        for q, p in self.pairs.items():
            zeta = along(eta[q]) - self.rhs[q] * along(xi)
            moved[p] = cast("sp.Expr", sp.expand(zeta / self.factors[q]))
        return {x: moved[x] for x in self.rhs}


def second_order(rhs: Mapping[sp.Symbol, sp.Expr]) -> SecondOrder | None:
    """The system as one of second order, or None.

    Every state is either a position, whose rate is a constant times another state, or such another
    state; each of these belongs to one position.
    """
    pairs: dict[sp.Symbol, sp.Symbol] = {}
    factors: dict[sp.Symbol, sp.Expr] = {}
    for q, f in rhs.items():
        if q in pairs.values() or f == 0:
            continue
        factor, product = cast("sp.Expr", f).as_independent(*rhs, t, as_Add=False)
        if product in rhs and product != q and product not in {*pairs, *pairs.values()}:
            pairs[q], factors[q] = cast("sp.Symbol", product), cast("sp.Expr", factor)
    if not pairs or {*pairs, *pairs.values()} != {*rhs}:
        return None
    return SecondOrder(rhs, pairs, factors)


def first_order_equations(rhs: Mapping[sp.Symbol, sp.Expr]) -> list[list[Coefficients]]:
    """For each state u_i the coefficients of xi, eta_1 .. eta_n in the determining equation.

    D eta_i - f_i D xi - sum_j eta_j df_i/du_j - xi df_i/dt = 0 with D = d/dt + f . d/du.
    """
    rows: list[list[Coefficients]] = []
    for i, f in rhs.items():
        row: list[Coefficients] = [(-f.diff(t), -f, _ZERO)]
        row += [(-f.diff(j), _ONE if j == i else _ZERO, _ZERO) for j in rhs]
        rows.append(row)
    return rows
