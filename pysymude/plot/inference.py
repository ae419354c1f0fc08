"""Figures of how sure a fit is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pysymude.infer.multistart import MultiStart
from pysymude.infer.profile import Profile
from pysymude.model.calls import explained
from pysymude.plot.style import (
    COLOURS,
    PALE,
    SHADE,
    draw_legend,
    dress,
    figure_and_axes,
    plain_text,
    tick_choice,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_profile", "plot_waterfall"]


@explained
def plot_profile(found: Profile, *, ax: Axes | None = None) -> Figure:
    """A figure of a profile: the rise of the loss over the values, the threshold, the interval.

    Parameters
    ----------
    found : Profile
    ax : matplotlib Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib Figure
    """
    fig, axes = figure_and_axes(ax, 5.0, 3.6)
    top = found.threshold(found.level)
    low, high = found.interval()
    edges = np.clip([low, high], found.values[0], found.values[-1])
    axes.axvspan(*edges, color=SHADE, zorder=0, label=f"{found.level:.0%} interval")
    axes.axhline(top, color=PALE, linestyle="--", linewidth=1.2, label="threshold")
    axes.plot(
        found.values,
        found.rise,
        "-o",
        color=COLOURS[0],
        markersize=3.5,
        linewidth=1.6,
        label="profile",
    )
    axes.axvline(found.best, color=PALE, linestyle=":", linewidth=1.2)
    axes.set_ylim(-0.05 * top, 1.6 * top)
    if found.values[0] > 0 and found.values[-1] > 100 * found.values[0]:
        axes.set_xscale("log")
    else:
        tick_choice(axes, nbins=6)
    axes.set_xlabel(plain_text(found.name))
    axes.set_ylabel("rise of the loss / scale")
    dress(axes)
    draw_legend(axes, axes.get_legend_handles_labels()[0])
    return fig


@explained
def plot_waterfall(found: MultiStart, *, ax: Axes | None = None) -> Figure:
    """A figure of the losses of fits from many starts, in ascending order.

    A step that many share is an optimum that is easily found; one alone at the bottom may not be the last.

    Parameters
    ----------
    found : MultiStart
    ax : matplotlib Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib Figure
    """
    fig, axes = figure_and_axes(ax, 5.0, 3.4)
    losses = found.losses
    best = np.arange(len(losses)) < found.reached
    numbers = np.arange(1, len(losses) + 1)
    axes.plot(numbers, losses, "-", color=PALE, linewidth=1.0, zorder=1)
    axes.plot(
        numbers[best], losses[best], "o", color=COLOURS[0], markersize=5, label="at the best loss"
    )
    if not best.all():
        axes.plot(
            numbers[~best], losses[~best], "o", color=COLOURS[1], markersize=5, label="above it"
        )
    if losses[0] > 0 and losses[-1] > 10 * losses[0]:
        axes.set_yscale("log")
    axes.set_xlabel("fit, by loss")
    axes.set_ylabel("loss")
    dress(axes)
    tick_choice(axes, integer=True)
    draw_legend(axes, axes.get_legend_handles_labels()[0])
    return fig
