"""When to fish and when to count, so that ten counts tell most of predator and prey.

    python examples/fishing_design.py

Prey grows and predators die at unknown rates; what they do to each other is a network. A first experiment without
fishing was counted at equal distances. For the second one, fishing may be switched on and off every two units
of time, and ten counts are allowed: both are chosen by Fisher's information of the two rates, with the network's
weights learned beside them. After Plate, Martensen and Sager, Optimal Experimental Design for Universal
Differential Equations, arXiv:2408.07143; the fishing problem is S. Sager's.
"""

from __future__ import annotations

import time

import numpy as np

import pysymude as psu

NOISE, END, COUNTS = 0.05, 12.0, 10
START = {"x": 0.5, "y": 0.7}
TRUE = {"a": 1.0, "d": 1.0}

x, y = psu.states("x y", positive=True)
a, d = psu.parameters("a d", positive=True)
fishing = psu.Signal("fishing", "previous")
NEVER = {"fishing": ([0.0], [0.0])}


def model(interaction: object, **keywords: object) -> psu.ODESystem:
    """Prey and predators, of which fishing takes its share."""
    f = fishing(psu.t)
    return psu.ODESystem(
        {x: a * x - interaction - 0.4 * f * x, y: interaction - d * y - 0.2 * f * y}, **keywords
    )


def universal() -> psu.ODESystem:
    """The interaction is a network, whose weights are small unless counts say otherwise."""
    nn = psu.MLP("nn", inputs=[x, y], outputs=1, hidden=(4,))
    return model(nn[0] * x * y, trainable={a: 0.8, d: 0.8}, priors={nn: psu.Normal(0, 1)})


def counted(times: np.ndarray, signals: dict, seed: int, name: str = "") -> psu.Trajectory:
    """Counts of the true species, with errors."""
    truth = model(x * y)
    grid = np.unique(np.concatenate([[0.0], times]))
    sol = psu.solve(truth, u0=START, t=grid, parameters=TRUE, signals=signals, reltol=1e-9)
    exact = sol.u[np.searchsorted(grid, times)]
    noisy = exact + NOISE * np.random.default_rng(seed).normal(size=exact.shape)
    return psu.Trajectory.from_arrays(
        times, noisy, states=[x, y], u0=START, t0=0.0, noise=NOISE, signals=signals, name=name
    )


def equidistant(count: int) -> np.ndarray:
    """So many times up to the end."""
    return np.linspace(END / count, END, count)


def refit(first: psu.FitResult, trajectory: psu.Trajectory) -> psu.FitResult:
    """Both experiments together, from what the first one gave."""
    data = psu.Dataset([*first.data, trajectory])
    return psu.fit(first.system, data, theta0=first.theta, stages=psu.LBFGS(300), progress=False)


def main(figure: str = "fishing_design.png") -> dict[str, object]:
    """Prints both second experiments side by side, and draws the designed one."""
    begun = time.perf_counter()
    pilot = psu.Dataset([counted(equidistant(COUNTS), NEVER, 0, "first")])
    first = psu.fit(universal(), pilot, stages=psu.LBFGS(500), progress=False)
    plan = psu.design(
        first,
        candidates={
            "t": np.linspace(0.25, END, 48),
            "signals": {fishing: {"t": np.arange(0.0, END, 2.0), "levels": [0.0, 0.5, 1.0]}},
        },
        n=COUNTS, parameters=[a, d], experiments=1, after=True, progress=False,
    )  # fmt: skip
    (setting,) = plan.settings
    print(f"fishing from t = 0, 2, ...: {setting['signals']['fishing'][1]}")
    print(f"count at t = {plan.times}")
    print(
        f"the ellipse of both rates shrinks {plan.gain:.2f} times beside equal distances without fishing; "
        f"by whole counts {plan.efficiency:.0%} of what weights would reach"
    )
    ways = {
        "equal distances, no fishing": counted(equidistant(COUNTS), NEVER, 1, "second"),
        "designed": counted(plan.times, dict(setting["signals"]), 1, "second"),
    }
    print(f"\n{'':<28} {'a':>15} {'d':>15} {'area':>10}")
    areas: dict[str, float] = {}
    for name, trajectory in ways.items():
        fit = refit(first, trajectory)
        errors, values = fit.standard_errors(), fit.parameters
        found = fit.covariance()
        at = [found.names.index(n) for n in ("a", "d")]
        areas[name] = float(np.pi * np.sqrt(np.linalg.det(found.matrix[np.ix_(at, at)])))
        numbers = [f"{values[n]:.3f} +- {errors[n]:.3f}" for n in ("a", "d")]
        print(f"{name:<28} {numbers[0]:>15} {numbers[1]:>15} {areas[name]:>10.2g}")
    print(f"{time.perf_counter() - begun:.0f} s")
    plan.plot().savefig(figure)
    return {"plan": plan, "areas": areas}


if __name__ == "__main__":
    main()
