"""Figures of ensembles and of recovered equations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pysymude.fit.ensemble.fit_ensemble import FitEnsemble, quantiles
from pysymude.model.calls import explained
from pysymude.plot.figures import curves_of, touched_by
from pysymude.plot.style import (
    COLOURS,
    INK,
    PALE,
    colours_of,
    draw_legend,
    draw_time_axis,
    dress,
    legend_entry,
    look_of,
    new_figure,
    value_label,
)
from pysymude.recover.recovered import Recovered

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_ensemble", "plot_recovered"]

Float = NDArray[np.float64]


@explained
def plot_ensemble(
    ensemble: FitEnsemble, *, level: float = 0.9, experiment: int | str = 0
) -> Figure:
    """A figure of an ensemble's bands: the states with their measurements, and the unknown term.

    Parameters
    ----------
    ensemble : FitEnsemble
    level : float
        The part of the members within each band; the line is their median.
    experiment : int or str

    Returns
    -------
    matplotlib Figure
    """
    first = ensemble.fits[0]
    names = [trajectory.name for trajectory in first.data]
    e = names.index(experiment) if experiment in names else int(experiment)
    trajectory, colours = first.data[e], colours_of(first)
    curves = [curves_of(fit, tuple(fit.data))[e] for fit in ensemble.fits]
    touched = touched_by(first)
    fig = new_figure(9.0 if touched else 6.5, 3.8)
    panels = fig.subplots(1, 2 if touched else 1, squeeze=False)[0]
    for name in trajectory.columns:
        _draw_band(
            panels[0], curves[0].t, np.stack([c[name] for c in curves]), level, colours[name], name
        )
        j = trajectory.columns.index(name)
        panels[0].plot(
            trajectory.t, trajectory.u[:, j], linestyle="none", color=colours[name],
            **look_of(0, 1)["marker"],
        )  # fmt: skip
    panels[0].set_ylabel(value_label(trajectory.columns, first.system.units, "measured columns"))
    if touched:
        pairs = zip(ensemble.fits, curves, strict=True)
        parts = np.stack([fit.unknown_term(c.u, c.t, experiment=e) for fit, c in pairs])
        for k in touched:
            state = first.system.states[k].name
            _draw_band(
                panels[1], curves[0].t, parts[..., k], level, colours[state], f"in d{state}/dt"
            )
        panels[1].set_ylabel("unknown term in du/dt")
    for ax in panels:
        draw_time_axis(ax, curves, None)
        draw_legend(ax, list(ax.get_lines())[:: 2 if ax is panels[0] else 1])
    return fig


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
    colours = {name: COLOURS[k % len(COLOURS)] for k, name in enumerate(recovered.outputs)}
    count = len({curve.experiment for curve in recovered.curves})
    for curve in recovered.curves:
        colour = colours[curve.output]
        left.plot(
            curve.t, curve.network, color=colour, linewidth=6, alpha=0.28, solid_capstyle="butt"
        )
        left.plot(curve.t, curve.form, color=colour, **look_of(curve.experiment, count)["line"])
    left.set(xlabel="time t", ylabel="network output")
    dress(left)
    entries = [legend_entry(name, colour) for name, colour in colours.items()]
    draw_legend(left, [*entries, legend_entry("network", INK, linewidth=6, alpha=0.28)])
    _draw_front(right, recovered)
    return fig


def _draw_band(ax: Axes, t: Float, values: Float, level: float, colour: str, label: str) -> None:
    low, high = quantiles(values, level)
    ax.fill_between(t, low, high, color=colour, alpha=0.25, linewidth=0)
    ax.plot(t, np.nanmedian(values, axis=0), color=colour, linewidth=1.9, label=label)


def _draw_front(ax: Axes, recovered: Recovered) -> None:
    terms = [row.terms for row in recovered.front]
    errors = [row.error for row in recovered.front]
    ax.plot(terms, errors, "o-", color=COLOURS[0], markersize=4.5, linewidth=1.2)
    chosen = len(recovered.coefficients)
    ax.plot(
        [chosen], [recovered.error], "o", color=COLOURS[1], markersize=10, markerfacecolor="none",
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
