# SymPy annotates its classes in parts only
# pyright: reportArgumentType=false
"""Steady states: reached by integration, ended by Newton's method, differentiated as implicit functions.

Where a system keeps linear combinations of its states whatever its rates are, its Jacobian is singular, and
the equations that follow from the others are replaced by these totals.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pysymude.engines.outcomes import ReturnCode
from pysymude.errors import InvalidInputError
from pysymude.model.symbols import t
from pysymude.plan.compiled import CompiledSystem
from pysymude.plan.formulas import Formulas, formulas
from pysymude.plan.numeric import NumericModel
from pysymude.symbolic.null_space.linear_laws import linear_laws

__all__ = ["SteadyState", "SteadyStates"]

Float = NDArray[np.float64]

March = Callable[[Float, float], tuple[Float, ReturnCode]]
"""The state a time later, and how the solve ended."""

_ROUNDS, _STEPS = 14, 12
_RESTS = 1e-3  # how far one more stretch may move what Newton's method may begin with
_SHARP = 1e-10
_GONE = 1e-6
_SINGULAR = 1e-13
_TIMES = (
    -1e6,
    -10.0,
    -0.7,
    0.3,
    1.0,
    31.0,
    1e3,
    1e6,
)  # at which inputs that are switched off are nothing


@dataclass(frozen=True, eq=False)
class SteadyState:
    """Where a system rests, or why not.

    Attributes
    ----------
    u : float64 array, shape (states,)
    retcode : ReturnCode
    factors : float64 array, shape (states, states)
        The Jacobian with its dependent rows replaced by totals.
    """

    u: Float
    retcode: ReturnCode
    factors: Float


@dataclass(frozen=True, eq=False)
class SteadyStates:
    """The steady states of one plan, for any parameters.

    Raises
    ------
    InvalidInputError
        The right-hand side contains time, and time makes a difference there.
    """

    plan: CompiledSystem

    def _check_rests(self, model: NumericModel, u: Float) -> None:
        """An error unless time makes no difference: an input that is switched off may be written in it."""
        moving = [x for x, f in self.plan.system.rhs.items() if f.has(t)]
        if not moving:
            return
        here = model.rhs(0.0, u)
        if any(not np.array_equal(here, model.rhs(time, u), equal_nan=True) for time in _TIMES):
            raise InvalidInputError(
                f"a period that begins at -inf needs a system that can rest; the equation of {moving[0]} "
                "contains time, which makes a difference there"
            )

    def find(self, p: Float, theta: Float, u: Float, march: March) -> SteadyState:
        """Where the system comes to rest from the state `u`."""
        model = NumericModel(self.plan, p, theta)
        self._check_rests(model, u)
        kept = self.totals(p)
        totals = kept.rows @ u
        lost = np.full((u.size, u.size), np.nan)
        f = model.rhs(0.0, u)
        size = np.maximum(np.abs(u), 1e-8 * max(float(np.abs(u).max(initial=0.0)), 1e-8))
        fastest = float(np.max(np.abs(f) / size, initial=0.0))
        if not np.isfinite(fastest):
            return SteadyState(u, ReturnCode.InitialFailure, lost)
        span = 1.0 / fastest if fastest > 0 else 1.0
        span = min(max(span, 1e-6), 1e6)
        before, peak = u, np.abs(u)
        for _ in range(_ROUNDS):
            after, code = march(before, span)
            if code is ReturnCode.MaxIters:  # it never stops to move
                return SteadyState(before, ReturnCode.NoSteadyState, lost)
            if not code.successful or not np.isfinite(after).all():
                code = ReturnCode.Unstable if code.successful else code
                return SteadyState(before, code, lost)
            peak = np.maximum(peak, np.abs(after))
            # what dies out is at rest where nothing is left of it
            scale = np.maximum(
                np.abs(after), _GONE * np.maximum(peak, 1e-3 * peak.max(initial=0.0))
            )
            scale = np.maximum(scale, 1e-300)
            rests = np.all(np.abs(after - before) <= _RESTS * scale)
            before = after
            if rests and (found := self._sharpened(model, after, kept, totals, scale)) is not None:
                return found
            span *= 4.0
        return SteadyState(before, ReturnCode.NoSteadyState, lost)

    def _sharpened(
        self, model: NumericModel, u: Float, kept: Totals, totals: Float, scale: Float
    ) -> SteadyState | None:
        """Newton's method near a state that hardly moves; None where it leads away."""
        start = u
        for _ in range(_STEPS):
            f, J = model.rhs(0.0, u), model.jacobian(0.0, u)
            if not (np.isfinite(f).all() and np.isfinite(J).all()):
                return None
            G, r = kept.bordered(J), f.copy()
            r[kept.replaced] = kept.rows @ u - totals
            rows = np.abs(G * scale).max(axis=1)
            rows[rows == 0.0] = 1.0
            scaled = G * scale / rows[:, None]
            if np.linalg.svd(scaled, compute_uv=False)[-1] < _SINGULAR:
                return SteadyState(u, ReturnCode.NoSteadyState, G)
            step = scale * np.linalg.solve(scaled, -r / rows)
            u = u + step
            if np.all(np.abs(step) <= _SHARP * scale):
                near = np.all(np.abs(u - start) <= 0.1 * scale)
                return SteadyState(u, ReturnCode.Success, G) if near else None
        return None

    def pull(
        self, found: SteadyState, slopes: Float, p: Float, theta: Float
    ) -> tuple[Float, Float]:
        """Cotangents of a steady state, as those of theta and of the state from which it was reached."""
        kept = self.totals(p)
        mu = np.linalg.solve(found.factors.T, slopes)
        weights = -mu
        weights[kept.replaced] = 0.0
        by_theta = self._rhs.pull(weights, p, theta, 0.0, found.u).theta
        return by_theta, kept.rows.T @ mu[kept.replaced]

    @cached_property
    def _rhs(self) -> Formulas:
        return formulas(self.plan, list(self.plan.system.rhs.values()))

    def totals(self, p: Float) -> Totals:
        """What the system keeps with these values, whatever its rates are."""
        key = p.tobytes()
        if key not in self._known:
            self._known[key] = _totals(self.plan, p)
        return self._known[key]

    @cached_property
    def _known(self) -> dict[bytes, Totals]:
        return {}


@dataclass(frozen=True, eq=False)
class Totals:
    """Linear combinations of states that stay as they are, and the equations that follow from the others.

    Attributes
    ----------
    rows : float64 array, shape (totals, states)
    replaced : int64 array, shape (totals,)
    """

    rows: Float
    replaced: NDArray[np.int64]

    def bordered(self, J: Float) -> Float:
        """A Jacobian with totals in place of the equations that follow."""
        G = J.copy()
        G[self.replaced] = self.rows
        return G


def _totals(plan: CompiledSystem, p: Float) -> Totals:
    system = plan.system
    numbers = {
        system.symbol(name): sp.Rational(str(v))
        for name, v in zip(plan.parameters, p.tolist(), strict=False)
        if np.isfinite(v)
    }
    laws = linear_laws({x: f.xreplace(numbers) for x, f in system.rhs.items()})
    rows = np.array([[float(law.coeff(x)) for x in system.states] for law in laws])
    rows = rows.reshape(-1, len(system.states))
    # a state of each that no other one needs
    W, found = rows.copy(), list[int]()
    for i in range(len(W)):
        j = int(np.argmax(np.abs(W[i])))
        found.append(j)
        for k in range(len(W)):
            if k != i:
                W[k] -= W[i] * (W[k, j] / W[i, j])
    return Totals(rows, np.array(found, dtype=np.int64))
