"""The second published scenario: few readings of the predator, whose death rate is unknown too.

    python -m benchmarks.few_data [--seeds 5] [--json FILE]

As in LotkaVolterra/scenario_2.jl of the published repository (arXiv:2001.04385): t to 6, the prey every 0.1,
the predator at its start and five times more, noise 5e-3 of the mean, trainable death rate delta. Every
seed is run without a law, and with the law of the system projected, its coefficients beta and gamma unknown
and its delta that of the equation. Known is alpha alone, so a term delta*y and one in the network can stand for
each other; the library leaves such a term to delta.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp

import pysymude as psu
from benchmarks.harness import arguments, finish

x, y = psu.states("x y", positive=True)
alpha = psu.parameters("alpha")
beta, gamma, delta = psu.parameters("beta gamma delta", positive=True)
LAW = gamma * x - delta * sp.log(x) + beta * y - alpha * sp.log(y)
T = np.arange(61) / 10


def measured(seed: int) -> tuple[psu.Dataset, Any]:
    """The readings, and the true states."""
    truth = psu.ODESystem({x: 1.3 * x - 0.9 * x * y, y: -1.8 * y + 0.8 * x * y})
    clean = psu.solve(
        truth, u0=[0.44249296, 4.6280594], t=T, reltol=1e-12, abstol=1e-12, engine="native"
    ).u
    noise = np.random.default_rng(seed).standard_normal(clean.shape)
    readings = clean + 5e-3 * clean.mean(axis=0) * noise
    readings[np.arange(61) % 12 != 0, 1] = np.nan
    return psu.Dataset.from_arrays(T, readings, states=[x, y]), clean


def run(seed: int, law: bool) -> dict[str, Any]:
    """One fit and its recovery, judged on the truth."""
    own = {beta: 0.5, gamma: 0.5} if law else {}
    using: dict[str, Any] = {"laws": LAW, "conserve": "project"} if law else {}
    data, clean = measured(seed)
    nn = psu.MLP("nn", inputs=[x, y], outputs=2, hidden=(5, 5, 5), activation="rbf")
    system = psu.ODESystem(
        {x: alpha * x + nn[0], y: -delta * y + nn[1]},
        parameters={alpha: 1.3}, trainable={delta: 0.5, **own},
    )  # fmt: skip
    # over the whole span at once, training ends in a minimum that misses the second peak
    stages = [psu.MultipleShooting(5, iterations=600, rounds=4), psu.LBFGS(1000)]
    fit = psu.fit(
        system, data, seed=seed, stages=stages, weight_decay=1e-6, engine="native", progress=False,
        **using,
    )  # fmt: skip
    gap = fit.predictions[0].u - clean
    found = psu.recover(fit, library=["poly5", "sin"], resamples=20)
    return {
        "seed": seed, "law": law, "loss": fit.loss, "prey off": float(np.abs(gap[:, 0]).max()),
        "predator off": float(np.abs(gap[:, 1]).max()), "delta by the network": fit.parameters["delta"],
        "form": "; ".join(f"{c.output}: {c.value:.4f}*{c.term} ± {c.error:.1g}" for c in found.coefficients),
        "delta": found.refit.parameters["delta"], "alternatives": len(found.alternatives),
        "warnings": len(found.warnings),
    }  # fmt: skip


def main() -> None:
    given = arguments(__doc__ or "", seeds=5)
    rows: list[dict[str, Any]] = []
    for seed in range(given.seeds):
        for law in (False, True):
            rows.append(run(seed, law))
            print(rows[-1], flush=True)
    finish("few readings of the predator", rows, given.json)


if __name__ == "__main__":
    main()
