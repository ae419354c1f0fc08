"""Figures of solved systems, and of many solutions at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pysymude.errors import InvalidInputError
from pysymude.fit.ensemble.fit_ensemble import quantiles
from pysymude.model.calls import explained
from pysymude.model.coerce import label_of, meant
from pysymude.plot.panels import Labels, drawn_sizes, logarithmic, new_panels, panels_of
from pysymude.plot.phase_plane import draw_phase
from pysymude.plot.style import (
    COLOURS,
    band_entry,
    draw_band,
    draw_legend,
    draw_time_axis,
    figure_and_axes,
    legend_entry,
    plain_text,
)
from pysymude.solving.solution import EnsembleSolution, Solution

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_solution", "plot_sweep"]


@explained
def plot_solution(
    solution: Solution,
    *,
    names: Sequence[Any] | None = None,
    phase: tuple[Any, Any] | None = None,
    units: Mapping[Any, str] | None = None,
    log: str = "",
    ax: Axes | None = None,
) -> Figure:
    """A figure of a solved system: its states and, with dashes, its observables.

    What differs in size by more than a factor of ten, or in its unit, has a panel of its own.

    Parameters
    ----------
    solution : Solution
    names : sequence of names or symbols, optional
        Which states and observables; by default all.
    phase : pair of names or symbols, optional
        One against the other, instead of both against time.
    units : mapping from name, or "t", to str, optional
        What stands behind names.
    log : str
        ``"x"``, ``"y"`` or ``"xy"``: axes with a logarithmic scale.
    ax : matplotlib Axes, optional
        Where to draw everything; by default in a new figure.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    InvalidInputError
        A name that the solution does not have.
    """
    labels = Labels.of((), solution.units, units)
    if phase is not None:
        fig, axes = figure_and_axes(ax, 5.0, 4.4)
        draw_phase(axes, (), [solution], phase, labels)
        logarithmic(axes, log)
        return fig
    fig, panels = _panels(solution, names, labels, ax)
    order = [*solution.states, *solution.observables]
    for axes, group in panels:
        for name in group:
            axes.plot(
                solution.t, solution[name], "-" if name in solution.states else "--",
                label=plain_text(name), color=COLOURS[order.index(name) % len(COLOURS)], linewidth=1.9,
            )  # fmt: skip
        _finish(axes, solution, group, labels, log)
        draw_legend(axes, list(axes.get_lines()))
    return fig


@explained
def plot_sweep(
    solutions: EnsembleSolution,
    *,
    names: Sequence[Any] | None = None,
    level: float = 0.9,
    units: Mapping[Any, str] | None = None,
    log: str = "",
    ax: Axes | None = None,
) -> Figure:
    """A figure of many solutions: their median, and the band that holds `level` of them at each time.

    Parameters
    ----------
    solutions : EnsembleSolution
    names, units, log, ax
        As for `plot_solution`.
    level : float

    Returns
    -------
    matplotlib Figure
    """
    labels = Labels.of((), solutions.units, units)
    fig, panels = _panels(solutions, names, labels, ax)
    order = [*solutions.states, *solutions.observables]
    for axes, group in panels:
        for name in group:
            colour = COLOURS[order.index(name) % len(COLOURS)]
            low, high = quantiles(solutions[name], level)
            draw_band(axes, solutions.t, low, np.nanmedian(solutions[name], axis=0), high, colour)
        _finish(axes, solutions, group, labels, log)
        entries = [
            legend_entry(plain_text(n), COLOURS[order.index(n) % len(COLOURS)]) for n in group
        ]
        draw_legend(axes, [*entries, band_entry(f"{level:.0%} of {len(solutions)} solutions")])
    return fig


def _panels(
    solution: Solution | EnsembleSolution, names: Any, labels: Labels, ax: Axes | None
) -> tuple[Figure, list[tuple[Axes, list[str]]]]:
    """Axes, and what is drawn in each of them."""
    known = [*solution.states, *solution.observables]
    asked = known if names is None else [label_of(name) for name in _several(names)]
    for name in asked:
        if name not in known:
            raise InvalidInputError(
                f"the solution has no column {name!r}; it has {', '.join(known)}{meant(name, known)}"
            )
    if ax is not None:
        fig, axes = figure_and_axes(ax, 7.0, 3.8)
        return fig, [(axes, asked)]
    return new_panels(panels_of(drawn_sizes(asked, ((n, solution[n]) for n in asked)), labels))


def _several(names: Any) -> list[Any]:
    return list(names) if isinstance(names, list | tuple) else [names]


def _finish(ax: Axes, solution: Any, group: Sequence[str], labels: Labels, log: str) -> None:
    ax.set_ylabel(labels.several(group, "states"))
    draw_time_axis(ax, [solution], None, labels.time)
    logarithmic(ax, log)
    if "x" in log:  # what is at 0 has no place there
        ax.set_xlim(solution.t[solution.t > 0][0], solution.t[-1])
