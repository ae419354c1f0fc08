"""Posteriors that are known exactly; two samplers beside each other; interrupted and resumed chains."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

import pysymude as psu
from pysymude.infer import sample as sampling

# found, not loaded: that takes seconds of a run that samples nothing
pytestmark = [
    pytest.mark.skipif(find_spec("nutpie") is None, reason="nutpie is not installed"),
    pytest.mark.skipif(find_spec("emcee") is None, reason="emcee is not installed"),
]

x = psu.states("x")
k, V, K = psu.parameters("k V K")
T = np.linspace(0.0, 2.0, 9)
SLOPE = 1.3 * T + 0.4 * np.random.default_rng(0).normal(size=T.size)
TIGHT: dict[str, Any] = {"progress": False, "engine": "native"}


def straight(noise: float | None, **keywords: Any) -> psu.FitResult:
    """x' = k: least squares with one number, whose posterior is known."""
    given = None if noise is None else {x: noise}
    data = psu.Dataset.from_arrays(T, SLOPE[:, None], states=[x], u0={x: 0.0}, noise=given)
    return psu.fit(psu.ODESystem({x: k}, **({"trainable": {k: 1.0}} | keywords)), data, **TIGHT)


def distance(draws: np.ndarray, exact: Any) -> float:
    """Kolmogorov's distance of draws from a distribution."""
    return float(stats.kstest(draws.ravel(), exact.cdf).statistic)


def test_a_normal_posterior():
    found = psu.sample(straight(0.4), draws=800, chains=2, warmup=300, seed=1)
    exact = stats.norm((T @ SLOPE) / (T @ T), 0.4 / np.sqrt(T @ T))
    draws = found.posterior["k"].values
    assert draws.shape == (2, 800)
    # five times the distance of so many independent draws; a scale that is wrong by a tenth is farther
    assert distance(draws, exact) < 0.06
    assert found.posterior.attrs["warnings"] == []
    assert distance(draws, stats.norm(exact.mean() + 0.3 * exact.std(), exact.std())) > 0.06


def test_noise_that_was_not_given_is_integrated_over():
    found = psu.sample(straight(None), draws=800, chains=2, warmup=300, seed=2)
    middle = (T @ SLOPE) / (T @ T)
    r = SLOPE - middle * T
    # the first measurement is at the known start, and counts for the noise alone
    exact = stats.t(T.size - 1, middle, np.sqrt(r @ r / (T.size - 1) / (T @ T)))
    assert distance(found.posterior["k"].values, exact) < 0.06
    assert distance(found.posterior["k"].values, stats.norm(middle, 0.4 / np.sqrt(T @ T))) > 0.03


def test_flat_in_natural_units_between_bounds():
    """Data that say next to nothing: what is left is the flat density itself, not that of the scale."""
    data = psu.Dataset.from_arrays(T, SLOPE[:, None], states=[x], u0={x: 0.0}, noise={x: 1e4})
    system = psu.ODESystem({x: k}, trainable={k: 2.0}, bounds={k: (1.0, 3.0)})
    fit = psu.fit(system, data, **TIGHT)
    found = psu.sample(fit, draws=1500, chains=2, warmup=500, seed=3)
    assert distance(found.posterior["k"].values, stats.uniform(1.0, 2.0)) < 0.06


def test_priors_count():
    prior = psu.Normal(2.0, 0.05)
    fit = straight(0.4, priors={k: prior})
    found = psu.sample(fit, draws=800, chains=2, warmup=300, seed=4).posterior["k"].values
    precision = T @ T / 0.16 + 1 / 0.05**2
    exact = stats.norm((T @ SLOPE / 0.16 + 2.0 / 0.05**2) / precision, precision**-0.5)
    assert distance(found, exact) < 0.06


def enzyme() -> psu.FitResult:
    P, Q = psu.parameters("P Q", positive=True)
    t = np.linspace(0.0, 6.0, 12)
    system = psu.ODESystem({x: -P * x / (Q + x)}, trainable={P: 1.0, Q: 1.0})
    exact = psu.solve(system, u0=[4.0], t=t, reltol=1e-9, engine="native").u[1:]
    values = exact + 0.1 * np.random.default_rng(1).normal(size=exact.shape)
    data = psu.Dataset.from_arrays(t[1:], values, states=[x], u0={x: 4.0}, t0=0.0, noise={x: 0.1})
    return psu.fit(system, data, **TIGHT)


