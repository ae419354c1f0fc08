"""Figures of measurements alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pysymude.model.calls import explained
from pysymude.model.dataset import Dataset
from pysymude.plot.panels import Labels, drawn_sizes, logarithmic, new_panels, panels_of
from pysymude.plot.style import (
    COLOURS,
    MARKERS,
    PALE,
    draw_legend,
    dress,
    experiment_entries,
    figure_and_axes,
    legend_entry,
    plain_text,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_data"]


@explained
def plot_data(
    data: Dataset,
    *,
    units: Mapping[Any, str] | None = None,
    log: str = "",
    ax: Axes | None = None,
) -> Figure:
    """A figure of measurements: a colour for each column, thin lines along each experiment, noise as bars.

    Limits (censored measurements) are triangles that point to where the value lies.

    Parameters
    ----------
    data : Dataset
    units : mapping from name, or "t", to str, optional
        What stands behind names, over what the data say.
    log : str
        ``"x"``, ``"y"`` or ``"xy"``: axes with a logarithmic scale.
    ax : matplotlib Axes, optional
        Where to draw everything; by default in a new figure, with panels for columns of other sizes or units.

    Returns
    -------
    matplotlib Figure
    """
    labels = Labels.of(data, units)
    if ax is not None:
        fig, axes = figure_and_axes(ax, 7.0, 3.8)
        _draw(axes, data, list(data.columns), labels, log)
        return fig
    parts = ((n, tr.u[:, j]) for tr in data for j, n in enumerate(tr.columns))
    fig, panels = new_panels(panels_of(drawn_sizes(data.columns, parts), labels))
    for axes, names in panels:
        _draw(axes, data, names, labels, log)
    return fig


def _draw(ax: Axes, data: Dataset, names: list[str], labels: Labels, log: str) -> None:
    order, few = list(data.columns), len(data) <= len(MARKERS)
    limited = False
    for e, trajectory in enumerate(data):
        noise, marker = trajectory.noise_array(), MARKERS[e] if few else "o"
        for j, name in enumerate(trajectory.columns):
            if name not in names:
                continue
            colour = COLOURS[order.index(name) % len(COLOURS)]
            sides, y = trajectory.censored[:, j], trajectory.u[:, j]
            seen = (sides == 0) & np.isfinite(y)
            bars = None if np.isnan(noise[seen, j]).all() else noise[seen, j]
            ax.errorbar(
                trajectory.t[seen], y[seen], yerr=bars, color=colour, marker=marker, markersize=4,
                linewidth=0.7, elinewidth=0.7, alpha=0.85 if few else 0.5,
            )  # fmt: skip
            for side, sign in ((-1, "v"), (1, "^")):
                here = sides == side
                limited |= bool(here.any())
                ax.plot(trajectory.t[here], y[here], sign, color=colour, markerfacecolor="white")
    ax.set_xlabel(labels.time)
    ax.set_ylabel(labels.several(names, "measured columns"))
    dress(ax)
    logarithmic(ax, log)
    entries = [
        legend_entry(plain_text(n), COLOURS[order.index(n) % len(COLOURS)], marker="o")
        for n in names
    ]
    entries += experiment_entries([tr.name for tr in data])
    if limited:
        entries.append(
            legend_entry("limit", PALE, linestyle="none", marker="v", markerfacecolor="white")
        )
    draw_legend(ax, entries)
