# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false
"""How well the adjoint of a fitted system is integrated: its own laws tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import ArrayLike, NDArray

from pysymude.errors import InvalidInputError
from pysymude.fit.problem.law_values import absolute_terms
from pysymude.model.system import ODESystem
from pysymude.plan.compiled import compile_system
from pysymude.plan.numeric import NumericModel
from pysymude.solving.checks import initial_state, values
from pysymude.solving.solve import solve
from pysymude.symbolic.symmetries.adjoint import AdjointSystem, adjoint_laws
from pysymude.symbolic.symmetries.generator import Generator

__all__ = ["backward_drift", "backward_laws", "terminal_values"]

Float = NDArray[np.float64]


def backward_drift(
    adjoint: AdjointSystem,
    t: Float,
    u: Float,
    terminal: ArrayLike,
    *,
    theta: Float,
    parameters: Mapping[Any, float],
    **method: Any,
) -> dict[str, float]:
    """How far each law a . W moves while the pair (u, a) is solved from t[-1] back to t[0].

    The pair keeps its laws also where it has lost the trajectory, so W is taken at the states of the
    forward solution.

    Parameters
    ----------
    adjoint : AdjointSystem
    t : array, shape (times,)
        Ascending.
    u : array, shape (times, states)
        The forward solution.
    terminal : array, shape (states,)
        a at ``t[-1]``.
    theta, parameters, **method
        As for `solve`.

    Returns
    -------
    dict
        The largest ``|a . W - its value at t[-1]|`` relative to the sum of ``|a_i W_i|`` there, by the
        symmetry that the law comes from; NaN where the solve failed.
    """
    names = [repr(X.restricted(adjoint.states)) for X in adjoint.symmetries]
    found = solve(
        adjoint.backward(float(t[-1])),
        u0=np.concatenate([u[-1], terminal]),
        t=t[-1] - t[::-1],
        theta=theta,
        parameters=parameters,
        **method,
    )
    if not found.success:
        return dict.fromkeys(names, np.nan)
    plan = compile_system(adjoint.system)
    model = NumericModel(plan, values(plan, parameters, theta)[0], theta)
    laws = [law.expr for law in adjoint.laws]
    sizes = [absolute_terms(law) for law in laws]
    both = np.hstack([u[::-1], found.u[:, u.shape[1] :]])
    along = model.evaluate(plan.tape(laws), t[::-1], both)
    size = model.evaluate(plan.tape(sizes), t[-1:], both[:1])[0]
    moved = np.abs(along - along[0]).max(axis=0) / np.where(size > 0, size, 1.0)
    return dict(zip(names, map(float, moved), strict=True))


def backward_laws(system: ODESystem, generators: Iterable[Generator] | None) -> AdjointSystem:
    """The adjoint system with laws: of the generators given, of the time shift, or of what is found."""
    if generators is None and system.is_autonomous:
        # holds for every network, and needs no search
        generators = [Generator(sp.S.One)]
    adjoint = adjoint_laws(system, generators=generators)
    if not adjoint.laws:
        raise InvalidInputError(
            "no symmetry of the system was found, so its adjoint has no law to measure; give "
            "generators="
        )
    return adjoint


def terminal_values(given: Any, states: tuple[str, ...], u: Float) -> Float:
    """The adjoint at the end: as given, or one over each state's root mean square."""
    if given is None:
        size = np.sqrt(np.mean(u**2, axis=0))
        return 1.0 / np.where(size > 0, size, 1.0)
    found = initial_state(states, given)
    if not found.any():
        raise InvalidInputError("terminal= is zero, and so is its adjoint: nothing can be measured")
    return found
