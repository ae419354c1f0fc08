"""Figures of ensembles and of recovered equations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pysymude.errors import InvalidInputError
from pysymude.fit.ensemble.fit_ensemble import FitEnsemble, quantiles
from pysymude.fit.result.experiments_of import experiment_number
from pysymude.model.calls import explained
from pysymude.model.trajectory import Trajectory
from pysymude.plot.drawn_formulas import formula_text
from pysymude.plot.fitted_curves import curve_of, touched_by
from pysymude.plot.panels import Labels
from pysymude.plot.style import (
    COLOURS,
    PALE,
    band_entry,
    colours_of,
    draw_band,
    draw_legend,
    draw_time_axis,
    draw_wide,
    dress,
    figure_and_axes,
    kind_entries,
    legend_entry,
    look_of,
    new_figure,
    plain_text,
    wide_entry,
)
from pysymude.recover.recovered import Recovered
from pysymude.solving.solution import Solution

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "plot_ensemble",
    "plot_forms",
    "plot_front",
    "plot_members",
    "plot_members_unknown",
    "plot_recovered",
]


@explained
def plot_ensemble(
    ensemble: FitEnsemble,
    *,
    level: float = 0.9,
    experiment: int | str = 0,
    units: Mapping[Any, str] | None = None,
) -> Figure:
    """A figure of an ensemble's bands: the states with their measurements, and the unknown term.

    Parameters
    ----------
    ensemble : FitEnsemble
    level : float
        The part of the members within each band; the line is their median.
    experiment : int or str
    units : mapping from name, or "t", to str, optional
        What stands behind names, over what the data say.

    Returns
    -------
    matplotlib Figure
    """
    touched = touched_by(ensemble.fits[0])
    fig = new_figure(9.0 if touched else 6.5, 3.8)
    panels = fig.subplots(1, 2 if touched else 1, squeeze=False)[0]
    plot_members(ensemble, level=level, experiment=experiment, units=units, ax=panels[0])
    if touched:
        plot_members_unknown(ensemble, level=level, experiment=experiment, ax=panels[1])
    return fig


@explained
def plot_members(
    ensemble: FitEnsemble,
    *,
    level: float = 0.9,
    experiment: int | str = 0,
    units: Mapping[Any, str] | None = None,
    ax: Axes | None = None,
) -> Figure:
    """A figure of an ensemble's bands around the measured columns of an experiment.

    Parameters
    ----------
    ensemble, level, experiment, units
        As for `plot_ensemble`.
    ax : matplotlib Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib Figure
    """
    fig, axes = figure_and_axes(ax, 7.0, 3.8)
    trajectory, curves = _members(ensemble, experiment)[1:]
    colours = colours_of(ensemble.fits[0])
    labels = Labels.of([trajectory], ensemble.fits[0].system.units, units)
    for j, name in enumerate(trajectory.columns):
        values = np.stack([c[name] for c in curves])
        low, high = quantiles(values, level)
        draw_band(axes, curves[0].t, low, np.nanmedian(values, axis=0), high, colours[name])
        axes.plot(
            trajectory.t, trajectory.u[:, j], linestyle="none", color=colours[name],
            **look_of(0, 1)["marker"],
        )  # fmt: skip
    axes.set_ylabel(labels.several(trajectory.columns, "measured columns"))
    draw_time_axis(axes, curves, None, labels.time)
    entries = [legend_entry(plain_text(n), colours[n], marker="o") for n in trajectory.columns]
    draw_legend(axes, [*entries, *kind_entries(model=False), *_band_entries(ensemble, level)])
    return fig


@explained
def plot_members_unknown(
    ensemble: FitEnsemble,
    *,
    level: float = 0.9,
    experiment: int | str = 0,
    ax: Axes | None = None,
) -> Figure:
    """A figure of what the networks of an ensemble add to each state's du/dt, with bands.

    Parameters
    ----------
    ensemble, level, experiment
        As for `plot_ensemble`.
    ax : matplotlib Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    InvalidInputError
        The system has no network.
    """
    first = ensemble.fits[0]
    touched, colours = touched_by(first), colours_of(first)
    if not touched:
        raise InvalidInputError(
            "plot_members_unknown: no network stands in the equations, so there is no unknown term"
        )
    fig, axes = figure_and_axes(ax, 7.0, 3.8)
    e, trajectory, curves = _members(ensemble, experiment)
    pairs = zip(ensemble.fits, curves, strict=True)
    parts = np.stack([fit.unknown_term(c.u, c.t, experiment=e) for fit, c in pairs])
    states = [first.system.states[k].name for k in touched]
    for k, state in zip(touched, states, strict=True):
        low, high = quantiles(parts[..., k], level)
        middle = np.nanmedian(parts[..., k], axis=0)
        draw_band(axes, curves[0].t, low, middle, high, colours[state])
    axes.set_ylabel("unknown term in du/dt")
    draw_time_axis(axes, curves, None, Labels.of([trajectory], first.system.units).time)
    entries = [legend_entry(f"in d{state}/dt", colours[state]) for state in states]
    draw_legend(axes, [*entries, *_band_entries(ensemble, level)])
    return fig


def _members(
    ensemble: FitEnsemble, experiment: int | str
) -> tuple[int, Trajectory, list[Solution]]:
    """Number and data of an experiment, and every member's curve."""
    e = experiment_number(ensemble.fits[0].data, experiment)
    return e, ensemble.fits[0].data[e], [curve_of(fit, fit.data[e], e) for fit in ensemble.fits]


