"""How figures look: colours, lines, legends, axes.

matplotlib is loaded inside the functions, through its object-oriented interface only: no display is
needed, and neither pyplot nor the user's settings are touched.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pysymude.errors import InvalidInputError
from pysymude.fit.result.fit_result import FitResult
from pysymude.model.symbols import escaped
from pysymude.model.units import TIME, with_unit
from pysymude.solving.solution import Solution

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours, which the usual kinds of colour blindness leave apart; its yellow is too
# pale for lines on white
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
LINES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D")
INK, PALE, SHADE = "#333333", "#8A8A8A", "#EFEFEF"


def new_figure(width: float, height: float) -> Figure:
    """A figure with a canvas of its own; width and height in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    fig = _shown_figure()(figsize=(width, height), dpi=150, layout="constrained")
    FigureCanvasAgg(fig)
    return fig


@lru_cache
def _shown_figure() -> type[Figure]:
    """Figures that notebooks draw by themselves: nobody has to load pyplot for that."""
    from matplotlib.figure import Figure

    class ShownFigure(Figure):
        """A matplotlib Figure with a picture of itself for notebooks."""

        def _repr_png_(self) -> bytes:
            stream = io.BytesIO()
            self.savefig(stream, format="png")
            return stream.getvalue()

    return ShownFigure


def figure_and_axes(ax: Axes | None, width: float, height: float) -> tuple[Figure, Axes]:
    """The figure and the axes to draw in; width and height in inches, for a new one."""
    if ax is None:
        fig = new_figure(width, height)
        return fig, fig.add_subplot()
    fig = ax.get_figure(root=True)
    if fig is None:
        raise InvalidInputError("ax= belongs to no figure any more")
    return fig, ax


def colours_of(fit: FitResult) -> dict[str, str]:
    """A colour for each state and observable, the same in every panel."""
    names = [*(s.name for s in fit.system.states), *fit.system.observables]
    return {name: COLOURS[k % len(COLOURS)] for k, name in enumerate(names)}


def look_of(experiment: int, count: int) -> dict[str, dict[str, Any]]:
    """Line and marker of an experiment."""
    few = count <= len(LINES)
    style = LINES[experiment] if few else "-"
    marker = MARKERS[experiment] if few else "o"
    size = 4.5 if count == 1 else 3.5
    return {
        "line": {"linestyle": style, "linewidth": 1.9 if few else 1.0, "alpha": 1 if few else 0.6},
        "marker": {
            "marker": marker, "markersize": size, "markeredgewidth": 0.9, "alpha": 0.85, "zorder": 3,
        },
    }  # fmt: skip


def legend_entry(label: str, colour: str, **look: Any) -> Any:
    """A line for a legend that stands for no curve in particular."""
    from matplotlib.lines import Line2D

    given: dict[str, Any] = {"linewidth": 1.9, "markersize": 4.5, **look}
    return Line2D([], [], color=colour, label=label, **given)


def experiment_entries(names: Sequence[str], *, markers: bool = True) -> list[Any]:
    """Grey legend entries that tell a few experiments apart; none where there is nothing to tell."""
    if not 1 < len(names) <= len(LINES):
        return []
    return [
        legend_entry(plain(name), PALE, linestyle=LINES[e], marker=MARKERS[e] if markers else "")
        for e, name in enumerate(names)
    ]


def plain(name: str) -> str:
    """A name as text of a figure, in which matplotlib looks for no formula."""
    return escaped(name).replace("$", r"\$")


def draw_legend(ax: Axes, handles: Sequence[Any]) -> None:
    """A legend above the axes, where no curve can run into it, no wider than they are."""
    size = 9  # points; a letter is about half of it wide
    longest = max(len(str(handle.get_label())) for handle in handles)
    entry = (1.8 + 0.8 + 1.6 + 0.5 * longest) * size / 72  # inches
    columns = max(1, min(len(handles), int(width_of(ax) / entry)))
    ax.legend(
        handles=list(handles), frameon=False, fontsize=size, handlelength=1.8, columnspacing=1.6,
        ncols=columns, loc="lower left", bbox_to_anchor=(0.0, 1.0), borderaxespad=0.2,
        borderpad=0.0, labelcolor=INK,
    )  # fmt: skip


def legend_handles(ax: Axes) -> list[Any]:
    """What the legend of the axes shows so far."""
    legend = ax.get_legend()
    return [] if legend is None else list(legend.legend_handles)


def width_of(ax: Axes) -> float:
    """Width of the axes in inches, about: the final layout comes with the drawing."""
    fig = ax.get_figure(root=True)
    return 0.0 if fig is None else float(ax.get_position().width * fig.get_figwidth())


def value_label(names: Sequence[str], units: Mapping[str, str], several: str) -> str:
    """The label of an axis for these columns; `several` where there are more than three."""
    shared = {units.get(name, "") for name in names}
    one = {"": shared.pop()} if len(shared) == 1 else {}
    whole = ", ".join(names if one else [with_unit(name, units) for name in names])
    text = whole if len(names) <= 3 else several
    return plain(f"{text} [{one['']}]" if one.get("") else text)


def draw_time_axis(ax: Axes, curves: Sequence[Solution], held_out: float | None) -> None:
    """Limits and label of the time axis, and a shade after `held_out`."""
    first = min(float(c.t[0]) for c in curves)
    last = max(float(c.t[-1]) for c in curves)
    gap = 0.015 * (last - first)
    ax.set_xlim(first - gap, last + gap)
    ax.set_xlabel(time_label(curves[0].units))
    if held_out is not None and held_out < last:
        ax.axvspan(held_out, last + gap, color=SHADE, zorder=0, linewidth=0)
        ax.annotate(
            "held out", (held_out, 1.0), xycoords=("data", "axes fraction"),
            xytext=(4, -4), textcoords="offset points", va="top", fontsize=8.5, color=PALE,
        )  # fmt: skip
    dress(ax)


def time_label(units: Mapping[str, str], name: str = "time t") -> str:
    """The label of an axis of time."""
    return plain(f"{name} [{units[TIME]}]" if TIME in units else name)


def dress(ax: Axes) -> None:
    """Thin pale axes without a box, and a grid for values."""
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(PALE)
    ax.tick_params(colors=INK, labelsize=9, color=PALE)
    ax.xaxis.label.set_color(INK)
    ax.yaxis.label.set_color(INK)
    ax.grid(axis="y", color="#E6E6E6", linewidth=0.7)
    ax.set_axisbelow(True)
