"""Signals whose values are learned: sums of fixed functions, each times an expression.

A signal of any kind is linear in its values, the cubic one in its values and slopes. So a learned one is
``sum of k_i B_i(t)`` with fixed tables B_i, and nothing that is differentiable needs to know of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pysymude.model.signal import Signal, SignalValue
from pysymude.model.signal_values import SignalValues
from pysymude.plan.tables import Table, domain_of, piecewise

__all__ = ["Basis", "basis_of", "expanded"]

Float = NDArray[np.float64]

Basis = list[tuple[Signal, Table, sp.Expr]]
"""Fixed functions, each with what it is multiplied by."""


def basis_of(signal: Signal, values: SignalValues) -> Basis:
    """The functions that a signal with learned values is a sum of."""
    t, knots = values.times, values.knots
    low, high = domain_of(signal, t)
    found: Basis = []
    for i, k in enumerate(knots):
        table = piecewise(*_value(signal.kind, t, i), low, high)
        found.append((_part(signal, f"value {i}"), table, k))
    if signal.kind == "cubic":
        for i, d in enumerate(_slopes(t, knots)):
            table = piecewise(*_hermite(t, i, 0.0, 1.0), low, high)
            found.append((_part(signal, f"slope {i}"), table, d))
    return found


def expanded(expr: Any, bases: dict[str, Basis]) -> Any:
    """`expr` with every learned signal as its sum."""
    if not bases:
        return expr
    change = {
        use: sp.Add(*(w * SignalValue(b, use.args[1], use.args[2]) for b, _, w in bases[name]))
        for use in expr.atoms(SignalValue)
        if (name := use.signal.name) in bases
    }
    return expr.xreplace(change) if change else expr


def _part(signal: Signal, what: str) -> Signal:
    """A signal that no user can write: its name is no identifier."""
    found = Signal(signal.name, signal.kind, signal.extrapolate)
    found.name = f"{signal.name} {what}"
    return found


def _value(kind: str, t: Float, i: int) -> tuple[Float, Float]:
    """Times and rows of the function that is 1 at point i and 0 at the others."""
    last = len(t) - 1
    if kind == "cubic":
        return _hermite(t, i, 1.0, 0.0)
    if kind == "previous":
        times = t[i : i + 2]
        rows = np.zeros((len(times) + 1, 4))
        rows[1, 0] = 1.0
        rows[0, 0] = 1.0 if i == 0 else 0.0
        return times, rows
    first = max(i - 1, 0)
    times = t[first : i + 2]
    rows = np.zeros((len(times) + 1, 4))
    if i > 0:
        rows[1, 1] = 1.0 / (t[i] - t[i - 1])
    here = 1 + i - first
    rows[here, 0] = 1.0
    if i < last:
        rows[here, 1] = -1.0 / (t[i + 1] - t[i])
    else:
        rows[here, 0] = 1.0
    rows[0, 0] = 1.0 if i == 0 else 0.0
    return times, rows


def _hermite(t: Float, i: int, value: float, slope: float) -> tuple[Float, Float]:
    """The cubic with this value and slope at point i, and 0 for both at its neighbours."""
    first, last = max(i - 1, 0), len(t) - 1
    times = t[first : i + 2]
    rows = np.zeros((len(times) + 1, 4))
    here = 1 + i - first
    if i > 0:
        h = t[i] - t[i - 1]
        rows[1, 2] = (3 * value / h - slope) / h
        rows[1, 3] = (slope - 2 * value / h) / h**2
    if i < last:
        h = t[i + 1] - t[i]
        rows[here] = [
            value,
            slope,
            (-3 * value / h - 2 * slope) / h,
            (slope + 2 * value / h) / h**2,
        ]
    else:
        rows[here, 0] = value
    rows[0, 0] = value if i == 0 else 0.0
    return times, rows


def _slopes(t: Float, y: Sequence[sp.Expr]) -> list[sp.Expr]:
    """`tables.monotone_slopes`, of expressions."""
    h = [sp.Float(d) for d in np.diff(t)]
    m = [(b - a) / d for a, b, d in zip(y[:-1], y[1:], h, strict=True)]
    if len(h) == 1:
        return [m[0], m[0]]
    inner = []
    for k in range(1, len(h)):
        w1, w2 = 2 * h[k] + h[k - 1], h[k] + 2 * h[k - 1]
        # no division by a slope of 0: both sides of the quotient times both slopes
        mean = (w1 + w2) * m[k - 1] * m[k] / (w1 * m[k] + w2 * m[k - 1])
        inner.append(sp.Piecewise((mean, m[k - 1] * m[k] > 0), (0, True)))
    ends = _end(h[0], h[1], m[0], m[1]), _end(h[-1], h[-2], m[-1], m[-2])
    return [ends[0], *inner, ends[1]]


def _end(h0: Any, h1: Any, m0: Any, m1: Any) -> sp.Expr:
    d = ((2 * h0 + h1) * m0 - h0 * m1) / (h0 + h1)
    steep = sp.And(m0 * m1 <= 0, sp.Abs(d) > 3 * sp.Abs(m0))
    return cast("sp.Expr", sp.Piecewise((0, d * m0 <= 0), (3 * m0, steep), (d, True)))
