"""`compare`: which of several models the data prefer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from pysymude.errors import InvalidInputError
from pysymude.fit.result.fit_result import FitResult
from pysymude.model.calls import explained
from pysymude.model.html_table import html_table
from pysymude.solving.tabular import package

__all__ = ["Comparison", "Judged", "compare"]


@dataclass(frozen=True)
class Judged:
    """One fit among others.

    `numbers` is how many were learned, with the noise of columns for which none was given; `weight` is
    Akaike's: the share of the evidence that the model has by AICc.
    """

    name: str
    log_likelihood: float
    numbers: int
    aic: float
    aicc: float
    bic: float
    weight: float


@dataclass(frozen=True)
class Comparison:
    """Fits of the same measurements, by AICc, the best first; made by `compare`.

    Attributes
    ----------
    table : tuple of Judged
    measurements : int
    """

    table: tuple[Judged, ...]
    measurements: int

    @property
    def best(self) -> str:
        """The name of the model with the smallest AICc."""
        return self.table[0].name

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
        names = ("log_likelihood", "numbers", "aic", "aicc", "bic", "weight")
        rows = {row.name: [getattr(row, name) for name in names] for row in self.table}
        return pd.DataFrame.from_dict(rows, orient="index", columns=list(names))

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
        return "\n".join(lines)

    __repr__ = __str__


@explained
def compare(fits: Mapping[str, FitResult] | Iterable[FitResult]) -> Comparison:
    """Fits of the same measurements beside each other: AIC, AICc and BIC from their exact log-likelihoods.

    Noise that was nowhere given is the one that makes the measurements likeliest, one number more for each
    column. Weights of networks count as one number each, which is hard on networks.

    Parameters
    ----------
    fits : mapping from name to FitResult, or sequence of FitResult

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
    """
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
    return Comparison(tuple(sorted(table, key=lambda row: (row.aicc, row.aic))), n)


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
