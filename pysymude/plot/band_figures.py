"""Figures of predictions with their bands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pysymude.infer.bands import Band
from pysymude.model.calls import explained
from pysymude.model.symbols import escaped
from pysymude.plot.style import (
    COLOURS,
    draw_legend,
    dress,
    figure_and_axes,
    legend_entry,
    plain_text,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_band"]

_HEADROOM = 0.6  # of the range of values and measurements: how far a band without end is drawn


@explained
def plot_band(found: Band, *, ax: Axes | None = None) -> Figure:
    """A figure of predictions, their bands with the level, and measurements where there are some.

    Parameters
    ----------
    found : Band
    ax : matplotlib Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib Figure
    """
    fig, axes = figure_and_axes(ax, 6.4, 3.8)
    name, x = next(iter(found.axis.items()))
    order, shape = np.argsort(x, kind="stable"), (-1, len(found.columns))
    value, lower, upper = (a.reshape(shape)[order] for a in (found.value, found.lower, found.upper))
    low, high = _limits(found, value, lower, upper)
    entries: list[Any] = []
    for k, column in enumerate(found.columns):
        colour = COLOURS[k % len(COLOURS)]
        axes.fill_between(
            x[order], np.clip(lower[:, k], low, high), np.clip(upper[:, k], low, high),
            color=colour, alpha=0.2, linewidth=0,
        )  # fmt: skip
        axes.plot(x[order], value[:, k], color=colour, linewidth=1.8)
        seen = _measured(found, column)
        if seen is not None:
            axes.plot(*seen, "o", color=colour, markersize=3.5)
        marker = "" if seen is None else "o"
        entries.append(legend_entry(escaped(column), colour, marker=marker))
    axes.set_ylim(low, high)
    axes.set_xlabel("time t" if name == "t" else escaped(name))
    axes.set_ylabel(
        ", ".join(map(plain_text, found.columns)) if len(found.columns) <= 3 else "values"
    )
    dress(axes)
    draw_legend(axes, [*entries, _shade(found)])
    return fig


def _shade(found: Band) -> Any:
    from matplotlib.patches import Patch

    return Patch(color="#333333", alpha=0.2, linewidth=0, label=f"{found.label} ({found.method})")


def _measured(found: Band, column: str) -> tuple[Any, Any] | None:
    own = found.measured
    if own is None or column not in own.columns:
        return None
    j = own.columns.index(column)
    counted = own.censored[:, j] == 0
    return own.t[counted], own.u[counted, j]


def _limits(
    found: Band, value: NDArray[Any], lower: NDArray[Any], upper: NDArray[Any]
) -> tuple[float, float]:
    """Of the axis: what is finite is shown, but no band so wide that nothing else can be seen."""
    points = [value.ravel()]
    for column in found.columns:
        seen = _measured(found, column)
        if seen is not None:
            points.append(np.ravel(seen[1]))
    known = np.concatenate(points)
    known = known[np.isfinite(known)]
    first, last = float(known.min()), float(known.max())
    room = max(last - first, 1e-12 * max(abs(first), abs(last)), 1e-300)
    bottom, top = first - _HEADROOM * room, last + _HEADROOM * room
    ends = np.concatenate([lower.ravel(), upper.ravel()])
    ends = ends[np.isfinite(ends)]
    if ends.size == lower.size + upper.size:
        bottom, top = max(bottom, float(ends.min())), min(top, float(ends.max()))
    first, last = min(bottom, first), max(top, last)
    gap = 0.03 * (last - first)
    return first - gap, last + gap
