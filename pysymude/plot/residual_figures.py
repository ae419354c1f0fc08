"""Figures of what a fit leaves over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pysymude.fit.result.fit_result import FitResult
from pysymude.model.calls import explained
from pysymude.model.symbols import escaped
from pysymude.plot.style import PALE, colours_of, draw_legend, dress, new_figure, time_label

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_residuals"]


@explained
def plot_residuals(fit: FitResult) -> Figure:
    """A figure of residuals over their noise: against time, and against the quantiles of a normal distribution.

    Where no noise was given it is that which the residuals of the column show.

    Parameters
    ----------
    fit : FitResult

    Returns
    -------
    matplotlib Figure
    """
    from scipy.stats import norm

    fig = new_figure(9.0, 3.4)
    left, right = fig.subplots(1, 2, width_ratios=(1.5, 1.0))
    residuals, colours = fit.residuals, colours_of(fit)
    most = 3.0
    for j, column in enumerate(residuals.table):
        parts: list[np.ndarray] = []
        for t, values, noise in zip(residuals.t, residuals.values, residuals.noise, strict=True):
            scale = np.where(np.isfinite(noise[:, j]), noise[:, j], column.noise)
            r = values[:, j] / np.where(scale > 0, scale, 1.0)
            left.plot(t, r, "o", markersize=3.2, color=colours[column.name])
            parts.append(r[np.isfinite(r)])
        ordered = np.sort(np.concatenate(parts))
        expected = norm.ppf((np.arange(ordered.size) + 0.5) / max(ordered.size, 1))
        right.plot(
            expected,
            ordered,
            "o",
            markersize=3.2,
            color=colours[column.name],
            label=escaped(column.name),
        )
        if ordered.size:
            most = max(most, 1.05 * float(np.abs(ordered).max()))
    for level in (-2.0, 0.0, 2.0):
        left.axhline(level, color=PALE, linewidth=0.8, linestyle="-" if level == 0 else ":")
    right.plot([-most, most], [-most, most], color=PALE, linewidth=0.8)
    left.set_ylim(-most, most)
    left.set_xlabel(time_label(fit.system.units, "t"))
    left.set_ylabel("residual / noise")
    right.set_xlabel("normal quantile")
    right.set_ylabel("residual / noise")
    for axes in (left, right):
        dress(axes)
    draw_legend(right, right.get_legend_handles_labels()[0])
    return fig
