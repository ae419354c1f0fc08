"""Figures of what a fit leaves over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pysymude.fit.result.fit_result import FitResult
from pysymude.model.calls import explained
from pysymude.plot.panels import Labels
from pysymude.plot.style import (
    PALE,
    colours_of,
    draw_legend,
    dress,
    figure_and_axes,
    legend_entry,
    new_figure,
    plain_text,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_quantiles", "plot_residuals", "plot_residuals_over_time"]

Float = NDArray[np.float64]


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
    fig = new_figure(9.0, 3.4)
    left, right = fig.subplots(1, 2, width_ratios=(1.5, 1.0))
    plot_residuals_over_time(fit, ax=left)
    plot_quantiles(fit, ax=right)
    return fig


@explained
def plot_residuals_over_time(fit: FitResult, *, ax: Axes | None = None) -> Figure:
    """A figure of residuals over their noise against time; dotted lines are at two standard deviations.

    Parameters
    ----------
    fit : FitResult
    ax : matplotlib Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib Figure
    """
    fig, axes = figure_and_axes(ax, 6.0, 3.4)
    colours, most = colours_of(fit), 3.0
    for name, parts in _scaled(fit):
        for t, r in parts:
            axes.plot(t, r, "o", markersize=3.2, color=colours[name])
        most = max(most, _largest(parts))
    for level in (-2.0, 0.0, 2.0):
        axes.axhline(level, color=PALE, linewidth=0.8, linestyle="-" if level == 0 else ":")
    axes.set_ylim(-most, most)
    axes.set_xlabel(Labels.of(fit.data, fit.system.units).time)
    axes.set_ylabel("residual / noise")
    dress(axes)
    _legend(axes, fit)
    return fig


@explained
def plot_quantiles(fit: FitResult, *, ax: Axes | None = None) -> Figure:
    """A figure of residuals over their noise against normal quantiles: normal noise lies on the line.

    Parameters
    ----------
    fit : FitResult
    ax : matplotlib Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib Figure
    """
    from scipy.stats import norm

    fig, axes = figure_and_axes(ax, 4.2, 3.4)
    colours, most = colours_of(fit), 3.0
    for name, parts in _scaled(fit):
        r = np.concatenate([values for _, values in parts])
        ordered = np.sort(r[np.isfinite(r)])
        expected = norm.ppf((np.arange(ordered.size) + 0.5) / max(ordered.size, 1))
        axes.plot(expected, ordered, "o", markersize=3.2, color=colours[name])
        most = max(most, _largest(parts))
    axes.plot([-most, most], [-most, most], color=PALE, linewidth=0.8)
    axes.set_xlabel("normal quantile")
    axes.set_ylabel("residual / noise")
    dress(axes)
    _legend(axes, fit)
    return fig


def _scaled(fit: FitResult) -> Iterator[tuple[str, list[tuple[Float, Float]]]]:
    """Each column's times and residuals over noise, by experiment."""
    residuals = fit.residuals
    for j, column in enumerate(residuals.table):
        parts: list[tuple[Float, Float]] = []
        for t, values, noise in zip(residuals.t, residuals.values, residuals.noise, strict=True):
            scale = np.where(np.isfinite(noise[:, j]), noise[:, j], column.noise)
            parts.append((t, values[:, j] / np.where(scale > 0, scale, 1.0)))
        yield column.name, parts


def _largest(parts: list[tuple[Float, Float]]) -> float:
    r = np.concatenate([values for _, values in parts])
    r = r[np.isfinite(r)]
    return 1.05 * float(np.abs(r).max()) if r.size else 0.0


def _legend(ax: Axes, fit: FitResult) -> None:
    colours = colours_of(fit)
    draw_legend(
        ax,
        [
            legend_entry(plain_text(name), colours[name], linestyle="none", marker="o")
            for name in fit.residuals.columns
        ],
    )
