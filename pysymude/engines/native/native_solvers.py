"""The solvers of this engine, by name."""

from __future__ import annotations

from types import MappingProxyType

from pysymude.engines.base import SolverInfo

__all__ = ["EXPLICIT_NAMES", "IMPLICIT_NAMES", "SOLVERS", "pair_for"]

SOLVERS = MappingProxyType(
    {
        "Tsit5": SolverInfo(5, False, "Tsitouras 2011, Comput. Math. Appl. 62, 770"),
        "Vern7": SolverInfo(7, False, "Verner 2010, Numer. Algorithms 53, 383"),
        "Rosenbrock23": SolverInfo(
            2, True, "Shampine and Reichelt 1997, SIAM J. Sci. Comput. 18, 1"
        ),
        "Rodas5P": SolverInfo(5, True, "Steinebach 2023, BIT Numer. Math. 63, 27"),
    }
)

EXPLICIT_NAMES = ("Tsit5", "Vern7")
IMPLICIT_NAMES = ("Rosenbrock23", "Rodas5P")
_TIGHT, _LOOSE = 1e-9, 1e-2


def pair_for(solver: str, reltol: float) -> tuple[str, str]:
    """The explicit and the implicit solver that a name stands for; ``"auto"`` has both."""
    explicit = "Vern7" if reltol < _TIGHT else "Tsit5"
    implicit = "Rosenbrock23" if reltol > _LOOSE else "Rodas5P"
    if solver in EXPLICIT_NAMES:
        return solver, implicit
    return (explicit, solver) if solver in IMPLICIT_NAMES else (explicit, implicit)
