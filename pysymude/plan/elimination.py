# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportReturnType=false, reportAssignmentType=false, reportCallIssue=false, reportUnnecessaryCast=false
"""States that linear laws make redundant, replaced by the totals of each experiment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pysymude.errors import InvalidInputError
from pysymude.model.symbols import t
from pysymude.model.system import ODESystem
from pysymude.plan.law import Law
from pysymude.symbolic.exact.canonical import is_zero

__all__ = ["eliminated"]

Float = NDArray[np.float64]


def eliminated(system: ODESystem, laws: Sequence[Law]) -> tuple[ODESystem, Float, Float]:
    """The system with one state for each linear law replaced by that law's total, a constant.

    Returns
    -------
    system : ODESystem
        In the place of an eliminated state x stands ``total_x`` with the rate 0, and x is an
        observable.
    mix, unmix : float64 arrays, shape (states, states)
        The new coordinates are ``mix @ u``, and ``u = unmix @ new``.

    Raises
    ------
    InvalidInputError
        A law that is not linear with constant coefficients, or does not hold for every network.
    """
    if system.events:
        raise InvalidInputError(
            f"conserve='eliminate' takes systems without events: event {system.events[0].key!r} sets states, and "
            "a total need not stay what it was. Use conserve='project'"
        )
    states = list(system.states)
    table = sp.Matrix([_coefficients(system, law) for law in laws])
    # a state that few equations read makes the shortest system: it is eliminated first
    weight = {x: sum(f.has(x) for f in system.rhs.values()) for x in states}
    order = sorted(range(len(states)), key=lambda k: (weight[states[k]], -k))
    reduced, pivots = table.extract(list(range(table.rows)), order).rref()
    n = len(states)
    mix = sp.eye(n)
    for row, pivot in enumerate(pivots):
        for column, k in enumerate(order):
            mix[order[pivot], k] = reduced[row, column]
    unmix = mix.inv()
    gone = [order[p] for p in pivots]
    totals = {states[k]: _total(system, states[k]) for k in gone}
    new = [totals.get(x, x) for x in states]
    back = {x: sp.Add(*(unmix[k, j] * new[j] for j in range(n))) for k, x in enumerate(states)}
    back = {x: e for x, e in back.items() if x in totals}
    rhs = {
        new[k]: sp.S.Zero if x in totals else f.subs(back)
        for k, (x, f) in enumerate(system.rhs.items())
    }
    measured = {x.name: e for x, e in back.items()}
    measured |= {name: g.subs(back) for name, g in system.observables.items()}
    return (
        system.replace(rhs=rhs, observables=measured),
        np.array(mix.tolist(), dtype=np.float64),
        np.array(unmix.tolist(), dtype=np.float64),
    )


def _coefficients(system: ODESystem, law: Law) -> list[sp.Expr]:
    values = {p: sp.Rational(repr(v)) for p, v in system.parameters.items()}
    expr = cast("sp.Expr", law.expr.subs(values))
    found = [sp.cancel(expr.diff(x)) for x in system.states]
    for x, c in zip(system.states, found, strict=True):
        if not c.is_number:
            raise InvalidInputError(
                f"conserve='eliminate' takes laws that are linear in the states with known numbers as "
                f"coefficients; {law.expr} has {c} before {x}. Use conserve='project' or 'penalty'"
            )
    rate = sp.Add(*(c * f for c, f in zip(found, system.rhs.values(), strict=True))) + expr.diff(t)
    if law.is_balance or not is_zero(cast("sp.Expr", rate.subs(values))):
        raise InvalidInputError(
            f"conserve='eliminate' takes laws that hold for every network; {law.expr} changes at the rate "
            f"{sp.factor(rate)}. Use conserve='project'"
        )
    return found


def _total(system: ODESystem, x: Any) -> sp.Symbol:
    """A symbol for the total that takes the place of a state."""
    taken = {s.name for f in system.rhs.values() for s in f.free_symbols} | set(system.observables)
    taken |= {s.name for s in system.trainable} | {nn.name for nn in system.networks}
    name = f"total_{x.name}"
    while name in taken:
        name = f"total_{name}"
    return sp.Symbol(name, real=True)
