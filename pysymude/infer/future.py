"""Leave-future-out: refits to what came first, judged by what came next."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pysymude.errors import InvalidInputError, PySymUDEError
from pysymude.fit.long_work.progress_bar import Reporter
from pysymude.fit.loss.pointwise import Pointwise
from pysymude.fit.stages.lbfgs import LBFGS
from pysymude.fit.training.fitting import fit as train
from pysymude.model.dataset import Dataset
from pysymude.model.trajectory import Trajectory

if TYPE_CHECKING:
    from pysymude.fit.result.fit_result import FitResult

__all__ = ["Foretold", "foretold"]

Float = NDArray[np.float64]

_FIRST = 0.5  # of the times: what every refit sees


@dataclass(frozen=True, eq=False)
class Foretold:
    """How well the future was foretold.

    Attributes
    ----------
    densities : float64 array, shape (measurements,)
        The logarithm of the density of each measurement that was foretold, by the refit to what came before.
    failures : tuple of str
        Folds whose refit failed or cannot be solved so far; their measurements count with -inf.
    """

    densities: Float
    failures: tuple[str, ...]

    @property
    def elpd(self) -> float:
        """The sum: the expected log predictive density, estimated."""
        return float(self.densities.sum())

    def over(self, other: Foretold) -> tuple[float, float]:
        """By how much it is above that of another model, and the standard error of that."""
        with np.errstate(invalid="ignore"):
            gap = self.densities - other.densities
        if not np.isfinite(gap).all():
            return float(np.nan_to_num(self.elpd - other.elpd, nan=0.0)), float("nan")
        return float(gap.sum()), float(np.sqrt(gap.size) * gap.std(ddof=1)) if gap.size > 1 else 0.0


def foretold(fit: FitResult, folds: int, stages: Any, reporter: Reporter, name: str) -> Foretold:
    """The scores of `folds` blocks of times, each by a refit to everything before it."""
    points, cuts = Pointwise(fit.objective), _cuts(fit.data, folds)
    e, i, _ = points.places.T
    since = fit.objective.loss.batch.ts[e, i] - fit.objective.loss.batch.t0[e]
    parts: list[Float] = []
    failures: list[str] = []
    for fold, (begin, end) in enumerate(pairwise(cuts)):
        block = (since > begin) & (since <= end)
        try:
            again = _refit(fit, begin, stages)
        except PySymUDEError as error:
            failures.append(f"fold {fold}: {error}")
            parts.append(np.full(int(block.sum()), -np.inf))
            continue
        reporter.advance(f"refits of {name} to the past", again.loss)
        seen = points.seen(again.theta)
        scales = _scales(points, seen, since <= begin, fit)
        found = points.log_likelihood(seen, scales)[block]
        if not np.isfinite(found).all():
            failures.append(f"fold {fold}: what the refit foretells has no density there")
        parts.append(np.nan_to_num(found, nan=-np.inf, neginf=-np.inf))
    return Foretold(np.concatenate(parts), tuple(failures))


def _cuts(data: Dataset, folds: int) -> Float:
    """Times since the start: up to the first all refits see, and between each two lies what one foretells."""
    measured = np.unique(np.concatenate([tr.t[~np.isnan(tr.u).all(axis=1)] - tr.t0 for tr in data]))
    first = int(np.ceil(_FIRST * measured.size))
    if measured.size - first < folds or first < 2:
        raise InvalidInputError(
            f"leave_future_out={folds} needs as many different times in the second half of the data; "
            f"there are {max(measured.size - first, 0)}"
        )
    ends = np.array_split(measured[first:], folds)
    return np.array([measured[first - 1], *(part[-1] for part in ends)])


def _refit(fit: FitResult, begin: float, stages: Any) -> FitResult:
    """The model fitted to what was measured up to a time since each start."""
    past = Dataset(_past(tr, tr.t0 + begin) for tr in fit.data)
    given: dict[str, Any] = {"stages": stages, "seed": fit.seed}
    if not fit.objective.plan.networks:
        # a network that has seen the future would remember it
        given |= {"theta0": fit.theta, "stages": stages or LBFGS(500)}
    return train(
        fit.system, past, weight_decay=fit.weight_decay, progress=False,
        **given, **fit.objective.settings.of_fit,
    )  # fmt: skip


def _past(trajectory: Trajectory, end: float) -> Trajectory:
    """An experiment without what was measured later; its first two rows stay, if only as times."""
    keep = trajectory.t <= end
    unseen = ~keep
    keep[:2] = True
    u, censored = trajectory.u.copy(), trajectory.censored.copy()
    u[unseen], censored[unseen] = np.nan, 0
    noise = {c: s[keep] if isinstance(s, np.ndarray) else s for c, s in trajectory.noise.items()}
    return replace(
        trajectory, t=trajectory.t[keep], u=u[keep], censored=censored[keep], noise=noise
    )


def _scales(points: Pointwise, seen: Float, known: NDArray[np.bool_], fit: FitResult) -> Float:
    """The noise of columns without any, as what was seen shows it."""
    loss = fit.objective.loss
    weight = np.zeros_like(loss.weight)
    at = tuple(points.places[known].T)
    weight[at] = loss.weight[at]
    past = Pointwise(fit.objective.with_loss(loss.with_weight(weight)))
    learned = fit.theta.size - len(fit.objective.composition.frozen)
    return past.likely_scales(seen, max(1.0 - learned / max(known.sum(), 1), 0.1))
