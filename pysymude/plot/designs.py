"""Figures of designs: information against time, and what is done meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pysymude.infer.design import Design
from pysymude.model.calls import explained
from pysymude.plot.style import COLOURS, PALE, draw_legend, dress, figure_and_axes, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_design"]

_MOST = 4  # experiments that one can tell apart


@explained
def plot_design(found: Design, *, ax: Axes | None = None) -> Figure:
    """A figure of a design: what each time would say, relaxed weights, and the times chosen.

    Where inputs were chosen they stand below, in a new figure alone. Of many experiments those with most
    measurements are shown.

    Parameters
    ----------
    found : Design
    ax : matplotlib Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib Figure
    """
    numbers, counts = np.unique(found.experiments, return_counts=True)
    shown = np.sort(numbers[np.argsort(-counts, kind="stable")[:_MOST]])
    signals = dict.fromkeys(
        n for e in shown for n in found.candidates.settings[e].get("signals", {})
    )
    if ax is not None or not signals:
        fig, axes = figure_and_axes(ax, 6.0, 3.4)
        _draw_information(found, axes, shown)
        axes.set_xlabel("time t")
        return fig
    fig = new_figure(6.0, 3.4 + 1.1 * len(signals))
    several = fig.subplots(
        1 + len(signals), 1, sharex=True, height_ratios=[3.0, *(1.0 for _ in signals)]
    )
    _draw_information(found, several[0], shown)
    for axes, name in zip(several[1:], signals, strict=True):
        _draw_signal(found, axes, shown, name)
    several[-1].set_xlabel("time t")
    return fig


def _draw_information(found: Design, axes: Axes, shown: NDArray[np.int64]) -> None:
    candidates = found.candidates
    alone = np.einsum("ijk,ijk->i", candidates.rows, candidates.rows)
    top, heaviest = max(float(alone.max()), 1e-300), max(float(found.weights.max()), 1e-300)
    for k, e in enumerate(shown):
        colour, named = COLOURS[k % len(COLOURS)], k == 0
        for g in range(len(candidates.columns)):
            own = (candidates.experiments == e) & (candidates.groups == g)
            times, first = candidates.times[own], named and g == 0
            heights = found.weights[own] / heaviest
            axes.vlines(
                times[heights > 1e-6], 0.0, heights[heights > 1e-6], color=PALE, linewidth=2.0,
                label="relaxed weight" if first else "", zorder=1,
            )  # fmt: skip
            axes.plot(
                times, alone[own] / top, color=colour, linewidth=1.6,
                label="information alone" if first else "",
            )  # fmt: skip
            axes.plot(
                times, found.gains[own], color=colour, linewidth=1.2, linestyle="--",
                label="gain of one more" if first else "",
            )  # fmt: skip
        here = found.times[found.experiments == e]
        label = "chosen" if len(shown) == 1 else f"chosen in experiment {e}"
        axes.plot(
            here, np.zeros(here.size), "^", color=COLOURS[1] if len(shown) == 1 else colour,
            markersize=7, clip_on=False, label=label, zorder=5,
        )  # fmt: skip
    axes.set_ylabel("share of the largest")
    axes.set_ylim(0.0, 1.05)
    dress(axes)
    draw_legend(axes, axes.get_legend_handles_labels()[0])


def _draw_signal(found: Design, axes: Axes, shown: NDArray[np.int64], name: str) -> None:
    (signal,) = (s for s in found.signals if s.name == name)
    end = float(found.candidates.times.max())
    for k, e in enumerate(shown):
        if name not in found.candidates.settings[e].get("signals", {}):
            continue
        times, values = (np.asarray(a) for a in found.settings[e]["signals"][name])
        keep = times < end
        t, u = np.append(times[keep], end), np.append(values[keep], np.interp(end, times, values))
        if signal.kind == "previous":
            u[-1] = u[-2] if len(u) > 1 else u[-1]
            axes.step(t, u, where="post", color=COLOURS[k % len(COLOURS)], linewidth=1.6)
        else:
            axes.plot(t, u, color=COLOURS[k % len(COLOURS)], linewidth=1.6)
    axes.set_ylabel(name)
    dress(axes)
