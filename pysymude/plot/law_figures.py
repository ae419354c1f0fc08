"""Figures of laws: how far each one moves along a fitted trajectory."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pysymude.errors import InvalidInputError
from pysymude.fit.result.experiments_of import experiment_number
from pysymude.fit.result.fit_result import FitResult
from pysymude.model.calls import explained
from pysymude.plot.drawn_formulas import formula_text
from pysymude.plot.fitted_curves import FINE
from pysymude.plot.panels import Labels
from pysymude.plot.style import (
    COLOURS,
    LINES,
    draw_legend,
    draw_time_axis,
    experiment_entries,
    figure_and_axes,
    legend_entry,
    plain_text,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_laws"]

Float = NDArray[np.float64]

_ROUNDING = 1e-17  # below float64: where a curve that has not moved at all is drawn


@explained
def plot_laws(
    fits: FitResult | Mapping[str, FitResult],
    t: ArrayLike | None = None,
    *,
    experiment: int | str = 0,
    held_out: float | None = None,
    ax: Axes | None = None,
) -> Figure:
    """A figure of each law's relative drift against time on a log scale.

    Each law, shown as its formula, has a colour, and each fit a line (with and without enforcement, for
    instance); where there is one law, each fit has both. The drift is
    ``|I(t) - I(start)|`` relative to the sum of the absolute values of the law's terms at the start;
    what has not moved at all is drawn at 1e-17. Balance laws, which change by themselves, are left out.

    Parameters
    ----------
    fits : FitResult or mapping from label to FitResult
        Several are to have the same laws; ``conserve="report"`` gives laws to a fit that enforces none.
    t : array, optional
        As for `FitResult.predict`; by default 401 times from the experiment's start to its last
        measurement.
    experiment : int or str
    held_out : float, optional
        Time after which data took no part in training; it is shaded.
    ax : matplotlib Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    InvalidInputError
        A fit has no laws, or others than the first.
    """
    given = dict(fits) if isinstance(fits, Mapping) else {"": fits}
    names = _names(given)
    fig, axes = figure_and_axes(ax, 7.0, 3.8)
    curves = [
        fit.predict(_times(fit, experiment) if t is None else t, experiment=experiment)
        for fit in given.values()
    ]
    one = len(names) == 1 and len(given) > 1  # then colours are free to tell the fits apart
    for k, (fit, curve) in enumerate(zip(given.values(), curves, strict=True)):
        moved = fit.relative_drift(curve.t, experiment=experiment)
        for j, name in enumerate(names):
            axes.plot(
                curve.t[1:], np.maximum(moved[name][1:], _ROUNDING), LINES[k % len(LINES)],
                color=COLOURS[(k if one else j) % len(COLOURS)], linewidth=1.6,
            )  # fmt: skip
    axes.set_yscale("log")
    first = next(iter(given.values()))
    shown = _shown(first)
    axes.set_ylabel(f"relative drift of {shown[names[0]]}" if one else "relative drift")
    draw_time_axis(axes, curves, held_out, Labels.of(first.data, first.system.units).time)
    if one:
        entries = [
            legend_entry(
                plain_text(label), COLOURS[k % len(COLOURS)], linestyle=LINES[k % len(LINES)]
            )
            for k, label in enumerate(given)
        ]
    else:
        entries = [
            legend_entry(shown[name], COLOURS[j % len(COLOURS)]) for j, name in enumerate(names)
        ]
        entries += experiment_entries(list(given), markers=False)
    draw_legend(axes, entries)
    return fig


def _names(given: Mapping[str, FitResult]) -> list[str]:
    """The constant laws of all fits, which must be the same."""
    if not given:
        raise InvalidInputError("plot_laws takes a fit, or a mapping from label to fit; found {}")
    first: list[tuple[str, str]] | None = None
    for label, fit in given.items():
        found = [(law.name, str(law.expr)) for law in fit.laws if not law.is_balance]
        if not found:
            name = f" {label!r}" if label else ""
            raise InvalidInputError(
                f"plot_laws: the fit{name} has no law that stays constant; give laws= to fit, with "
                "conserve='report' where nothing is to be enforced"
            )
        if first is not None and found != first:
            raise InvalidInputError(
                f"plot_laws: the laws of {label!r} are {[e for _, e in found]}, those of the first fit "
                f"{[e for _, e in first]}; give all fits the same laws"
            )
        first = found
    return [name for name, _ in first or []]


def _shown(fit: FitResult) -> dict[str, str]:
    """The laws as formulas; with the name before it, where that is one of the user's."""
    return {
        law.name: formula_text(law.expr)
        if re.fullmatch(r"law_\d+", law.name)
        else f"{plain_text(law.name)}: {formula_text(law.expr)}"
        for law in fit.laws
    }


def _times(fit: FitResult, experiment: int | str) -> Float:
    own = fit.data[experiment_number(fit.data, experiment)]
    return np.linspace(own.t0, own.t[-1], FINE)
