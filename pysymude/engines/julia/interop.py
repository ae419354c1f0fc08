"""Algorithms that users made in Julia, with diffeqpy or otherwise, as solvers."""

from __future__ import annotations

from typing import Any

from pysymude.engines.adopted import AdoptedSolver
from pysymude.engines.julia.julia_solvers import SOLVERS
from pysymude.engines.julia.runtime import is_julia_object, package, translated
from pysymude.errors import InvalidInputError

__all__ = ["adopt"]


def adopt(solver: Any) -> AdoptedSolver:
    """The name under which PySymUDE.jl keeps an algorithm that was made in Julia.

    Raises
    ------
    InvalidInputError
        It is no algorithm for ordinary differential equations, or has no step size control.
    """
    if not is_julia_object(solver):
        raise InvalidInputError(
            f"solver must be a name or an algorithm made in Julia, such as 'Tsit5' or "
            f"ode.Tsit5() with diffeqpy's ode; found {type(solver).__name__}. "
            f"The names are 'auto', {', '.join(map(repr, SOLVERS))}"
        )
    julia = package()
    with translated("reading a solver"):
        wrong = julia.objection(solver)
    if wrong:
        raise InvalidInputError(f"solver {wrong}")
    with translated("reading a solver"):
        return AdoptedSolver(julia.adopt_b(solver))
