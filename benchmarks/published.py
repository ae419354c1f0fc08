"""The published Lotka-Volterra set-up (arXiv:2001.04385, sec. 3.1) with the defaults of `psu.fit`.

    python -m benchmarks.published [--seeds 5] [--levels 0,1e-3,5e-3] [--json FILE]

Noise is level * mean of each state * standard normal; the initial state is known. The limits are on
the sum of squared residuals, and on the error of the missing term along the true trajectory.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

import pysymude as psu
from benchmarks.harness import arguments, finish
from problems.catalogue import universal

Float = NDArray[np.float64]

# level: largest sum of squares, largest relative error of the missing term, how many of five seeds
LIMITS = {0.0: (5e-5, np.inf, 5), 1e-3: (5e-5, np.inf, 5), 5e-3: (1e-3, 0.1, 4)}
SECONDS = 30.0


def missing_term(u: Float) -> Float:
    """What the network should learn: -0.9 x y and 0.8 x y."""
    product = u[:, 0] * u[:, 1]
    return np.stack([-0.9 * product, 0.8 * product], axis=1)


def run(level: float, seed: int) -> dict[str, Any]:
    """One fit, judged on the data and on the truth."""
    system, clean = universal("lotka-volterra").problem
    t, truth = clean[0].t, clean[0].u
    noise = np.random.default_rng(seed).standard_normal(truth.shape)
    data = psu.Dataset.from_arrays(
        t, truth + level * truth.mean(axis=0) * noise, states=["x", "y"], u0=truth[0]
    )
    start = time.perf_counter()
    fit = psu.fit(system, data, seed=seed, progress=False)
    seconds = time.perf_counter() - start
    wanted = missing_term(truth)
    error = np.linalg.norm(fit.unknown_term(truth) - wanted) / np.linalg.norm(wanted)
    sum_limit, error_limit, _ = LIMITS[level]
    return {
        "noise": level, "seed": seed, "sum of squares": fit.loss,
        "of the truth": float(((truth - data[0].u) ** 2).sum()),
        "to the truth": float(((fit.predictions[0].u - truth) ** 2).sum()),
        "missing term": float(error),
        "iterations": len(fit.history["value"]), "seconds": seconds, "stopped": fit.stopped,
        "verdict": "pass" if fit.loss <= sum_limit and error <= error_limit else "FAIL",
        "in time": "pass" if seconds <= SECONDS else "FAIL",
    }  # fmt: skip


def main() -> None:
    given = arguments(__doc__ or "", seeds=5, levels="0,1e-3,5e-3")
    levels = [float(level) for level in given.levels.split(",")]
    # the programs are compiled once, by a fit that is not counted
    run(levels[0], 0)
    rows: list[dict[str, Any]] = []
    for level in levels:
        for seed in range(given.seeds):
            rows.append(run(level, seed))
            print(rows[-1], flush=True)
    finish("published problem", rows, given.json)
    for level in levels:
        good = sum(r["verdict"] == "pass" for r in rows if r["noise"] == level)
        wanted = LIMITS[level][2]
        print(f"noise {level:g}: {good} of {given.seeds}; wanted {wanted} of 5")


if __name__ == "__main__":
    main()