def test_two_samplers_agree():
    fit = enzyme()  # whose posterior has a long tail: fewer draws differ by more
    alone: dict[str, Any] = {"predictive": False}
    one = psu.sample(fit, draws=4000, chains=3, warmup=600, seed=1, **alone)
    other = psu.sample(fit, draws=8000, warmup=400, seed=5, method="ensemble", **alone)
    for name in ("P", "Q"):
        values = one.posterior[name].values
        spread = values.std()
        for part in (0.1, 0.5, 0.9):
            a, b = np.quantile(values, part), np.quantile(other.posterior[name].values, part)
            assert abs(a - b) < 0.15 * spread
        # of a normal distribution; the standard deviation hangs on the tail
        width = np.diff(np.quantile(values, [0.1, 0.9]))[0] / 2.563
        assert width == pytest.approx(fit.standard_errors()[name], rel=0.35)


def test_the_same_seed_gives_the_same_draws_and_chains_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    fit = straight(0.4)
    whole = psu.sample(fit, draws=50, chains=3, warmup=50, seed=6)
    again = psu.sample(fit, draws=50, chains=3, warmup=50, seed=6)
    np.testing.assert_array_equal(whole.posterior["k"].values, again.posterior["k"].values)
    other = psu.sample(fit, draws=50, chains=3, warmup=50, seed=7)
    assert (other.posterior["k"].values != whole.posterior["k"].values).any()

    chain, made = sampling.nuts_chain, list[int]()

    def counted(target: Any, draws: int, warmup: int, seed: int, metric: str) -> Any:
        made.append(seed)
        if len(made) == 2:
            raise KeyboardInterrupt
        return chain(target, draws, warmup, seed, metric)

    monkeypatch.setattr(sampling, "nuts_chain", counted)
    monkeypatch.setattr(sampling.os, "cpu_count", lambda: 1)
    with pytest.raises(KeyboardInterrupt):
        psu.sample(fit, draws=50, chains=3, warmup=50, seed=6, checkpoint=tmp_path)
    before = len(made)
    resumed = psu.sample(fit, draws=50, chains=3, warmup=50, seed=6, checkpoint=tmp_path)
    np.testing.assert_array_equal(whole.posterior["k"].values, resumed.posterior["k"].values)
    assert len(made) - before < 3
    with pytest.raises(psu.PySymUDEError, match="belongs to another call: seed"):
        psu.sample(fit, draws=50, chains=3, warmup=50, seed=8, checkpoint=tmp_path)


def test_networks_need_priors_and_then_are_sampled():
    nn = psu.MLP("nn", inputs=[x], outputs=1, hidden=(2,))
    data = psu.Dataset.from_arrays(T, SLOPE[:, None], states=[x], u0={x: 0.0}, noise={x: 0.4})
    system = psu.ODESystem({x: k + 0.1 * nn[0]}, trainable={k: 1.0})
    fit = psu.fit(system, data, stages=psu.LBFGS(20), **TIGHT)
    with pytest.raises(psu.PySymUDEError, match="weights of network 'nn' have no prior"):
        psu.sample(fit)
    held = psu.fit(system, data, stages=psu.LBFGS(20), frozen=[nn], **TIGHT)
    assert list(psu.sample(held, draws=20, chains=1, warmup=20).posterior.data_vars) == ["k"]
    fit = psu.fit(
        system.replace(priors={nn: psu.Normal(0, 1)}), data, stages=psu.LBFGS(20), **TIGHT
    )
    found = psu.sample(fit, draws=100, chains=2, warmup=200)
    assert found.posterior["nn.W1"].shape == (2, 100, 2, 1)
    assert 0.3 < float(found.posterior["nn.b1"].std()) < 2.0


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"draws": 0}, "draws must be a whole number, 1 or more"),
        ({"chains": 1.5}, "chains must be a whole number"),
        ({"warmup": 3}, "warmup must be a whole number, 10 or more"),
        ({"method": "gibbs"}, "method must be 'nuts' or 'ensemble'"),
        ({"tune": 100}, "sample has no tune="),
    ],
)
def test_wrong_calls(keywords: dict[str, Any], message: str):
    with pytest.raises(psu.PySymUDEError, match=message):
        psu.sample(straight(0.4), **keywords)


def test_what_cannot_be_sampled(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(psu.PySymUDEError, match="sample takes a FitResult first"):
        psu.sample(3)
    fit = straight(0.4)
    monkeypatch.setitem(sys.modules, "nutpie", None)
    with pytest.raises(psu.PySymUDEError, match="nutpie, which is not installed"):
        psu.sample(fit, draws=10, chains=1, warmup=10)
