"""The solvers of the embedded engine, and their outcomes as numbers inside compiled programs."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from pysymude.engines.base import SolverInfo
from pysymude.engines.outcomes import CODES, ReturnCode

__all__ = ["SOLVERS", "make_solver", "result_code"]

SOLVERS = MappingProxyType(
    {
        "Tsit5": SolverInfo(5, False, "Tsitouras 2011, Comput. Math. Appl. 62, 770"),
        "Dopri5": SolverInfo(5, False, "Dormand and Prince 1980, J. Comput. Appl. Math. 6, 19"),
        "Dopri8": SolverInfo(8, False, "Prince and Dormand 1981, J. Comput. Appl. Math. 7, 67"),
        "Kvaerno3": SolverInfo(3, True, "Kvaerno 2004, BIT Numer. Math. 44, 489"),
        "Kvaerno5": SolverInfo(5, True, "Kvaerno 2004, BIT Numer. Math. 44, 489"),
        "KenCarp4": SolverInfo(4, True, "Kennedy and Carpenter 2003, Appl. Numer. Math. 44, 139"),
        "KenCarp5": SolverInfo(5, True, "Kennedy and Carpenter 2003, Appl. Numer. Math. 44, 139"),
    }
)


def make_solver(name: str, field: Any, rtol: Any, atol: Any) -> tuple[Any, Any]:
    """The diffrax solver and the term it steps for du/dt = field(t, u, args). Loads diffrax."""
    import diffrax
    import optimistix

    term = diffrax.ODETerm(field)
    if not SOLVERS[name].stiff:
        return getattr(diffrax, name)(), term
    if name.startswith("KenCarp"):
        # an implicit-explicit pair: the explicit half gets nothing, so all of it is implicit
        nothing = diffrax.ODETerm(lambda t, u, args: 0.0 * u)
        term = diffrax.MultiTerm(nothing, term)
    # diffrax's own choice, VeryChord, linearises once a step and rejects half of them on stiff
    # problems: ten times the work on Robertson at 1e-6 (measured with diffrax 0.7.2).
    newton = optimistix.Chord(rtol=rtol, atol=atol)
    return getattr(diffrax, name)(root_finder=newton), term


def result_code(result: Any) -> Any:
    """The position in `CODES` of a diffrax result inside a traced program."""
    import diffrax
    import jax.numpy as jnp

    R = diffrax.RESULTS
    known = {
        ReturnCode.Success: [R.successful],
        ReturnCode.MaxIters: [R.max_steps_reached, R.max_steps_rejected],
        ReturnCode.DtLessThanMin: [R.dt_min_reached],
        ReturnCode.ConvergenceFailure: [
            R.nonlinear_max_steps_reached,
            R.nonlinear_divergence,
            R.singular,
            R.breakdown,
            R.stagnation,
        ],
    }
    code = jnp.asarray(CODES.index(ReturnCode.Failure), dtype=jnp.int32)
    for retcode, results in known.items():
        for r in results:
            code = jnp.where(result == r, CODES.index(retcode), code)
    return code
