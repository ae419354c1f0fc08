"""Simulation-based calibration of `psu.sample`: where the truth ranks among draws, over many data sets.

    python -m benchmarks.calibration [--sets 100] [--problem NAME] [--json FILE]

Truths are drawn from the priors, data from the truths. If draws come from the posterior, the rank of the truth
among them is uniform (Talts et al., Validating Bayesian Inference Algorithms with Simulation-Based Calibration,
arXiv:1804.06788). The p-value is that of a chi-squared test on ten bins.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

import pysymude as psu
from benchmarks.harness import arguments, finish

S, I, x = psu.states("S I x", positive=True)  # noqa: E741
b, g, k, V, K = psu.parameters("b g k V K", positive=True)
DRAWS, KEPT = 400, 99  # as many as leave next to no correlation between those kept


@dataclass(frozen=True)
class Problem:
    """A system whose priors have medians and widths of logarithms, and data for a truth."""

    system: psu.ODESystem
    priors: dict[str, tuple[float, float]]
    data: Callable[[dict[str, float], np.random.Generator], psu.Dataset]

    def truth(self, rng: np.random.Generator) -> dict[str, float]:
        """Values drawn from the priors."""
        return {n: float(np.exp(rng.normal(np.log(m), w))) for n, (m, w) in self.priors.items()}


def with_priors(
    system: psu.ODESystem, priors: dict[str, tuple[float, float]], data: Any
) -> Problem:
    given = {name: psu.LogNormal(float(np.log(m)), w) for name, (m, w) in priors.items()}
    return Problem(system.replace(priors=given), priors, data)


def enzyme() -> Problem:
    """Michaelis and Menten with normal noise of known size."""
    system = psu.ODESystem({x: -V * x / (K + x)}, trainable={V: 1.0, K: 1.0})
    t = np.linspace(0.0, 6.0, 13)

    def data(truth: dict[str, float], rng: np.random.Generator) -> psu.Dataset:
        u = psu.solve(system, u0=[4.0], t=t, parameters=truth, reltol=1e-9, engine="native").u[1:]
        values = u + 0.1 * rng.normal(size=u.shape)
        return psu.Dataset.from_arrays(
            t[1:], values, states=[x], u0={x: 4.0}, t0=0.0, noise={x: 0.1}
        )

    return with_priors(system, {"V": (1.0, 0.3), "K": (1.0, 0.5)}, data)


def epidemic() -> Problem:
    """Counts with negative binomial scatter, whose size is learned, too."""
    system = psu.ODESystem(
        {S: -b * S * I / 1000, I: b * S * I / 1000 - g * I},
        trainable={b: 1.0, g: 0.4, k: 8.0},
        noise={I: psu.NegativeBinomial(k)},
    )
    t = np.arange(0.0, 20.0)

    def data(truth: dict[str, float], rng: np.random.Generator) -> psu.Dataset:
        values = {n: truth[n] for n in ("b", "g")}
        sol = psu.solve(
            psu.ODESystem(system.rhs), u0=[990.0, 10.0], t=t, parameters=values, reltol=1e-9,
            engine="native",
        )  # fmt: skip
        mean, size = np.maximum(sol["I"], 1e-9), truth["k"]
        counts = rng.negative_binomial(size, size / (size + mean))
        return psu.Dataset.from_arrays(
            t, counts[:, None].astype(float), states=[I], u0={S: 990.0, I: 10.0}
        )

    return with_priors(system, {"b": (1.0, 0.2), "g": (0.4, 0.2), "k": (8.0, 0.4)}, data)


PROBLEMS = {"michaelis-menten": enzyme, "sir, negative binomial": epidemic}


def ranks(problem: Problem, sets: int) -> dict[str, list[int]]:
    """The rank of each truth among the draws that are kept, for each data set."""
    found: dict[str, list[int]] = {name: [] for name in problem.priors}
    for seed in range(sets):
        rng = np.random.default_rng([seed, 11])
        truth = problem.truth(rng)
        fit = psu.fit(
            problem.system, problem.data(truth, rng), stages=psu.LBFGS(200), progress=False,
            engine="native",
        )  # fmt: skip
        drawn = psu.sample(fit, draws=DRAWS, chains=1, warmup=300, seed=seed)
        for name, value in truth.items():
            kept = drawn.posterior[name].values.ravel()[:: DRAWS // KEPT][:KEPT]
            found[name].append(int((kept < value).sum()))
    return found


def main() -> None:
    """All problems as one table."""
    logging.getLogger("pysymude").setLevel(logging.ERROR)
    options = arguments(__doc__ or "", sets=100, problem="")
    rows: list[dict[str, Any]] = []
    for name, make in PROBLEMS.items():
        if options.problem not in ("", name):
            continue
        for parameter, found in ranks(make(), options.sets).items():
            counts = np.histogram(found, bins=10, range=(0, KEPT + 1))[0]
            p = float(stats.chisquare(counts).pvalue)
            rows.append({"problem": name, "parameter": parameter, "p": p, "ranks": counts.tolist()})
            print(rows[-1], flush=True)
    finish("simulation-based calibration", rows, options.json)


if __name__ == "__main__":
    main()
