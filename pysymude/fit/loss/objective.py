"""`objective`: the loss of a system on data, and its gradient, for any optimiser."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pysymude.engines.base import (
    AbstractEngine,
    BoundLoss,
    Capability,
    Evaluation,
    Method,
    Simulated,
)
from pysymude.engines.outcomes import ReturnCode
from pysymude.engines.registry import select_engine
from pysymude.errors import InvalidInputError
from pysymude.fit.legwise.coursed_loss import bind_loss
from pysymude.fit.loss.computed_starts import InitialStates, initial_states
from pysymude.fit.loss.densities import log_likelihood
from pysymude.fit.loss.diagnosis import not_differentiable
from pysymude.fit.loss.frozen import frozen_names, is_frozen
from pysymude.fit.loss.least_squares import jacobian_of, residuals_of_loss
from pysymude.fit.terms.likelihood import Likelihood, likelihood_of
from pysymude.fit.terms.own_loss import OwnLoss, own_loss
from pysymude.fit.terms.priors import Priors
from pysymude.fit.terms.sampled_terms import (
    Part,
    balance_parts,
    equivariance_parts,
    floors,
    free_scale,
    generators,
    spreads,
    unknown_coefficients,
)
from pysymude.fit.treatment.per_experiment import separated
from pysymude.fit.treatment.smoothing import scale_networks
from pysymude.fit.treatment.weighing import weighed
from pysymude.model.calls import explained, whole_number
from pysymude.model.dataset import Dataset
from pysymude.model.system import ODESystem, finite
from pysymude.model.theta import ThetaLayout
from pysymude.model.trajectory import Trajectory
from pysymude.plan.binding import bind, start_expressions, start_u0
from pysymude.plan.compiled import CompiledSystem, compile_system
from pysymude.plan.dose_binding import bind_doses
from pysymude.plan.enforcement import Enforced, enforce
from pysymude.plan.law import Law, read_laws
from pysymude.plan.problem import LossData, LossSpec
from pysymude.solving.checks import check_is_system
from pysymude.solving.choice import choose_method
from pysymude.solving.control import Control
from pysymude.symbolic.symmetries.generator import Generator

__all__ = ["FAILED", "Objective", "measured_states", "objective"]

Float = NDArray[np.float64]

FAILED = 1e20
"""The value that stands for a failed solve: finite, so that line searches back off."""


@dataclass(frozen=True)
class LawWeights:
    """Weights of the terms of laws and of symmetries."""

    law: float = 1.0
    equivariance: float = 1.0


@dataclass(frozen=True, eq=False)
class Objective:
    """A loss as a function of theta; made by `objective`.

    Attributes
    ----------
    system : ODESystem
        The system, with network scalings that were taken from the data.
    enforced : Enforced
        The same with its laws; ``enforced.solved`` is what the engine integrates, `plan` its plan.
    layout : ThetaLayout
        Which slice of theta means what.
    method : Method
        Solver, tolerances, and how gradients are taken (``method.sensealg``).
    engine : str
        Which engine computes it.
    """

    system: ODESystem
    data: Dataset
    enforced: Enforced
    plan: CompiledSystem
    spec: LossSpec
    loss: LossData
    layout: ThetaLayout
    method: Method
    runner: AbstractEngine
    parts: tuple[Part, ...] = ()
    symmetries: tuple[Generator, ...] = ()
    weights: LawWeights = LawWeights()
    weighed: bool = False
    likelihood: Likelihood | None = None
    frozen: tuple[str, ...] = ()
    starts: InitialStates | None = None
    own: OwnLoss | None = None

    @property
    def keywords(self) -> dict[str, Any]:
        """The keywords with which `objective` makes it again from its system and data."""
        return {
            **self.method.keywords,
            "sensealg": self.method.sensealg,
            "engine": self.engine,
            "weigh": self.weighed,
            "frozen": self.frozen,
            "laws": self.laws,
            "conserve": self.enforced.conserve if self.laws else None,
            "law_weight": self.weights.law,
            "equivariance": self.symmetries,
            "equivariance_weight": self.weights.equivariance,
            **({} if self.own is None else {"loss": self.own.function}),
        }

    def rebuilt(self, system: ODESystem, data: Dataset, **changes: Any) -> Objective:
        """The same objective for another system or other data."""
        return objective(system, data, **(self.keywords | changes))

    @property
    def laws(self) -> tuple[Law, ...]:
        """The laws of ``laws=``."""
        return self.enforced.laws

    @property
    def engine(self) -> str:
        """Name of the engine."""
        return self.runner.name

    @explained
    def theta0(self, seed: int = 0) -> Float:
        """A seeded start, float64 of shape (parameters,): the same on every engine."""
        whole_number(seed, what="seed")
        values: dict[str, ArrayLike] = {}
        for nn in self.plan.networks:
            weights = nn.initial_weights(seed)
            for k, layer in enumerate(nn.layers, start=1):
                values[f"{nn.name}.W{k}"] = weights[layer.W].reshape(layer.rows, layer.columns)
                values[f"{nn.name}.b{k}"] = weights[layer.b]
        values |= {s.name: v for s, v in self.system.trainable.items()}
        return self.layout.pack(values | start_u0(self.system, self.data))

    @explained
    def value_and_grad(self, theta: ArrayLike) -> tuple[float, Float]:
        """The loss and its gradient, float64 of shape (parameters,).

        A failed solve gives the value 1e20 and a zero gradient; `evaluate` tells why.
        """
        found = self.evaluate(theta)
        if not found.success or found.gradient is None:
            return FAILED, np.zeros(self.layout.size)
        return found.value, found.gradient

    @explained
    def value(self, theta: ArrayLike) -> float:
        """The loss; 1e20 where a solve fails."""
        found = self.evaluate(theta, gradient=False)
        return found.value if found.success else FAILED

    @explained
    def evaluate(self, theta: ArrayLike, *, gradient: bool = True) -> Evaluation:
        """Value, named terms, gradient, return codes and steps at theta.

        Where the gradient is not finite, `message` names the expression whose derivative is not.
        """
        theta = self.layout.check(theta)
        found = self.of_bound(self.bound, self.loss, theta, gradient=gradient)
        if found.retcode is ReturnCode.GradientNotFinite:
            found = replace(found, reason=partial(self._not_differentiable, theta.copy()))
        return self.with_parts(found, theta, gradient=gradient)

    def _not_differentiable(self, theta: Float) -> str:
        data = self.spec, self.loss
        # behind what is learned stand the starts that expressions give
        whole = theta if self.starts is None else self.starts.embed(theta)
        return not_differentiable(self.runner, self.plan, data, self.method, whole)

    def of_bound(
        self, bound: BoundLoss, loss: LossData, theta: Float, *, gradient: bool
    ) -> Evaluation:
        """What `bound` makes of theta, with the noise models and starts of the system."""
        if self.starts is None:
            return self._of_numbers(bound, loss, theta, gradient=gradient)
        found = self._of_numbers(bound, loss, self.starts.embed(theta), gradient=gradient)
        if found.gradient is None:
            return found
        return replace(found, gradient=self.starts.pull(theta, found.gradient))

    def _of_numbers(
        self, bound: BoundLoss, loss: LossData, theta: Float, *, gradient: bool
    ) -> Evaluation:
        if not np.isfinite(theta).all():  # a start of a positive state that is not
            lost = np.full(theta.size, np.nan) if gradient else None
            said = "A start that initial= gives is negative or not a number, and its state is declared positive."
            return Evaluation(
                math.nan, lost, {}, (ReturnCode.InitialFailure,), 0, reason=lambda: said
            )
        if self.likelihood is None and self.own is None:
            return bound.evaluate(theta, gradient=gradient)
        found = bound.simulate(theta)
        terms, lost = dict(found.terms), np.full(theta.size, np.nan)
        if not all(code.successful for code in found.retcodes):
            return Evaluation(
                math.nan, lost if gradient else None, terms, found.retcodes, found.steps
            )
        value, given = self._scored(found.seen, loss, gradient=gradient)
        terms["data"] = value
        total = float(sum(terms.values()))
        if not gradient or not math.isfinite(total):
            return Evaluation(
                total, lost if gradient else None, terms, found.retcodes, found.steps,
                reason=partial(self._not_finite, found.seen),
            )  # fmt: skip
        pulled = bound.pull(theta, given)
        return Evaluation(total, pulled.gradient, terms, pulled.retcodes, found.steps)

    def _scored(self, seen: Float, loss: LossData, *, gradient: bool) -> tuple[float, Float]:
        """The loss of what the model gives, and its derivatives by that."""
        if self.own is not None:
            return self.own.evaluate(seen, gradient=gradient)
        assert self.likelihood is not None  # noqa: S101
        return self.likelihood.evaluate(seen, loss)

    def _not_finite(self, seen: Float) -> str:
        """Which noise model has no density, or nothing."""
        if self.own is not None:
            return "The function of loss= gave it."
        if self.likelihood is None:
            return ""
        found = self.likelihood.without_density(seen, self.loss)
        if found is None:
            return ""
        column, e, i, scales = found
        numbers = ", ".join(f"{s:.4g}" for s in scales)
        return (
            f"The noise of {column.name!r}, {column.family!r}, has none at t = {self.loss.batch.ts[e, i]:g} of "
            f"experiment {self.data[e].name!r}"
            + (f", where its arguments are {numbers}." if numbers else ".")
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
        found = log_likelihood(self, self.layout.check(theta), gradient=gradient)
        return (found.value, found.slopes) if gradient else found.value

    def refuse_own(self, what: str) -> None:
        """An error where the loss is a function of the user's own, of which no more is known."""
        if self.own is not None:
            raise InvalidInputError(f"loss= is a function of your own, which has no {what}")

    def simulated(self, theta: ArrayLike) -> Float:
        """What the model gives for each measured column, float64 (experiments, times, columns)."""
        return self._simulated(theta).seen

    def _simulated(self, theta: ArrayLike) -> Simulated:
        theta = self.layout.check(theta)
        return self.bound.simulate(theta if self.starts is None else self.starts.embed(theta))

    @explained
    def log_posterior(self, theta: ArrayLike, gradient: bool = False) -> Any:
        """`log_likelihood` plus the logarithm of the priors' densities of natural values.

        With `gradient` a pair: the number, and its slopes by theta.
        """
        theta = self.layout.check(theta)
        found = log_likelihood(self, theta, gradient=gradient)
        priors, slopes = self.priors.evaluate(theta)
        value = found.value - 0.5 * priors
        if found.slopes is None:
            return value
        slopes = found.slopes - 0.5 * slopes
        slopes[self.held] = 0.0
        return value, slopes

    @cached_property
    def models(self) -> Likelihood:
        """The noise of all columns: their models, or normal with the scales of the data."""
        return self.likelihood or likelihood_of({}, self.spec, self.data)

    @cached_property
    def priors(self) -> Priors:
        """What the priors add."""
        return Priors(self.system.priors, self.layout, self.plan)

    @cached_property
    def held(self) -> NDArray[np.int64]:
        """Entries of theta that are frozen."""
        slots = [s for s in self.layout.values() if is_frozen(s.name, self.frozen)]
        spans = [np.arange(s.slice.start, s.slice.stop) for s in slots]
        return np.concatenate(spans) if spans else np.zeros(0, dtype=np.int64)

    def with_parts(self, found: Evaluation, theta: Float, *, gradient: bool) -> Evaluation:
        """`found` with the terms added that need no solve; theta may have more unknowns behind it."""
        own = theta[: self.layout.size]
        if self.system.priors:
            value, slope = self.priors.evaluate(own)
            found = _added(found, "priors", value, slope if gradient else None)
        for part, bound in zip(self.parts, self._bound_parts, strict=True):
            more = bound.evaluate(own, gradient=gradient)
            found = _added(found, part.name, more.value, more.gradient)
        if self.frozen and found.gradient is not None:
            slope = found.gradient.copy()
            slope[self.held] = 0.0
            found = replace(found, gradient=slope)
        return found

    def with_loss(self, loss: LossData) -> Objective:
        """The same objective with other numbers in its data; itself, with what it has bound, for its own."""
        return self if loss is self.loss else replace(self, loss=loss)

    @property
    def solver(self) -> str:
        """What took the steps so far, or what was asked for where that is still open."""
        bound = self.__dict__.get("bound")
        return (bound.ran if bound is not None else "") or self.method.solver

    @cached_property
    def bound(self) -> BoundLoss:
        """The loss with its data, as the engine holds it."""
        compiled = self.runner.compile(self.plan)
        return bind_loss(self.runner, compiled, self.spec, self.loss, self.method)

    @cached_property
    def _bound_parts(self) -> list[BoundLoss]:
        compiled = self.runner.compile(self.plan)
        return [self.runner.samples(compiled, p.expressions, p.samples) for p in self.parts]

    def __deepcopy__(self, memo: dict[int, Any]) -> Objective:
        # frozen, and what an engine compiled has no copy
        return self

    def __reduce__(self) -> Any:
        # what `objective` was told, as JSON text, and its numbers
        from pysymude.fit.result.saved import objective_from_text, objective_to_text

        return objective_from_text, (objective_to_text(self), self.data, self.loss)

    def __repr__(self) -> str:
        laws = f"{len(self.laws)} laws ({self.enforced.conserve}); " if self.laws else ""
        return (
            f"Objective({self.layout.size} trainable numbers, {self.loss.n_measured} measurements in "
            f"{len(self.data)} experiments; {laws}{self.solver} on {self.engine}, "
            f"gradient: {self.method.sensealg})"
        )


