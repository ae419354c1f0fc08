"""The demonstration on real data: hare and lynx, with the last five years held out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pysymude.cli.common import print_model
from pysymude.cli.showcase import Showcase
from pysymude.fit.result.fit_result import FitResult
from pysymude.fit.result.stopped import INTERRUPTED
from pysymude.fit.stages.gradient_matching import GradientMatching
from pysymude.fit.stages.lbfgs import LBFGS
from pysymude.fit.stages.multiple_shooting import MultipleShooting
from pysymude.fit.stages.stage import Stage
from pysymude.fit.training.fitting import fit
from pysymude.model.dataset import Dataset
from pysymude.model.network import MLP
from pysymude.model.symbols import parameters, states
from pysymude.model.system import ODESystem
from pysymude.plot import plot_fit, plot_history, plot_unknown_term

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["show"]

Float = NDArray[np.float64]

LAST = 15.0  # years since 1900: what comes later takes no part in anything but the judgement
# Relative noise, the network's size and the weight decay were chosen by forecasts of 1912-1915 from
# 1900-1911; the held-out years had no part in the choice.
NOISE = 0.1
DECAY = 0.3


def show(*, seed: int, engine: str, quick: bool) -> Showcase:
    """The universal system and plain Lotka-Volterra, fitted alike to 1900-1915 and judged after.

    Parameters
    ----------
    seed : int
        Of the network's initial weights.
    engine : str
    quick : bool
        A few iterations only, to see that everything works.
    """
    whole = Dataset.hudson_bay()
    train = _training(whole)
    universal, plain = _systems()
    print_model(universal, "Known growth and decay, and a network for the rest")
    stages = _stages(quick)
    found = fit(universal, train, stages=stages, weight_decay=DECAY, seed=seed, engine=engine)
    baseline = None
    if found.stopped != INTERRUPTED:
        print_model(plain, "The baseline: Lotka-Volterra")
        baseline = fit(plain, train, stages=stages, seed=seed, engine=engine)
    errors = {"universal": _error(found, whole)}
    if baseline is not None:
        errors["lotka_volterra"] = _error(baseline, whole)
    return Showcase(
        fit=found,
        rows=_rows(errors),
        remarks=_remarks(errors),
        summary={
            "data": "hudson-bay",
            "relative_error_missing_term": None,  # the truth is unknown
            "held_out_error": errors,
            "held_out_years": [1916, 1920],
            "baseline_parameters": None if baseline is None else baseline.parameters,
            "baseline_loss": None if baseline is None else baseline.loss,
        },
        figures=_figures(found, baseline, whole),
        interrupted=baseline is None or baseline.stopped == INTERRUPTED,
    )


def _training(whole: Dataset) -> Dataset:
    """1900-1915 alone, with the noise taken from those years too."""
    early = whole[0].truncated(LAST)
    noise = dict(zip(early.columns, NOISE * early.u.mean(axis=0), strict=True))
    return Dataset.from_arrays(
        early.t, early.u, states=early.columns, noise=noise, trainable_u0=True, name=early.name
    )


def _systems() -> tuple[ODESystem, ODESystem]:
    """The universal system and the baseline."""
    hare, lynx = states("hare lynx", positive=True)
    alpha, beta, gamma, delta = parameters("alpha beta gamma delta", positive=True)
    nn = MLP(
        "nn", inputs=[hare, lynx], outputs=2, hidden=(5, 5), input_scaling="data",
        output_scaling="data",
    )  # fmt: skip
    universal = ODESystem(
        {hare: alpha * hare + nn[0], lynx: -gamma * lynx + nn[1]},
        trainable={alpha: 0.5, gamma: 0.8},
    )
    plain = ODESystem(
        {hare: alpha * hare - beta * hare * lynx, lynx: -gamma * lynx + delta * hare * lynx},
        trainable={alpha: 0.5, beta: 0.025, gamma: 0.8, delta: 0.025},
    )
    return universal, plain


def _stages(quick: bool) -> list[Stage]:
    if quick:
        return [GradientMatching(20), LBFGS(5)]
    # one segment a year: over a whole cycle the loss has many poor minima
    return [GradientMatching(), MultipleShooting(segments=15, iterations=600, rounds=4), LBFGS(300)]


def _error(found: FitResult, whole: Dataset) -> dict[str, float]:
    """Root mean square error over root mean square value after 1915, by species; dimensionless."""
    series = whole[0]
    later = series.t > LAST
    wrong = found.predict(series.t).u[later] - series.u[later]
    size = np.sqrt(np.mean(series.u[later] ** 2, axis=0))
    relative = np.sqrt(np.mean(wrong**2, axis=0)) / size
    return dict(zip(series.columns, relative.tolist(), strict=True))


def _rows(errors: dict[str, dict[str, float]]) -> list[tuple[str, str]]:
    names = {"universal": "error 1916-1920", "lotka_volterra": "the same, baseline"}
    return [
        (names[which], ", ".join(f"{species} {value:.1%}" for species, value in found.items()))
        for which, found in errors.items()
    ]


def _remarks(errors: dict[str, dict[str, float]]) -> list[str]:
    """Which forecast was better, plainly."""
    lines = ["Errors: root mean square, relative to that of the held-out years, which no fit saw."]
    if "lotka_volterra" not in errors:
        return lines
    for species, error in errors["universal"].items():
        other = errors["lotka_volterra"][species]
        better = "the network" if error < other else "plain Lotka-Volterra"
        lines.append(
            f"{species}: {better} forecasts better, network {error:.1%}, baseline {other:.1%}"
        )
    return lines


def _figures(found: FitResult, baseline: FitResult | None, whole: Dataset) -> dict[str, Figure]:
    compare = {} if baseline is None else {"Lotka-Volterra": baseline}
    fitted = plot_fit(found, data=whole, held_out=LAST, compare=compare)
    missing = plot_unknown_term(found, data=whole, held_out=LAST)
    for axes in (*fitted.axes[:2], *missing.axes):
        axes.set(xlabel="years since 1900", xticks=range(0, 21, 5))
    fitted.axes[0].set_ylabel("thousand pelts")
    return {"fit.png": fitted, "missing_term.png": missing, "history.png": plot_history(found)}
