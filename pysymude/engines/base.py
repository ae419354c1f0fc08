"""The interface of an engine, and the words for what one can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.solution import ReturnCode, Stats
from pysymude.plan.compiled import CompiledSystem
from pysymude.plan.problem import Batch, LossData, LossSpec, MatchingData

__all__ = [
    "AbstractEngine",
    "BatchSolution",
    "Capability",
    "Evaluation",
    "Method",
    "SolverInfo",
]

Float = NDArray[np.float64]


class Capability(Enum):
    """What an engine may offer; the value is the sentence for tables."""

    SOLVE = "solve initial value problems"
    STIFF = "implicit solvers for stiff systems"
    GRADIENT = "gradients of losses"
    BATCH = "all experiments in one call"


@dataclass(frozen=True)
class SolverInfo:
    """A solver: its order, whether it is for stiff systems, and where it was published."""

    order: int
    stiff: bool
    source: str


@dataclass(frozen=True)
class Method:
    """How to solve: everything but tolerances is fixed at compile time.

    `sensealg` is how gradients are taken: ``"adjoint"`` (backward in time) or ``"forward"`` (with the
    tangents of theta carried along).
    """

    solver: str
    reltol: float
    abstol: float
    sensealg: str = "adjoint"


@dataclass(frozen=True, eq=False)
class BatchSolution:
    """`u` float64 of shape (E, T, n), and how each of the E experiments ended."""

    u: Float
    retcodes: tuple[ReturnCode, ...]
    stats: tuple[Stats, ...]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A loss at one theta: its value and its named terms, perhaps a gradient, and the outcomes."""

    value: float
    gradient: Float | None
    terms: Mapping[str, float]
    retcodes: tuple[ReturnCode, ...]
    steps: int

    @property
    def success(self) -> bool:
        """Whether every experiment was solved and every number is finite."""
        finite = np.isfinite(self.value) and (
            self.gradient is None or bool(np.isfinite(self.gradient).all())
        )
        return bool(finite) and all(code.successful for code in self.retcodes)

    @property
    def retcode(self) -> ReturnCode:
        """The first outcome that is not a success."""
        for code in self.retcodes:
            if not code.successful:
                return code
        return ReturnCode.Success if self.success else ReturnCode.Unstable


class AbstractEngine(ABC):
    """An engine. Final subclasses only; `compile` once, then everything else moves arrays.

    Laws
    ----
    `solve` and `evaluate` never raise for a numerical failure: the outcome is a return code.

    `evaluate(..., gradient=True).gradient` equals the central difference of
    `evaluate(...).value` to the solver's tolerance, on every engine.

    Neither new values of theta, data, parameters or weights, nor new tolerances compile anything.
    """

    name: str
    capabilities: frozenset[Capability]
    solvers: Mapping[str, SolverInfo]
    stiff_solver: str
    """What ``solver="auto"`` takes for a stiff system."""
    forward_limits: tuple[int, int]
    """Up to how many trainable numbers ``sensealg="auto"`` goes forward: explicit, implicit solvers."""

    @abstractmethod
    def availability(self) -> str:
        """An empty string when the engine can run here, else why not and what would change that."""

    @abstractmethod
    def adopt(self, solver: Any) -> str:
        """The name for a solver that was given as an object; `Method.solver` may hold it.

        Raises
        ------
        InvalidInputError
            The engine cannot use it.
        """

    @abstractmethod
    def compile(self, plan: CompiledSystem) -> Any:
        """Whatever the engine needs to keep for a plan; passed back as `compiled`."""

    @abstractmethod
    def solve(self, compiled: Any, batch: Batch, theta: Float, method: Method) -> BatchSolution:
        """All experiments of a batch."""

    @abstractmethod
    def loss(self, compiled: Any, spec: LossSpec, data: LossData, method: Method) -> Any:
        """A loss bound to its data, for `evaluate`."""

    @abstractmethod
    def evaluate(self, loss: Any, theta: Float, *, gradient: bool) -> Evaluation:
        """The loss at theta, with or without its gradient."""

    @abstractmethod
    def matching(self, compiled: Any, data: MatchingData) -> Any:
        """The misfit of the vector field to given slopes, bound to its data, for `evaluate`."""
