"""Figures of the history of a loss."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pysymude.fit.result.fit_result import FitResult
from pysymude.model.calls import explained
from pysymude.plot.style import (
    COLOURS,
    PALE,
    SHADE,
    draw_legend,
    dress,
    figure_and_axes,
    tick_choice,
    width_of,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_history", "plot_history"]

Float = NDArray[np.float64]


@explained
def plot_history(fit: FitResult, *, ax: Axes | None = None) -> Figure:
    """A figure of the loss over all iterations on a log scale: the whole, its terms, validation.

    Losses that go below 0, as those of likelihoods do, are drawn on a scale that is linear around 0.

    The stages are marked; between stages the loss may jump, since each minimises its own.

    Parameters
    ----------
    fit : FitResult
    ax : matplotlib Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib Figure
    """
    fig, axes = figure_and_axes(ax, 7.0, 3.8)
    draw_history(axes, fit)
    return fig


def draw_history(ax: Axes, fit: FitResult) -> None:
    """Draws into axes what `plot_history` shows."""
    history = fit.history
    stages = [str(stage) for stage in history["stage"]]
    known = ("stage", "iteration", "value", "seconds", "validation")
    terms = [name for name in history if name not in known]
    # one term alone is the whole loss, and would hide it
    lines = ["value", *(terms if len(terms) > 1 else [])]
    signed = bool(np.any(history["value"] <= 0))
    shown = _finite if signed else _positive
    for number, name in enumerate(lines):
        if name in history:
            at, values = _broken(stages, shown(history[name]))
            ax.plot(
                at, values, "--" if number else "-", color=COLOURS[number % len(COLOURS)],
                label=name.replace("_", " ") if number else "loss", linewidth=1.6, **_alone(stages),
            )  # fmt: skip
    if "validation" in history:
        # it is computed once in a while, so its points are joined over the rows between
        found = np.flatnonzero(np.isfinite(shown(history["validation"])))
        ax.plot(
            found + 1, history["validation"][found], color=COLOURS[len(lines) % len(COLOURS)],
            label="validation", linewidth=1.2, marker="o", markersize=3,
        )  # fmt: skip
    _set_scale(ax, signed, history)
    ax.set_xlabel("iteration")
    ax.set_ylabel("loss")
    dress(ax)
    tick_choice(ax, integer=True)
    _mark_stages(ax, stages)
    if len(ax.get_lines()) > 1:
        draw_legend(ax, list(ax.get_lines()))


def _alone(stages: Sequence[str]) -> dict[str, Any]:
    """Points for stages of one iteration, which are no line."""
    runs = list(_runs(stages))
    # each stage before has left a gap
    found = [first + number for number, (_, first, last) in enumerate(runs) if first == last]
    return {"marker": "o", "markersize": 3.5, "markevery": found} if found else {}


def _mark_stages(ax: Axes, stages: Sequence[str]) -> None:
    """Bands for the legs of training; above them the stage, and what is special about the leg."""
    if not stages:
        return
    low, high = ax.get_ylim()
    scale = ax.yaxis.get_transform()
    below, above = scale.transform([low, high])
    top = float(scale.inverted().transform([above + 0.2 * (above - below)])[0])
    ax.set(xlim=(0.5, len(stages) + 0.5), ylim=(low, top))
    inch = width_of(ax) / len(stages)
    for number, (_, first, last) in enumerate(_runs(stages)):
        if number % 2:
            ax.axvspan(first + 0.5, last + 1.5, color=SHADE, zorder=0, linewidth=0)
    # "LBFGS (to 40%)": the name stands once over all legs of a stage, the rest over each leg
    narrow: set[int] = set()
    for name, first, last in _runs([stage.partition(" (")[0] for stage in stages]):
        text = re.sub(r"(?<=[a-z])(?=[A-Z])", "\n", name)
        if _label_band(ax, text, first, last, inch, drop=4):
            narrow.update(range(first, last + 1))
    for stage, first, last in _runs(stages):
        detail = stage.rstrip(")").partition(" (")[2]
        if detail and first not in narrow:  # there the name stands in its place
            _label_band(ax, detail, first, last, inch, drop=26)


def _label_band(ax: Axes, text: str, first: int, last: int, inch: float, drop: float) -> bool:
    """A name over rows `first` to `last`, `drop` points below the top; whether upright, in a narrow band."""
    letters = max(map(len, text.split("\n")))
    upright = 0.055 * letters > inch * (last - first + 1)
    ax.annotate(
        text.replace("\n", "") if upright else text, ((first + last) / 2 + 1, 1.0),
        xycoords=("data", "axes fraction"), xytext=(0, -drop), textcoords="offset points",
        ha="center", va="top", rotation=90 if upright else 0, fontsize=7.5, color=PALE,
        linespacing=1.0,
    )  # fmt: skip
    return upright


def _broken(stages: Sequence[str], values: Float) -> tuple[Float, Float]:
    """Iterations and values with a gap after each stage, since the next minimises something else."""
    ends = [last + 1 for _, _, last in _runs(stages)]
    at = np.insert(np.arange(1.0, len(stages) + 1), ends, np.nan)
    return at, np.insert(values, ends, np.nan)


def _positive(values: Float) -> Float:
    """`values` with NaN where a log scale has no place for them."""
    return np.where(values > 0, values, np.nan)


def _finite(values: Float) -> Float:
    """`values` with NaN in place of infinities."""
    return np.where(np.isfinite(values), values, np.nan)


def _set_scale(ax: Axes, signed: bool, history: Mapping[str, Any]) -> None:
    if not signed:
        ax.set_yscale("log")
        return
    values = _finite(history["value"])
    size = abs(float(np.nanmin(values)))
    if np.nanmax(values) > 10 * size:
        ax.set_yscale("symlog", linthresh=max(size, 1e-300))


def _runs(stages: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """(name, first row, last row) of each unbroken run of one stage."""
    first = 0
    for i in range(1, len(stages) + 1):
        if i == len(stages) or stages[i] != stages[first]:
            yield stages[first], first, i - 1
            first = i
