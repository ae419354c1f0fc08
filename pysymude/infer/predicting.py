"""Bands around predictions: by exact derivatives (the delta method), or from refits (the bootstrap)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pysymude.errors import CapabilityError, InvalidInputError, WrongCallError
from pysymude.fit.ensemble.fit_ensemble import quantiles
from pysymude.fit.result.imagined import Imagined, Setting, imagined
from pysymude.fit.result.prediction import is_many
from pysymude.infer.bands import Band
from pysymude.infer.bootstrap import refits
from pysymude.infer.covariance import check_level, said_of
from pysymude.infer.elsewhere import Elsewhere
from pysymude.infer.evidence import Evidence
from pysymude.infer.logarithmic_ends import logarithmic_ends
from pysymude.infer.measurement_scatter import Measuring
from pysymude.infer.observed_columns import Observed, observed
from pysymude.infer.signs import fallen_below, positive_columns, strictly_positive
from pysymude.model.calls import explained, instead
from pysymude.solving.checks import output_times

if TYPE_CHECKING:
    from pysymude.fit.result.fit_result import FitResult

__all__ = ["Asked", "Spread", "asked_of", "band_along", "band_of"]

Float = NDArray[np.float64]

_METHODS, _INTERVALS = ("delta", "bootstrap"), ("confidence", "prediction")
_FELT = (
    0.1  # of a standard error or of the largest value: what a unit of an open direction may change
)
_MOVED = 0.5  # of a standard error: what an allowed point elsewhere may change
_PREDICT = ("u0", "parameters", "experiment", "signals", "doses", "events")
_PERIODS = "give fit an experiment with these periods and NaN in place of measurements, and name it in experiment="
_SEEN = 1e-5  # of a column's largest value


@dataclass(frozen=True)
class Asked:
    """How a band is wanted, checked.

    Attributes
    ----------
    level, method, interval
        As of `Band`.
    weight_scale : float, optional
        See `Evidence`.
    draws, seed, jobs, progress : int
        Of the bootstrap.
    """

    level: float
    method: str = "delta"
    interval: str = "confidence"
    weight_scale: float | None = None
    draws: int = 200
    seed: int = 0
    jobs: int = 1
    progress: bool = True

    def __post_init__(self) -> None:
        check_level(self.level)
        for what, value, known in (
            ("method", self.method, _METHODS),
            ("interval", self.interval, _INTERVALS),
        ):
            if value not in known:
                one, other = map(repr, known)
                raise InvalidInputError(f"{what} must be {one} or {other}; found {value!r}")
        s = self.weight_scale
        if s is not None and (isinstance(s, bool) or not isinstance(s, int | float) or not s > 0):
            raise InvalidInputError(f"weight_scale must be a positive number; found {s!r}")


@dataclass(frozen=True, eq=False)
class Spread:
    """How far values may lie from those of the fit, given their derivatives or refits."""

    fit: FitResult
    asked: Asked

    @cached_property
    def evidence(self) -> Evidence:
        """What the data say around the fit."""
        return Evidence(self.fit, self.asked.weight_scale)

    @cached_property
    def quantile(self) -> float:
        """Of so many standard errors is a half width."""
        return float(np.sqrt(self.evidence.threshold(self.asked.level)))

    def errors(self, slopes: Float, sizes: Float) -> Float:
        """Standard errors of values (..., columns) with derivatives (..., columns, theta), infinite where open.

        `sizes` (columns,) are the largest values.
        """
        evidence = self.evidence
        rows = slopes[..., evidence.free] * evidence.units
        _, vectors, known = evidence.modes
        root = _root(evidence.covariance)
        errors = np.sqrt(((rows @ root) ** 2).sum(axis=-1))
        unseen = np.sqrt(((rows @ vectors[:, ~known]) ** 2).sum(axis=-1))
        is_open = unseen > np.maximum(_FELT * np.minimum(errors, sizes), _SEEN * sizes)
        return np.where(is_open, np.inf, errors)

    def opened(
        self, values: Callable[[Float], Float], middle: Float, errors: Float
    ) -> tuple[Float, NDArray[np.bool_]]:
        """Standard errors of values (..., columns), and which are open, when other valleys are looked into.

        What has run away has no slope any more, so that derivatives at the fit say nothing of it.
        """
        is_open = np.isinf(errors)
        if self.asked.method == "delta":
            sizes = np.abs(middle).reshape(-1, middle.shape[-1]).max(axis=0)
            for theta in self._allowed:
                gap = np.abs(values(theta) - middle)
                is_open |= gap > np.maximum(_MOVED * errors, _SEEN * sizes)
        return np.where(is_open, np.inf, errors), is_open

    @cached_property
    def elsewhere(self) -> Elsewhere:
        """Other points than the fit, where the data hardly hold what was learned."""
        return Elsewhere(self.evidence)

    @cached_property
    def _allowed(self) -> list[Float]:
        return self.elsewhere.allowed(self.evidence.threshold(self.asked.level))

    def warnings(self, columns: Sequence[str], is_open: NDArray[np.bool_]) -> tuple[str, ...]:
        """What is open, in words."""
        touched = np.any(is_open.reshape(-1, len(columns)), axis=0)
        if not touched.any():
            return ()
        names = ", ".join(n for n, here in zip(columns, touched.tolist(), strict=True) if here)
        what = " and ".join(said_of(self.fit) or self.elsewhere.loose) or "directions"
        network = bool(self.fit.layout.of_kind("weight"))
        cure = (
            "; weight_scale=1.0 takes weights for known to about one, weight_decay= in fit and priors do so "
            "from the start"
            if network
            else ""
        )
        return (
            f"{names}: {int(is_open.sum())} values hang on what the data leave open ({what}), and have no "
            f"end{cure}",
        )

    def refitted(self, values: Callable[[Float], Float]) -> Float:
        """The values of each refit, (refits, ...)."""
        asked = self.asked
        found = refits(self.fit, asked.draws, asked.seed, asked.jobs, asked.progress)
        return np.stack([values(theta) for theta in found])

    def ends(
        self, values: Callable[[Float], Float], middle: Float, errors: Float
    ) -> tuple[Float, Float]:
        """Both ends of values without the scatter of measurements."""
        if self.asked.method == "bootstrap":
            return self.tails(self.refitted(values))
        return middle - self.quantile * errors, middle + self.quantile * errors

    def tails(self, drawn: Float) -> tuple[Float, Float]:
        """Both ends of the middle of draws (draws, ...); NaN is left out."""
        return quantiles(drawn, self.asked.level)


def _root(covariance: Float) -> Float:
    values, vectors = np.linalg.eigh(0.5 * (covariance + covariance.T))
    return vectors * np.sqrt(np.maximum(values, 0.0))


@explained
def band_of(
    fit: FitResult,
    t: Any,
    band: Any,
    experiment: int,
    u0: Any,
    parameters: Any,
    signals: Any,
    events: Any,
    doses: Any,
    *,
    observe: Any = None,
    **how: Any,
) -> Band:
    """See `FitResult.predict`."""
    asked = asked_of("predict", band, how)
    if events:
        raise CapabilityError("events= is not available with band=; write them with the system")
    if is_many(u0, parameters):
        raise CapabilityError("band= is for one trajectory at a time: u0 and parameters of numbers")
    setting = Setting(output_times(t), experiment, u0, parameters, signals, doses)
    return band_along(fit, setting, asked, observe)


def asked_of(what: str, band: Any, how: Mapping[str, Any]) -> Asked:
    """The keywords of a band, checked."""
    known = [f.name for f in fields(Asked)][1:]
    for name in how:
        if name not in known:
            there = [*(_PREDICT if what == "predict" else ()), "band", "observe", *known]
            hint = instead(name, there)
            if (what, name) == ("predict", "periods"):
                hint = f"{_PERIODS}; predict has {', '.join(f'{n}=' for n in there)}"
            raise WrongCallError(f"{what} has no {name}=; {hint}")
    if band is None:
        raise WrongCallError(f"{next(iter(how), 'observe')}= is about a band; write band=0.95, too")
    return Asked(band, **how)


def band_along(
    fit: FitResult, setting: Setting, asked: Asked, observe: Any = None, known: Mapping[str, Any] | None = None
) -> Band:  # fmt: skip
    """The band of states, observables or expressions along a trajectory.

    `known` are expressions by name, which stand beside what `observe` names.
    """
    looked = (
        observed(fit.objective.enforced.system, observe)
        if known is None
        else Observed(tuple(known), known)
    )
    spread, columns = Spread(fit, asked), looked.columns
    if asked.interval == "prediction":
        columns = Measuring.possible(fit, looked, chosen=observe is not None or known is not None)
    model = imagined(fit, setting, columns, looked.expressions)
    seen, slopes = model.linearised(fit.theta)
    value = seen[:, : len(columns)]
    if not np.isfinite(value).all():
        raise InvalidInputError(
            "the fitted system cannot be solved at these times, so there is no band"
        )
    errors = spread.errors(slopes, np.abs(value).max(axis=0))
    errors, is_open = spread.opened(model.values, value, errors)
    low, high = _ends(spread, model, seen, value, errors)
    positive = positive_columns(fit.system, columns)
    if asked.interval == "confidence":  # a measurement may have an error that leads below
        low = np.where(positive, np.maximum(low, 0.0), low)
        if asked.method == "delta":
            here = strictly_positive(fit.system, columns) & (value > 0)
            low, high = logarithmic_ends(value, spread.quantile * errors, (low, high), here)
        low, high = np.minimum(low, value), np.maximum(high, value)
    if asked.method == "bootstrap":
        is_open = np.zeros_like(is_open)
    measured = fit.data[setting.experiment] if setting.is_own else None
    shown = tuple(map(looked.shown, columns))
    return Band(
        shown, {"t": setting.t}, value, low, high, errors, asked.level, asked.interval, asked.method,
        is_open, (*spread.warnings(shown, is_open), *fallen_below(shown, value, positive)), measured,
    )  # fmt: skip


def _ends(
    spread: Spread, model: Imagined, seen: Float, value: Float, errors: Float
) -> tuple[Float, Float]:
    """Lower and upper ends, with the scatter of a measurement where it is asked for."""
    asked = spread.asked
    if asked.interval == "confidence":
        return spread.ends(model.values, value, errors)
    measuring = Measuring(spread.fit, model)
    if asked.method == "delta":
        return measuring.ends(seen, errors, spread)
    rng = np.random.default_rng([asked.seed, *b"measured"])
    refitted = spread.refitted(model.values)
    return spread.tails(
        np.concatenate([measuring.drawn(rng, d, seen) for d in refitted for _ in range(20)])
    )
