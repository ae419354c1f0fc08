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
from pysymude.model.network import NetworkOutput
from pysymude.model.trajectory import Trajectory
from pysymude.plot.history import draw_history
from pysymude.plot.style import (
    COLOURS,
    INK,
    PALE,
    colours_of,
    draw_legend,
    draw_time_axis,
    experiment_entries,
    figure_and_axes,
    legend_entry,
    legend_handles,
    look_of,
    new_figure,
    value_label,
)
from pysymude.solving.solution import Solution

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "curves_of",
    "plot_fit",
    "plot_solution",
    "plot_trajectories",
    "plot_unknown_term",
    "touched_by",
]

Float = NDArray[np.float64]
Truth = Callable[[Float, Float], ArrayLike]

_FINE = 401  # points of a curve


@explained
def plot_fit(
    fit: FitResult,
    *,
    truth: Truth | None = None,
    held_out: float | None = None,
    data: Dataset | Trajectory | None = None,
    compare: Mapping[str, FitResult] | None = None,
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

    Returns
    -------
    matplotlib Figure
        ``figure.savefig("fit.png")`` writes it.
    """
    universal = bool(touched_by(fit))
    shown = _shown(fit, data)
    curves = curves_of(fit, shown)
    if universal:
        fig = new_figure(9.0, 6.4)
        grid = fig.add_gridspec(2, 2, height_ratios=(1.15, 1.0))
        first, last = grid[0, :], grid[1, 1]
    else:
        fig = new_figure(9.0, 3.6)
        grid = fig.add_gridspec(1, 2, width_ratios=(1.5, 1.0))
        first, last = grid[0, 0], grid[0, 1]
    _draw_trajectories(fig.add_subplot(first), fit, shown, curves, held_out, compare or {})
    if universal:
        _draw_unknown_term(fig.add_subplot(grid[1, 0]), fit, curves, truth, held_out)
    draw_history(fig.add_subplot(last), fit)
    return fig


@explained
def plot_trajectories(
    fit: FitResult,
    *,
    held_out: float | None = None,
    data: Dataset | Trajectory | None = None,
    compare: Mapping[str, FitResult] | None = None,
    ax: Axes | None = None,
) -> Figure:
    """A figure of measurements and fitted curves against time, one colour for each column.

    Up to four experiments differ by line and marker; more are drawn alike.

    Parameters
    ----------
    fit, held_out, data, compare
        As for `plot_fit`. Measurements after `held_out` are drawn hollow.
    ax : matplotlib Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib Figure
    """
    fig, axes = figure_and_axes(ax, 7.0, 3.8)
    shown = _shown(fit, data)
    _draw_trajectories(axes, fit, shown, curves_of(fit, shown), held_out, compare or {})
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
    _draw_unknown_term(axes, fit, curves_of(fit, _shown(fit, data)), truth, held_out)
    draw_legend(
        axes,
        [*legend_handles(axes), *experiment_entries([t.name for t in fit.data], markers=False)],
    )
    return fig


@explained
def plot_solution(solution: Solution, *, ax: Axes | None = None) -> Figure:
    """A figure of a solved system: its states and, with dashes, its observables against time.

    Parameters
    ----------
    solution : Solution
    ax : matplotlib Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib Figure
    """
    fig, axes = figure_and_axes(ax, 7.0, 3.8)
    names = [*solution.states, *solution.observables]
    for k, name in enumerate(names):
        axes.plot(
            solution.t, solution[name], "-" if name in solution.states else "--", label=name,
            color=COLOURS[k % len(COLOURS)], linewidth=1.9,
        )  # fmt: skip
    axes.set_ylabel(value_label(names, solution.units, "states"))
    draw_time_axis(axes, [solution], None)
    draw_legend(axes, list(axes.get_lines()))
    return fig


def _draw_trajectories(
    ax: Axes,
    fit: FitResult,
    shown: Sequence[Trajectory],
    curves: Sequence[Solution],
    held_out: float | None,
    compare: Mapping[str, FitResult],
) -> None:
    colours = colours_of(fit)
    columns = list(dict.fromkeys(c for trajectory in shown for c in trajectory.columns))
    for e, (trajectory, curve) in enumerate(zip(shown, curves, strict=True)):
        look = look_of(e, len(shown))
        for j, name in enumerate(trajectory.columns):
            ax.plot(curve.t, curve[name], color=colours[name], **look["line"])
            used = trajectory.t <= (np.inf if held_out is None else held_out)
            for rows, fill in ((used, colours[name]), (~used, "white")):
                ax.plot(
                    trajectory.t[rows], trajectory.u[rows, j], linestyle="none",
                    color=colours[name], markerfacecolor=fill, **look["marker"],
                )  # fmt: skip
    ax.set_ylabel(value_label(columns, fit.system.units, "measured columns"))
    draw_time_axis(ax, curves, held_out)
    entries = [legend_entry(name, colours[name], marker="o") for name in columns]
    entries += experiment_entries([t.name for t in shown])
    draw_legend(ax, [*entries, *_draw_compared(ax, shown, compare, colours)])


def _draw_compared(
    ax: Axes,
    shown: Sequence[Trajectory],
    compare: Mapping[str, FitResult],
    colours: Mapping[str, str],
) -> list[Any]:
    """The curves of other fits; their legend entries."""
    entries: list[Any] = []
    for number, (label, other) in enumerate(compare.items()):
        # thinner from one to the next: the colour is taken by the column
        look: dict[str, Any] = {"linestyle": ":", "linewidth": max(0.8, 1.6 - 0.4 * number)}
        for trajectory, curve in zip(shown, curves_of(other, shown), strict=True):
            for name in trajectory.columns:
                ax.plot(curve.t, curve[name], color=colours[name], zorder=1.9, **look)
        entries.append(legend_entry(label, PALE, **look))
    return entries


def _draw_unknown_term(
    ax: Axes,
    fit: FitResult,
    curves: Sequence[Solution],
    truth: Truth | None,
    held_out: float | None,
) -> None:
    colours = colours_of(fit)
    states = [s.name for s in fit.system.states]
    parts = [fit.unknown_term(c.u, c.t, experiment=e) for e, c in enumerate(curves)]
    touched = touched_by(fit)
    for e, (curve, part) in enumerate(zip(curves, parts, strict=True)):
        look = look_of(e, len(curves))["line"]
        # a wide pale line below, so that a learned term on top of the true one leaves both visible
        known = None if truth is None else _true_term(truth, curve)
        for k in touched:
            if known is not None:
                ax.plot(
                    curve.t, known[:, k], color=colours[states[k]],
                    linewidth=6, alpha=0.28, solid_capstyle="butt",
                )  # fmt: skip
            ax.plot(curve.t, part[:, k], color=colours[states[k]], **look)
    ax.axhline(0, color=PALE, linewidth=0.8, zorder=0)
    ax.set_ylabel("unknown term in du/dt")
    draw_time_axis(ax, curves, held_out)
    entries = [legend_entry(f"in d{states[k]}/dt", colours[states[k]]) for k in touched]
    if truth is not None:
        entries.append(legend_entry("true", INK, linewidth=6, alpha=0.28))
    draw_legend(ax, entries)


def _shown(fit: FitResult, data: Dataset | Trajectory | None) -> tuple[Trajectory, ...]:
    """One trajectory of measurements for each experiment of the fit."""
    if data is None:
        return tuple(fit.data)
    given = (data,) if isinstance(data, Trajectory) else tuple(data)
    if len(given) != len(fit.data):
        raise InvalidInputError(
            f"data= must have the {len(fit.data)} experiments of the fit, in their order; found "
            f"{len(given)}"
        )
    return given


def curves_of(fit: FitResult, shown: Sequence[Trajectory]) -> list[Solution]:
    """The fitted trajectory of each experiment on a fine grid up to its last measurement."""
    return [
        fit.predict(np.linspace(min(fit.data[e].t0, t.t[0]), t.t[-1], _FINE), experiment=e)
        for e, t in enumerate(shown)
    ]


def touched_by(fit: FitResult) -> list[int]:
    """Numbers of the states in whose right-hand side a network stands."""
    equations = enumerate(fit.system.rhs.values())
    return [k for k, f in equations if f.atoms(NetworkOutput)]


def _true_term(truth: Truth, curve: Solution) -> Float:
    found = np.asarray(truth(curve.u, curve.t), dtype=np.float64)
    if found.shape != curve.u.shape:
        raise InvalidInputError(
            f"truth(u, t) must give an array of the shape of u, {curve.u.shape}; found {found.shape}"
        )
    return found