@explained
def objective(
    system: ODESystem,
    data: Dataset | Trajectory,
    *,
    laws: Any = (),
    conserve: str | None = None,
    law_weight: float = 1.0,
    equivariance: Any = (),
    equivariance_weight: float = 1.0,
    weigh: bool = False,
    frozen: Any = (),
    per_experiment: Any = (),
    loss: Any = None,
    solver: Any = "auto",
    reltol: float = 1e-6,
    abstol: Any = None,
    max_steps: int | None = None,
    dtmax: float | None = None,
    tstops: Sequence[float] = (),
    sensealg: str = "auto",
    engine: str = "auto",
) -> Objective:
    """The loss of `system` on `data`, and its gradient.

    The value is the sum over all measurements of ((measured - model) / noise)^2, the noise being 1
    where none was given, and one named term for each law that is penalised and each symmetry. Where the
    system has noise models or priors it is minus twice the logarithm of their densities instead.

    Parameters
    ----------
    system : ODESystem
        All parameters that are not trainable need values, here or in the trajectories.
    data : Dataset or Trajectory
    laws : one or several of FirstIntegral, SymPy expression, name of an observable
        What `first_integrals` found, or what you assert. A trainable parameter of the system that
        stands in a law is learned with the rest; it need not stand in an equation.
    conserve : str, optional
        ``"report"`` (the default with `laws`): nothing is enforced. ``"project"``: the outputs of the
        networks are corrected such that the laws hold for every theta, see `project`. ``"eliminate"``:
        linear laws that hold for every network eliminate states. ``"penalty"``: adds for each law
        ``law_weight * sum(((I - I0) / spread)^2)`` over the output times; I0 is the value at the first
        one, or the mean where the initial state is trainable, and the spread that of the law when the
        measured states are shuffled; where a model strays to negative arguments of a law's logarithm,
        this term goes on along the tangent. A balance law adds its weak form on the smoothed data instead.
    equivariance : Generator or sequence of Generator
        Adds for each one ``equivariance_weight`` times the mean square of the symmetry's defect at the
        smoothed data, each state relative to its slopes.
    weigh : bool
        Columns without noise count by an estimate of their noise, so that neither units nor sizes decide;
        the scales have the geometric mean 1. `fit` does so.
    frozen : one or several of symbol, network, or name such as ``"nn.W1"``
        What keeps its value although it is trainable.
    loss : callable, optional
        A loss of your own in place of the sum of squares, ``loss(predictions, data)``, where `data` is the
        dataset and ``predictions[0]["x"]`` what the model gives for a state or an observable of an experiment,
        by number or by name, at its times; ``predictions[0].u`` are all ``predictions[0].columns``. It returns
        a number, or a number and its slopes by each ``predictions[e].u``. Functions of JAX and torch are
        differentiated by these: the kind is that of what is returned, or of `jax_loss` and `torch_loss`
        around it. A number of NumPy without slopes is differentiated by central differences in each
        prediction that was looked at, two calls for each.
    per_experiment : one or several of symbol or name, or mapping to Distribution or None
        Trainable parameters of which each experiment has its own, called ``k_`` and the experiment's name.
        A prior ties them: with ``V = V0*exp(d)`` in the equations, ``{d: psu.Normal(0, 0.3)}`` is a
        population around V0. A spread that is learned needs a prior of its own: at 0 the density is infinite.
    solver, reltol, abstol, max_steps, dtmax, tstops, engine
        As for `solve`.
    sensealg : str
        How gradients are taken: ``"auto"``, ``"adjoint"`` (backward through the solver's steps; on
        Julia of Tsit5 and Rodas5P, else Gauss') or ``"forward"``; on Julia also SciML's adjoints ``"gauss"``,
        ``"quadrature"``, ``"interpolating"`` and ``"backsolve"``, the last three with explicit
        solvers alone. The rule behind ``"auto"`` is in `pysymude.solving.choice.choose_method`.

    Returns
    -------
    Objective

    Raises
    ------
    InvalidInputError
        A column, a value or a name that does not fit; the message says what would.
    CapabilityError
        The engine takes no such gradients of that solver.

    Examples
    --------
    >>> import numpy as np, pysymude as psu
    >>> x, k = psu.states("x"), psu.parameters("k")
    >>> t = np.linspace(0.0, 1.0, 5)
    >>> data = psu.Dataset.from_arrays(t, np.exp(-2 * t)[:, None], states=[x])
    >>> obj = psu.objective(psu.ODESystem({x: -k*x}, trainable={k: 1.0}), data)
    >>> value, grad = obj.value_and_grad(obj.theta0())
    >>> round(value, 3), grad.shape
    (0.203, (1,))
    """
    check_is_system(system)
    weights = LawWeights(
        _not_negative(law_weight, "law_weight"),
        _not_negative(equivariance_weight, "equivariance_weight"),
    )
    chosen = select_engine(engine, Capability.GRADIENT)
    system, data = separated(system, checked_dataset(data), per_experiment)
    function = loss
    # names and values are checked before anything is computed from them
    plain = enforce(system, (), None)
    bind(compile_system(plain.solved), data, plain)
    read = read_laws(system, laws, networks=conserve in (None, "report"))
    given = enforce(system, read, conserve)
    _check_trainable(given, data)
    enforced = given.with_system(scale_networks(system, data))
    if enforced.penalised:
        enforced = enforced.with_floors(floors(enforced, data))
    system, plan = enforced.system, compile_system(enforced.solved)
    spec, loss, layout = bind(plan, data, enforced)
    loss = replace(
        loss,
        law_weight=loss.law_weight
        * np.sqrt(weights.law)
        / spreads(enforced, enforced.penalised, data),
    )
    own = None
    if function is not None:
        own, spec, loss = own_loss(function, system, plan, data, (spec, loss))
    elif weigh:
        loss = weighed(loss, data, system.noise, absolute=bool(system.priors))
    symmetries = generators(equivariance)
    parts = equivariance_parts(enforced, symmetries, data, weights.equivariance)
    if enforced.conserve == "penalty":
        parts += balance_parts(enforced, data, weights.law)
    if layout.size == 0:
        raise InvalidInputError(
            "there is nothing to learn: the system has no network, no trainable parameter, and no "
            "trainable initial state; use trainable={k: start}"
        )
    starts = None
    given_starts = start_expressions(plan, system, data, loss.courses)
    amounts = bind_doses(plan, [x.name for x in system.states], loss.courses, data)[1]
    if any(given_starts) or any(amounts):
        starts, loss = initial_states(plan, given_starts, amounts, loss, layout.size)
    obj = Objective(
        system, data, enforced, plan, spec, loss, layout, _UNDECIDED, chosen,
        tuple(parts), symmetries, weights, weigh,
        likelihood_of(system.noise, spec, data) if system.noise or loss.side is not None else None,
        frozen_names(frozen, layout), starts, own,
    )  # fmt: skip
    if starts is not None:
        obj = replace(obj, loss=starts.filled(loss, obj.theta0()))
        loss = obj.loss
    method = choose_method(
        chosen, plan, loss.solved, obj.theta0(),
        solver=solver, control=Control(reltol, abstol, max_steps, dtmax, tstops),
        measured=measured_states(enforced, data), sensealg=sensealg,
    )  # fmt: skip
    return replace(obj, method=method)


