"""pysymude: universal differential equations with exact laws, fitted in Julia or in Python."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pysymude.errors import PySymUDEError
from pysymude.model.dataset import Dataset
from pysymude.model.network import MLP
from pysymude.model.symbols import parameters, states, t
from pysymude.model.system import ODESystem, neural_ode
from pysymude.model.trajectory import Trajectory

if TYPE_CHECKING:
    from pysymude.engines.registry import engines
    from pysymude.engines.solution import ReturnCode, Solution
    from pysymude.engines.solve import solve
    from pysymude.fit.objective import Objective, objective
    from pysymude.fit.result import FitResult
    from pysymude.fit.stages import LBFGS, Adam, GradientMatching, MultipleShooting
    from pysymude.fit.training import fit
    from pysymude.symbolic.laws import FirstIntegral, LawSet, first_integrals

__version__ = "0.1.0"

# loaded on first use, so that the import stays quick
_LATER = {
    "engines": "engines.registry",
    "ReturnCode": "engines.solution",
    "Solution": "engines.solution",
    "solve": "engines.solve",
    "Objective": "fit.objective",
    "objective": "fit.objective",
    "FitResult": "fit.result",
    "Adam": "fit.stages",
    "GradientMatching": "fit.stages",
    "LBFGS": "fit.stages",
    "MultipleShooting": "fit.stages",
    "fit": "fit.training",
    "FirstIntegral": "symbolic.laws",
    "LawSet": "symbolic.laws",
    "first_integrals": "symbolic.laws",
}

__all__ = [
    "LBFGS",
    "MLP",
    "Adam",
    "Dataset",
    "FirstIntegral",
    "FitResult",
    "GradientMatching",
    "LawSet",
    "MultipleShooting",
    "ODESystem",
    "Objective",
    "PySymUDEError",
    "ReturnCode",
    "Solution",
    "Trajectory",
    "engines",
    "first_integrals",
    "fit",
    "neural_ode",
    "objective",
    "parameters",
    "solve",
    "states",
    "t",
]


# `psu.fit` and `psu.engines` are functions, and packages of the same name hold them. Loading the
# packages now (they are empty) keeps a later import from putting them where the functions belong.
for _name in ("engines", "fit"):
    import_module(f"pysymude.{_name}")
    del globals()[_name]


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'pysymude' has no attribute {name!r}")
    value = getattr(import_module(f"pysymude.{_LATER[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
