"""The rules behind ``"auto"``: which solver, which kind of gradient. Both are reported in results."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.adopted import AdoptedSolver
from pysymude.engines.base import AbstractEngine, Method
from pysymude.errors import CapabilityError, InvalidInputError
from pysymude.model.coerce import meant
from pysymude.plan.compiled import CompiledSystem
from pysymude.plan.numeric import NumericModel
from pysymude.plan.problem import Batch
from pysymude.plan.stiffness import LIMIT, explicit_steps
from pysymude.plan.tolerance import magnitudes
from pysymude.solving.control import Control

__all__ = ["choose_method", "suited_solver"]

Float = NDArray[np.float64]


def choose_method(
    engine: AbstractEngine,
    plan: CompiledSystem,
    batch: Batch,
    theta: Float,
    *,
    solver: Any,
    control: Control,
    measured: Float | None = None,
    sensealg: str = "auto",
    apart: bool = False,
) -> Method:
    """The method with every ``"auto"`` replaced by a choice.

    `measured`, of shape (..., states), are further values that tell how large states are: the default
    of `abstol` follows them. With `apart` it follows each experiment's own states.

    ``solver="auto"`` starts with an explicit solver, goes over to an implicit one where steps show that
    stability holds them back, and returns where it does not: Tsit5 and Rodas5P, and on the embedded
    engine Vern7 below a reltol of 1e-9 and Rosenbrock23 above 1e-2. On Julia a system whose Jacobian is
    sparse, and a gradient through second derivatives of networks, begins anew with Rodas5P of
    OrdinaryDiffEq where Tsit5 meets stiffness; so does a solve with events.

    ``sensealg="auto"`` is the adjoint: back through the solver's own steps, or Gauss' for those of
    Julia's solvers whose steps are not known; forward mode only where a solver has no adjoint.

    Raises
    ------
    InvalidInputError
        A solver or a sensealg that the engine does not know, a tolerance that is none.
    CapabilityError
        The engine takes no such gradients of that solver.
    """
    if control.is_plain and type(solver) is str and sensealg == "auto":
        # it does not depend on the states, and is asked for again and again
        return _plain_method(engine, plan.states, theta.size, solver, control)
    seen = (batch.u0,) if measured is None else (batch.u0, measured)
    checked = control.checked(plan.states, lambda: np.abs(batch.u0) if apart else magnitudes(*seen))
    return _method(engine, theta.size, solver, sensealg, checked)


@lru_cache(maxsize=64)
def _plain_method(
    engine: AbstractEngine, states: tuple[str, ...], size: int, solver: str, control: Control
) -> Method:
    return _method(engine, size, solver, "auto", control.checked(states, lambda: np.zeros(0)))


def _method(
    engine: AbstractEngine, size: int, solver: Any, sensealg: str, checked: dict[str, Any]
) -> Method:
    """The method of checked tolerances for a theta of so many numbers."""
    given = solver
    if not isinstance(solver, str):
        solver = engine.adopt(solver)
    typed = isinstance(given, str) and not isinstance(given, AdoptedSolver)
    if typed and solver not in ("auto", *engine.solvers):
        raise InvalidInputError(
            f"solver {solver!r} is unknown to engine {engine.name!r}; it has 'auto', "
            f"{', '.join(map(repr, engine.solvers))}{meant(solver, engine.solvers)}"
        )
    if sensealg not in ("auto", *engine.sensealgs):
        raise InvalidInputError(
            f"sensealg {sensealg!r} is unknown to engine {engine.name!r}; it has 'auto', "
            f"{', '.join(map(repr, engine.sensealgs))}{meant(str(sensealg), engine.sensealgs)}"
        )
    if sensealg == "auto":
        info = engine.solvers.get(solver)
        few = info is not None and size <= engine.forward_limits[info.stiff]
        sensealg = "forward" if few or (info and not info.adjoint) else "adjoint"
    reason = engine.refusal(solver, sensealg)
    if reason:
        raise CapabilityError(
            f"engine {engine.name!r} cannot take sensealg {sensealg!r} with solver {solver!r}: "
            f"{reason}",
            engine=engine.name,
            capability="gradient",
        )
    return Method(solver, sensealg=sensealg, **checked)


def suited_solver(
    plan: CompiledSystem, batch: Batch, theta: Float, stiff_solver: str = "Rodas5P"
) -> str:
    """Tsit5, or `stiff_solver` where stability would force more than 1000 steps on an explicit solver.

    Judged on the first and the longest experiment.
    """
    return stiff_solver if _stiff(plan, batch, theta) else "Tsit5"


def _stiff(plan: CompiledSystem, batch: Batch, theta: Float) -> bool:
    longest = int(np.argmax(batch.ts[:, -1] - batch.t0))
    for e in {0, longest}:
        model = NumericModel(plan, batch.p[e], theta)
        if explicit_steps(model, batch.u0[e], batch.t0[e], batch.ts[e, -1]) > LIMIT:
            return True
    return False