def _added(found: Evaluation, name: str, value: float, slope: Float | None) -> Evaluation:
    """An evaluation with one term more; its gradient may have more entries behind it."""
    gradient = found.gradient
    if gradient is not None and slope is not None:
        gradient = gradient.copy()
        gradient[: slope.size] += slope
    return replace(
        found, value=found.value + value, gradient=gradient, terms={**found.terms, name: value}
    )


def measured_states(enforced: Enforced, data: Dataset) -> Float | None:
    """The data by states, NaN where a state is not measured; None where states are not the solved ones."""
    names = [x.name for x in enforced.system.states]
    if names != [x.name for x in enforced.solved.states]:
        return None
    rows = [
        np.stack(
            [
                trajectory.u[:, trajectory.columns.index(name)]
                if name in trajectory.columns
                else np.full(len(trajectory), np.nan)
                for name in names
            ],
            axis=1,
        )
        for trajectory in data
    ]
    return np.concatenate(rows)


def _check_trainable(enforced: Enforced, data: Dataset) -> None:
    """Every trainable parameter stands somewhere; a law whose coefficients are free is not nothing."""
    system = enforced.system
    read = {name for trajectory in data for name in trajectory.read}
    for symbol in sorted(
        system.unread - unknown_coefficients(system, enforced.laws), key=lambda s: s.name
    ):
        if symbol.name in read:
            continue
        raise InvalidInputError(
            f"the trainable parameter {symbol.name!r} stands in no equation, observable or law; take "
            "it out of trainable="
        )
    pinned = {s for f in system.rhs.values() for s in f.free_symbols}
    for law in enforced.penalised:
        if free_scale(system, law) and not pinned & unknown_coefficients(system, [law]):
            names = ", ".join(sorted(s.name for s in unknown_coefficients(system, [law])))
            raise InvalidInputError(
                f"conserve='penalty' would be satisfied by {names} = 0 in the law {law.expr}; fix one of "
                "its coefficients, which only changes its unit"
            )


def _not_negative(value: Any, what: str) -> float:
    number = finite(value, what)
    if number < 0:
        raise InvalidInputError(f"{what} must not be negative; found {value!r}")
    return number


_UNDECIDED = Method("auto", 1e-6, 1e-8)


def checked_dataset(data: Any) -> Dataset:
    """`data` as a Dataset; a single trajectory is one."""
    if isinstance(data, Trajectory):
        return Dataset(data)
    if not isinstance(data, Dataset):
        hint = "psu.Dataset.from_arrays(t, u, states=[...])"
        if isinstance(data, Mapping):
            hint += ", or from_dataframe"
        raise InvalidInputError(f"data must be a Dataset; found {type(data).__name__}. Use {hint}")
    return data
