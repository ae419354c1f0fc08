"""The missing equation of the published Lotka-Volterra set-up, from noisy data back to x*y.

    python -m benchmarks.recovery [--seeds 20] [--levels 0,1e-3,5e-3] [--starts measured,learned] [--json FILE]

Data as in the published script (arXiv:2001.04385, LotkaVolterra/scenario_1.jl of its repository): 31
readings to t = 3, noise = level * mean of each state * standard normal, network 2-5-5-5-2 of Gaussian
radial basis functions. As published, every solve starts at the first noisy reading ("measured"); with
"learned" the initial state is trainable. The library is all monomials up to degree 5, and sin x, sin y.

With --json every finished row is kept, and a second run goes on where the first one stopped.
"""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np

import pysymude as psu
from benchmarks.harness import arguments, finish

x, y = psu.states("x y", positive=True)
alpha, delta = psu.parameters("alpha delta")
TRUE = {"nn[0]": -0.9, "nn[1]": 0.8}
T = np.arange(31) / 10
# level: largest relative error of a coefficient, how many of twenty seeds must have the structure
LIMITS = {0.0: (0.01, 20), 1e-3: (0.01, 20), 5e-3: (0.05, 16)}


def measured(level: float, seed: int, start: str) -> psu.Dataset:
    """The readings, with the noise of this seed."""
    truth = psu.ODESystem({x: 1.3 * x - 0.9 * x * y, y: -1.8 * y + 0.8 * x * y})
    clean = psu.solve(
        truth, u0=[0.44249296, 4.6280594], t=T, reltol=1e-12, abstol=1e-12, engine="native"
    ).u
    noise = np.random.default_rng(seed).standard_normal(clean.shape)
    readings = clean + level * clean.mean(axis=0) * noise
    return psu.Dataset.from_arrays(T, readings, states=[x, y], trainable_u0=start == "learned")


def universal() -> psu.ODESystem:
    """The published system: known growth and decay, a network for the interaction."""
    nn = psu.MLP("nn", inputs=[x, y], outputs=2, hidden=(5, 5, 5), activation="rbf")
    return psu.ODESystem(
        {x: alpha * x + nn[0], y: -delta * y + nn[1]}, parameters={alpha: 1.3, delta: 1.8}
    )


def run(level: float, seed: int, start: str) -> dict[str, Any]:
    """One fit and its recovery, judged on the truth."""
    begin = time.perf_counter()
    fit = psu.fit(
        universal(), measured(level, seed, start), seed=seed, engine="native", progress=False
    )
    between = time.perf_counter()
    found = psu.recover(fit, library=["poly5", "sin"])
    end = time.perf_counter()
    terms = [(c.output, c.term) for c in found.coefficients]
    exact = terms == [("nn[0]", x * y), ("nn[1]", x * y)]
    errors = [abs(c.value / TRUE[c.output] - 1) for c in found.coefficients] if exact else [np.inf]
    within = [abs(c.value - TRUE[c.output]) / c.error for c in found.coefficients] if exact else []
    limit, _ = LIMITS[level]
    return {
        "start": start, "noise": level, "seed": seed,
        "form": "; ".join(f"{name}: {term}" for name, term in terms),
        "worst coefficient": float(max(errors)), "in standard errors": float(max(within, default=np.inf)),
        "network": found.network_error, "sparse": found.error, "warnings": len(found.warnings),
        "fit s": between - begin, "recover s": end - between,
        "verdict": "pass" if exact and max(errors) <= limit else "FAIL",
    }  # fmt: skip


def main() -> None:
    given = arguments(__doc__ or "", seeds=20, levels="0,1e-3,5e-3", starts="measured,learned")
    kept = given.json.with_suffix(".jsonl") if given.json else None
    lines = kept.read_text().splitlines() if kept and kept.exists() else []
    rows = [json.loads(line) for line in lines]
    done = {(row["start"], row["noise"], row["seed"]) for row in rows}
    cases = [
        (float(level), seed, start)
        for start in given.starts.split(",")
        for level in given.levels.split(",")
        for seed in range(given.seeds)
    ]
    for level, seed, start in cases:
        if (start, level, seed) in done:
            continue
        rows.append(run(level, seed, start))
        print(rows[-1], flush=True)
        if kept:
            with kept.open("a") as file:
                file.write(json.dumps(rows[-1]) + "\n")
    finish("recovery of the Lotka-Volterra interaction", rows, given.json)
    for start in given.starts.split(","):
        for level in sorted({case[0] for case in cases}):
            own = [r for r in rows if (r["start"], r["noise"]) == (start, level)]
            good = sum(r["verdict"] == "pass" for r in own)
            print(
                f"{start} start, noise {level:g}: {good} of {len(own)}; wanted {LIMITS[level][1]} of 20"
            )


if __name__ == "__main__":
    main()
