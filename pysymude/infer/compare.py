"""`compare`: which of several models the data prefer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from pysymude.errors import InvalidInputError
from pysymude.fit.long_work.progress_bar import Reporter
from pysymude.fit.result.fit_result import FitResult
from pysymude.infer.future import Foretold, foretold
from pysymude.model.calls import explained, whole_number
from pysymude.model.html_table import html_table
from pysymude.solving.tabular import package

__all__ = ["Comparison", "Judged", "compare"]


@dataclass(frozen=True)
class Judged:
    """One fit among others.

    `numbers` is how many were learned, with the noise of columns for which none was given; `weight` is
    Akaike's: the share of the evidence that the model has by AICc. `elpd` is the logarithm of the density of
    the future, by refits to the past; `elpd_gap` by how much it is below the best model's, and `gap_error` the
    standard error of that; None without `leave_future_out`.
    """

    name: str
    log_likelihood: float
    numbers: int
    aic: float
    aicc: float
    bic: float
    weight: float
    elpd: float | None = None
    elpd_gap: float | None = None
    gap_error: float | None = None


@dataclass(frozen=True)
class Comparison:
    """Fits of the same measurements, by AICc, the best first; made by `compare`.

    Attributes
    ----------
    table : tuple of Judged
    measurements : int
    warnings : tuple of str
        Refits to the past that failed.
    """

    table: tuple[Judged, ...]
    measurements: int
    warnings: tuple[str, ...] = ()

    @property
    def best(self) -> str:
        """The name of the model with the smallest AICc."""
        return self.table[0].name

    @property
    def best_at_foretelling(self) -> str:
        """The name of the model that foretold the future best.

        Raises
        ------
        InvalidInputError
            Nothing was foretold: `compare` was not told to `leave_future_out`.
        """
        if not self._foretold:
            raise InvalidInputError(
                "nothing was foretold; write psu.compare(fits, leave_future_out=5)"
            )
        return min(self.table, key=lambda row: row.elpd_gap or 0.0).name

    @property
    def _foretold(self) -> bool:
        return self.table[0].elpd is not None

    def __getitem__(self, name: str) -> Judged:
        for row in self.table:
            if row.name == name:
                return row
        raise InvalidInputError(
            f"there is no fit {name!r} here; there are {', '.join(r.name for r in self.table)}"
        )

    def to_dataframe(self) -> Any:
        """A pandas data frame with a row a fit."""
        pd = package("pandas", "to_dataframe")
        names = ["log_likelihood", "numbers", "aic", "aicc", "bic", "weight"]
        names += ["elpd", "elpd_gap", "gap_error"] if self._foretold else []
        rows = {row.name: [getattr(row, name) for name in names] for row in self.table}
        return pd.DataFrame.from_dict(rows, orient="index", columns=names)

    def _repr_html_(self) -> str:
        rows = [
            [r.name, r.log_likelihood, float(r.numbers), r.aic, r.aicc, r.bic, r.weight]
            for r in self.table
        ]
        return html_table(("model", "log L", "k", "AIC", "AICc", "BIC", "weight"), rows)

    def __str__(self) -> str:
        wide = max(5, *(len(row.name) for row in self.table))
        lines = [
            f"{'model':<{wide}}  {'log L':>11}  {'k':>4}  {'AIC':>10}  {'AICc':>10}  {'BIC':>10}  {'weight':>7}"
        ]
        lines += [
            f"{r.name:<{wide}}  {r.log_likelihood:>11.3f}  {r.numbers:>4}  {r.aic:>10.2f}  {r.aicc:>10.2f}  "
            f"{r.bic:>10.2f}  {r.weight:>7.3f}"
            for r in self.table
        ]
        if self._foretold:
            lines[0] += f"  {'elpd':>9}  {'below':>7}  {'error':>6}"
            for k, r in enumerate(self.table, start=1):
                lines[k] += f"  {r.elpd:>9.3f}  {r.elpd_gap:>7.3f}  {r.gap_error:>6.3f}"
        return "\n".join([*lines, *self.warnings])

    __repr__ = __str__


@explained
def compare(
    fits: Mapping[str, FitResult] | Iterable[FitResult],
    *,
    leave_future_out: int = 0,
    stages: Any = None,
    progress: bool = True,
) -> Comparison:
    """Fits of the same measurements beside each other: AIC, AICc and BIC from their exact log-likelihoods.

    Noise that was nowhere given is the one that makes the measurements likeliest, one number more for each
    column. Weights of networks count as one number each, which is hard on networks.

    Parameters
    ----------
    fits : mapping from name to FitResult, or sequence of FitResult
    leave_future_out : int
        So many blocks of times in the second half of the data are foretold, each by a refit to all that was
        measured before it. 0: nothing is refitted.
    stages : sequence of stages, optional
        Of the refits. By default ``psu.LBFGS(500)`` from the fit; with networks the stages of `fit`, from new
        weights, since those of the fit have seen the future.
    progress : bool
        Show what is being done, on a terminal or in a notebook.

    Returns
    -------
    Comparison

    Raises
    ------
    InvalidInputError
        Other things than fits, or fits of other measurements.

    References
    ----------
    .. [1] Burnham and Anderson, Model Selection and Multimodel Inference, 2nd ed., 2002, secs. 2.2 to 2.9.
    .. [2] Buerkner, Gabry and Vehtari, Approximate leave-future-out cross-validation for Bayesian time series
       models, J. Stat. Comput. Simul. 90 (2020), 2499. Here densities are those of the refits themselves.
    """
    whole_number(leave_future_out, what="leave_future_out")
    named = _named(fits)
    first = next(iter(named.values()))
    n = first.objective.loss.n_measured
    rows: list[tuple[str, float, int]] = []
    for name, found in named.items():
        if _measured(found) != _measured(first):
            raise InvalidInputError(
                f"{name!r} was fitted to other measurements than {next(iter(named))!r}; likelihoods of "
                "other data cannot be compared"
            )
        likelihood = found.objective.log_likelihood(found.theta)
        rows.append((name, likelihood, _numbers(found)))
    aiccs = [_aicc(value, k, n) for _, value, k in rows]
    shares = (
        np.exp(-0.5 * (np.array(aiccs) - min(aiccs)))
        if np.isfinite(min(aiccs))
        else np.ones(len(rows))
    )
    shares = np.nan_to_num(shares / shares.sum())
    table = [
        Judged(name, value, k, 2 * k - 2 * value, c, k * float(np.log(n)) - 2 * value, float(share))
        for (name, value, k), c, share in zip(rows, aiccs, shares, strict=True)
    ]
    warnings: tuple[str, ...] = ()
    if leave_future_out:
        table, warnings = _with_future(table, named, leave_future_out, stages, progress)
    return Comparison(tuple(sorted(table, key=lambda row: (row.aicc, row.aic))), n, warnings)


def _with_future(
    table: list[Judged], named: dict[str, FitResult], folds: int, stages: Any, progress: bool
) -> tuple[list[Judged], tuple[str, ...]]:
    """The rows with what each model foretells."""
    found: dict[str, Foretold] = {}
    with Reporter(progress, folds * len(named), "refits to the past") as reporter:
        for name, one in named.items():
            found[name] = foretold(one, folds, stages, reporter, name)
    best = max(found.values(), key=lambda one: one.elpd)
    rows: list[Judged] = []
    for row in table:
        gap, error = best.over(found[row.name])
        rows.append(replace(row, elpd=found[row.name].elpd, elpd_gap=gap, gap_error=error))
    said = [f"{name}: {why}" for name, one in found.items() for why in one.failures]
    return rows, tuple(said)


def _aicc(value: float, k: int, n: int) -> float:
    """Infinite where there are as many numbers as measurements."""
    return 2 * k - 2 * value + 2 * k * (k + 1) / (n - k - 1) if n > k + 1 else np.inf


def _numbers(found: FitResult) -> int:
    """What was learned, and the noise of columns that have none."""
    obj = found.objective
    models = set() if obj.likelihood is None else {c.name for c in obj.likelihood.columns}
    given = {name for trajectory in found.data for name in trajectory.noise}
    return (
        found.theta.size
        - len(obj.composition.frozen)
        + len(set(found.data.columns) - models - given)
    )


def _measured(found: FitResult) -> tuple[Any, ...]:
    return tuple(
        (tr.name, tr.columns, tr.t.tobytes(), tr.u.tobytes(), tr.censored.tobytes())
        for tr in found.data
    )


def _named(fits: Any) -> dict[str, FitResult]:
    if isinstance(fits, Mapping):
        named = {str(k): v for k, v in cast("Mapping[Any, Any]", fits).items()}
    elif isinstance(fits, FitResult) or not isinstance(fits, Iterable):
        raise InvalidInputError(
            "compare takes several fits, such as psu.compare({'logistic': fit1, 'Gompertz': fit2})"
        )
    else:
        named = {f"fit {k}": v for k, v in enumerate(cast("Iterable[Any]", fits))}
    if not named:
        raise InvalidInputError("compare needs fits; found none")
    for name, found in named.items():
        if not isinstance(found, FitResult):
            raise InvalidInputError(
                f"compare takes FitResults; {name!r} is a {type(found).__name__}"
            )
    return named
