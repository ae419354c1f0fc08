"""The interface of an engine, and the words for what one can do."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pysymude.engines.outcomes import ReturnCode
from pysymude.plan.compiled import CompiledSystem, Program
from pysymude.plan.problem import Batch, LossData, LossSpec, Samples

__all__ = [
    "AbstractEngine",
    "BatchSolution",
    "BoundLoss",
    "Capability",
    "Crossings",
    "Evaluation",
    "Linearised",
    "Method",
    "Simulated",
    "SolverInfo",
    "Watch",
]

Float = NDArray[np.float64]


class Capability(Enum):
    """What an engine may offer; the value is the sentence for tables."""

    SOLVE = "solve initial value problems"
    STIFF = "implicit solvers for stiff systems"
    GRADIENT = "gradients of losses"
    BATCH = "all experiments in one call"
    EVENTS = "find zeros of expressions along a solution"
    THREADS = "solve trajectories of an ensemble on several threads"


@dataclass(frozen=True)
class SolverInfo:
    """A solver: its order, whether it is for stiff systems, and where it was published.

    `adjoint` is whether a gradient can be taken backward along its solutions.
    """

    order: int
    stiff: bool
    source: str
    adjoint: bool = True


@dataclass(frozen=True)
class Method:
    """How to solve and how to take gradients.

    `sensealg` is how gradients are taken: ``"adjoint"`` (backward in time), ``"forward"`` (with the
    tangents of theta carried along), or another of the engine's `sensealgs`. A solve that needs more
    than `max_steps` fails with `ReturnCode.MaxIters`; by default that is left to the engine. `abstol` is
    one number, or one a state, or one a state for each experiment; `asked_abstol` is what the user said:
    None, a number, numbers, or pairs of names and numbers. No step is longer than `dtmax`; steps end at
    `tstops`.
    """

    solver: str
    reltol: float
    abstol: float | tuple[float, ...] | tuple[tuple[float, ...], ...]
    sensealg: str = "adjoint"
    max_steps: int | None = None
    dtmax: float = float("inf")
    tstops: tuple[float, ...] = ()
    asked_abstol: Any = None

    @cached_property
    def tolerances(self) -> Float:
        """`abstol` with a row for each experiment, or one for all, and a column a state, or one; read-only."""
        found = np.array(self.abstol, dtype=np.float64, ndmin=2)
        found.flags.writeable = False
        return found

    @property
    def abstol_text(self) -> str:
        """The absolute tolerance, or the range of those of the states."""
        low, high = np.min(self.abstol), np.max(self.abstol)
        return f"{low:g}" if low == high else f"{low:g} to {high:g}"

    @property
    def keywords(self) -> dict[str, Any]:
        """The keywords of `solve` and `objective` that gave this method, but for the engine; JSON has them."""
        asked = self.asked_abstol
        if isinstance(asked, tuple):
            asked = dict(asked) if asked and isinstance(asked[0], tuple) else list(asked)
        return {
            "solver": self.solver, "reltol": self.reltol, "abstol": asked,
            "max_steps": self.max_steps, "tstops": list(self.tstops),
            "dtmax": self.dtmax if self.dtmax < float("inf") else None,
        }  # fmt: skip


@dataclass(frozen=True, eq=False)
class BatchSolution:
    """`u` float64 of shape (E, T, n), and how each of the E experiments ended.

    `counts` is an integer array (E, 3): steps tried, accepted, rejected. `solver` names what took the
    steps, where that was decided on the way. `sizes` (E, n) are the largest magnitudes along all steps,
    where the engine tells.
    """

    u: Float
    retcodes: tuple[ReturnCode, ...]
    counts: NDArray[np.int64]
    solver: str = ""
    sizes: Float | None = None


@dataclass(frozen=True, eq=False)
class Watch:
    """The expressions whose zeros are wanted: which way each passes zero, and whether it ends the solve."""

    tape: Program
    directions: tuple[int, ...]
    terminates: tuple[bool, ...]


@dataclass(frozen=True, eq=False)
class Crossings:
    """Zeros in the order of time: the expression's number, the time, and the state (zeros, n)."""

    which: NDArray[np.int64]
    t: Float
    u: Float


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A loss at one theta: its value and its named terms, perhaps a gradient, and the outcomes.

    `reason` finds out more about an outcome; it may take a solve.
    """

    value: float
    gradient: Float | None
    terms: Mapping[str, float]
    retcodes: tuple[ReturnCode, ...]
    steps: int
    reason: Callable[[], str] | None = None

    @cached_property
    def success(self) -> bool:
        """Whether every experiment was solved and every number is finite."""
        finite = math.isfinite(self.value) and (
            self.gradient is None or bool(np.isfinite(self.gradient).all())
        )
        return finite and all(code.successful for code in self.retcodes)

    @property
    def retcode(self) -> ReturnCode:
        """The first outcome that is not a success."""
        if self.success:
            return ReturnCode.Success
        for code in self.retcodes:
            if not code.successful:
                return code
        finite = np.isfinite(self.value)
        return ReturnCode.GradientNotFinite if finite else ReturnCode.LossNotFinite

    @cached_property
    def message(self) -> str:
        """The outcome as a sentence, and what is known beyond it."""
        more = self.reason() if self.reason is not None else ""
        return f"{self.retcode.value} {more}".strip()


@dataclass(frozen=True, eq=False)
class Simulated:
    """What a model gives for each measurement, float64 (E, T, columns), and the terms beside the data.

    `sizes` (E or 1, states) are the largest magnitudes of the states that were met.
    """

    seen: Float
    terms: Mapping[str, float]
    retcodes: tuple[ReturnCode, ...]
    steps: int
    sizes: Float


@dataclass(frozen=True, eq=False)
class Linearised:
    """What a model gives for each measurement, and the derivatives of a part of it.

    `slopes` (rows, directions) has a row for each place that was asked for, in the order of these; NaN
    where a solve failed.
    """

    simulated: Simulated
    slopes: Float


class BoundLoss(ABC):
    """A loss with its data, compiled, for any theta; what engines return for a loss and for samples.

    `ran` names the solvers that have taken its steps so far, where that is decided on the way.
    """

    ran: str = ""

    @abstractmethod
    def evaluate(self, theta: Float, *, gradient: bool) -> Evaluation:
        """The loss at theta, with or without its gradient."""

    def simulate(self, theta: Float) -> Simulated:
        """What the model gives for each measurement at theta; for losses alone."""
        raise NotImplementedError

    def pull(self, theta: Float, given: Float) -> Evaluation:
        """The gradient at theta of any function of what `simulate` gives, plus that of links and laws.

        `given` (E, T, columns) are its derivatives by each; of the evaluation's value only links and laws
        are part.
        """
        raise NotImplementedError

    def linearise(
        self, theta: Float, asked: NDArray[np.bool_], directions: Float | None = None
    ) -> Linearised:
        """What `simulate` gives, and its derivatives at the places `asked` (E, T, columns).

        They are by each number of theta, or along `directions` (K, theta). Only where something is measured
        at a time, or a law counts, can anything be asked for.
        """
        found = self.simulate(theta)
        rows, given = np.argwhere(asked), np.zeros(asked.shape)
        slopes = np.full((len(rows), theta.size), np.nan)
        if all(code.successful for code in found.retcodes):
            # links and laws are no part of what is asked
            rest = self.pull(theta, given).gradient
            for row, place in enumerate(map(tuple, rows)):
                given[place] = 1.0
                pulled = self.pull(theta, given).gradient
                given[place] = 0.0
                if pulled is not None and rest is not None:
                    slopes[row] = pulled - rest
        return Linearised(found, slopes if directions is None else slopes @ directions.T)

    def retime(self, t0: Float, ts: Float) -> None:
        """Other start times (E,) and times of measurement (E, T) from now on; for losses alone."""
        raise NotImplementedError


class AbstractEngine(ABC):
    """An engine. Final subclasses only; `compile` once, then everything else moves arrays.

    Laws
    ----
    `solve` and `BoundLoss.evaluate` never raise for a numerical failure: the outcome is a return code.

    `evaluate(theta, gradient=True).gradient` equals the central difference of
    `evaluate(theta, gradient=False).value` to the solver's tolerance, on every engine.

    Neither new values of theta, data, parameters or weights, nor new tolerances compile anything.
    """

    name: str
    capabilities: frozenset[Capability]
    solvers: Mapping[str, SolverInfo]
    stiff_solver: str
    """What ``solver="auto"`` takes for a stiff system."""
    switching: bool = False
    """Whether ``solver="auto"`` is a method of the engine's own, which changes solver as it goes."""
    forward_limits: tuple[int, int]
    """Up to how many trainable numbers ``sensealg="auto"`` goes forward: explicit, implicit solvers."""
    threads_variable: str = "PYSYMUDE_NUM_THREADS"
    """The environment variable that says how many threads it has."""
    sensealgs: tuple[str, ...] = ("adjoint", "forward")
    """How gradients can be taken; all engines have these two."""

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

    def refusal(self, solver: str, sensealg: str) -> str:
        """Why this engine takes no such gradients of that solver and what to write instead, or ""."""
        # nothing is known of a solver that the user brought
        if sensealg == "forward" or solver not in self.solvers or self.solvers[solver].adjoint:
            return ""
        return f"{solver} has no adjoint; write sensealg='forward', or take another solver"

    def takes_doses(self, compiled: Any, method: Method) -> bool:
        """Whether losses add doses on their way with this method (`Batch.doses`)."""
        return False

    def threads(self) -> int:
        """On how many threads it can solve."""
        return 1

    @abstractmethod
    def solve(
        self, compiled: Any, batch: Batch, theta: Float, method: Method, *, threads: int = 1
    ) -> BatchSolution:
        """All experiments of a batch; the numbers do not depend on `threads`."""

    @abstractmethod
    def solve_events(
        self, compiled: Any, batch: Batch, theta: Float, method: Method, watch: Watch
    ) -> tuple[BatchSolution, Crossings]:
        """The one experiment of a batch, and the zeros on its way up to the one that ends it.

        A zero at the start is none: an expression has to pass zero, or to reach it at the end. Behind the
        expressions that are watched count the events of the plan, each where it acted, with the state before.
        """

    @abstractmethod
    def loss(self, compiled: Any, spec: LossSpec, data: LossData, method: Method) -> BoundLoss:
        """A loss bound to its data."""

    @abstractmethod
    def samples(self, compiled: Any, expressions: Sequence[sp.Expr], data: Samples) -> BoundLoss:
        """A sum of squares of expressions at given points, bound to its data."""
