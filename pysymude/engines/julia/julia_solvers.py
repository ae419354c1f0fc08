"""The solvers of the Julia engine; their names are those of PySymUDE.jl."""

from __future__ import annotations

from types import MappingProxyType

from pysymude.engines.base import SolverInfo

__all__ = ["COMPILED", "SOLVERS"]

SOLVERS = MappingProxyType(
    {
        "Tsit5": SolverInfo(5, False, "Tsitouras 2011, Comput. Math. Appl. 62, 770"),
        "AutoTsit5": SolverInfo(
            5, False, "Tsit5, and Rosenbrock23 while the system is stiff; Rackauckas and Nie 2019"
        ),
        "Vern7": SolverInfo(7, False, "Verner 2010, Numer. Algorithms 53, 383"),
        "Vern9": SolverInfo(9, False, "Verner 2010, Numer. Algorithms 53, 383"),
        "Rodas5P": SolverInfo(5, True, "Steinebach 2023, BIT Numer. Math. 63, 27"),
        "Rosenbrock23": SolverInfo(
            2, True, "Shampine and Reichelt 1997, SIAM J. Sci. Comput. 18, 1"
        ),
        "KenCarp4": SolverInfo(4, True, "Kennedy and Carpenter 2003, Appl. Numer. Math. 44, 139"),
        "Kvaerno5": SolverInfo(5, True, "Kvaerno 2004, BIT Numer. Math. 44, 489"),
        "TRBDF2": SolverInfo(2, True, "Hosea and Shampine 1996, Appl. Numer. Math. 20, 21"),
        "RadauIIA5": SolverInfo(5, True, "Hairer and Wanner 1999, J. Comput. Appl. Math. 111, 93"),
        "FBDF": SolverInfo(5, True, "Shampine 2002, Appl. Numer. Math. 40, 297"),
        "QNDF": SolverInfo(5, True, "Shampine and Reichelt 1997, SIAM J. Sci. Comput. 18, 1"),
        "CVODE_BDF": SolverInfo(5, True, "Hindmarsh et al. 2005, ACM TOMS 31, 363 (SUNDIALS)"),
        # the interpolant that adjoints read is missing from the solutions of this one
        "DefaultODEAlgorithm": SolverInfo(
            5, False, "SciML's choice among six solvers, and switches between them", adjoint=False
        ),
    }
)

COMPILED = frozenset(
    (what, solver) for what in ("solve", "adjoint") for solver in ("auto", "Tsit5", "Rodas5P")
)
"""What PySymUDE.jl brings compiled, by its workload."""
