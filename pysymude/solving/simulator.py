"""`simulator`: solves as functions with derivatives, for losses of one's own in NumPy, JAX and torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from threading import local
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pysymude.engines.base import Capability
from pysymude.engines.outcomes import ReturnCode
from pysymude.engines.registry import select_engine
from pysymude.errors import InvalidInputError, SolveFailedError
from pysymude.model.calls import explained
from pysymude.model.coerce import float_array, label_of, meant, numbers_by_name, short
from pysymude.model.signal_values import signal_values
from pysymude.model.system import ODESystem
from pysymude.model.theta import ThetaLayout
from pysymude.plan.compiled import compile_system
from pysymude.plan.fixed_values import parameter_values
from pysymude.plan.problem import Batch
from pysymude.plan.signals import check_reach_of_data
from pysymude.solving.checks import check_is_system, check_scalings, output_times
from pysymude.solving.choice import choose_method
from pysymude.solving.columns import read_columns
from pysymude.solving.control import Control
from pysymude.solving.differentiated import Differentiated, Run, opened

__all__ = ["Simulator", "simulator"]

Float = NDArray[np.float64]
Cotangents = tuple[Float, Float, Float]


class Simulator:
    """A solve as a function of theta, the start and the parameters, with derivatives; see `simulator`.

    Attributes
    ----------
    system : ODESystem
    t : float64 array, shape (times,)
    columns : tuple of str
        What the columns of a result are.
    states, parameters : tuple of str
        The order of `u0` and of `p`.
    layout : ThetaLayout
        Which slice of theta means what.
    """

    def __init__(self, system: ODESystem, inner: Differentiated, throw: bool) -> None:
        plan = compile_system(system)
        self.system, self.inner, self.throw = system, inner, throw
        self.layout: ThetaLayout = plan.layout
        self.states, self.parameters = plan.states, plan.parameters
        self.t, self.columns = inner.times.copy(), inner.columns
        # behind the parameters stand the tables of signals
        self.defaults: Float = plan.default_parameters[: len(plan.parameters)]
        self._outcome = local()

    @property
    def retcode(self) -> ReturnCode:
        """How the latest solve of this thread ended; ``retcode.value`` is a sentence."""
        return getattr(self._outcome, "retcode", ReturnCode.Success)

    @property
    def engine(self) -> str:
        """Name of the engine."""
        return self.inner.engine.name

    @property
    def shape(self) -> tuple[int, int]:
        """Of a result: (times, columns)."""
        return len(self.t), len(self.columns)

    def __call__(self, theta: Any = None, u0: Any = None, p: Any = None) -> Float:
        """The columns at the times, float64 (times, columns); NaN where the solve fails.

        Parameters
        ----------
        theta : array, shape (parameters,), or mapping from slot name to natural values
            Without networks it may be None or a part of a mapping: what is left out has its start.
        u0 : mapping from state to float, or array (states,)
        p : mapping from parameter to float, or array (fixed parameters,), optional
            In the order of `parameters`; a mapping, or None, leaves the system's own values for the rest.
        """
        return self.run(self.vector(theta, u0, p)).values

    @explained
    def vjp(
        self, theta: Any = None, u0: Any = None, p: Any = None
    ) -> tuple[Float, Callable[[ArrayLike], Cotangents]]:
        """The values, and ``pullback(w)``: the derivatives of ``sum(w * values)`` by (theta, u0, p)."""
        z = self.vector(theta, u0, p)
        found = self.run(z)

        def pullback(w: ArrayLike) -> Cotangents:
            weights = float_array(w, what="w")
            if weights.shape != self.shape:
                raise InvalidInputError(
                    f"pullback takes a number for each value, shape {self.shape}; found {weights.shape}"
                )
            return self.pulled(z, weights, found)

        return found.values, pullback

    @explained
    def jvp(
        self,
        theta: Any = None,
        u0: Any = None,
        p: Any = None,
        *,
        dtheta: ArrayLike | None = None,
        du0: Any = None,
        dp: Any = None,
    ) -> tuple[Float, Float]:
        """The values, and their derivatives along a direction, both float64 (times, columns).

        `du0` and `dp` are arrays or mappings as `u0` and `p` are; what is left out does not move.
        """
        z = self.vector(theta, u0, p)
        direction = self._joined(
            np.zeros(self.layout.size) if dtheta is None else _array(dtheta, "dtheta"),
            self._direction(du0, self.states, "du0"),
            self._direction(dp, self.parameters, "dp"),
        )
        found = self.run(z)
        if not found.retcode.successful:
            return found.values, np.full(self.shape, np.nan)
        return found.values, self.inner.push(z, direction, found.bound)

    def to_jax(self) -> Callable[..., Any]:
        """The same as a function of JAX: ``f(theta, u0, p)`` under jit, grad and vmap, in float64.

        A failed solve gives NaN. It has reverse-mode derivatives of first order; `theta` is a vector,
        `u0` and `p` are arrays or mappings from names to numbers.

        Raises
        ------
        MissingPackageError
            JAX is not installed.
        """
        from pysymude.solving.in_jax import jax_function

        return jax_function(self)

    def to_torch(self) -> Callable[..., Any]:
        """The same as a function of PyTorch's autograd: ``f(theta, u0, p)``, in float64.

        As for `to_jax`; tensors may have further axes in front, one solve for each entry.

        Raises
        ------
        MissingPackageError
            PyTorch is not installed.
        """
        from pysymude.solving.in_torch import torch_function

        return torch_function(self)

    # -- arrays alone ----------------------------------------------------------------------------

    def run(self, z: Float) -> Run:
        """The solve at a vector that `vector` made."""
        found = self.inner.run(z)
        self._outcome.retcode = found.retcode
        if self.throw and not found.retcode.successful:
            raise SolveFailedError(found.retcode.value)
        return found

    def pulled(self, z: Float, weights: Float, found: Run) -> Cotangents:
        """Cotangents of theta, start and parameters for those of the values of a solve."""
        if not found.retcode.successful:
            return self.split(np.full(z.size, np.nan))
        return self.split(self.inner.pull(z, weights, found.bound))

    def split(self, z: Float) -> Cotangents:
        """Theta, start and parameters of a vector."""
        n, k = self.layout.size, len(self.parameters)
        for slot in self.layout.held:
            z[slot.slice] = 0.0
        return z[:n], z[n + k :], z[n : n + k]

    def vector(self, theta: Any, u0: Any, p: Any) -> Float:
        """What is given as one vector, checked."""
        return self._joined(self._theta(theta), self._start(u0), self._parameters(p))

    def _joined(self, theta: Float, u0: Float, p: Float) -> Float:
        sizes = {"theta": self.layout.size, "u0": len(self.states), "p": len(self.parameters)}
        for (name, size), given in zip(sizes.items(), (theta, u0, p), strict=True):
            if given.shape != (size,):
                raise InvalidInputError(
                    f"{name} must have {size} numbers here; found shape {given.shape}"
                )
        return np.concatenate([theta, p, u0])

    def _theta(self, theta: Any) -> Float:
        if theta is not None and not isinstance(theta, Mapping):
            return self.layout.check(theta)
        values = {s.name: v for s, v in self.system.trainable.items()}
        for key, value in cast("Mapping[Any, Any]", theta or {}).items():
            name = label_of(key)
            if name not in self.layout:
                raise InvalidInputError(
                    f"theta names {name!r}, which is not learned; there are "
                    f"{', '.join(self.layout) or 'none'}{meant(name, self.layout)}"
                )
            values[name] = value
        return self.layout.pack(values)

    def _start(self, u0: Any) -> Float:
        if u0 is None:
            raise InvalidInputError(
                f"u0 is missing: give a value for each of {', '.join(self.states)}"
            )
        values = self._named(u0, self.states, "u0", np.full(len(self.states), np.nan))
        if np.isnan(values).any():
            name = self.states[int(np.isnan(values).argmax())]
            raise InvalidInputError(f"u0 has no value for state {name!r}, or it is NaN")
        return values

    def _parameters(self, p: Any) -> Float:
        values = self._named({} if p is None else p, self.parameters, "p", self.defaults.copy())
        if np.isnan(values).any():
            name = self.parameters[int(np.isnan(values).argmax())]
            raise InvalidInputError(
                f"parameter {name!r} has no value; give p={{{name}: ...}}, or a value in the system"
            )
        return values

    def _direction(self, given: Any, names: Sequence[str], what: str) -> Float:
        zeros = np.zeros(len(names))
        return zeros if given is None else self._named(given, names, what, zeros)

    def _named(self, given: Any, names: Sequence[str], what: str, values: Float) -> Float:
        """Numbers in the order of names, from a mapping or an array."""
        if not isinstance(given, Mapping):
            return _array(given, what)
        for name, value in numbers_by_name(given, what=what).items():
            if name not in names:
                raise InvalidInputError(
                    f"{what} names {name!r}; there are {', '.join(names) or 'none'}{meant(name, names)}"
                )
            values[list(names).index(name)] = value
        return values

    def __repr__(self) -> str:
        return (
            f"Simulator({', '.join(self.columns)} at {len(self.t)} times from {self.t[0]:g} to "
            f"{self.t[-1]:g}; {self.layout.size} trainable numbers, {len(self.states)} states, "
            f"{len(self.parameters)} parameters; {self.inner.method.solver} on {self.engine})"
        )


@explained
def simulator(
    system: ODESystem,
    *,
    t: ArrayLike,
    observables: Any = None,
    solver: Any = "auto",
    engine: str = "auto",
    reltol: float = 1e-6,
    abstol: Any = None,
    max_steps: int | None = None,
    dtmax: float | None = None,
    tstops: Sequence[float] = (),
    sensealg: str = "auto",
    signals: Mapping[Any, Any] | None = None,
    throw: bool = False,
) -> Simulator:
    """A function from theta, start and parameters to what is seen of a solution, with its derivatives.

    It is for losses that `fit` and `objective` do not have: ``sim(theta, u0, p)`` is an array, ``sim.vjp``
    and ``sim.jvp`` are its derivatives backward and forward, exact for the numbers that were computed;
    ``sim.to_jax()`` and ``sim.to_torch()`` are the same as functions that JAX and torch differentiate.

    Parameters
    ----------
    system : ODESystem
        Its `initial`, noise and priors have no part in it.
    t : array, shape (times,)
        Strictly ascending; the first is the start.
    observables : one or several of state, name of an observable, SymPy expression, or mapping, optional
        The columns; by default all states. A mapping gives expressions names of their own.
    solver, engine, reltol, abstol, max_steps, dtmax, tstops
        As for `solve`. The default of `abstol` follows the states, from start to start.
    sensealg : str
        How derivatives are taken backward, as for `objective`.
    signals : mapping from Signal or name to (times, values), optional
        Measured inputs; they replace those that the system has values for.
    throw : bool
        Raise `SolveFailedError` where a solve fails; by default its values are NaN, and ``sim.retcode``
        says why.

    Returns
    -------
    Simulator

    Raises
    ------
    InvalidInputError
        A name, a shape or a value that does not fit the system; the message says what would.

    Examples
    --------
    >>> import numpy as np, pysymude as psu
    >>> x, k = psu.states("x"), psu.parameters("k")
    >>> sim = psu.simulator(psu.ODESystem({x: -k*x}, trainable={k: 2.0}), t=[0.0, 1.0])
    >>> values, pullback = sim.vjp([2.0], u0={x: 1.0})
    >>> dtheta, du0, dp = pullback([[0.0], [1.0]])
    >>> values[-1].round(4), dtheta.round(4), du0.round(4)
    (array([0.1353]), array([-0.1353]), array([0.1353]))
    """
    check_is_system(system)
    check_scalings(system)
    chosen = select_engine(engine, Capability.GRADIENT)
    columns = read_columns(system, observables)
    plan = compile_system(opened(system, columns))
    times = output_times(t)
    n = len(plan.states)
    points = signal_values(signals or {})
    p = parameter_values(plan, {}, points)[None]
    batch = Batch(times[:1], np.ones((1, n)), p, times[None], points)
    check_reach_of_data(plan, batch, [""])
    method = choose_method(
        chosen, plan, batch, np.zeros(plan.layout.size),
        solver=solver, control=Control(reltol, abstol, max_steps, dtmax, tstops), sensealg=sensealg,
    )  # fmt: skip
    names = tuple(name for name, _ in columns)
    inner = Differentiated(chosen, plan, names, batch, method, follows=abstol is None)
    return Simulator(system, inner, throw)


def _array(given: Any, what: str) -> Float:
    values = float_array(given, what=what)
    if not np.isfinite(values).all():
        raise InvalidInputError(f"{what} must be finite; found {short(given)}")
    return values
