"""One figure of each kind, of things that are made without training, so that they are alike everywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

import pysymude as psu
from pysymude import plot
from pysymude.recover.front import FrontRow

hare, lynx, z = psu.states("hare lynx z", positive=True)
k, r = psu.parameters("k r", positive=True)
T = np.linspace(0.0, 8.0, 17)
NATIVE: dict[str, Any] = {"engine": "native", "progress": False}


def wave(t: Any, phase: float = 0.0) -> Any:
    """Measurements with errors that no generator of random numbers has to repeat."""
    return 0.04 * np.sin(37.0 * np.asarray(t) + phase)


@cache
def orbit() -> psu.Solution:
    system = psu.ODESystem(
        {hare: hare - 0.6 * hare * lynx, lynx: -lynx + 0.5 * hare * lynx},
        observables={"sum": hare + lynx},
    )
    return psu.solve(system, u0={hare: 1.0, lynx: 1.0}, t=np.linspace(0, 8, 161), engine="native")


@cache
def fitted() -> psu.FitResult:
    """A network in one equation, whose weights have been read off the truth by matching alone."""
    nn = psu.MLP("F", inputs=[hare], outputs=1, hidden=(4,))
    system = psu.ODESystem(
        {hare: hare - 0.6 * hare * lynx + nn[0] / 50, lynx: -lynx + 0.5 * hare * lynx}
    )
    u = orbit()(T) * (1 + np.stack([wave(T), wave(T, 1.0)], axis=1))
    data = psu.Dataset.from_arrays(
        [T, T[:9]], [u, u[:9] * 1.1], states=[hare, lynx], name=["north", "south"],
        units={"t": "years", "hare": "1000", "lynx": "1000"}, noise=0.05,
    )  # fmt: skip
    return psu.fit(system, data, stages=psu.LBFGS(1), **NATIVE)


@cache
def known() -> psu.FitResult:
    """Columns of different size."""
    system = psu.ODESystem({hare: -k * hare, lynx: k * hare}, trainable={k: 0.5})
    u = np.stack([np.exp(-0.5 * T), 2 - np.exp(-0.5 * T)], axis=1) * (1 + wave(T)[:, None])
    u[:, 1] += 1e3
    data = psu.Dataset.from_arrays(
        T, u, states=[hare, lynx], u0={hare: 1.0, lynx: 1001.0}, noise=0.05
    )
    return psu.fit(system, data, stages=psu.LBFGS(1), **NATIVE)


@cache
def pendulums() -> dict[str, psu.FitResult]:
    """A law that a projection keeps and a plain network does not."""
    u, v = psu.states("u v")
    nn = psu.MLP("nn", inputs=[u, v], outputs=2, hidden=(3,))
    system = psu.ODESystem({u: v + nn[0] / 9, v: -u + nn[1] / 9})
    data = psu.Dataset.from_arrays(T, np.stack([np.cos(T), -np.sin(T)], axis=1), states=[u, v])
    how: dict[str, Any] = {"laws": u**2 + v**2, "stages": psu.LBFGS(1), **NATIVE}
    return {name: psu.fit(system, data, conserve=name, **how) for name in ("report", "project")}


@cache
def subjects() -> psu.FitResult:
    system = psu.ODESystem({z: -k * z}, trainable={k: 0.5})
    t = T[::2]
    u = [(a * np.exp(-0.5 * t) + wave(t, a))[:, None] for a in range(1, 7)]
    data = psu.Dataset.from_arrays(
        [t] * 6, u, states=[z], u0=[{z: float(a)} for a in range(1, 7)],
        name=[f"subject {a}" for a in range(1, 7)], units={"t": "h", "z": "mg/l"}, noise=0.05,
    )  # fmt: skip
    return psu.fit(system, data, stages=psu.LBFGS(1), **NATIVE)


@cache
def members() -> psu.FitEnsemble:
    """Members whose weights are those of one fit, moved a little."""
    fit = fitted()
    fits = [replace(fit, theta=fit.theta * (1 + 0.01 * j)) for j in range(-5, 6)]
    return psu.FitEnsemble(tuple(fits), tuple(range(len(fits))), {})


@cache
def history() -> psu.FitResult:
    rows = np.arange(1.0, 41.0)
    stages = np.array(["Adam"] * 15 + ["LBFGS (to 50%)"] * 10 + ["LBFGS"] * 15)
    value = 1 / rows + 0.002
    validation = np.where(rows % 10 == 0, 1.5 * value, np.nan)
    columns = {
        "stage": stages,
        "iteration": rows,
        "value": value,
        "seconds": rows,
        "validation": validation,
    }
    return replace(fitted(), history=columns)


@cache
def robertson() -> psu.Solution:
    a, b, c = psu.states("A B C", positive=True)
    system = psu.ODESystem(
        {a: -0.04 * a + 1e4 * b * c, b: 0.04 * a - 1e4 * b * c - 3e7 * b**2, c: 3e7 * b**2}
    )
    t = np.concatenate([[0.0], np.logspace(-5, 5, 101)])
    return psu.solve(system, u0=[1.0, 0.0, 0.0], t=t, engine="native")


@cache
def sweep() -> psu.EnsembleSolution:
    system = psu.ODESystem({z: -k * z}, parameters={k: 0.5})
    rates = np.linspace(0.2, 0.8, 40)
    return psu.solve_ensemble(system, u0={z: 1.0}, parameters={k: rates}, t=T, engine="native")


@cache
def recovered() -> Any:
    nn = psu.MLP("nn", inputs=[z], outputs=1, hidden=4)
    data = psu.Dataset.from_arrays(T / 2, 2 / (1 + 9 * np.exp(-0.75 * T)), states=[z])
    fit = psu.fit(psu.ODESystem({z: 1.5 * z + nn[0]}), data, stages=psu.LBFGS(1000), **NATIVE)
    found = psu.recover(fit, library="poly3", resamples=5, progress=False)
    # errors that lie below the solver's tolerance are another on each machine
    front = [FrontRow(n, {}, 0.0, e, 0.0) for n, e in enumerate((1.0, 2e-3, 1.5e-3, 1.4e-3))]
    return replace(found, front=tuple(front), network_loss=17 * 1e-6)


@cache
def starts() -> psu.MultiStart:
    fit = known()
    losses = [1.0, 1.0, 1.0, 7.0, 7.0, 30.0]
    return psu.MultiStart(tuple(replace(fit, loss=loss) for loss in losses), np.zeros((6, 1)), ())


FIGURES: dict[str, Callable[[], Any]] = {
    "data": lambda: fitted().data.plot(),
    "data_of_two_sizes": lambda: plot.plot_data(known().data),
    "data_on_a_log_axis": lambda: plot.plot_data(subjects().data, log="y"),
    "fit": lambda: fitted().plot(held_out=6.0),
    "fit_in_a_plane": lambda: fitted().plot(phase=(hare, lynx)),
    "fit_of_two_sizes": lambda: known().plot(),
    "many_experiments": lambda: plot.plot_trajectories(subjects()),
    "unknown_term": lambda: plot.plot_unknown_term(fitted()),
    "network": lambda: fitted().plot_network("F", truth=lambda v: 0 * v),
    "network_band": lambda: members().plot_network(),
    "history": lambda: plot.plot_history(history()),
    "laws": lambda: plot.plot_laws({"free": pendulums()["report"]}),
    "residuals": lambda: subjects().plot_residuals(),
    "solution": lambda: orbit().plot(units={"t": "years"}),
    "solution_in_a_plane": lambda: orbit().plot(phase=("hare", "lynx")),
    "solution_of_three_sizes": lambda: robertson().plot(log="x", units={"t": "s"}),
    "sweep": lambda: sweep().plot(level=0.8),
    "ensemble": lambda: members().plot(),
    "recovered": lambda: recovered().plot(),
    "profile": lambda: psu.profile(subjects(), k, progress=False).plot(),
    "waterfall": lambda: starts().plot(),
    "design": lambda: psu.design(subjects(), candidates={"t": T[1:]}, n=2, progress=False).plot(),
}  # fmt: skip
