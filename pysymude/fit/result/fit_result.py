"""`FitResult`: what a fit found, what it predicts, and its file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pysymude.engines.outcomes import ReturnCode
from pysymude.errors import CapabilityError, InvalidInputError
from pysymude.fit.files.save_file import understood, write
from pysymude.fit.loss.objective import Objective, objective
from pysymude.fit.result.backward_drift import backward_drift, backward_laws, terminal_values
from pysymude.fit.result.cautions import warnings_of
from pysymude.fit.result.fit_log import FitLog
from pysymude.fit.result.prediction import is_many, predict_many, predict_one
from pysymude.fit.result.residuals import Residuals, residuals_of
from pysymude.fit.result.saved import KIND, NUMBERS, SavedFit, fit_parts
from pysymude.fit.terms.law_values import law_sizes, law_values
from pysymude.fit.training.loop import FINISHED
from pysymude.model.calls import explained
from pysymude.model.coerce import float_array, label_of
from pysymude.model.dataset import Dataset
from pysymude.model.event import Event, event_list
from pysymude.model.system import ODESystem
from pysymude.model.theta import ThetaLayout
from pysymude.model.trajectory import Trajectory
from pysymude.model.transforms import from_unconstrained
from pysymude.plan.compiled import compile_system
from pysymude.plan.law import Law
from pysymude.plan.numeric import NumericModel, network_weights
from pysymude.solving.along import Span, spans
from pysymude.solving.solution import Solution
from pysymude.symbolic.symmetries.generator import Generator

__all__ = ["FitResult"]

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FitResult:
    """A fitted system; made by `fit`.

    Attributes
    ----------
    theta : float64 array, shape (parameters,)
        The learned vector; `layout` names its slices, `values` gives natural values by name.
    loss : float
        Sum of squared residuals over the training measurements, without weight decay; with noise models or
        priors minus twice the logarithm of their densities, as `objective` says.
    retcode : ReturnCode
        How the solves at `theta` ended.
    validation_loss : float or None
        The same sum over what was held out.
    history : dict of arrays
        One row an iteration: `stage`, `iteration`, `value`, one column a term of the loss,
        `validation` where there is one, `seconds`.
    stopped : str
        ``"finished"``, ``"interrupted"``, or another reason why training ended early.
    converged : bool
        Whether the optimiser had nothing more to gain at `theta`; False where its iterations were used up.
    seconds : float
        Time spent in training, over all resumed parts.
    log : FitLog
        What happened, stage by stage: iterations, the loss there, seconds, a sentence.
    weight_decay : float
        As `fit` was told; it is no part of `loss`, but of errors.
    """

    objective: Objective
    theta: Float
    loss: float
    retcode: ReturnCode
    validation_loss: float | None
    history: dict[str, NDArray[Any]]
    stopped: str
    converged: bool
    seconds: float
    seed: int
    log: FitLog = field(default=FitLog(()))
    weight_decay: float = 0.0

    @property
    def success(self) -> bool:
        """Whether every experiment can be solved at `theta`, and nobody cut the training short."""
        return self.retcode.successful

    @property
    def system(self) -> ODESystem:
        """The system, with network scalings as numbers."""
        return self.objective.system

    @property
    def laws(self) -> tuple[Law, ...]:
        """The laws of ``laws=``, with names."""
        return self.objective.laws

    @property
    def data(self) -> Dataset:
        """What was fitted."""
        return self.objective.data

    @property
    def layout(self) -> ThetaLayout:
        """Which slice of theta means what."""
        return self.objective.layout

    @property
    def engine(self) -> str:
        """Which engine computed it."""
        return self.objective.engine

    @property
    def solver(self) -> str:
        """Which solver was used."""
        return self.objective.solver

    @property
    def values(self) -> dict[str, float | Float]:
        """Everything learned, as natural values by name."""
        return self.layout.unpack(self.theta)

    @property
    def parameters(self) -> dict[str, float]:
        """Fixed and learned parameters by name."""
        fixed = {s.name: v for s, v in self.system.parameters.items()}
        return fixed | {
            s.name: float(self.values[s.name]) for s in self.layout.of_kind("parameter")
        }

    @explained
    def predict(
        self,
        t: ArrayLike,
        u0: Mapping[Any, Any] | ArrayLike | None = None,
        *,
        parameters: Mapping[Any, Any] | None = None,
        experiment: int | str = 0,
        events: Sequence[Event] | Event = (),
        signals: Mapping[Any, Any] | None = None,
        band: float | None = None,
        **asked: Any,
    ) -> Any:
        """The fitted system solved at times of your choice, perhaps with a band around it.

        Parameters
        ----------
        t : array, shape (times,)
            Strictly ascending. The first is the start when `u0` is given; otherwise the solve
            starts at the experiment's own start, which may lie before ``t[0]``.
        u0 : mapping or sequence, optional
            An initial state of your own; by default the experiment's, as learned where trainable.
        parameters : mapping from symbol or name to float, optional
            Values of your own, of fixed and of learned parameters.
        experiment : int or str
            Number or name of the experiment whose start and parameter values are used.
        events : sequence of Event
            As for `solve`.
        signals : mapping from Signal or name to (times, values), optional
            Measured inputs in place of those of the experiment.
        band : float, optional
            A level, such as 0.95: a `Band` is returned, which holds the truth so often at each time.
        method : str
            Of the band. ``"delta"``: by exact derivatives and the covariance of everything learned.
            ``"bootstrap"``: quantiles over refits on resampled measurements; `draws` (200), `seed`, `progress` and
            `jobs` as for `confidence_intervals`, with which it shares them.
        interval : str
            ``"confidence"``: of the curve; ``"prediction"``: of a further measurement, with its noise.
        observe : states, observables or expressions, or mapping from name to expression; optional
            Columns of the band; by default all states and observables. An output ``nn[0]`` is one, too.
        weight_scale : float, optional
            The standard deviation of a normal prior around the weights of networks, for the band alone.

        Returns
        -------
        Solution, or EnsembleSolution, or Band
            The second where `u0` or `parameters` hold arrays with one value a trajectory; the third with
            `band`.

        Raises
        ------
        InvalidInputError
            Something that does not fit; for a band also a system that cannot be solved, or a loss of your own.
        """
        e, events = self._experiment(experiment), event_list(events)
        if band is not None or asked:
            return _banded(self, t, band, (e, u0, parameters, signals, events), asked)
        if is_many(u0, parameters):
            if events:
                raise CapabilityError("events= is for one trajectory at a time")
            return predict_many(self, t, u0, parameters, e, signals)
        found = predict_one(self, t, u0, parameters, e, events, signals)
        return self._natural(found) if self.objective.enforced.mixes else found

    @explained
    def u0(self, experiment: int | str = 0) -> Float:
        """The initial state of an experiment, as learned where trainable; float64 (states,)."""
        e = self._experiment(experiment)
        loss, starts = self.objective.loss, self.objective.starts
        theta = self.theta if starts is None else starts.embed(self.theta)
        state = loss.batch.u0[e].copy()
        for k in range(state.size):
            if loss.u0_index[e, k] >= 0:
                low = 0.0 if loss.positive[k] else -np.inf
                state[k] = from_unconstrained(theta[loss.u0_index[e, k]], low, np.inf)
        return state

    @explained
    def unknown_term(
        self,
        u: ArrayLike | None,
        t: ArrayLike = 0.0,
        *,
        experiment: int | str = 0,
        band: float | None = None,
        **asked: Any,
    ) -> Any:
        """What the networks add to du/dt at states `u` of shape (..., states); same shape.

        It is f(u, nn) - f(u, 0): the right-hand side less the same with the networks' outputs zero.

        Parameters
        ----------
        u : array, or None
            None with a `band`: along the fitted trajectory at times `t`, whose states are uncertain, too.
        t : array
        experiment : int or str
        band : float, optional
            A level, such as 0.95: a `Band` of the states in whose equation a network stands.
        **asked
            `method`, `weight_scale`, `draws`, `seed`, `jobs` of the band, as for `predict`.

        Returns
        -------
        float64 array, or Band
        """
        if band is not None or asked:
            from pysymude.infer.unknown import unknown_band

            return unknown_band(self, u, t, self._experiment(experiment), band, asked)
        states, obj = float_array(u, what="u"), self.objective
        n = len(self._states)
        if states.shape[-1:] != (n,):
            raise InvalidInputError(
                f"u must have {n} columns ({', '.join(self._states)}); found shape {states.shape}"
            )
        first = np.atleast_1d(np.asarray(t, dtype=np.float64)).ravel()[:1]
        here = self.spans(first, self._experiment(experiment))[0]
        learned, given = (
            NumericModel(compile_system(s), here.p, here.theta)
            for s in (obj.enforced.model, self.system)
        )
        return learned.unknown_term(t, states, given)

    @explained
    def network(self, name: Any, z: ArrayLike, *, band: float | None = None, **asked: Any) -> Any:
        """What a network gives for inputs `z` of shape (..., inputs): float64 (..., outputs).

        `unknown_term` is what the networks add to du/dt, which is not the same where one stands inside of a
        function: exp(nn) adds exp(nn) - 1.

        Parameters
        ----------
        name : MLP or str
        z : array
            In the order of the network's inputs.
        band : float, optional
            A level, such as 0.95: a `Band` is returned.
        **asked
            `method`, `weight_scale`, `draws`, `seed`, `jobs` of the band, as for `predict`.

        Returns
        -------
        float64 array, or Band
        """
        if band is not None or asked:
            from pysymude.infer.unknown import network_band

            return network_band(self, name, z, band, asked)
        text = label_of(name)
        networks = {nn.name: nn for nn in self.objective.plan.networks}
        if text not in networks:
            raise InvalidInputError(
                f"there is no network {text!r}; there are {', '.join(networks) or 'none'}"
            )
        nn, inputs = networks[text], float_array(z, what="z")
        if inputs.shape[-1:] != (len(nn.inputs),):
            raise InvalidInputError(
                f"network {text!r} has {len(nn.inputs)} inputs ({', '.join(map(str, nn.inputs))}); found "
                f"shape {inputs.shape}"
            )
        return nn.forward(network_weights(self.objective.plan.networks, self.theta)[text], inputs)

    @explained
    def law_values(
        self, t: ArrayLike | None = None, *, experiment: int | str = 0
    ) -> dict[str, Float]:
        """Each law along the fitted trajectory, by name: float64 arrays (times,).

        Parameters
        ----------
        t : array, optional
            As for `predict`; by default the experiment's measurement times.
        experiment : int or str
        """
        e = self._experiment(experiment)
        found = self.predictions[e] if t is None else self.predict(t, experiment=experiment)
        values = {law.name: np.empty(len(found.t)) for law in self.laws}
        for span in self.spans(found.t, e):
            there = found.t[span.rows], found.u[span.rows]
            for name, along in law_values(
                self.objective.enforced, span.p, span.theta, *there
            ).items():
                values[name][span.rows] = along
        return values

    @explained
    def relative_drift(
        self, t: ArrayLike | None = None, *, experiment: int | str = 0
    ) -> dict[str, Float]:
        """How far each law has moved at each time, by name: float64 arrays (times,).

        It is ``|I(t) - I(t[0])|`` relative to the sum of the absolute values of the law's terms at the
        start. A balance law changes by itself; it is left out. A change on the way may break a law: each
        period is taken by itself, from its own first time on.

        Parameters
        ----------
        t, experiment
            As for `law_values`.
        """
        obj, e = self.objective, self._experiment(experiment)
        found = self.predictions[e] if t is None else self.predict(t, experiment=experiment)
        moved = {law.name: np.zeros(len(found.t)) for law in obj.laws if not law.is_balance}
        for span in self.spans(found.t, e):
            rows, known = span.rows, (span.p, span.theta)
            values = law_values(obj.enforced, *known, found.t[rows], found.u[rows])
            sizes = law_sizes(obj.enforced, *known, found.t[rows[:1]], found.u[rows[:1]])
            for name in moved:
                change = np.abs(values[name] - values[name][0])
                moved[name][rows] = change / sizes[name][0]
        return moved

    @explained
    def drift(self, t: ArrayLike | None = None, *, experiment: int | str = 0) -> dict[str, float]:
        """How far each law moves along the fitted trajectory, by name: the largest relative drift.

        Parameters
        ----------
        t, experiment
            As for `law_values`; see `relative_drift`.
        """
        moved = self.relative_drift(t, experiment=experiment)
        return {name: float(along.max()) for name, along in moved.items()}

    @explained
    def adjoint_drift(
        self,
        t: ArrayLike | None = None,
        *,
        experiment: int | str = 0,
        terminal: Any = None,
        generators: Iterable[Generator] | None = None,
        reltol: float | None = None,
        abstol: float | None = None,
    ) -> dict[str, float]:
        """How far the laws of the adjoint (backward) system move when it is integrated backwards.

        The adjoint a' = -(df/du)^T a carries the gradient of a loss from the end of a trajectory to its
        start, and a . W stays constant for each symmetry, see `adjoint_laws`. States and adjoint are
        solved together from the last time back to the first, and W is taken at the forward solution: a
        drift far above `reltol` says that gradients taken this way (SciML's ``"backsolve"``) are not to
        be trusted here.

        Parameters
        ----------
        t, experiment
            As for `law_values`.
        terminal : mapping or sequence, optional
            The adjoint at the last time: the derivative of a loss by the states there. By default that
            of the sum of the states, each divided by its root mean square.
        generators : iterable of Generator, optional
            Symmetries; by default the time shift of an autonomous system, else what `symmetries` finds.
        reltol, abstol : float, optional
            Instead of the fit's.

        Returns
        -------
        dict
            By symmetry, the largest change of a . W relative to the sum of ``|a_i W_i|`` at the last
            time; NaN where the solve failed.
        """
        obj, e = self.objective, self._experiment(experiment)
        if obj.loss.courses is not None:
            raise CapabilityError(
                "adjoint_drift is of one smooth trajectory; this experiment changes on the way"
            )
        given: dict[str, Any] = {} if reltol is None else {"reltol": reltol}
        if abstol is not None:
            given |= {"abstol": abstol, "asked_abstol": abstol}
        method = replace(obj.method, **given)
        same = replace(self, objective=replace(obj, method=method))
        found = same.predictions[e] if t is None else same.predict(t, experiment=experiment)
        # eliminated states have adjoints too; projected networks have others
        adjoint = backward_laws(obj.enforced.model.replace(observables={}), generators)
        return backward_drift(
            adjoint,
            found.t,
            found.u,
            terminal_values(terminal, self._states, found.u),
            theta=self.theta[: adjoint.system.layout.size],
            parameters=dict(zip(obj.plan.parameters, obj.loss.batch.p[e].tolist(), strict=True)),
            **method.keywords,
            engine=self.engine,
        )

    def spans(self, t: Float, e: int) -> list[Span]:
        """The parameters and theta that hold in experiment `e` at ascending times, rows of `t` by rows."""
        loss = self.objective.loss
        if loss.courses is None:
            return [Span(np.arange(len(t)), loss.batch.p[e], self.theta)]
        return spans(loss.courses, loss.courses.each[e], self.theta, t)

    @cached_property
    def predictions(self) -> tuple[Solution, ...]:
        """The fitted trajectory of each experiment at its measurement times, repeated ones included."""
        return tuple(
            _repeated(self.predict(np.unique(times), experiment=e), times)
            for e, times in enumerate(map(_from_start, self.data))
        )

    @cached_property
    def resampled(self) -> dict[tuple[int, int], Float]:
        """Refits of the bootstrap that were made so far, by how many and their seed."""
        return {}

    @cached_property
    def residuals(self) -> Residuals:
        """Measured less model, and a table of how well each column is described."""
        return residuals_of(self)

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """What to know before the result is trusted, a sentence each; empty where there is nothing.

        A training that ran out of iterations, a column that is badly described, parameters at a bound,
        directions that the data do not determine.
        """
        return warnings_of(self)

    def covariance(self) -> Any:
        """The covariance of parameters and learned starts, with correlations and what the data leave open.

        From Fisher's information of the data for normal noise, given or learned, by exact derivatives; for
        other noise from the loss's second derivatives. Where no noise was given it is estimated from the
        residuals, chi2 / (n - p), and the result says so. Learned scales (logarithms of positive numbers, say)
        are taken into account by their derivatives. Weights of networks are accounted for.

        Returns
        -------
        pysymude.infer.covariance.Covariance
            With `matrix`, `standard_errors`, `correlations` and `undetermined`.

        Raises
        ------
        InvalidInputError
            The fitted system cannot be solved, or the loss is a function of your own.
        """
        from pysymude.infer.covariance import covariance_of

        return covariance_of(self)

    def standard_errors(self) -> dict[str, float]:
        """Standard errors in natural units, by name; infinite where the data do not determine a number."""
        return dict(self.covariance().standard_errors)

    @explained
    def confidence_intervals(
        self, level: float = 0.95, *, method: str = "wald", **keywords: Any
    ) -> dict[str, tuple[float, float]]:
        """Intervals for parameters and learned starts, by name: pairs in natural units.

        Parameters
        ----------
        level : float
        method : str
            ``"wald"``: symmetric on the scale on which a number is learned, so inside of its bounds; those of
            positive numbers are symmetric in their logarithms. ``"profile"``: where the best loss with that
            number held rises by as much as the level asks, see `profile`. ``"bootstrap"``: quantiles of refits
            on resampled measurements. Where no noise was given, quantiles are Student's.
        **keywords
            For ``"bootstrap"``: `draws` (200), `seed`, `jobs` and `progress`; for ``"profile"`` those of
            `profile`.

        Raises
        ------
        InvalidInputError
            As for `covariance`, or a level or a method that there is not.
        """
        from pysymude.infer.intervals import intervals_of

        return intervals_of(self, level, method, keywords)

    def summary(self) -> str:
        """A few lines of text: data, loss, learned parameters, residuals, warnings, how it was computed."""
        obj = self.objective
        lines = [
            f"{len(self.data)} experiment(s), {obj.loss.n_measured} measurements, "
            f"{self.theta.size} trainable numbers",
            f"loss {self.loss:.6g} ({self.retcode.name})"
            + ("" if self.validation_loss is None else f", held out {self.validation_loss:.6g}"),
        ]
        units = self.system.units
        lines += [
            f"{k} = {v:.6g}" + (f" [{units[k]}]" if k in units else "")
            for k, v in self.parameters.items()
            if k in obj.plan.trainable
        ]
        drift = self.drift() if self.laws and self.success else {}
        lines += [
            f"{law.name}: {law.expr}, {obj.enforced.conserve}"
            + (f", drift {drift[law.name]:.2g}" if law.name in drift else "")
            for law in self.laws
        ]
        lines.append(
            f"{obj.solver} on {obj.engine}, reltol {obj.method.reltol:g}, abstol "
            f"{obj.method.abstol_text}, gradient: {obj.method.sensealg}"
        )
        how = self.stopped if self.stopped != FINISHED or not self.converged else "converged"
        lines.append(f"{len(self.history['stage'])} iterations in {self.seconds:.1f} s, {how}")
        if self.retcode.successful:
            lines += str(self.residuals).splitlines()
        lines += [f"warning: {sentence}" for sentence in self.warnings]
        return "\n".join(lines)

    @explained
    def plot(self, **keywords: Any) -> Any:
        """A matplotlib figure: fit, unknown term, history; keywords go to `pysymude.plot.plot_fit`."""
        from pysymude.plot import plot_fit

        return plot_fit(self, **keywords)

    @explained
    def report(self, folder: str | PathLike[str], *, title: str = "Fit") -> Path:
        """Writes one page of HTML that needs nothing beside it, and the fit, into a folder.

        It shows the model, the data, the curves, residuals, parameters with their errors, laws, how it was
        computed, and the code that does it again.

        Parameters
        ----------
        folder : path
            Made where it is missing; ``report.html`` and ``fit.npz`` in it are overwritten.
        title : str

        Returns
        -------
        pathlib.Path
            Of the page.

        Raises
        ------
        SaveFileError
            The folder cannot be written.
        """
        from pysymude.report.page import write_report

        return write_report(self, folder, title)

    def _repr_html_(self) -> str:
        from pysymude.report.sections import model, outcome, parameters, residual_table

        parts = [outcome(self), model(self), parameters(self)]
        return "".join(parts) + (residual_table(self) if self.success else "")

    def plot_residuals(self) -> Any:
        """A matplotlib figure of the residuals, see `pysymude.plot.plot_residuals`."""
        from pysymude.plot.residual_figures import plot_residuals

        return plot_residuals(self)

    @explained
    def plot_laws(self, t: ArrayLike | None = None, **keywords: Any) -> Any:
        """A matplotlib figure of each law's drift; keywords go to `pysymude.plot.plot_laws`."""
        from pysymude.plot import plot_laws

        return plot_laws(self, t, **keywords)

    @explained
    def save(self, path: str | PathLike[str]) -> None:
        """Writes everything to one file (arrays and JSON), atomically."""
        write(path, KIND, *self.parts())

    def parts(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """What a file of it holds: JSON and arrays; `SavedFit.from_parts` is the inverse."""
        numbers = {name: getattr(self, name) for name in NUMBERS} | {"log": self.log.to_list()}
        return fit_parts(self.objective, self.theta, self.retcode, self.history, numbers)

    @classmethod
    @explained
    def load(
        cls, path: str | PathLike[str], *, engine: str | None = None, solver: Any = None
    ) -> FitResult:
        """A fit from its file, on the engine that made it or on another one.

        A fit whose solver was an algorithm object, which no file holds, needs `solver`.

        Raises
        ------
        SaveFileError
            The file is missing, damaged, or no fit.
        """
        saved = SavedFit.read(path)
        with understood(path, KIND, by_user=engine is not None or solver is not None):
            return cls.from_saved(saved, engine=engine, solver=solver)

    @classmethod
    def from_saved(
        cls, saved: SavedFit, *, engine: str | None = None, solver: Any = None
    ) -> FitResult:
        """A fit from what its file holds; see `load`."""
        given = {"engine": engine, "solver": solver}
        method: dict[str, Any] = saved.method | {k: v for k, v in given.items() if v is not None}
        obj = objective(saved.system, saved.data, **method, **saved.formulas)
        return cls(
            objective=obj,
            theta=obj.layout.check(saved.theta),
            retcode=saved.retcode,
            history=saved.history,
            log=saved.log,
            **saved.numbers,
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> FitResult:
        # the objective is frozen, and what an engine compiled has no copy
        return replace(self, theta=self.theta.copy(), history=deepcopy(self.history, memo))

    def __reduce__(self) -> Any:
        # what a file of it holds
        meta, arrays = self.parts()
        return _from_parts, (json.dumps(meta), arrays)

    @property
    def _states(self) -> tuple[str, ...]:
        return tuple(s.name for s in self.system.states)

    def _natural(self, found: Solution) -> Solution:
        """A solution of the solved system in the user's states."""
        kept = {k: v for k, v in found.observables.items() if k not in self._states}
        back = self.objective.enforced.unmix
        again = found.again and found.again.turned(back)
        return replace(
            found, u=found.u @ back.T, states=self._states, observables=kept, again=again
        )

    def _experiment(self, experiment: int | str) -> int:
        names = [trajectory.name for trajectory in self.data]
        if isinstance(experiment, str) and experiment in names:
            return names.index(experiment)
        if isinstance(experiment, int) and 0 <= experiment < len(names):
            return experiment
        raise InvalidInputError(
            f"there is no experiment {experiment!r}; there are {len(names)}: {', '.join(names)}"
        )

    def __repr__(self) -> str:
        return "FitResult\n  " + self.summary().replace("\n", "\n  ")


def _banded(fit: FitResult, t: Any, band: Any, given: Any, asked: dict[str, Any]) -> Any:
    """`FitResult.predict` with a band."""
    from pysymude.infer.predicting import band_of

    return band_of(fit, t, band, *given, **asked)


def _from_parts(meta: str, arrays: dict[str, NDArray[Any]]) -> FitResult:
    return FitResult.from_saved(SavedFit.from_parts(json.loads(meta), arrays))


def _from_start(trajectory: Trajectory) -> Float:
    """The measurement times; the start before them when there is only one."""
    several = trajectory.t[-1] > trajectory.t[0]
    return trajectory.t if several else np.array([trajectory.t0, *trajectory.t])


def _repeated(found: Solution, times: Float) -> Solution:
    """A solution with a row for each of these times, all of which it has."""
    if len(times) == len(found.t):
        return found
    at = np.searchsorted(found.t, times)
    observables = {name: column[at] for name, column in found.observables.items()}
    return replace(found, t=times, u=found.u[at], observables=observables)
