"""Figures of fits and solutions: trajectories and data, the unknown term."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pysymude.errors import InvalidInputError
from pysymude.fit.result.fit_result import FitResult
from pysymude.model.calls import explained
from pysymude.model.dataset import Dataset
from pysymude.model.trajectory import Trajectory
from pysymude.plot.fitted_curves import curves_of, shown_data, touched_by
from pysymude.plot.history import draw_history
from pysymude.plot.panels import Labels
from pysymude.plot.phase_plane import draw_phase
from pysymude.plot.style import (
    PALE,
    colours_of,
    draw_legend,
    draw_time_axis,
    draw_wide,
    experiment_entries,
    figure_and_axes,
    legend_entry,
    legend_handles,
    look_of,
    new_figure,
    wide_entry,
)
from pysymude.plot.trajectory_figures import course_of, draw_course, height_of
from pysymude.solving.solution import Solution

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_fit", "plot_unknown_term"]

Float = NDArray[np.float64]
Truth = Callable[[Float, Float], ArrayLike]


@explained
def plot_fit(
    fit: FitResult,
    *,
    truth: Truth | None = None,
    held_out: float | None = None,
    data: Dataset | Trajectory | None = None,
    compare: Mapping[str, FitResult] | None = None,
    phase: tuple[Any, Any] | None = None,
    units: Mapping[Any, str] | None = None,
    log: str = "",
) -> Figure:
    """A figure of a whole fit: trajectories, the unknown term where there is one, and the history.

    Parameters
    ----------
    fit : FitResult
    truth : callable, optional
        The true missing term, where it is known, as for `plot_unknown_term`.
    held_out : float, optional
        Time after which data took no part in training; it is shaded.
    data : Dataset, optional
        Measurements to show instead of those that were fitted, such as the whole of a series of
        which the tail was held out.
    compare : mapping from label to FitResult, optional
        Other fits of the same experiments, such as a baseline, drawn dotted.
    phase : pair of names or symbols, optional
        One column against the other, such as ``("x", "y")``, instead of all against time.
    units : mapping from name, or "t", to str, optional
        What stands behind names, over what the data say.
    log : str
        ``"x"``, ``"y"`` or ``"xy"``: trajectories on axes with a logarithmic scale.

    Returns
    -------
    matplotlib Figure
        ``figure.savefig("fit.pdf")`` writes it, as ``.svg`` and ``.png`` do.
    """
    universal = bool(touched_by(fit))
    course = course_of(fit, held_out, data, compare, units, log)
    above = 4.0 if phase is not None else height_of(course)
    several = universal or course.is_many or len(course.groups) > 1
    if several:
        fig = new_figure(9.0, above + 2.9)
        parts: Any = fig.subfigures(2, 1, height_ratios=(above, 2.9))
    else:
        fig = new_figure(9.0, 3.6)
        parts = fig.subfigures(1, 2, width_ratios=(1.5, 1.0))
    top, bottom = parts
    if phase is None:
        draw_course(top, course)
    else:
        draw_phase(top.add_subplot(), course.shown, course.curves, phase, course.labels)
    below = bottom.subplots(1, 2 if universal else 1, squeeze=False)[0]
    if universal:
        _draw_unknown_term(below[0], fit, course.curves, truth, held_out, course.labels)
    draw_history(below[-1], fit)
    return fig


@explained
def plot_unknown_term(
    fit: FitResult,
    *,
    truth: Truth | None = None,
    held_out: float | None = None,
    data: Dataset | Trajectory | None = None,
    ax: Axes | None = None,
) -> Figure:
    """A figure of what the networks add to each state's du/dt along the fitted trajectories.

    Parameters
    ----------
    fit, held_out, data, ax
        As for `plot_trajectories`; `data` decides how far the trajectories go.
    truth : callable, optional
        ``truth(u, t)`` gives the true missing term, shape (times, states), at states `u` of shape
        (times, states) and times `t` of shape (times,).

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    InvalidInputError
        The system has no network, or `truth` gives another shape.
    """
    if not touched_by(fit):
        raise InvalidInputError(
            "plot_unknown_term: no network stands in the equations, so there is no unknown term"
        )
    fig, axes = figure_and_axes(ax, 7.0, 3.8)
    curves, labels = curves_of(fit, shown_data(fit, data)), Labels.of(fit.data, fit.system.units)
    _draw_unknown_term(axes, fit, curves, truth, held_out, labels)
    draw_legend(
        axes,
        [*legend_handles(axes), *experiment_entries([t.name for t in fit.data], markers=False)],
    )
    return fig


def _draw_unknown_term(
    ax: Axes,
    fit: FitResult,
    curves: Sequence[Solution],
    truth: Truth | None,
    held_out: float | None,
    labels: Labels,
) -> None:
    colours = colours_of(fit)
    states = [s.name for s in fit.system.states]
    parts = [fit.unknown_term(c.u, c.t, experiment=e) for e, c in enumerate(curves)]
    touched = touched_by(fit)
    for e, (curve, part) in enumerate(zip(curves, parts, strict=True)):
        look = look_of(e, len(curves))["line"]
        known = None if truth is None else _true_term(truth, curve)
        for k in touched:
            if known is not None:
                draw_wide(ax, curve.t, known[:, k], colours[states[k]])
            ax.plot(curve.t, part[:, k], color=colours[states[k]], **look)
    ax.axhline(0, color=PALE, linewidth=0.8, zorder=0)
    ax.set_ylabel("unknown term in du/dt")
    draw_time_axis(ax, curves, held_out, labels.time)
    entries = [legend_entry(f"in d{states[k]}/dt", colours[states[k]]) for k in touched]
    if truth is not None:
        entries.append(wide_entry("true"))
    draw_legend(ax, entries)


def _true_term(truth: Truth, curve: Solution) -> Float:
    found = np.asarray(truth(curve.u, curve.t), dtype=np.float64)
    if found.shape != curve.u.shape:
        raise InvalidInputError(
            f"truth(u, t) must give an array of the shape of u, {curve.u.shape}; found {found.shape}"
        )
    return found
