"""What a fit leaves over: residuals by experiment and column, and how large they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pysymude.model.html_table import html_table
from pysymude.model.units import with_unit
from pysymude.plan.compiled import compile_system
from pysymude.plan.numeric import NumericModel
from pysymude.solving.solution import Solution

if TYPE_CHECKING:
    from pysymude.fit.result.fit_result import FitResult

__all__ = ["ColumnFit", "Residuals", "residuals_of"]

Float = NDArray[np.float64]


@dataclass(frozen=True)
class ColumnFit:
    """How well one measured column is described.

    `count` measurements; `rms`: root mean square residual, in the column's unit; `r2`: one less the
    residuals' part of the variance about each experiment's mean; `noise`: the scale that was given, or,
    where `estimated`, the one that the residuals show; `chi2`: mean of (residual / noise)^2, NaN where the
    noise is not known by itself.
    """

    name: str
    count: int
    rms: float
    r2: float
    noise: float
    estimated: bool
    chi2: float


@dataclass(frozen=True, eq=False)
class Residuals:
    """Measured less model.

    Attributes
    ----------
    columns : tuple of str
    experiments : tuple of str
    t : tuple of float64 array (times,)
        Of each experiment.
    values : tuple of float64 array (times, columns)
        NaN where nothing was measured.
    noise : tuple of float64 array (times, columns)
        As given; NaN where nothing was.
    measured : tuple of float64 array (times, columns)
    freedom : float
        Measurements less what was learned, as a part of the measurements.
    units : mapping from name to str
        Those of the system.
    """

    columns: tuple[str, ...]
    experiments: tuple[str, ...]
    t: tuple[Float, ...]
    values: tuple[Float, ...]
    noise: tuple[Float, ...]
    measured: tuple[Float, ...]
    freedom: float
    units: Mapping[str, str] = field(default_factory=dict[str, str])

    @cached_property
    def table(self) -> tuple[ColumnFit, ...]:
        """One row a column."""
        return tuple(self._column(j) for j in range(len(self.columns)))

    def _column(self, j: int) -> ColumnFit:
        r = np.concatenate([v[:, j] for v in self.values])
        sigma = np.concatenate([s[:, j] for s in self.noise])
        spread = 0.0
        for y in (m[:, j] for m in self.measured):
            seen = y[np.isfinite(y)]
            spread += float(((seen - seen.mean()) ** 2).sum()) if seen.size else 0.0
        here = np.isfinite(r)
        r, sigma = r[here], sigma[here]
        total = float((r**2).sum())
        rms = float(np.sqrt(total / r.size)) if r.size else np.nan
        known = bool(r.size) and bool(np.isfinite(sigma).all())
        return ColumnFit(
            self.columns[j], int(r.size), rms, 1.0 - total / spread if spread > 0 else np.nan,
            float(np.sqrt(np.mean(sigma**2))) if known else rms / np.sqrt(self.freedom),
            not known, float(np.mean((r / sigma) ** 2)) if known and (sigma > 0).all() else np.nan,
        )  # fmt: skip

    def to_dataframe(self) -> Any:
        """A pandas data frame with a row a measurement: experiment, t, column, measured, residual, noise."""
        import pandas as pd

        rows: list[dict[str, Any]] = []
        for e, name in enumerate(self.experiments):
            for i, j in np.argwhere(np.isfinite(self.values[e])):
                rows.append(
                    {
                        "experiment": name, "t": self.t[e][i], "column": self.columns[j],
                        "measured": self.measured[e][i, j], "residual": self.values[e][i, j],
                        "noise": self.noise[e][i, j],
                    }
                )  # fmt: skip
        frame = pd.DataFrame(rows)
        if self.units:
            frame.attrs["units"] = dict(self.units)
        return frame

    def _repr_html_(self) -> str:
        rows = [
            [
                with_unit(c.name, self.units), float(c.count), c.rms, c.r2,
                f"{'about ' if c.estimated else ''}{c.noise:.4g}", c.chi2,
            ]
            for c in self.table
        ]  # fmt: skip
        return html_table(("column", "n", "RMS", "R2", "noise", "chi2/n"), rows)

    def __str__(self) -> str:
        names = {name: with_unit(name, self.units) for name in self.columns}
        wide = max(6, *map(len, names.values()))
        lines = [
            f"{'column':<{wide}}  {'n':>5}  {'RMS':>9}  {'R2':>7}  {'noise':>10}  {'chi2/n':>7}"
        ]
        for c in self.table:
            chi2 = f"{c.chi2:7.3g}" if np.isfinite(c.chi2) else f"{'-':>7}"
            noise = f"{'~' if c.estimated else ''}{c.noise:.4g}"
            lines.append(
                f"{names[c.name]:<{wide}}  {c.count:>5}  {c.rms:>9.4g}  {c.r2:>7.4f}  {noise:>10}  {chi2}"
            )
        return "\n".join(lines)

    __repr__ = __str__


def residuals_of(fit: FitResult) -> Residuals:
    """The residuals of a fit along its predictions."""
    data, columns = fit.data, fit.data.columns
    values: list[Float] = []
    noise: list[Float] = []
    measured: list[Float] = []
    for e, (trajectory, found) in enumerate(zip(data, fit.predictions, strict=True)):
        shape = len(trajectory), len(columns)
        own = trajectory.noise_array()
        y, sigma, model = (np.full(shape, np.nan) for _ in range(3))
        for j, name in enumerate(columns):
            if name in trajectory.columns:
                k = trajectory.columns.index(name)
                # a limit is no measurement
                y[:, j] = np.where(trajectory.censored[:, k] == 0, trajectory.u[:, k], np.nan)
                sigma[:, j] = own[:, k]
                model[:, j] = found[name][-len(trajectory) :]
        _read_noise_models(fit, e, found, model, sigma)
        values.append(y - model)
        noise.append(sigma)
        measured.append(y)
    n = sum(int(np.isfinite(v).sum()) for v in values)
    return Residuals(
        columns, tuple(tr.name for tr in data), tuple(tr.t for tr in data), tuple(values),
        tuple(noise), tuple(measured), max(1.0 - fit.theta.size / max(n, 1), 1.0 / max(n, 1)),
        dict(fit.system.units),
    )  # fmt: skip


def _read_noise_models(fit: FitResult, e: int, found: Solution, model: Float, sigma: Float) -> None:
    """Expected measurements and their spread by the noise models of an experiment, in place."""
    plan, rows = compile_system(fit.system), len(model)
    for j, name in enumerate(fit.data.columns):
        family = fit.system.noise.get(name)
        if family is None:
            continue
        scales: list[Float] = []
        if family.args:
            values = np.empty((len(found.t), len(family.args)))
            tape = plan.tape(list(family.args))
            for span in fit.spans(found.t, e):
                numeric = NumericModel(plan, span.p, span.theta)
                values[span.rows] = numeric.evaluate(tape, found.t[span.rows], found.u[span.rows])
            scales = [values[-rows:, k] for k in range(len(family.args))]
        h = model[:, j].copy()
        model[:, j], sigma[:, j] = family.mean(h, *scales), family.spread(h, *scales)