def _band_entries(ensemble: FitEnsemble, level: float) -> list[Any]:
    return [
        legend_entry("median", PALE), band_entry(f"{level:.0%} of {len(ensemble.fits)} fits"),
    ]  # fmt: skip


@explained
def plot_recovered(recovered: Recovered) -> Figure:
    """A figure of a recovery: networks (wide) and their forms against time, and the Pareto front.

    Parameters
    ----------
    recovered : Recovered

    Returns
    -------
    matplotlib Figure
    """
    fig = new_figure(9.0, 3.8)
    left, right = fig.subplots(1, 2)
    plot_forms(recovered, ax=left)
    plot_front(recovered, ax=right)
    return fig


@explained
def plot_forms(recovered: Recovered, *, ax: Axes | None = None) -> Figure:
    """A figure of what networks give along the trajectories (wide), and the formulas in their place.

    Parameters
    ----------
    recovered : Recovered
    ax : matplotlib Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib Figure
    """
    fig, axes = figure_and_axes(ax, 6.0, 3.8)
    colours = {name: COLOURS[k % len(COLOURS)] for k, name in enumerate(recovered.outputs)}
    count = len({curve.experiment for curve in recovered.curves})
    for curve in recovered.curves:
        colour = colours[curve.output]
        draw_wide(axes, curve.t, curve.network, colour)
        axes.plot(curve.t, curve.form, color=colour, **look_of(curve.experiment, count)["line"])
    axes.set(
        xlabel=Labels.of(recovered.refit.data, recovered.refit.system.units).time,
        ylabel="network output",
    )
    dress(axes)
    entries = [
        legend_entry(f"{name} = {formula_text(recovered.expressions[name])}", colour)
        for name, colour in colours.items()
    ]
    draw_legend(axes, [*entries, wide_entry("network")])
    return fig


@explained
def plot_front(recovered: Recovered, *, ax: Axes | None = None) -> Figure:
    """A figure of the best sparse models by their number of terms, and the one that was chosen.

    Parameters
    ----------
    recovered : Recovered
    ax : matplotlib Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib Figure
    """
    fig, axes = figure_and_axes(ax, 5.0, 3.8)
    _draw_front(axes, recovered)
    return fig


def _draw_front(ax: Axes, recovered: Recovered) -> None:
    terms = [row.terms for row in recovered.front]
    errors = [row.error for row in recovered.front]
    ax.plot(terms, errors, "o-", color=COLOURS[0], markersize=4.5, linewidth=1.2)
    chosen = len(recovered.coefficients)
    error = dict(zip(terms, errors, strict=True)).get(chosen, recovered.error)
    ax.plot(
        [chosen], [error], "o", color=COLOURS[1], markersize=10, markerfacecolor="none",
        markeredgewidth=1.8,
    )  # fmt: skip
    ax.axhline(recovered.network_error, color=PALE, linestyle="--", linewidth=1.2)
    ax.set(yscale="log", xlabel="terms", ylabel="error per measurement", xticks=terms)
    dress(ax)
    draw_legend(
        ax,
        [
            legend_entry("best sparse model", COLOURS[0], marker="o"),
            legend_entry(
                "chosen", COLOURS[1], linestyle="none", marker="o", markerfacecolor="none"
            ),
            legend_entry("with the network", PALE, linestyle="--"),
        ],
    )
