"""The demonstration on simulated data: a known system, so that the learned term can be judged.

References
----------
.. [1] Rackauckas et al., Universal Differential Equations for Scientific Machine Learning,
   arXiv:2001.04385: the Lotka-Volterra example.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import typer
from numpy.typing import NDArray

from pysymude.cli.common import print_model
from pysymude.cli.recovered_output import laws_text
from pysymude.cli.showcase import Showcase
from pysymude.fit.result.stopped import INTERRUPTED
from pysymude.fit.stages.gradient_matching import GradientMatching
from pysymude.fit.stages.lbfgs import LBFGS
from pysymude.fit.training.fitting import fit
from pysymude.model.dataset import Dataset
from pysymude.model.network import MLP
from pysymude.model.symbols import parameters, states
from pysymude.model.system import ODESystem
from pysymude.plot import plot_fit, plot_history, plot_unknown_term
from pysymude.recover.recovery import recover
from pysymude.solving.solve import solve
from pysymude.symbolic.laws.derivation import first_integrals

__all__ = ["missing_term", "show"]

Float = NDArray[np.float64]

NOISE = 5e-3  # standard deviation over the mean of each state
TRUE = {"alpha": 1.3, "beta": 0.9, "gamma": 1.8, "delta": 0.8}


def show(*, seed: int, engine: str, quick: bool) -> Showcase:
    """Data simulated, the universal system fitted, the learned term compared and recovered.

    Parameters
    ----------
    seed : int
        Of the noise and of the network's initial weights.
    engine : str
    quick : bool
        A few iterations only, to see that everything works.
    """
    data, along = _simulate(seed, engine)
    system = _universal()
    print_model(system, "Known terms and a network for the rest")
    for line in laws_text(first_integrals(system)):
        typer.echo(f"For every network. {line}\n")
    stages = [GradientMatching(20), LBFGS(5)] if quick else None
    found = fit(system, data, stages=stages, seed=seed, engine=engine, reltol=1e-6, abstol=1e-6)
    true = missing_term(along)
    error = float(np.linalg.norm(found.unknown_term(along) - true) / np.linalg.norm(true))
    interrupted = found.stopped == INTERRUPTED
    recovered = None
    if not interrupted and found.success:
        library = "poly2" if quick else ["poly5", "sin"]
        recovered = recover(found, library=library, resamples=5 if quick else 50)
    return Showcase(
        fit=found,
        rows=[("error of the missing term", f"{error:.2%} along the true trajectory")],
        remarks=[],
        summary={
            "data": "simulated",
            "noise": NOISE,
            "relative_error_missing_term": error,
            "missing_term": {"dx/dt": "-0.9*x*y", "dy/dt": "0.8*x*y"},
        },
        figures={
            "fit.png": plot_fit(found, truth=missing_term),
            "missing_term.png": plot_unknown_term(found, truth=missing_term),
            "history.png": plot_history(found),
        },
        interrupted=interrupted,
        recovered=recovered,
    )


def missing_term(u: Float, t: Any = 0.0) -> Float:
    """What the network has to find, -beta x y and delta x y: float64 of shape (times, states)."""
    product = u[..., 0] * u[..., 1]
    return np.stack([-TRUE["beta"] * product, TRUE["delta"] * product], axis=-1)


def _simulate(seed: int, engine: str) -> tuple[Dataset, Float]:
    """Noisy measurements at t = 0, 0.1, ..., 3, and the true states there."""
    x, y = states("x y", positive=True)
    alpha, beta, gamma, delta = parameters("alpha beta gamma delta")
    true = ODESystem({x: alpha * x - beta * x * y, y: -gamma * y + delta * x * y}, parameters=TRUE)
    solution = solve(
        true, u0=[0.44249296, 4.6280594], t=np.arange(31) / 10, reltol=1e-10, abstol=1e-10,
        engine=engine, throw=True,
    )  # fmt: skip
    size = NOISE * solution.u.mean(axis=0)
    noise = size * np.random.default_rng(seed).standard_normal(solution.u.shape)
    return Dataset.from_arrays(solution.t, solution.u + noise, states=[x, y]), solution.u


def _universal() -> ODESystem:
    x, y = states("x y", positive=True)
    alpha, gamma = parameters("alpha gamma")
    nn = MLP("nn", inputs=[x, y], outputs=2, hidden=(5, 5, 5), activation="tanh")
    fixed = {alpha: TRUE["alpha"], gamma: TRUE["gamma"]}
    return ODESystem({x: alpha * x + nn[0], y: -gamma * y + nn[1]}, parameters=fixed)
