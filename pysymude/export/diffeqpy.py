"""Systems as problems for diffeqpy's `solve`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import ArrayLike

from pysymude.engines.julia.printer import system_source
from pysymude.engines.julia.runtime import package, translated
from pysymude.errors import CapabilityError
from pysymude.model.calls import explained
from pysymude.model.system import ODESystem
from pysymude.solving.solve import initial_value_problem

__all__ = ["to_diffeqpy"]


@explained
def to_diffeqpy(
    system: ODESystem,
    u0: Any,
    t: ArrayLike,
    parameters: Mapping[Any, float] | None = None,
    theta: ArrayLike | Mapping[str, ArrayLike] | None = None,
) -> Any:
    """The initial value problem as Julia's `ODEProblem`, which diffeqpy's ``solve`` takes.

    Its right-hand side is compiled Julia, with exact Jacobian and time gradient: no call comes back
    to Python. Its ``p`` is theta; other parameters are fixed in it. Problems share no memory with
    each other. Julia is started if it was not.

    Parameters
    ----------
    system : ODESystem
    u0 : mapping from state to float, or sequence in the order of the states
        The state at ``t[0]``.
    t : array, shape (times,)
        Strictly ascending; the first and the last are the problem's time span.
    parameters, theta
        As for `solve`.

    Returns
    -------
    ODEProblem
        A Julia object. Its numbers are Float64 alone: a solver that takes derivatives by dual numbers
        and ignores the given Jacobian needs ``autodiff=AutoFiniteDiff()``. It serves one thread.

    Raises
    ------
    InvalidInputError
        As `solve` does.
    CapabilityError
        The system has events.
    EngineUnavailableError
        Julia is not set up.
    CapabilityError
        The system reads a signal, whose points such a problem has no place for.

    Notes
    -----
    Importing diffeqpy's ``ode`` or ``de`` looks for ``julia`` on PATH, and downloads one where it
    finds none.

    Examples
    --------
    >>> import pysymude as psu
    >>> x, k = psu.states("x"), psu.parameters("k")
    >>> system = psu.ODESystem({x: -k*x}, parameters={k: 2.0})
    >>> from diffeqpy import ode                                          # doctest: +SKIP
    >>> problem = psu.to_diffeqpy(system, {x: 1.0}, [0.0, 1.0])           # doctest: +SKIP
    >>> sol = ode.solve(problem, ode.Rodas5P(), reltol=1e-8, abstol=1e-8) # doctest: +SKIP
    >>> round(sol.u[-1][0], 4)                                            # doctest: +SKIP
    0.1353
    """
    if isinstance(system, ODESystem) and system.signals:
        raise CapabilityError(
            f"to_diffeqpy cannot hand the points of the signal {system.signals[0].name!r} to Julia; write it "
            "as an expression of time, or use psu.solve(..., engine='julia')",
            capability="signals",
        )
    plan, batch, vector = initial_value_problem(system, u0, t, parameters, theta)
    if system.events:
        raise CapabilityError(
            f"event {system.events[0].key!r} sets states, which an ODEProblem has no words for; give "
            "system.replace(events=()) and your own callbacks, or solve with psu.solve",
            capability="export",
        )
    julia = package()
    with translated("making a problem"):
        return julia.problem(
            system_source(plan), batch.u0[0], (batch.ts[0, 0], batch.ts[0, -1]), vector, batch.p[0],
            plan.scalings,
        )  # fmt: skip
