"""Intervals hold the truth about as often as they say; where Wald's are known to fail, profiles still do."""

from __future__ import annotations

from functools import cache

import numpy as np

import pysymude as psu

x = psu.states("x", positive=True)
V, K = psu.parameters("V K", positive=True)
TRUTH = {"V": 1.0, "K": 1.0}


@cache
def fitted(seed: int, noise: float, count: int) -> psu.FitResult:
    """Michaelis and Menten from four times the constant on, with known noise."""
    system = psu.ODESystem({x: -V * x / (K + x)}, trainable={V: 1.0, K: 1.0})
    t = np.linspace(0.0, 6.0, count)
    exact = psu.solve(system, u0=[4.0], t=t, reltol=1e-9, engine="native").u[1:]
    values = exact + noise * np.random.default_rng([seed, 3]).normal(size=exact.shape)
    data = psu.Dataset.from_arrays(t[1:], values, states=[x], u0={x: 4.0}, t0=0.0, noise={x: noise})
    return psu.fit(system, data, stages=psu.LBFGS(200), progress=False, engine="native")


def share(name: str, level: float, method: str, sets: int, noise: float, count: int) -> float:
    held = 0
    for seed in range(sets):
        fit = fitted(seed, noise, count)
        if method == "wald":
            low, high = fit.confidence_intervals(level)[name]
        else:
            low, high = psu.profile(fit, name, level=level).interval()
        held += low <= TRUTH[name] <= high
    return held / sets


def test_wald_intervals_hold_the_truth_as_often_as_they_say():
    # three standard deviations of 80 draws around the level, to both sides
    assert 0.87 < share("K", 0.95, "wald", 80, 0.05, 16) <= 1.0
    assert 0.35 < share("V", 0.5, "wald", 80, 0.05, 16) < 0.65


def test_profiles_hold_it_where_walds_do_not():
    """Close to saturation the constant may be nothing, as the data go, and the rate is not what it seems."""
    assert share("V", 0.95, "wald", 40, 0.5, 7) < 0.87
    assert share("V", 0.95, "profile", 40, 0.5, 7) > 0.87
