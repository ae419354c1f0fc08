"""`design`: which measurements to take next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pysymude.errors import InvalidInputError
from pysymude.fit.long_work.progress_bar import Reporter
from pysymude.fit.result.fit_result import FitResult
from pysymude.infer.candidates import Candidates, candidates_of
from pysymude.infer.criteria import CRITERIA, Criterion
from pysymude.infer.evidence import Evidence
from pysymude.model.calls import explained, whole_number
from pysymude.model.coerce import label_of, meant

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Design", "design"]

Float = NDArray[np.float64]

_ROUNDS = 2000
_ENOUGH = 1e-4  # of the criterion's slope: where no candidate promises more than that
_LEAST, _OPEN = 1e-9, 1e-2  # of the information of all candidates


@dataclass(frozen=True, eq=False)
class Design:
    """Measurements to take; made by `design`.

    Attributes
    ----------
    times : float64 array, shape (n,)
        Ascending; of one initial state where several were given it is those of all.
    starts : int64 array, shape (n,)
        The number of the initial state that each belongs to.
    criterion : str
    value : float
        The criterion of these measurements, smaller is better: the logarithm of the determinant of the
        covariance, its trace, or its largest eigenvalue, in natural units (relative errors of positive numbers).
    weights : float64 array, shape (candidates,)
        The share of the effort that each candidate has where shares need not be whole measurements.
    bound : float
        The criterion of `n` measurements spread by those weights: no design is better.
    efficiency : float
        How many of the measurements would do if they could be spread like that, as a part of n.
    equidistant : float
        The criterion of `n` candidates at equal distances in time.
    names : tuple of str
        What the criterion is about.
    """

    times: Float
    starts: NDArray[np.int64]
    criterion: str
    value: float
    weights: Float
    bound: float
    efficiency: float
    equidistant: float
    names: tuple[str, ...]
    candidates: Candidates

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

    def __repr__(self) -> str:
        times = np.array2string(self.times, precision=4, threshold=8)
        return (
            f"Design({len(self.times)} measurements at {times}, {self.criterion} for {', '.join(self.names)}; "
            f"efficiency {self.efficiency:.0%}, {self.gain:.3g} times better than equidistant)"
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
    replicates: bool = False,
    after: bool = False,
    progress: bool = True,
) -> Design:
    """The `n` of the candidate measurements that tell most, by Fisher's information at the fit.

    One after the other is chosen, then exchanged as long as that helps; the relaxed problem, in which
    candidates have weights, says how far from the best that is.

    Parameters
    ----------
    fit : FitResult
        Values, noise, and by default the experiment that is measured again.
    candidates : mapping
        ``{"t": times}``; with ``"u0"``, a list of mappings, also from which initial state.
    n : int
        At each time all columns are measured.
    criterion : str
        ``"D"``, ``"A"`` or ``"E"``: volume, mean square, or largest error.
    parameters : one or several of symbol or name, optional
        What is wanted; by default all parameters and learned starts, or the weights where there are no others;
        without scales of noise other than normal.
        Everything else is learned beside them.
    observe : one or several of state or observable, optional
        What is measured; by default the columns of the experiment.
    experiment : int
    replicates : bool
        Whether a time may be chosen several times.
    after : bool
        Whether the data that were fitted count, too.
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
    """
    if not isinstance(fit, FitResult):
        raise InvalidInputError(f"design takes a FitResult first; found {type(fit).__name__}")
    whole_number(n, what="n", least=1)
    if criterion not in CRITERIA:
        raise InvalidInputError(
            f"criterion must be one of {', '.join(map(repr, CRITERIA))}; found {criterion!r}"
        )
    if (
        isinstance(experiment, bool)
        or not isinstance(experiment, int)
        or not 0 <= experiment < len(fit.data)
    ):
        raise InvalidInputError(
            f"experiment must be a number from 0 to {len(fit.data) - 1}; found {experiment!r}"
        )
    evidence = Evidence(fit)
    found = candidates_of(fit, candidates, experiment, _columns(fit, observe, experiment))
    each = found.information
    names, asked = _asked(evidence, parameters, np.diag(each.sum(axis=0)) > 0)
    if not replicates and n > len(each):
        raise InvalidInputError(
            f"n = {n} measurements at {len(each)} candidates; write replicates=True for repeated ones"
        )
    before = evidence.scaled / evidence.scale if after else np.zeros(each.shape[1:])
    least = _LEAST * float(np.trace(before + each.sum(axis=0))) / len(before)
    judge = CRITERIA[criterion](asked, least)
    with Reporter(progress, None, f"choosing {n} of {len(each)} candidates") as reporter:
        chosen = _greedy(judge, before, each, n, replicates)
        reporter.begins("exchanging measurements")
        chosen = _exchanged(judge, before, each, chosen, replicates)
        reporter.begins("weights of the relaxed problem")
        weights = _relaxed(judge, before, each, n)
    _check_enough(judge, before + each[chosen].sum(axis=0), names, n)
    value = judge.value(before + each[chosen].sum(axis=0))
    bound = min(judge.value(before + n * np.tensordot(weights, each, 1)), value)
    order = np.lexsort((found.times[chosen], found.starts[chosen]))
    times, starts = found.times[chosen][order], found.starts[chosen][order]
    return Design(
        times, starts, criterion, value, weights, bound, _efficiency(criterion, value, bound, asked.size),
        judge.value(before + each[_equidistant(found, n)].sum(axis=0)), names, found,
    )  # fmt: skip


def _check_enough(judge: Criterion, information: Float, names: tuple[str, ...], n: int) -> None:
    """An error where so many measurements leave open what is wanted."""
    open_ones = np.diag(judge.covariance(information))[judge.asked] * judge.least > _OPEN
    if open_ones.any():
        wanted = [name for name, is_open in zip(names, open_ones, strict=False) if is_open] or names
        raise InvalidInputError(
            f"{n} of these measurements cannot determine {', '.join(wanted)} beside all that is learned with "
            "it: take a larger n=, other candidates, or after=True, which counts the data that were fitted"
        )


def _asked(
    evidence: Evidence, given: Any, told: NDArray[np.bool_]
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Names, and their places among the free numbers; `told` are those of which candidates say anything."""
    known = list(evidence.slots)
    if given is None:
        if not known:
            return ("all weights",), np.arange(evidence.free.size)
        # of the scales of some noise models nothing is known here; the rest does not depend on them
        scatter = {x.name for x in evidence.fit.system.replace(noise={}, priors={}).unread}
        at = np.searchsorted(evidence.free, [evidence.slots[name].offset for name in known])
        names = tuple(
            name for name, k in zip(known, at, strict=True) if told[k] or name not in scatter
        )
    else:
        several = given if isinstance(given, list | tuple) else [given]
        names = tuple(label_of(name) for name in several)
    for name in names:
        if name not in known:
            raise InvalidInputError(
                f"parameters= names {name!r}, which is not learned; there are {', '.join(known) or 'none'}"
                f"{meant(name, known)}"
            )
    places = [evidence.slots[name].offset for name in names]
    return names, np.searchsorted(evidence.free, places)


