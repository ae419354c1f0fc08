"""The sections of a report, each a piece of HTML."""

from __future__ import annotations

import io
import platform
from html import escape
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from pysymude.errors import PySymUDEError
from pysymude.fit.result.fit_result import FitResult
from pysymude.fit.result.summary import ENOUGH, ended
from pysymude.infer.covariance import wald_intervals
from pysymude.model.formulas_shown import as_mathml, equation
from pysymude.model.html_table import html_table, sentence
from pysymude.model.trajectory import Trajectory
from pysymude.model.units import with_unit
from pysymude.plot.figures import plot_fit
from pysymude.plot.law_figures import plot_laws
from pysymude.plot.residual_figures import plot_residuals
from pysymude.plot.style import forget

__all__ = ["SECTIONS", "model", "outcome", "parameters", "residual_table"]

_PACKAGES = ("pysymude", "numpy", "scipy", "sympy", "llvmlite", "matplotlib")


def outcome(fit: FitResult) -> str:
    """How it ended, in one line, and what to know before it is trusted."""
    how = ended(fit)
    good = fit.success and (fit.converged or how == ENOUGH)
    word = "ended before it converged" if fit.success else "failed"
    if good:
        word = "converged" if fit.converged else f"ended: {how}"
    found = [
        f'<p class="{"good" if good else "bad"}">The fit {word}: {escape(fit.retcode.value)}</p>'
    ]
    found += [sentence(text, "warning") for text in fit.warnings]
    return "".join(found)


def model(fit: FitResult) -> str:
    """Equations, observables, starts, noise, priors."""
    system = fit.system
    found = [equation(x.name, f, rate=True) for x, f in system.rhs.items()]
    for title, given in (
        ("What is measured", system.observables.items()),
        ("Where states start", ((x.name, f) for x, f in system.initial.items())),
    ):
        rows = [equation(str(name), f) for name, f in given]
        found += [f"<h3>{title}</h3>", *rows] if rows else []
    for title, models in (("Noise", system.noise), ("Priors", system.priors)):
        rows = [[name, repr(family)] for name, family in models.items()]
        found += [f"<h3>{title}</h3>", html_table(("of", "distribution"), rows)] if rows else []
    nets = [
        [nn.name, " - ".join(map(str, nn.widths)), nn.activation, float(nn.n_weights)]
        for nn in system.networks
    ]
    if nets:
        found += [
            "<h3>Networks</h3>",
            html_table(("name", "widths", "activation", "weights"), nets),
        ]
    return "".join(found)


def parameters(fit: FitResult) -> str:
    """Values with standard errors and intervals, where the data tell them."""
    learned = [s.name for s in fit.layout.values() if s.kind in ("parameter", "u0")]
    units = fit.system.units
    fixed = [[with_unit(s.name, units), v, "fixed", ""] for s, v in fit.system.parameters.items()]
    errors: dict[str, float] = {}
    intervals: dict[str, tuple[float, float]] = {}
    note = ""
    try:
        errors, intervals = fit.standard_errors(), wald_intervals(fit, 0.95)
    except (PySymUDEError, np.linalg.LinAlgError) as problem:
        note = f"<p>Standard errors are not available: {escape(str(problem))}</p>"
    rows = [
        [
            with_unit(name, units),
            float(fit.values[name]),
            errors.get(name, np.nan),
            _interval(intervals.get(name)),
        ]
        for name in learned
    ]
    head = ("name", "value", "standard error", "95 % interval (Wald)")
    return (html_table(head, [*rows, *fixed]) if rows or fixed else "<p>None.</p>") + note


def _interval(pair: tuple[float, float] | None) -> str:
    return "" if pair is None else f"{pair[0]:.5g} to {pair[1]:.5g}"


def data(fit: FitResult) -> str:
    """The experiments."""
    rows = [
        [
            tr.name, ", ".join(tr.columns), float(len(tr)), float(tr.n_measured),
            f"{tr.t0:g} to {tr.t[-1]:g}", _beside(tr),
        ]
        for tr in fit.data
    ]  # fmt: skip
    return html_table(("experiment", "columns", "rows", "measured", "time", "beside"), rows)


def _beside(trajectory: Trajectory) -> str:
    parts = [f"{name} = {value}" for name, value in trajectory.parameters.items()]
    parts += [f"{len(pairs)} doses of {name}" for name, pairs in trajectory.doses.items()]
    parts += [f"{len(trajectory.periods)} periods"] if trajectory.periods else []
    parts += [f"signal {name}" for name in trajectory.signals]
    return "; ".join(parts)


def fitted(fit: FitResult) -> str:
    """Measurements and curves."""
    return _svg(plot_fit(fit)) if fit.success else "<p>There is no solution to show.</p>"


def residual_table(fit: FitResult) -> str:
    """How well each column is described, in numbers."""
    return fit.residuals._repr_html_()  # pyright: ignore[reportPrivateUsage]


def residuals(fit: FitResult) -> str:
    """How well each column is described."""
    if not fit.success:
        return "<p>There are none.</p>"
    return residual_table(fit) + _svg(plot_residuals(fit))


def laws(fit: FitResult) -> str:
    """What is kept along the trajectories, and how well."""
    drift = fit.drift() if fit.success else {}
    rows = [
        [law.name, as_mathml(law.expr), float(f"{drift.get(law.name, np.nan):.3g}")]
        for law in fit.laws
    ]
    used = sentence(f"Used as: {fit.objective.enforced.conserve}.")
    table = html_table(("law", "expression", "largest relative drift"), rows)
    return used + table + (_svg(plot_laws(fit)) if fit.success else "")


def computed(fit: FitResult) -> str:
    """Engine, solver, tolerances, time, versions."""
    method = fit.objective.method
    rows = [
        ["engine", fit.engine], ["solver", fit.solver], ["relative tolerance", method.reltol],
        ["absolute tolerance", method.abstol_text], ["gradient", method.sensealg],
        ["iterations", float(len(fit.history["stage"]))], ["seconds", fit.seconds],
        ["seed", float(fit.seed)], ["loss", fit.loss], ["Python", platform.python_version()],
        *([name, _version(name)] for name in _PACKAGES),
    ]  # fmt: skip
    return html_table(("what", "value"), rows)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def again(fit: FitResult) -> str:
    """The code that reproduces it."""
    decay = f", weight_decay={fit.weight_decay!r}" if fit.weight_decay else ""
    code = (
        "import pysymude as psu\n\n"
        'fit = psu.FitResult.load("fit.npz")        # the fit of this page\n'
        f"again = psu.fit(fit.system, fit.data, seed={fit.seed}, engine={fit.engine!r}{decay})\n"
    )
    told = (
        "fit.npz beside this page holds model, data and result. Stages, laws and a loss of your own that the fit "
        "was given are to be given again."
    )
    return f"<p>{told}</p><pre>{escape(code)}</pre>"


def _svg(figure: Any) -> str:
    """A figure as SVG within the page; its texts are drawn, so that no font is needed."""
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata={"Date": None})
    forget(figure)
    text = stream.getvalue()
    return f'<div class="figure">{text[text.index("<svg") :]}</div>'


SECTIONS = (
    ("Fit", fitted), ("Model", model), ("Parameters", parameters), ("Residuals", residuals), ("Laws", laws),
    ("Data", data), ("How it was computed", computed), ("Again", again),
)  # fmt: skip
"""Titles and makers of the sections, in their order; laws are left out where there are none."""
