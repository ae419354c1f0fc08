"""Figures of measurements and fitted curves, against time or in a plane of two columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from pysymude.fit.result.fit_result import FitResult
from pysymude.model.calls import explained
from pysymude.model.dataset import Dataset
from pysymude.model.trajectory import Trajectory
from pysymude.plot.fitted_curves import curves_of, shown_data
from pysymude.plot.panels import (
    Labels,
    axes_of,
    drawn_sizes,
    inches_of,
    logarithmic,
    panels_of,
)
from pysymude.plot.phase_plane import draw_phase
from pysymude.plot.style import (
    LINES,
    PALE,
    colours_of,
    draw_legend,
    draw_time_axis,
    experiment_entries,
    figure_and_axes,
    kind_entries,
    legend_entry,
    look_of,
    new_figure,
    plain_text,
)
from pysymude.solving.solution import Solution

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Course", "course_of", "draw_course", "height_of", "plot_trajectories"]

_MOST = 16  # experiments with a panel of their own


@explained
def plot_trajectories(
    fit: FitResult,
    *,
    held_out: float | None = None,
    data: Dataset | Trajectory | None = None,
    compare: Mapping[str, FitResult] | None = None,
    phase: tuple[Any, Any] | None = None,
    units: Mapping[Any, str] | None = None,
    log: str = "",
    ax: Axes | None = None,
) -> Figure:
    """A figure of measurements (points) and fitted curves (lines), one colour for each column.

    Columns whose sizes or units differ have panels of their own. Up to four experiments differ by line and
    marker; more have a small panel each.

    Parameters
    ----------
    fit, held_out, data, compare, phase, units, log
        As for `plot_fit`. Measurements after `held_out` are drawn hollow.
    ax : matplotlib Axes, optional
        Where to draw everything; by default in a new figure.

    Returns
    -------
    matplotlib Figure
    """
    course = course_of(fit, held_out, data, compare, units, log)
    if phase is not None:
        fig, axes = figure_and_axes(ax, 5.0, 4.4)
        draw_phase(axes, course.shown, course.curves, phase, course.labels)
        logarithmic(axes, log)
        return fig
    if ax is not None:
        fig, axes = figure_and_axes(ax, 7.0, 3.8)
        _draw_panel(axes, course, course.columns, range(len(course.shown)))
        return fig
    fig = new_figure(*_size(course))
    draw_course(fig, course)
    return fig


@dataclass(frozen=True)
class Course:
    """What is drawn of a fit."""

    fit: FitResult
    shown: tuple[Trajectory, ...]
    curves: list[Solution]
    compared: Mapping[str, list[Solution]]
    labels: Labels
    held_out: float | None
    log: str

    @cached_property
    def columns(self) -> list[str]:
        """All measured columns."""
        return list(dict.fromkeys(c for trajectory in self.shown for c in trajectory.columns))

    @cached_property
    def groups(self) -> list[list[str]]:
        """The columns of each panel."""
        parts = [(name, c[name]) for c in self.curves for name in self.columns]
        parts += [(n, tr.u[:, j]) for tr in self.shown for j, n in enumerate(tr.columns)]
        return panels_of(drawn_sizes(self.columns, parts), self.labels)

    @property
    def is_many(self) -> bool:
        """Whether each experiment has a panel of its own."""
        return len(self.shown) > len(LINES)


def course_of(
    fit: FitResult, held_out: Any, data: Any, compare: Any, units: Any, log: str
) -> Course:
    """What `plot_trajectories` draws of a fit."""
    shown = shown_data(fit, data)
    others = {label: curves_of(other, shown) for label, other in (compare or {}).items()}
    labels = Labels.of([*shown, *fit.data], fit.system.units, units)
    return Course(fit, shown, curves_of(fit, shown), others, labels, held_out, log)


def height_of(course: Course) -> float:
    """Inches for all panels of a course."""
    return _size(course)[1]


def draw_course(fig: Any, course: Course) -> None:
    """All panels of a course in a figure, or in a figure within one."""
    groups, count = course.groups, len(course.shown)
    if not course.is_many:
        for k, (ax, names) in enumerate(zip(axes_of(fig, len(groups)), groups, strict=True)):
            _draw_panel(ax, course, names, range(count), explain=k == 0)
        return
    cells = [(e, names) for e in range(_many(course)) for names in groups]
    rows, columns = _many_grid(course)
    panels = fig.subplots(rows, columns, squeeze=False, sharex=True).ravel()
    share: dict[int, Any] = {}
    for ax, (e, names) in zip(panels, cells, strict=False):
        k = groups.index(names)
        if k in share:
            ax.sharey(share[k])
        share.setdefault(k, ax)
        _draw_panel(ax, course, names, [e], legend=False)
        ax.label_outer()
        title = plain_text(course.shown[e].name)
        ax.set_title(title, fontsize=9, loc="left", color="#333333", pad=3)
    for ax in panels[len(cells) :]:
        ax.remove()
    for ax in panels[max(len(cells) - columns, 0) : len(cells)]:  # the last of each column
        ax.tick_params(labelbottom=True)
        ax.set_xlabel(course.labels.time)
    colours = colours_of(course.fit)
    entries = [legend_entry(plain_text(n), colours[n]) for n in course.columns]
    more = f"first {_many(course)} of {count} experiments" if _many(course) < count else ""
    fig.legend(
        handles=[*entries, *kind_entries()], loc="outside upper left", ncols=8, frameon=False,
        fontsize=9, title=more or None, title_fontsize=9,
    )  # fmt: skip


def _many(course: Course) -> int:
    return min(len(course.shown), _MOST if len(course.groups) == 1 else _MOST // 2)


def _many_grid(course: Course) -> tuple[int, int]:
    groups = len(course.groups)
    if groups == 1:
        return -(-_many(course) // 4), 4
    return _many(course), groups


def _size(course: Course) -> tuple[float, float]:
    if course.is_many:
        rows, columns = _many_grid(course)
        return max(7.0, 2.4 * columns), 0.6 + 1.6 * rows
    return inches_of(len(course.groups))


def _draw_panel(
    ax: Axes,
    course: Course,
    names: Sequence[str],
    experiments: Sequence[int],
    *,
    explain: bool = True,
    legend: bool = True,
) -> None:
    """Some columns of some experiments."""
    colours, alone = colours_of(course.fit), len(experiments) == 1
    for e in experiments:
        trajectory, curve = course.shown[e], course.curves[e]
        look = look_of(0, 1) if alone else look_of(e, len(course.shown))
        for name in (n for n in trajectory.columns if n in names):
            ax.plot(curve.t, curve[name], color=colours[name], **look["line"])
            j = trajectory.columns.index(name)
            used = trajectory.t <= (np.inf if course.held_out is None else course.held_out)
            for rows, fill in ((used, colours[name]), (~used, "white")):
                ax.plot(
                    trajectory.t[rows], trajectory.u[rows, j], linestyle="none",
                    color=colours[name], markerfacecolor=fill, **look["marker"],
                )  # fmt: skip
    more = _draw_compared(ax, course, names, experiments, colours)
    ax.set_ylabel(course.labels.several(names, "measured columns"))
    draw_time_axis(ax, [course.curves[e] for e in experiments], course.held_out, course.labels.time)
    logarithmic(ax, course.log)
    if legend:
        entries = [legend_entry(plain_text(name), colours[name], marker="o") for name in names]
        if not alone:
            entries += experiment_entries([t.name for t in course.shown])
        draw_legend(ax, [*entries, *(kind_entries() if explain else []), *more])


def _draw_compared(
    ax: Axes,
    course: Course,
    names: Sequence[str],
    experiments: Sequence[int],
    colours: Mapping[str, str],
) -> list[Any]:
    """The curves of other fits; their legend entries."""
    entries: list[Any] = []
    for number, (label, curves) in enumerate(course.compared.items()):
        # thinner from one to the next: the colour is taken by the column
        look: dict[str, Any] = {"linestyle": ":", "linewidth": max(0.8, 1.6 - 0.4 * number)}
        for e in experiments:
            for name in (n for n in course.shown[e].columns if n in names):
                ax.plot(curves[e].t, curves[e][name], color=colours[name], zorder=1.9, **look)
        entries.append(legend_entry(plain_text(label), PALE, **look))
    return entries