def _columns(fit: FitResult, given: Any, experiment: int) -> tuple[str, ...]:
    if given is None:
        return fit.data[experiment].columns
    known = [*(x.name for x in fit.system.states), *fit.system.observables]
    names = tuple(label_of(k) for k in (given if isinstance(given, list | tuple) else [given]))
    for name in names:
        if name not in known:
            raise InvalidInputError(
                f"observe= names {name!r}; the system has {', '.join(known)}{meant(name, known)}"
            )
    return names


def _greedy(
    judge: Criterion, before: Float, each: Float, n: int, replicates: bool
) -> NDArray[np.int64]:
    """One candidate after the other, each the best beside those before it."""
    chosen: list[int] = []
    total = before.copy()
    for _ in range(n):
        open_ones = [i for i in range(len(each)) if replicates or i not in chosen]
        best = min(open_ones, key=lambda i: judge.value(total + each[i]))
        chosen.append(best)
        total = total + each[best]
    return np.array(chosen, dtype=np.int64)


def _exchanged(
    judge: Criterion, before: Float, each: Float, chosen: NDArray[np.int64], replicates: bool
) -> NDArray[np.int64]:
    """The same with entries exchanged for others as long as that helps."""
    chosen = chosen.copy()
    for _ in range(100):
        value, changed = judge.value(before + each[chosen].sum(axis=0)), False
        for k in range(len(chosen)):
            rest = before + np.delete(each[chosen], k, axis=0).sum(axis=0)
            others = set(np.delete(chosen, k).tolist())
            for i in range(len(each)):
                if replicates or i not in others:
                    other = judge.value(rest + each[i])
                    if other < value - 1e-9 * max(abs(value), 1.0):
                        chosen[k], value, changed = i, other, True
        if not changed:
            break
    return chosen


def _relaxed(judge: Criterion, before: Float, each: Float, n: int) -> Float:
    """Weights with the sum 1 that make the criterion smallest: candidates that promise more gain.

    The multiplicative algorithm of Silvey, Titterington and Torsney.
    """
    weights = np.full(len(each), 1.0 / len(each))
    power, value = 0.5, np.inf
    for _ in range(_ROUNDS):
        total = before + n * np.tensordot(weights, each, 1)
        gains = np.maximum(judge.gains(total, each), 0.0)
        mean = float(weights @ gains)
        if not mean > 0 or float(gains.max()) <= (1.0 + _ENOUGH) * mean:
            break
        moved = weights * (gains / mean) ** power
        moved /= moved.sum()
        value_there = judge.value(before + n * np.tensordot(moved, each, 1))
        if value_there > value:
            power *= 0.5
            if power < 1e-3:
                break
            continue
        weights, value = moved, value_there
    return weights


def _efficiency(criterion: str, value: float, bound: float, numbers: int) -> float:
    if criterion == "D":
        return float(np.exp((bound - value) / numbers))
    return float(bound / value)


def _equidistant(found: Candidates, n: int) -> NDArray[np.int64]:
    """The candidates that are closest to n equal distances, from the first initial state."""
    own = np.flatnonzero(found.starts == 0)
    times = found.times[own]
    wanted = np.linspace(times[0], times[-1], n)
    return own[np.abs(times[None] - wanted[:, None]).argmin(axis=1)]
