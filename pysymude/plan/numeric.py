"""A plan evaluated with NumPy: for set-up, plots and checks, where no engine is worth starting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pysymude.model.network import MLP
from pysymude.model.theta import ThetaLayout
from pysymude.plan.compiled import CompiledSystem, Program
from pysymude.plan.looped import Looped
from pysymude.plan.tables import numbered
from pysymude.plan.tape import SignalCall, array_operations

__all__ = ["NumericModel", "network_weights", "trainable_values"]

Float = NDArray[np.float64]
Int = NDArray[np.int64]


def _erf(z: Any) -> Any:
    # SciPy costs a fifth of a second to load, and few systems contain an error function
    from scipy.special import erf

    return erf(z)


_OPERATIONS = array_operations(_erf)


def network_weights(networks: Sequence[MLP], theta: Any) -> dict[str, Any]:
    """Each network's flat weights out of theta, which starts with them."""
    found: dict[str, Any] = {}
    offset = 0
    for nn in networks:
        found[nn.name] = theta[offset : offset + nn.n_weights]
        offset += nn.n_weights
    return found


def trainable_values(layout: ThetaLayout, theta: Any) -> list[Any]:
    """Natural values of the trainable parameters, in the order of the plan's inputs."""
    slots = layout.of_kind("parameter")
    return [s.natural(theta[s.offset]) for s in slots]


@dataclass(frozen=True)
class NumericModel:
    """One plan with its parameter values and theta fixed.

    Attributes
    ----------
    plan : CompiledSystem
    p : float64 array, shape (parameters + signals,)
    theta : float64 array, shape (>= plan.layout.size,)
    """

    plan: CompiledSystem
    p: Float
    theta: Float

    def evaluate(self, tape: Program, t: ArrayLike, u: ArrayLike) -> Float:
        """The outputs, shape (..., outputs), at states `u` of shape (..., states)."""
        u = np.asarray(u, dtype=np.float64)
        t = np.asarray(t, dtype=np.float64)
        if isinstance(tape, Looped):
            trainable = np.array(trainable_values(self.plan.layout, self.theta))
            return self._loops(tape, t, u, trainable)
        fixed = self.p[: len(self.plan.parameters)]
        inputs = [*(u if u.ndim == 1 else np.moveaxis(u, -1, 0)), t, *fixed]
        # of many individuals each formula reads its own parameters
        inputs += [
            slot.natural(self.theta[slot.offset]) if i in tape.reads else None
            for i, slot in enumerate(self.plan.layout.of_kind("parameter"), len(inputs))
        ]
        with np.errstate(all="ignore"):
            hooks = self._network, self._network_jacobian, self._network_hessian, self._signal
            found = tape.run(inputs, _OPERATIONS, *hooks)
        if t.ndim == 0 and u.ndim == 1:
            return np.array(found, dtype=np.float64)
        shape = np.broadcast_shapes(t.shape, u.shape[:-1])
        return np.stack([np.broadcast_to(f, shape) for f in found], axis=-1).astype(np.float64)

    def _loops(self, program: Looped, t: Float, u: Float, trainable: Float) -> Float:
        batch = np.broadcast_shapes(t.shape, u.shape[:-1])
        u = np.broadcast_to(u, (*batch, u.shape[-1]))
        sources: dict[str, Callable[[Any], Any]] = {
            "state": lambda table: u[..., np.atleast_1d(table)],
            "time": lambda table: t[..., None],
            "parameter": lambda table: self.p[np.atleast_1d(table)],
            "trainable": lambda table: trainable[np.atleast_1d(table)],
            "constant": np.atleast_1d,
        }
        with np.errstate(all="ignore"):
            hooks = self._network, self._network_jacobian, self._signal
            terms = program.terms(sources, _OPERATIONS, *hooks)
            r = np.empty((*batch, program.starts[-1]))
            at = 0
            for value, members in terms:
                r[..., at : at + members] = value
                at += members
            found = np.empty((*batch, program.size))
            for g in program.rows:
                found[..., g.outputs] = (
                    g.bias
                    + (u[..., g.states] * g.state_factors).sum(axis=-1)
                    + (r[..., g.terms] * g.term_factors).sum(axis=-1)
                )
        return found

    def rhs(self, t: ArrayLike, u: ArrayLike) -> Float:
        """du/dt, shape (..., states)."""
        return self.evaluate(self.plan.rhs, t, u)

    def jacobian(self, t: ArrayLike, u: ArrayLike) -> Float:
        """df/du, shape (..., states, states)."""
        rows, columns, values = self.jacobian_entries(t, u)
        n = len(self.plan.states)
        found = np.zeros((*values.shape[:-1], n, n))
        found[..., rows, columns] = values
        return found

    def jacobian_entries(self, t: ArrayLike, u: ArrayLike) -> tuple[Int, Int, Float]:
        """Row, column and value, shape (..., entries), of all that may not be zero in df/du."""
        form, n = self.plan.march_form, len(self.plan.states)
        values = self.evaluate(form.derivatives, t, u)[..., n : n + len(form.rows)]
        return form.rows, form.columns, values

    def unknown_term(self, t: ArrayLike, u: ArrayLike, given: NumericModel | None = None) -> Float:
        """What the networks add to du/dt, f(u, nn) - f(u, 0), shape (..., states).

        The known terms are those of `given`, where laws have changed the system's own.
        """
        known = given or self
        return self.rhs(t, u) - known.evaluate(known.plan.known_rhs, t, u)

    def _signal(self, call: SignalCall, x: Any) -> Float:
        names = [signal.name for signal in self.plan.signals]
        which = self.p[len(self.plan.parameters) + names.index(call.name)]
        x, numbers = np.broadcast_arrays(np.asarray(x, dtype=np.float64), which)
        found = np.full(x.shape, np.nan)
        for number in np.unique(numbers[numbers >= 0]):
            here = numbers == number
            found[here] = numbered(number).evaluate(x[here], call.order)
        return found

    def _network(self, name: str, inputs: list[Any]) -> Float:
        nn, weights, z = self._call(name, inputs)
        return np.moveaxis(nn.forward(weights, z), -1, 0)

    def _network_jacobian(self, name: str, inputs: list[Any]) -> Float:
        nn, weights, z = self._call(name, inputs)
        return np.moveaxis(nn.jacobian(weights, z), (-2, -1), (0, 1))

    def _network_hessian(self, name: str, inputs: list[Any]) -> Float:
        nn, weights, z = self._call(name, inputs)
        return np.moveaxis(nn.hessian(weights, z), (-3, -2, -1), (0, 1, 2))

    def _call(self, name: str, inputs: list[Any]) -> tuple[MLP, Float, Float]:
        nn = next(nn for nn in self.plan.networks if nn.name == name)
        z = np.stack(np.broadcast_arrays(*inputs), axis=-1).astype(np.float64)
        return nn, network_weights(self.plan.networks, self.theta)[name], z
