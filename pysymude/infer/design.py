"""`design`: which experiments to do next, and when to measure in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pysymude.errors import InvalidInputError
from pysymude.fit.long_work.progress_bar import Reporter
from pysymude.fit.result.fit_result import FitResult
from pysymude.infer.alternatives import Setting, checked_candidates, experiments_of
from pysymude.infer.candidates import (
    Candidates,
    Questions,
    check_telling,
    groups_of,
    times_of,
)
from pysymude.infer.choosing import Task
from pysymude.infer.criteria import CRITERIA
from pysymude.infer.design_goal import check_enough, known_before, wanted
from pysymude.infer.evidence import Evidence
from pysymude.infer.planning import Planning
from pysymude.infer.relaxed import Relaxed, relaxed
from pysymude.model.calls import explained, whole_number
from pysymude.model.html_table import html_table, sentence
from pysymude.model.signal import Signal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Design", "design"]

Float = NDArray[np.float64]

_LEAST = 1e-9  # of the information of all candidates
_METHODS = ("greedy", "relaxed")


@dataclass(frozen=True, eq=False)
class Design:
    """Measurements to take; made by `design`.

    Attributes
    ----------
    times : float64 array, shape (n,)
        Ascending within each experiment.
    experiments : int64 array, shape (n,)
        The number of the experiment that each belongs to, in `settings`.
    columns : tuple of tuples of str
        What is measured in each.
    settings : tuple of mappings
        Each experiment: its ``u0``, ``signals``, ``doses`` and ``parameters``, what was chosen and what it had
        besides, as `Trajectory.from_arrays` (with ``t0=``) and `solve` take them.
    criterion : str
    value : float
        The criterion of these measurements, smaller is better: the logarithm of the determinant of the
        covariance, its trace, or its largest eigenvalue, in natural units (relative errors of positive numbers).
    weights : float64 array, shape (candidates,)
        The share of the effort that each of `candidates` has where shares need not be whole measurements.
    gains : float64 array, shape (candidates,)
        What one measurement more at each would bring beside those weights, as a part of the largest.
    bound : float
        No design of the experiments in `settings` has a smaller criterion: the tangent at the weights, which
        is their own criterion where they satisfy the equivalence theorem.
    excess : float
        How far the weights are from satisfying it: by which part the best measurement elsewhere would promise
        more than theirs do. Below 1e-3 they are optimal for all practical purposes.
    efficiency : float
        How many of the measurements would do if no design could do better than the bound, as a part of n.
    equidistant : float
        The criterion of `n` measurements at equal distances in time: in the experiment as it was or, where
        experiments are to choose, spread over those of the fit as they were made.
    names : tuple of str
        What the criterion is about.
    candidates : Candidates
        What was to choose from, with the derivatives of each.
    signals : tuple of Signal
        The inputs of the system.
    """

    times: Float
    experiments: NDArray[np.int64]
    columns: tuple[tuple[str, ...], ...]
    settings: tuple[Setting, ...]
    criterion: str
    value: float
    weights: Float
    gains: Float
    bound: float
    excess: float
    efficiency: float
    equidistant: float
    names: tuple[str, ...]
    candidates: Candidates
    signals: tuple[Signal, ...] = ()

    @property
    def gain(self) -> float:
        """By how much errors shrink beside equidistant measurements, a factor.

        Of the volume of the confidence ellipsoid for ``"D"``; of root mean square errors for ``"A"``; of the
        largest error for ``"E"``.
        """
        if self.criterion == "D":
            return float(np.exp(0.5 * (self.equidistant - self.value)))
        return float(np.sqrt(self.equidistant / self.value))

    @explained
    def plot(self, *, ax: Axes | None = None) -> Figure:
        """A matplotlib figure of what each time would say, with the times that were chosen."""
        from pysymude.plot import plot_design

        return plot_design(self, ax=ax)

    def _repr_html_(self) -> str:
        rows = [
            [float(t), str(int(e)), ", ".join(columns)]
            for t, e, columns in zip(self.times, self.experiments, self.columns, strict=True)
        ]
        return html_table(("time", "experiment", "measured"), rows) + sentence(repr(self))

    def __repr__(self) -> str:
        times = np.array2string(self.times, precision=4, threshold=8)
        used = len(np.unique(self.experiments))
        where = f" in {used} experiments" if used > 1 else ""
        return (
            f"Design({len(self.times)} measurements at {times}{where}, {self.criterion} for "
            f"{', '.join(self.names)}; efficiency {self.efficiency:.0%}, {self.gain:.3g} times better than "
            "equidistant)"
        )


@explained
def design(
    fit: FitResult,
    *,
    candidates: Mapping[str, Any],
    n: int,
    criterion: str = "D",
    parameters: Any = None,
    observe: Any = None,
    experiment: int = 0,
    experiments: int | None = None,
    replicates: bool = False,
    after: bool = False,
    method: str = "greedy",
    progress: bool = True,
) -> Design:
    """The `n` of the candidate measurements that tell most, by Fisher's information at the fit.

    Networks count with all their weights; what the priors of the system say of these, or of anything, counts
    as information. The relaxed problem, in which candidates have weights, says how far from the best a
    design is.

    Parameters
    ----------
    fit : FitResult
        Values, noise, and the experiment that is done again, perhaps in another way.
    candidates : mapping
        ``{"t": times}``, and what can be chosen besides, each a list of alternatives:
        ``"u0": [{x: 1.0}, {x: 5.0}]``, ``"signals": [{u: (times, values)}, ...]`` for inputs such as controls,
        ``"doses": [{gut: [(0, 50)]}, ...]``, ``"parameters": [{T: 280.0}, ...]``, ``"observe": ["x", "y"]``.
        Numbers also as ``{x: [1.0, 5.0]}``, all pieces of a control as
        ``{u: {"t": switches, "levels": [0, 0.5, 1]}}``, all doses as ``{gut: {"t": [0, 6], "amounts": [0, 50]}}``.
        All combinations are candidates.
    n : int
        At each time all columns are measured, or the one that is chosen of ``candidates["observe"]``.
    criterion : str
        ``"D"``, ``"A"`` or ``"E"``: volume, mean square, or largest error.
    parameters : one or several of symbol or name, optional
        What is wanted; by default all parameters and learned starts, or the weights where there are no others;
        without scales of noise other than normal.
        Everything else is learned beside them.
    observe : one or several of state or observable, optional
        What is measured at once; by default the columns of the experiment.
    experiment : int
    experiments : int, optional
        In how many different experiments at most; by default any number. Where there are more than 1024
        combinations, ``experiments=1`` searches for the best one thing by thing, from three starts.
    replicates : bool
        Whether a time may be chosen several times.
    after : bool
        Whether the data that were fitted count, too.
    method : str
        ``"greedy"``: one after the other is chosen; ``"relaxed"``: optimal weights are rounded. Either way
        measurements are then exchanged as long as that helps.
    progress : bool
        Show what is being done, on a terminal or in a notebook.

    Returns
    -------
    Design

    Raises
    ------
    InvalidInputError
        A name, a time or a number that does not fit.

    References
    ----------
    .. [1] Plate, Martensen and Sager, Optimal Experimental Design for Universal Differential Equations,
       arXiv:2408.07143.
    .. [2] Fedorov, Theory of Optimal Experiments, 1972; Pukelsheim, Optimal Design of Experiments, 1993.
    .. [3] Kiefer and Wolfowitz, The equivalence of two extremum problems, Can. J. Math. 12 (1960), 363-366.

    Examples
    --------
    >>> import numpy as np, pysymude as psu
    >>> x, k = psu.states("x"), psu.parameters("k", positive=True)
    >>> t = np.linspace(0.0, 3.0, 7)
    >>> data = psu.Dataset.from_arrays(t, np.exp(-t)[:, None], states=[x], u0={x: 1.0}, noise=0.1)
    >>> fit = psu.fit(psu.ODESystem({x: -k*x}, trainable={k: 0.8}), data, progress=False)
    >>> found = psu.design(fit, candidates={"t": np.linspace(0.0, 3.0, 31), "u0": {x: [0.5, 2.0]}}, n=1)
    >>> found.times.round(1).tolist(), found.settings[found.experiments[0]]["u0"]
    ([1.0], {'x': 2.0})
    """
    if not isinstance(fit, FitResult):
        raise InvalidInputError(f"design takes a FitResult first; found {type(fit).__name__}")
    _check_numbers(fit, n, experiment, experiments)
    for what, value, known in (
        ("criterion", criterion, tuple(CRITERIA)), ("method", method, _METHODS),
    ):  # fmt: skip
        if value not in known:
            raise InvalidInputError(
                f"{what} must be one of {', '.join(map(repr, known))}; found {value!r}"
            )
    asked_of = checked_candidates(candidates)
    questions = Questions(
        fit, experiment, times_of(asked_of["t"], fit.data[experiment]),
        groups_of(fit, asked_of.get("observe"), observe, experiment),
    )  # fmt: skip
    several = experiments_of(fit.system, asked_of)
    evidence = Evidence(fit)
    usual = questions.ask([{}])
    before = known_before(evidence, after)
    told = usual.rows.reshape(-1, usual.rows.shape[2])
    names, asked = wanted(evidence, parameters, (told != 0).any(axis=0))
    least = _LEAST * (float(np.trace(before)) + float(np.sum(told**2))) / len(before)
    judge = CRITERIA[criterion](asked, least)

    def task(found: Candidates) -> Task:
        return Task(judge, before, found.rows, n, replicates)

    most = min(several.count, experiments or several.count)
    _check_count(n, len(usual.times) * most, replicates)
    planned = Planning(questions, task, experiments)
    with Reporter(progress, None, f"choosing among {several.count} experiments") as reporter:
        found = planned.candidates(several) if several.dimensions else usual
        check_telling(found)
        whole = task(found)
        reporter.begins("weights of the relaxed problem")
        spread = relaxed(whole)
        reporter.begins(f"choosing {n} of {len(found.times)} candidates")
        first = whole.greedy() if method == "greedy" else whole.rounded(spread.weights)
        chosen = whole.exchanged(first)
    check_enough(judge, whole.information(chosen), names, n)
    plain = questions.as_made(n) if several.dimensions and len(fit.data) > 1 else usual
    beside = task(plain).value(plain.equidistant(n))
    made = _made(criterion, names, whole, found, chosen, spread, beside)
    settings = tuple(questions.whole(setting) for setting in found.settings)
    return replace(made, settings=settings, signals=fit.system.signals)


def _made(
    criterion: str,
    names: tuple[str, ...],
    task: Task,
    found: Candidates,
    chosen: NDArray[np.int64],
    spread: Relaxed,
    equidistant: float,
) -> Design:
    order = np.lexsort((found.groups[chosen], found.times[chosen], found.experiments[chosen]))
    chosen = chosen[order]
    value = task.value(chosen)
    bound = min(spread.bound, value)
    if criterion == "D":
        efficiency = float(np.exp((bound - value) / task.judge.asked.size))
    else:
        efficiency = max(float(bound / value), 0.0)
    return Design(
        found.times[chosen], found.experiments[chosen],
        tuple(found.columns[g] for g in found.groups[chosen]), found.settings, criterion, value,
        spread.weights, spread.gains, bound, spread.excess, efficiency, equidistant, names, found,
    )  # fmt: skip


def _check_numbers(fit: FitResult, n: int, experiment: int, experiments: int | None) -> None:
    whole_number(n, what="n", least=1)
    if experiments is not None:
        whole_number(experiments, what="experiments", least=1)
    known = isinstance(experiment, int) and not isinstance(experiment, bool)
    if not known or not 0 <= experiment < len(fit.data):
        raise InvalidInputError(
            f"experiment must be a number from 0 to {len(fit.data) - 1}; found {experiment!r}"
        )


def _check_count(n: int, candidates: int, replicates: bool) -> None:
    if not replicates and n > candidates:
        raise InvalidInputError(
            f"n = {n} measurements at {candidates} candidates; write replicates=True for repeated ones"
        )
