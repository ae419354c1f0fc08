"""`FittedLaws`: the laws of a fit, and what they do along its trajectories."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pysymude.errors import CapabilityError
from pysymude.fit.problem.law_values import law_sizes, law_values
from pysymude.fit.result.backward_drift import backward_drift, backward_laws, terminal_values
from pysymude.fit.result.experiments_of import experiment_number
from pysymude.model.calls import explained
from pysymude.plan.law import Law
from pysymude.solving.solution import Solution
from pysymude.symbolic.symmetries.generator import Generator

if TYPE_CHECKING:
    from pysymude.fit.result.fit_result import FitResult

__all__ = ["FittedLaws"]

Float = NDArray[np.float64]


class FittedLaws(Sequence[Law]):
    """The laws of ``laws=``, with names, in order; made by a fit."""

    def __init__(self, fit: FitResult) -> None:
        self._fit, self._laws = fit, fit.objective.laws

    def __len__(self) -> int:
        return len(self._laws)

    @overload
    def __getitem__(self, index: int) -> Law: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Law, ...]: ...
    def __getitem__(self, index: int | slice) -> Law | tuple[Law, ...]:
        return self._laws[index]

    def __eq__(self, other: object) -> bool:
        return tuple(self) == (tuple(other) if isinstance(other, FittedLaws) else other)

    def __hash__(self) -> int:
        return hash(self._laws)

    def __repr__(self) -> str:
        return repr(self._laws)

    def values(self, t: ArrayLike | None = None, *, experiment: int | str = 0) -> dict[str, Float]:
        """Each law along the fitted trajectory, by name: float64 arrays (times,).

        Parameters
        ----------
        t : array, optional
            As for `FitResult.predict`; by default the experiment's measurement times.
        experiment : int or str
        """
        fit = self._fit
        e = experiment_number(fit.data, experiment)
        path = _path(fit, t, e)
        values = {law.name: np.empty(len(path.t)) for law in self}
        for span in fit.spans(path.t, e):
            there = path.t[span.rows], path.u[span.rows]
            for name, along in law_values(
                fit.objective.enforced, span.p, span.theta, *there
            ).items():
                values[name][span.rows] = along
        return values

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
            As for `values`.
        """
        fit = self._fit
        obj, e = fit.objective, experiment_number(fit.data, experiment)
        path = _path(fit, t, e)
        moved = {law.name: np.zeros(len(path.t)) for law in self if not law.is_balance}
        for span in fit.spans(path.t, e):
            rows, known = span.rows, (span.p, span.theta)
            values = law_values(obj.enforced, *known, path.t[rows], path.u[rows])
            sizes = law_sizes(obj.enforced, *known, path.t[rows[:1]], path.u[rows[:1]])
            for name in moved:
                change = np.abs(values[name] - values[name][0])
                moved[name][rows] = change / sizes[name][0]
        return moved

    def drift(self, t: ArrayLike | None = None, *, experiment: int | str = 0) -> dict[str, float]:
        """How far each law moves along the fitted trajectory, by name: the largest relative drift.

        Parameters
        ----------
        t, experiment
            As for `values`; see `relative_drift`.
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
            As for `values`.
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
        fit = self._fit
        obj, e = fit.objective, experiment_number(fit.data, experiment)
        if obj.loss.courses is not None:
            raise CapabilityError(
                "adjoint_drift is of one smooth trajectory; this experiment changes on the way"
            )
        given: dict[str, Any] = {} if reltol is None else {"reltol": reltol}
        if abstol is not None:
            given |= {"abstol": abstol, "asked_abstol": abstol}
        method = replace(obj.method, **given)
        same = replace(fit, objective=replace(obj, method=method))
        path = _path(same, t, e)
        # eliminated states have adjoints too; projected networks have others
        adjoint = backward_laws(obj.enforced.model.replace(observables={}), generators)
        return backward_drift(
            adjoint,
            path.t,
            path.u,
            terminal_values(terminal, fit.states, path.u),
            theta=fit.theta[: adjoint.system.layout.size],
            parameters=dict(zip(obj.plan.parameters, obj.loss.batch.p[e].tolist(), strict=True)),
            **method.keywords,
            engine=fit.engine,
        )


def _path(fit: FitResult, t: ArrayLike | None, e: int) -> Solution:
    """The fitted trajectory at times, by default those of the measurements."""
    return fit.predictions[e] if t is None else fit.predict(t, experiment=e)
