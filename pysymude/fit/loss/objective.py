"""`Objective`: the loss of a system on data as a function of theta, and its gradient."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pysymude.engines.base import AbstractEngine, BoundLoss, Evaluation, Method
from pysymude.engines.outcomes import ReturnCode
from pysymude.errors import InvalidInputError
from pysymude.fit.legwise.coursed_loss import bind_loss
from pysymude.fit.loss.composed import composed
from pysymude.fit.loss.composition import Composition
from pysymude.fit.loss.computed_starts import ComputedStarts
from pysymude.fit.loss.densities import log_likelihood, log_posterior
from pysymude.fit.loss.diagnosis import not_differentiable
from pysymude.fit.loss.least_squares import jacobian_of, residuals_of_loss
from pysymude.fit.loss.objective_text import text_of_objective, told_by_text
from pysymude.fit.problem.prepared import Prepared, prepared
from pysymude.fit.problem.settings import Settings
from pysymude.fit.terms.likelihood import Likelihood, likelihood_of
from pysymude.fit.terms.own_loss import OwnLoss
from pysymude.fit.terms.priors import Priors
from pysymude.model.calls import explained, whole_number
from pysymude.model.dataset import Dataset
from pysymude.model.system import ODESystem
from pysymude.model.theta import ThetaLayout
from pysymude.model.trajectory import Trajectory
from pysymude.plan.compiled import CompiledSystem
from pysymude.plan.enforcement import Enforced
from pysymude.plan.law import Law
from pysymude.plan.problem import LossData, LossSpec

__all__ = ["FAILED", "Objective", "objective_of"]

Float = NDArray[np.float64]

FAILED = 1e20
"""The value that stands for a failed solve: finite, so that line searches back off."""


@dataclass(frozen=True, eq=False)
class Objective:
    """A loss as a function of theta; made by `objective`.

    Attributes
    ----------
    prepared : Prepared
        The problem: `system`, `data`, `enforced`, `plan` and `layout` are parts of it.
    settings : Settings
        What `objective` was told, with every choice made.
    spec, loss : LossSpec and LossData
        What an engine is asked for, and the numbers of it.
    method : Method
        Solver, tolerances, and how gradients are taken (``method.sensealg``).
    composition : Composition
        What is made of the engine's part: computed starts, noise models, priors and further terms.
    """

    prepared: Prepared
    settings: Settings
    spec: LossSpec
    loss: LossData
    method: Method
    composition: Composition

    # -- what it is of -----------------------------------------------------------------------------

    @property
    def system(self) -> ODESystem:
        """The system, with network scalings that were taken from the data."""
        return self.prepared.system

    @property
    def data(self) -> Dataset:
        """What was measured."""
        return self.prepared.data

    @property
    def enforced(self) -> Enforced:
        """The system with its laws; ``enforced.solved`` is what the engine integrates."""
        return self.prepared.enforced

    @property
    def plan(self) -> CompiledSystem:
        """The plan of what the engine integrates."""
        return self.prepared.plan

    @cached_property
    def layout(self) -> ThetaLayout:
        """Which slice of theta means what."""
        return self.prepared.layout

    @property
    def runner(self) -> AbstractEngine:
        """The engine."""
        return self.prepared.runner

    @property
    def engine(self) -> str:
        """Name of the engine."""
        return self.runner.name

    @property
    def solver(self) -> str:
        """What took the steps so far, or what was asked for where that is still open."""
        bound = self.__dict__.get("bound")
        return (bound.ran if bound is not None else "") or self.method.solver

    @property
    def laws(self) -> tuple[Law, ...]:
        """The laws of ``laws=``."""
        return self.enforced.laws

    @property
    def frozen(self) -> tuple[str, ...]:
        """Names of what keeps its value."""
        return self.settings.frozen

    @property
    def starts(self) -> ComputedStarts | None:
        """Initial states that are expressions of what is learned."""
        return self.composition.starts

    @property
    def likelihood(self) -> Likelihood | None:
        """The noise models, where there are any."""
        score = self.composition.score
        return score if isinstance(score, Likelihood) else None

    @property
    def own(self) -> OwnLoss | None:
        """The loss of the user's own."""
        score = self.composition.score
        return score if isinstance(score, OwnLoss) else None

    @property
    def n_measured(self) -> int:
        """How many measurements count; an own loss is asked of all times, measured or not."""
        return self.loss.n_measured if self.own is None else self.data.n_measured

    @cached_property
    def models(self) -> Likelihood:
        """The noise of all columns: their models, or normal with the scales of the data."""
        return self.likelihood or likelihood_of({}, self.spec, self.data)

    @cached_property
    def constant(self) -> float | None:
        """What minus twice the log-likelihood adds to the squares where all noise is given; None elsewhere."""
        return None if self.spec.laws else self.models.fixed(self.loss, self.data)

    @cached_property
    def priors(self) -> Priors:
        """What the priors add."""
        return Priors(self.system.priors, self.layout, self.plan)

    # -- values ------------------------------------------------------------------------------------

    @explained
    def theta0(self, seed: int = 0) -> Float:
        """A seeded start, float64 of shape (parameters,): the same on every engine."""
        whole_number(seed, what="seed")
        return self.prepared.start(seed)

    @explained
    def value_and_grad(self, theta: ArrayLike) -> tuple[float, Float]:
        """The loss and its gradient, float64 of shape (parameters,).

        A failed solve gives the value 1e20 and a zero gradient; `evaluate` tells why.
        """
        here = self.evaluate(theta)
        if not here.success or here.gradient is None:
            return FAILED, np.zeros(self.layout.size)
        return here.value, here.gradient

    @explained
    def value(self, theta: ArrayLike) -> float:
        """The loss; 1e20 where a solve fails."""
        here = self.evaluate(theta, gradient=False)
        return here.value if here.success else FAILED

    @explained
    def evaluate(self, theta: ArrayLike, *, gradient: bool = True) -> Evaluation:
        """Value, named terms, gradient, return codes and steps at theta.

        Where the gradient is not finite, `message` names the expression whose derivative is not.
        """
        theta = self.layout.check(theta)
        here = self.composition.evaluate(self.bound, self.loss, theta, gradient=gradient)
        if here.retcode is ReturnCode.GradientNotFinite:
            here = replace(here, reason=partial(self._not_differentiable, theta.copy()))
        return here

    def _not_differentiable(self, theta: Float) -> str:
        # behind what is learned stand the starts that expressions give
        inner = self.composition.inner(theta)
        return not_differentiable(
            self.runner, self.plan, (self.spec, self.loss), self.method, inner
        )

    def residuals(self, theta: ArrayLike) -> Float:
        """(measured - model) / noise for each measurement, float64 of shape (measurements,).

        Experiment after experiment, time after time, column after column; what was not measured is left
        out. The noise is 1 where none was given, and a normal noise model's where there is one. Laws,
        symmetries and priors are no part of it: without these, and with noise that is fixed, the sum of the
        squares is `value`. NaN where a solve fails; `evaluate` tells why.

        Raises
        ------
        InvalidInputError
            A column has noise that is not normal, or limits were measured: then the loss is no sum of squares.
        """
        return residuals_of_loss(self, self.layout.check(theta))

    @explained
    def jacobian(self, theta: ArrayLike) -> Float:
        """The derivatives of `residuals` by theta, float64 of shape (measurements, parameters).

        They are exact, as gradients are. One solve, then one sweep along its steps for each number of theta
        or for each measurement, whichever are fewer. What is frozen has zeros.

        Raises
        ------
        InvalidInputError
            As for `residuals`.
        """
        return jacobian_of(self, self.layout.check(theta))

    @explained
    def log_likelihood(self, theta: ArrayLike, gradient: bool = False) -> Any:
        """The logarithm of the likelihood of all measurements, with all constants.

        Noise that is nowhere given is the one that makes the measurements likeliest, for each column.
        -inf where a solve fails. With `gradient` a pair: the number, and its slopes by theta.
        """
        density = log_likelihood(self, self.layout.check(theta), gradient=gradient)
        return (density.value, density.slopes) if gradient else density.value

    @explained
    def log_posterior(self, theta: ArrayLike, gradient: bool = False) -> Any:
        """`log_likelihood` plus the logarithm of the priors' densities of natural values.

        With `gradient` a pair: the number, and its slopes by theta.
        """
        density = log_posterior(self, self.layout.check(theta), gradient=gradient)
        return (density.value, density.slopes) if gradient else density.value

    def simulated(self, theta: ArrayLike) -> Float:
        """What the model gives for each measured column, float64 (experiments, times, columns)."""
        return self.bound.simulate(self.composition.inner(self.layout.check(theta))).seen

    def refuse_own(self, what: str) -> None:
        """An error where the loss is a function of the user's own, of which no more is known."""
        if self.own is not None:
            raise InvalidInputError(f"loss= is a function of your own, which has no {what}")

    # -- others like it ----------------------------------------------------------------------------

    def rebuilt(self, system: ODESystem, data: Dataset | Trajectory, **changes: Any) -> Objective:
        """The same objective for another system or other data; `changes` are keywords of `objective`."""
        return objective_of(system, data, replace(self.settings, **changes))

    def with_loss(self, loss: LossData) -> Objective:
        """The same objective with other numbers in its data; itself, with what it has bound, for its own."""
        return self if loss is self.loss else replace(self, loss=loss)

    @cached_property
    def bound(self) -> BoundLoss:
        """The loss with its data, as the engine holds it."""
        return bind_loss(self.runner, self.prepared.compiled, self.spec, self.loss, self.method)

    def __deepcopy__(self, memo: dict[int, Any]) -> Objective:
        # frozen, and what an engine compiled has no copy
        return self

    def __reduce__(self) -> Any:
        # what `objective` was told, as JSON text, and its numbers
        return _from_text, (text_of_objective(self), self.data, self.loss)

    def __repr__(self) -> str:
        laws = f"{len(self.laws)} laws ({self.enforced.conserve}); " if self.laws else ""
        return (
            f"Objective({self.layout.size} trainable numbers, {self.n_measured} measurements in "
            f"{len(self.data)} experiments; {laws}{self.solver} on {self.engine}, "
            f"gradient: {self.method.sensealg})"
        )


def objective_of(system: ODESystem, data: Dataset | Trajectory, settings: Settings) -> Objective:
    """The objective of a system on data, as the settings say; see `objective`."""
    return Objective(*composed(prepared(system, data, settings), settings))


def _from_text(text: str, data: Dataset, loss: LossData) -> Objective:
    system, settings = told_by_text(text)
    return objective_of(system, data, settings).with_loss(loss)
