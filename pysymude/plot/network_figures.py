"""Figures of networks against what they read."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pysymude.errors import InvalidInputError
from pysymude.fit.ensemble.fit_ensemble import FitEnsemble, quantiles
from pysymude.fit.result.fit_result import FitResult
from pysymude.model.calls import explained
from pysymude.model.coerce import label_of, meant
from pysymude.model.network import MLP
from pysymude.plan.compiled import compile_system
from pysymude.plan.numeric import NumericModel
from pysymude.plot.drawn_formulas import formula_text
from pysymude.plot.fitted_curves import FINE, curves_of
from pysymude.plot.style import (
    COLOURS,
    PALE,
    SHADE,
    band_entry,
    draw_band,
    draw_legend,
    draw_wide,
    dress,
    figure_and_axes,
    legend_entry,
    plain_text,
    wide_entry,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_network"]

Float = NDArray[np.float64]

_BEYOND = 0.15  # of the range of the data, to both sides


@explained
def plot_network(
    fit: FitResult | FitEnsemble,
    network: Any = None,
    *,
    against: Any = None,
    truth: Callable[[Float], ArrayLike] | None = None,
    level: float = 0.9,
    ax: Axes | None = None,
) -> Figure:
    """A figure of a network against what it reads, as beta(t) or F(r), with the range of the data marked.

    Beyond the range that its input has along the fitted trajectories, a network has learned nothing: there the
    curve is dashed.

    Parameters
    ----------
    fit : FitResult or FitEnsemble
        Of an ensemble the median is drawn, in a band.
    network : MLP or str, optional
        By default the first.
    against : expression or str, optional
        Which of its inputs; by default the first. Others are held at their median along the trajectories.
    truth : callable, optional
        ``truth(z)`` gives the true outputs, shape (points,) or (points, outputs), at values `z` of that input.
    level : float
        The part of an ensemble's members within the band.
    ax : matplotlib Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    InvalidInputError
        There is no such network or input, or `truth` gives another shape.
    """
    fits = fit.fits if isinstance(fit, FitEnsemble) else (fit,)
    nn = _network(fits[0], network)
    k = _input(nn, against)
    seen = _inputs_along(fits[0], nn)
    low, high = float(seen[:, k].min()), float(seen[:, k].max())
    gap = _BEYOND * ((high - low) or abs(high) or 1.0)
    z = np.repeat(np.median(seen, axis=0)[None], FINE, axis=0)
    z[:, k] = np.linspace(low - gap, high + gap, FINE)
    values = np.stack([found.network(nn, z) for found in fits])
    fig, axes = figure_and_axes(ax, 5.5, 3.8)
    axes.axvspan(low, high, color=SHADE, zorder=0, linewidth=0)
    entries = _draw(axes, nn, z[:, k], values, (low, high), truth, level if len(fits) > 1 else None)
    name = formula_text(nn.inputs[k])
    axes.set_xlabel(name if name != "$t$" else "time t")
    axes.set_ylabel(f"{plain_text(nn.name)}({', '.join(formula_text(e) for e in nn.inputs)})")
    axes.set_xlim(z[0, k], z[-1, k])
    dress(axes)
    held = [f"{formula_text(e)} = {z[0, i]:.3g}" for i, e in enumerate(nn.inputs) if i != k]
    entries.append(legend_entry("range of the data", SHADE, linewidth=7))
    entries += [legend_entry("at " + ", ".join(held), PALE, linestyle="none")] if held else []
    draw_legend(axes, entries)
    return fig


def _draw(
    ax: Axes, nn: MLP, z: Float, values: Float, known: tuple[float, float], truth: Any, level: Any
) -> list[Any]:
    """Curves of all outputs; their legend entries."""
    entries: list[Any] = []
    inside = (z >= known[0]) & (z <= known[1])
    true = None if truth is None else _true(truth, z, nn.outputs)
    for j in range(nn.outputs):
        colour, middle = COLOURS[j % len(COLOURS)], np.nanmedian(values[..., j], axis=0)
        if true is not None:
            draw_wide(ax, z, true[:, j], colour)
        if level is not None:
            low, high = quantiles(values[..., j], level)
            draw_band(ax, z, low, np.where(inside, middle, np.nan), high, colour)
        else:
            ax.plot(z, np.where(inside, middle, np.nan), color=colour, linewidth=1.9)
        for outside in (z <= known[0], z >= known[1]):
            ax.plot(z[outside], middle[outside], "--", color=colour, linewidth=1.3)
        label = plain_text(nn.name) + (f"[{j}]" if nn.outputs > 1 else "")
        entries.append(legend_entry(label, colour))
    if true is not None:
        entries.append(wide_entry("true"))
    if level is not None:
        entries.append(band_entry(f"{level:.0%} of {len(values)} fits"))
    return entries


def _true(truth: Any, z: Float, outputs: int) -> Float:
    found = np.asarray(truth(z), dtype=np.float64)
    found = found[:, None] if found.ndim == 1 else found
    if found.shape != (len(z), outputs):
        raise InvalidInputError(
            f"truth(z) must give an array of shape ({len(z)}, {outputs}); found {found.shape}"
        )
    return found


def _network(fit: FitResult, asked: Any) -> MLP:
    networks = {nn.name: nn for nn in fit.system.networks}
    if not networks:
        raise InvalidInputError("plot_network: the system of this fit has no network")
    name = next(iter(networks)) if asked is None else label_of(asked)
    if name not in networks:
        raise InvalidInputError(
            f"plot_network: there is no network {name!r}; there are {', '.join(networks)}"
            f"{meant(name, networks)}"
        )
    return networks[name]


def _input(nn: MLP, asked: Any) -> int:
    names = [str(expr) for expr in nn.inputs]
    name = names[0] if asked is None else str(asked)
    if name not in names:
        raise InvalidInputError(
            f"against= names {name!r}; network {nn.name!r} reads {', '.join(names)}"
        )
    return names.index(name)


def _inputs_along(fit: FitResult, nn: MLP) -> Float:
    """What a network reads along all fitted trajectories, (points, inputs)."""
    plan = compile_system(fit.system)
    tape = plan.tape(list(nn.inputs))
    found: list[Float] = []
    for e, curve in enumerate(curves_of(fit, tuple(fit.data))):
        for span in fit.spans(curve.t, e):
            model = NumericModel(plan, span.p, span.theta)
            found.append(model.evaluate(tape, curve.t[span.rows], curve.u[span.rows]))
    return np.concatenate(found)
