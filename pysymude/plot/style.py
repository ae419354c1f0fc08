"""How figures look: colours, lines, legends, axes.

matplotlib is loaded inside the functions, through its object-oriented interface: no display is needed. A figure
is one of pyplot's where the user has loaded that, so that ``plt.show()`` shows it.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pysymude.errors import InvalidInputError
from pysymude.fit.result.fit_result import FitResult
from pysymude.model.symbols import escaped
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
_WIDE: dict[str, Any] = {"linewidth": 6, "alpha": 0.28}


def new_figure(width: float, height: float) -> Figure:
    """A figure, pyplot's where that is loaded, else one with a canvas of its own; in inches."""
    look: dict[str, Any] = {"figsize": (width, height), "dpi": 150, "layout": "constrained"}
    pyplot: Any = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        # many figures in a row are nothing to warn of
        with pyplot.rc_context({"figure.max_open_warning": 0}):
            return pyplot.figure(FigureClass=_shown_figure(), **look)
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    fig = _shown_figure()(**look)
    FigureCanvasAgg(fig)
    return fig


def forget(fig: Figure) -> None:
    """Takes a figure that has been written somewhere out of pyplot's list."""
    pyplot: Any = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close(fig)


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

        def _ipython_display_(self) -> None:
            pyplot: Any = sys.modules.get("matplotlib.pyplot")
            if pyplot is None or "inline" not in pyplot.get_backend():
                raise NotImplementedError  # then the picture above is taken, or a window is there
            from IPython.display import Image, display

            display(Image(self._repr_png_(), width=round(self.get_figwidth() * 96)))
            pyplot.close(self)  # else the end of the cell shows it once more

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
        legend_entry(
            plain_text(name), PALE, linestyle=LINES[e], marker=MARKERS[e] if markers else ""
        )
        for e, name in enumerate(names)
    ]


def plain_text(name: str) -> str:
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


def kind_entries(*, data: bool = True, model: bool = True) -> list[Any]:
    """Grey legend entries: what points are, and what lines are."""
    point = legend_entry("data", PALE, linestyle="none", marker="o", alpha=0.85)
    return [*([point] if data else []), *([legend_entry("model", PALE)] if model else [])]


def draw_band(ax: Axes, t: Any, low: Any, middle: Any, high: Any, colour: str) -> None:
    """A band, and a line in it."""
    ax.fill_between(t, low, high, color=colour, alpha=0.25, linewidth=0)
    ax.plot(t, middle, color=colour, linewidth=1.9)


def draw_wide(ax: Axes, t: Any, values: Any, colour: str) -> None:
    """A wide pale line, which is seen below a thin one that lies on it."""
    ax.plot(t, values, color=colour, solid_capstyle="butt", **_WIDE)


def wide_entry(label: str) -> Any:
    """What a wide pale line is."""
    return legend_entry(label, INK, **_WIDE)


def band_entry(label: str) -> Any:
    """What a band is."""
    return legend_entry(label, PALE, linewidth=7, alpha=0.35)


def legend_handles(ax: Axes) -> list[Any]:
    """What the legend of the axes shows so far."""
    legend = ax.get_legend()
    return [] if legend is None else list(legend.legend_handles)


def width_of(ax: Axes) -> float:
    """Width of the axes in inches, about: the final layout comes with the drawing."""
    fig = ax.get_figure(root=True)
    if fig is None:
        return 0.0
    own: Any = ax.get_figure(root=False)  # a figure within a figure is a part of its width
    part = own.bbox.width / fig.bbox.width
    return float(ax.get_position().width * fig.get_figwidth() * part)


def draw_time_axis(
    ax: Axes, curves: Sequence[Solution], held_out: float | None, label: str = "time t"
) -> None:
    """Limits and label of the time axis, and a shade after `held_out`."""
    first = min(float(c.t[0]) for c in curves)
    last = max(float(c.t[-1]) for c in curves)
    gap = 0.015 * (last - first)
    ax.set_xlim(first - gap, last + gap)
    ax.set_xlabel(label)
    if held_out is not None and held_out < last:
        ax.axvspan(held_out, last + gap, color=SHADE, zorder=0, linewidth=0)
        ax.annotate(
            "held out", (held_out, 1.0), xycoords=("data", "axes fraction"),
            xytext=(4, -4), textcoords="offset points", va="top", fontsize=8.5, color=PALE,
        )  # fmt: skip
    dress(ax)


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
    for axis, scale in ((ax.xaxis, ax.get_xscale()), (ax.yaxis, ax.get_yscale())):
        if scale == "linear":
            axis.set_major_formatter(_ticks()())


def tick_choice(ax: Axes, **choice: Any) -> None:
    """Which ticks the axis below has: ``integer=True``, or ``nbins=`` at most."""
    locator: Any = ax.xaxis.get_major_locator()
    locator.set_params(**choice)


@lru_cache
def _ticks() -> type[Any]:
    """Numbers at ticks that are whole in themselves: a factor above the axes would stand in the legend."""
    from matplotlib.ticker import ScalarFormatter

    class WholeFormatter(ScalarFormatter):
        """As matplotlib's, with powers of ten at each tick, and no offset."""

        def __init__(self) -> None:
            super().__init__(useOffset=False)
            self.set_scientific(False)

        def __call__(self, x: float, pos: int | None = None) -> str:
            axis: Any = self.axis
            most = max(map(abs, axis.get_view_interval()))
            plain = 1e-3 <= most < 1e5
            return super().__call__(x, pos) if plain else self.fix_minus(f"{x:.4g}")

    return WholeFormatter
