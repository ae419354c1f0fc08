"""Phase planes: one column against another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pysymude.errors import InvalidInputError
from pysymude.model.coerce import label_of
from pysymude.model.trajectory import Trajectory
from pysymude.plot.panels import Labels
from pysymude.plot.style import (
    COLOURS,
    draw_legend,
    dress,
    kind_entries,
    legend_entry,
    plain_text,
)
from pysymude.solving.solution import Solution

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_phase"]


def draw_phase(
    ax: Axes,
    shown: Sequence[Trajectory],
    curves: Sequence[Solution],
    phase: Any,
    labels: Labels,
) -> None:
    """Curves and, where both columns are measured, points; each experiment has a colour.

    Raises
    ------
    InvalidInputError
        `phase` is no pair of names, or a curve lacks one of them.
    """
    if not isinstance(phase, tuple | list) or len(phase) != 2:
        raise InvalidInputError(f"phase= is a pair of columns such as ('x', 'y'); found {phase!r}")
    across, up = (label_of(name) for name in phase)
    few = len(curves) <= len(COLOURS)
    measured = False
    for e, curve in enumerate(curves):
        look: dict[str, Any] = {"color": COLOURS[e % len(COLOURS)], "alpha": 1.0 if few else 0.6}
        ax.plot(curve[across], curve[up], linewidth=1.7, **look)
        ax.plot(curve[across][:1], curve[up][:1], "o", markersize=7, markerfacecolor="none", **look)
        if e < len(shown) and {across, up} <= set(shown[e].columns):
            u, columns = shown[e].u, shown[e].columns
            i, j = columns.index(across), columns.index(up)
            ax.plot(u[:, i], u[:, j], "o", markersize=3.5, zorder=3, **look)
            measured = True
    ax.set_xlabel(labels(across))
    ax.set_ylabel(labels(up))
    dress(ax)
    ax.grid(axis="x", color="#E6E6E6", linewidth=0.7)
    several = shown if few and len(shown) > 1 else ()
    entries = [legend_entry(plain_text(tr.name), COLOURS[e]) for e, tr in enumerate(several)]
    start = legend_entry(
        "start", "#8A8A8A", linestyle="none", marker="o", markersize=7, markerfacecolor="none"
    )
    draw_legend(ax, [*entries, *kind_entries(data=measured, model=measured), start])
