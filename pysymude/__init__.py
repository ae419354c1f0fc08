"""pysymude: universal differential equations with exact laws, fitted in Julia or in Python."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pysymude.errors import PySymUDEError
from pysymude.model.dataset import Dataset
from pysymude.model.event import Event
from pysymude.model.network import MLP
from pysymude.model.neural_ode import neural_ode
from pysymude.model.period import Period
from pysymude.model.signal import Signal
from pysymude.model.symbols import parameters, states, t
from pysymude.model.system import ODESystem
from pysymude.model.trajectory import Trajectory

if TYPE_CHECKING:
    from pysymude.engines.outcomes import ReturnCode
    from pysymude.engines.registry import engines
    from pysymude.export.diffeqpy import to_diffeqpy
    from pysymude.export.julia import export_julia
    from pysymude.fit.ensemble.fit_ensemble import FitEnsemble, fit_ensemble
    from pysymude.fit.loss.make_objective import objective
    from pysymude.fit.loss.objective import Objective
    from pysymude.fit.result.fit_result import FitResult
    from pysymude.fit.stages.adam import Adam
    from pysymude.fit.stages.gauss_newton import GaussNewton
    from pysymude.fit.stages.gradient_matching import GradientMatching
    from pysymude.fit.stages.law_matching import LawMatching
    from pysymude.fit.stages.lbfgs import LBFGS
    from pysymude.fit.stages.multiple_shooting import MultipleShooting
    from pysymude.fit.terms.own_loss import jax_loss, torch_loss
    from pysymude.fit.training.fitting import fit
    from pysymude.infer.bands import Band
    from pysymude.infer.compare import Comparison, compare
    from pysymude.infer.design import Design, design
    from pysymude.infer.identifiability import Identifiability, identifiability
    from pysymude.infer.multistart import MultiStart, multistart
    from pysymude.infer.profile import Profile, profile
    from pysymude.infer.sample import sample
    from pysymude.interchange.petab.problem_of import PetabProblem, read_petab
    from pysymude.interchange.petab.written import write_petab
    from pysymude.interchange.sbml.reading import SbmlModel, read_sbml
    from pysymude.model.distributions.binomial import Binomial
    from pysymude.model.distributions.cauchy import Cauchy
    from pysymude.model.distributions.chi_square import ChiSquare
    from pysymude.model.distributions.exponential import Exponential
    from pysymude.model.distributions.gamma import Gamma
    from pysymude.model.distributions.laplace import Laplace
    from pysymude.model.distributions.log_uniform import LogUniform
    from pysymude.model.distributions.loglaplace import LogLaplace
    from pysymude.model.distributions.lognormal import LogNormal
    from pysymude.model.distributions.negative_binomial import NegativeBinomial
    from pysymude.model.distributions.normal import Normal
    from pysymude.model.distributions.poisson import Poisson
    from pysymude.model.distributions.rayleigh import Rayleigh
    from pysymude.model.distributions.student import StudentT
    from pysymude.plan.projection import project
    from pysymude.recover.recovered import Recovered
    from pysymude.recover.recovery import recover
    from pysymude.solving.simulator import Simulator, simulator
    from pysymude.solving.solution import EnsembleSolution, EventRecord, Solution
    from pysymude.solving.solve import solve
    from pysymude.solving.sweep import solve_ensemble
    from pysymude.symbolic.laws.asserted import AssertedLaw, is_first_integral, lie_derivative
    from pysymude.symbolic.laws.derivation import first_integrals
    from pysymude.symbolic.laws.law_set import FirstIntegral, LawSet
    from pysymude.symbolic.symmetries.adjoint import AdjointSystem, adjoint_laws
    from pysymude.symbolic.symmetries.commutators import CommutatorTable, commutator_table
    from pysymude.symbolic.symmetries.generator import Generator, lie_bracket, prolongation
    from pysymude.symbolic.symmetries.group_invariants import Invariants, invariants
    from pysymude.symbolic.symmetries.symmetry import Symmetries, is_symmetry, symmetries
    from pysymude.symbolic.symmetries.symmetry_laws import symmetry_laws
    from pysymude.symbolic.variational.euler import euler_operator
    from pysymude.symbolic.variational.noether import noether, noether_hamiltonian
    from pysymude.symbolic.variational.systems import hamiltonian_system, lagrangian_system

__version__ = "0.1.0"

# loaded on first use, so that the import stays quick
_LATER = {
    "Binomial": "model.distributions.binomial",
    "Laplace": "model.distributions.laplace",
    "LogLaplace": "model.distributions.loglaplace",
    "LogNormal": "model.distributions.lognormal",
    "NegativeBinomial": "model.distributions.negative_binomial",
    "Normal": "model.distributions.normal",
    "Poisson": "model.distributions.poisson",
    "Cauchy": "model.distributions.cauchy",
    "ChiSquare": "model.distributions.chi_square",
    "Exponential": "model.distributions.exponential",
    "Gamma": "model.distributions.gamma",
    "LogUniform": "model.distributions.log_uniform",
    "Rayleigh": "model.distributions.rayleigh",
    "StudentT": "model.distributions.student",
    "to_diffeqpy": "export.diffeqpy",
    "EnsembleSolution": "solving.solution",
    "solve_ensemble": "solving.sweep",
    "engines": "engines.registry",
    "EventRecord": "solving.solution",
    "ReturnCode": "engines.outcomes",
    "Simulator": "solving.simulator",
    "simulator": "solving.simulator",
    "Solution": "solving.solution",
    "solve": "solving.solve",
    "export_julia": "export.julia",
    "FitEnsemble": "fit.ensemble.fit_ensemble",
    "fit_ensemble": "fit.ensemble.fit_ensemble",
    "Objective": "fit.loss.objective",
    "objective": "fit.loss.make_objective",
    "jax_loss": "fit.terms.own_loss",
    "torch_loss": "fit.terms.own_loss",
    "FitResult": "fit.result.fit_result",
    "PetabProblem": "interchange.petab.problem_of",
    "read_petab": "interchange.petab.problem_of",
    "write_petab": "interchange.petab.written",
    "SbmlModel": "interchange.sbml.reading",
    "read_sbml": "interchange.sbml.reading",
    "Adam": "fit.stages.adam",
    "GradientMatching": "fit.stages.gradient_matching",
    "LBFGS": "fit.stages.lbfgs",
    "LawMatching": "fit.stages.law_matching",
    "GaussNewton": "fit.stages.gauss_newton",
    "MultipleShooting": "fit.stages.multiple_shooting",
    "fit": "fit.training.fitting",
    "Band": "infer.bands",
    "Comparison": "infer.compare",
    "compare": "infer.compare",
    "Design": "infer.design",
    "design": "infer.design",
    "Identifiability": "infer.identifiability",
    "identifiability": "infer.identifiability",
    "MultiStart": "infer.multistart",
    "multistart": "infer.multistart",
    "sample": "infer.sample",
    "Profile": "infer.profile",
    "profile": "infer.profile",
    "project": "plan.projection",
    "Recovered": "recover.recovered",
    "recover": "recover.recovery",
    "FirstIntegral": "symbolic.laws.law_set",
    "LawSet": "symbolic.laws.law_set",
    "first_integrals": "symbolic.laws.derivation",
    "AssertedLaw": "symbolic.laws.asserted",
    "is_first_integral": "symbolic.laws.asserted",
    "lie_derivative": "symbolic.laws.asserted",
    "euler_operator": "symbolic.variational.euler",
    "noether": "symbolic.variational.noether",
    "noether_hamiltonian": "symbolic.variational.noether",
    "hamiltonian_system": "symbolic.variational.systems",
    "lagrangian_system": "symbolic.variational.systems",
    "Generator": "symbolic.symmetries.generator",
    "Invariants": "symbolic.symmetries.group_invariants",
    "invariants": "symbolic.symmetries.group_invariants",
    "AdjointSystem": "symbolic.symmetries.adjoint",
    "adjoint_laws": "symbolic.symmetries.adjoint",
    "CommutatorTable": "symbolic.symmetries.commutators",
    "commutator_table": "symbolic.symmetries.commutators",
    "lie_bracket": "symbolic.symmetries.generator",
    "prolongation": "symbolic.symmetries.generator",
    "Symmetries": "symbolic.symmetries.symmetry",
    "is_symmetry": "symbolic.symmetries.symmetry",
    "symmetries": "symbolic.symmetries.symmetry",
    "symmetry_laws": "symbolic.symmetries.symmetry_laws",
}

__all__ = [
    "LBFGS",
    "MLP",
    "Adam",
    "AdjointSystem",
    "AssertedLaw",
    "Band",
    "Binomial",
    "Cauchy",
    "ChiSquare",
    "CommutatorTable",
    "Comparison",
    "Dataset",
    "Design",
    "EnsembleSolution",
    "Event",
    "EventRecord",
    "Exponential",
    "FirstIntegral",
    "FitEnsemble",
    "FitResult",
    "Gamma",
    "GaussNewton",
    "Generator",
    "GradientMatching",
    "Identifiability",
    "Invariants",
    "Laplace",
    "LawMatching",
    "LawSet",
    "LogLaplace",
    "LogNormal",
    "LogUniform",
    "MultiStart",
    "MultipleShooting",
    "NegativeBinomial",
    "Normal",
    "ODESystem",
    "Objective",
    "Period",
    "PetabProblem",
    "Poisson",
    "Profile",
    "PySymUDEError",
    "Rayleigh",
    "Recovered",
    "ReturnCode",
    "SbmlModel",
    "Signal",
    "Simulator",
    "Solution",
    "StudentT",
    "Symmetries",
    "Trajectory",
    "adjoint_laws",
    "commutator_table",
    "compare",
    "design",
    "engines",
    "euler_operator",
    "export_julia",
    "first_integrals",
    "fit",
    "fit_ensemble",
    "hamiltonian_system",
    "identifiability",
    "invariants",
    "is_first_integral",
    "is_symmetry",
    "jax_loss",
    "lagrangian_system",
    "lie_bracket",
    "lie_derivative",
    "multistart",
    "neural_ode",
    "noether",
    "noether_hamiltonian",
    "objective",
    "parameters",
    "profile",
    "project",
    "prolongation",
    "read_petab",
    "read_sbml",
    "recover",
    "sample",
    "simulator",
    "solve",
    "solve_ensemble",
    "states",
    "symmetries",
    "symmetry_laws",
    "t",
    "to_diffeqpy",
    "torch_loss",
    "write_petab",
]


# `psu.fit`, `psu.recover` and `psu.engines` are functions, and packages of the same name hold them. Loading the
# packages now (they are empty) keeps a later import from putting them where the functions belong.
for _name in ("engines", "fit", "recover"):
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
