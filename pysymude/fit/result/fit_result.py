"""`FitResult`: what a fit has found, as data; what is made of it stands in the files beside."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import cached_property
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pysymude.engines.outcomes import ReturnCode
from pysymude.fit.files.save_file import understood, write
from pysymude.fit.loss.objective import Objective, objective_of
from pysymude.fit.result.answered import Answered
from pysymude.fit.result.cautions import warnings_of
from pysymude.fit.result.fit_log import FitLog
from pysymude.fit.result.fitted_laws import FittedLaws
from pysymude.fit.result.fitted_networks import network_of, unknown_term_of
from pysymude.fit.result.prediction import predicted, predictions_of, spans_of, start_of
from pysymude.fit.result.residuals import Residuals, residuals_of
from pysymude.fit.result.saved import KIND, NUMBERS, SavedFit, fit_content
from pysymude.fit.result.summary import summary_of
from pysymude.model.calls import explained
from pysymude.model.dataset import Dataset
from pysymude.model.event import Event
from pysymude.model.system import ODESystem
from pysymude.model.theta import ThetaLayout
from pysymude.solving.along import Span
from pysymude.solving.solution import Solution

__all__ = ["FitResult"]

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FitResult(Answered):
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
    promised : float or None
        How much the loss could still fall, by the optimiser's model of it and by how it fell last; None where
        nothing is known. `warnings` says so where that is more than noise makes.
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
    promised: float | None = None
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

    @cached_property
    def laws(self) -> FittedLaws:
        """The laws of ``laws=``, with names: their values and how far they drift."""
        return FittedLaws(self)

    @property
    def data(self) -> Dataset:
        """What was fitted."""
        return self.objective.data

    @property
    def states(self) -> tuple[str, ...]:
        """Names of the states."""
        return tuple(s.name for s in self.system.states)

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
        fixed, values = {s.name: v for s, v in self.system.parameters.items()}, self.values
        return fixed | {s.name: float(values[s.name]) for s in self.layout.of_kind("parameter")}

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
        doses: Mapping[Any, Any] | None = None,
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
            Values of your own, of fixed and of learned parameters. They hold in this prediction, but where a
            period has a value of its own. What `per_experiment=` learned goes by the parameter's name, or by that
            of the experiment's own number.
        experiment : int or str
            Number or name of the experiment whose start and parameter values are used.
        events : sequence of Event
            As for `solve`.
        signals : mapping from Signal or name to (times, values), optional
            Measured inputs in place of those of the experiment.
        doses : mapping from state to sequence of (time, amount), optional
            In place of all doses of the experiment; ``{}`` for none. Other periods are another experiment: give
            `fit` one without measured values.
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
        setting = experiment, u0, parameters, signals, events, doses
        if band is not None or asked:
            return self.banded(t, band, setting, asked)
        return predicted(self, t, *setting)

    @explained
    def u0(self, experiment: int | str = 0) -> Float:
        """The initial state of an experiment, as learned where trainable; float64 (states,)."""
        return start_of(self, experiment)

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
            return self.banded_unknown(u, t, experiment, band, asked)
        return unknown_term_of(self, u, t, experiment=experiment)

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
            return self.banded_network(name, z, band, asked)
        return network_of(self, name, z)

    @explained
    def law_values(
        self, t: ArrayLike | None = None, *, experiment: int | str = 0
    ) -> dict[str, Float]:
        """Each law along the fitted trajectory, by name; see `FittedLaws.values`."""
        return self.laws.values(t, experiment=experiment)

    @explained
    def relative_drift(
        self, t: ArrayLike | None = None, *, experiment: int | str = 0
    ) -> dict[str, Float]:
        """How far each law has moved, ``|I(t) - I(t[0])|`` over the sum of its terms' sizes at the start."""
        return self.laws.relative_drift(t, experiment=experiment)

    @explained
    def drift(self, t: ArrayLike | None = None, *, experiment: int | str = 0) -> dict[str, float]:
        """The largest `relative_drift` of each law, by name."""
        return self.laws.drift(t, experiment=experiment)

    @explained
    def adjoint_drift(self, t: ArrayLike | None = None, **keywords: Any) -> dict[str, float]:
        """How far the laws of the adjoint system move backwards; see `FittedLaws.adjoint_drift`."""
        return self.laws.adjoint_drift(t, **keywords)

    def spans(self, t: Float, e: int) -> list[Span]:
        """The parameters and theta that hold in experiment `e` at ascending times, rows of `t` by rows."""
        return spans_of(self, t, e)

    @cached_property
    def predictions(self) -> tuple[Solution, ...]:
        """The fitted trajectory of each experiment at its measurement times, repeated ones included."""
        return predictions_of(self)

    @cached_property
    def residuals(self) -> Residuals:
        """Measured less model, and a table of how well each column is described."""
        return residuals_of(self)

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """What to know before the result is trusted, a sentence each; empty where there is nothing.

        A loss that could still fall, a column that is badly described, parameters at a bound, directions that
        the data do not determine.
        """
        return warnings_of(self)

    def summary(self) -> str:
        """A few lines of text: data, loss, learned parameters, residuals, warnings, how it was computed."""
        return summary_of(self)

    @explained
    def save(self, path: str | PathLike[str]) -> None:
        """Writes everything to one file (arrays and JSON), atomically."""
        write(path, KIND, *self.content())

    def content(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """What a file of it holds: JSON and arrays; `SavedFit.from_content` is the inverse."""
        numbers = {name: getattr(self, name) for name in NUMBERS} | {"log": self.log.to_list()}
        return fit_content(self.objective, self.theta, self.retcode, self.history, numbers)

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
        settings = replace(saved.settings, **{k: v for k, v in given.items() if v is not None})
        obj = objective_of(saved.system, saved.data, settings)
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
        meta, arrays = self.content()
        return _from_content, (json.dumps(meta), arrays)

    def __repr__(self) -> str:
        return "FitResult\n  " + self.summary().replace("\n", "\n  ")


def _from_content(meta: str, arrays: dict[str, NDArray[Any]]) -> FitResult:
    return FitResult.from_saved(SavedFit.from_content(json.loads(meta), arrays))
