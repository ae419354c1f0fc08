"""What draws come with: likelihoods and measurements one by one; weights sampled, integrated over, or held."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

import pysymude as psu
from pysymude.fit.loss.pointwise import Pointwise

pytest.importorskip("nutpie", reason="nutpie is not installed: nothing is sampled")
arviz = pytest.importorskip("arviz", reason="arviz is not installed")

x, y = psu.states("x y", positive=True)
k, s = psu.parameters("k s", positive=True)
T = np.linspace(0.0, 2.0, 9)
LINE = 1.3 * T + 0.4 * np.random.default_rng(0).normal(size=T.size)
QUIET: dict[str, Any] = {"progress": False, "engine": "native"}
FEW: dict[str, Any] = {"draws": 400, "chains": 2, "warmup": 200, "progress": False}


def straight(noise: float | None, **keywords: Any) -> psu.FitResult:
    line, slope = psu.states("line"), psu.parameters("slope")
    data = psu.Dataset.from_arrays(
        T[1:], LINE[1:, None], states=[line], u0={line: 0.0}, t0=0.0,
        noise=None if noise is None else {line: noise},
    )  # fmt: skip
    return psu.fit(psu.ODESystem({line: slope}, trainable={slope: 1.0}, **keywords), data, **QUIET)


def test_groups_and_leave_one_out():
    fit = straight(0.4)
    found = psu.sample(fit, **FEW, seed=1)
    slope = found.posterior["slope"].values
    right = stats.norm.logpdf(LINE[1:], slope[..., None] * T[1:], 0.4)
    np.testing.assert_allclose(found.log_likelihood["measured"].values, right, rtol=1e-6)
    np.testing.assert_array_equal(found.observed_data["measured"], LINE[1:])
    np.testing.assert_array_equal(found.constant_data["time"], T[1:])
    assert set(found.constant_data["column"].values) == {"line"}
    # a further measurement has the noise and what is not known of the slope
    again = found.posterior_predictive["measured"].values
    assert again.shape == (2, 400, 8)
    spread = np.sqrt(0.16 + T[1:] ** 2 * slope.var())
    np.testing.assert_allclose(again.std(axis=(0, 1)), spread, rtol=0.12)
    loo = arviz.loo(found)
    # by formula: the predictive density of each without it
    exact = 0.0
    for i in range(1, T.size):
        rest = np.delete(np.arange(1, T.size), i - 1)
        precision = T[rest] @ T[rest] / 0.16
        middle = (T[rest] @ LINE[rest] / 0.16) / precision
        exact += stats.norm.logpdf(LINE[i], middle * T[i], np.sqrt(0.16 + T[i] ** 2 / precision))
    assert float(loo.elpd_loo) == pytest.approx(exact, abs=0.15)
    assert "log_likelihood" not in psu.sample(fit, **FEW, predictive=False).groups()


def test_noise_that_was_not_given_is_drawn_for_measurements():
    found = psu.sample(straight(None), **FEW, seed=2)
    again = found.posterior_predictive["measured"].values
    middle = (T @ LINE) / (T @ T)
    n = T.size - 1
    sigma = np.sqrt(((LINE - middle * T) ** 2).sum() / (n - 1))
    # Student's t with n - 1 degrees of freedom around the line
    width = sigma * np.sqrt(1.0 + T[1:] ** 2 / (T @ T))
    for j in range(n):
        exact = stats.t(n - 1, middle * T[j + 1], width[j])
        assert stats.kstest(again[:, :, j].ravel(), exact.cdf).statistic < 0.08


FAMILIES = {
    "normal": (psu.Normal(s), False), "log-normal": (psu.LogNormal(s), False),
    "laplace": (psu.Laplace(s), False), "log-laplace": (psu.LogLaplace(s), False),
    "student": (psu.StudentT(5, s), False), "poisson": (psu.Poisson(), True),
    "negative binomial": (psu.NegativeBinomial(8), True),
}  # fmt: skip


@pytest.mark.parametrize("name", FAMILIES)
def test_points_add_up_and_measurements_come_from_the_family(name: str):
    family, counts = FAMILIES[name]
    mean = 40.0 * np.exp(-0.5 * T)
    values = np.round(mean) if counts else mean * np.exp(0.1 * np.sin(9 * T))
    learned = {k: 0.5} if counts or not family.free_symbols else {k: 0.5, s: 0.2}
    system = psu.ODESystem({x: -k * x}, trainable=learned, noise={x: family})
    data = psu.Dataset.from_arrays(T, values[:, None], states=[x], u0={x: 40.0})
    obj = psu.objective(system, data, engine="native")
    points, theta = Pointwise(obj), obj.theta0()
    seen = points.seen(theta)
    scales = points.likely_scales(seen)
    assert points.log_likelihood(seen, scales).sum() == pytest.approx(
        obj.log_likelihood(theta), rel=1e-9
    )
    rng = np.random.default_rng(3)
    drawn = np.array([points.again(seen, scales, rng) for _ in range(4000)])
    numbers = [float(a.subs(s, 0.2)) for a in family.args]
    center = np.median(drawn, axis=0) if "og" in name else drawn.mean(axis=0)
    np.testing.assert_allclose(center, mean, rtol=0.05)
    spread = np.asarray(family.spread(mean, *numbers)) * np.ones(T.size)
    loose = 0.4 if "log-" in name else 0.08
    np.testing.assert_allclose(drawn.std(axis=0), spread, rtol=loose)


def test_limits_have_probabilities():
    data = psu.Dataset.from_arrays(
        T, LINE[:, None], states=[x], u0={x: 3.0}, noise={x: 0.4},
        censored=np.where(np.arange(T.size) % 3 == 0, -1, 0)[:, None],
    )  # fmt: skip
    obj = psu.objective(psu.ODESystem({x: -k * x}, trainable={k: 0.5}), data, engine="native")
    points, theta = Pointwise(obj), obj.theta0()
    seen = points.seen(theta)
    found = points.log_likelihood(seen, points.likely_scales(seen))
    model = 3.0 * np.exp(-0.5 * T)
    limits = stats.norm.logcdf((LINE - model) / 0.4)
    right = np.where(np.arange(T.size) % 3 == 0, limits, stats.norm.logpdf(LINE, model, 0.4))
    np.testing.assert_allclose(found, right, rtol=1e-5)


def test_weights_that_are_integrated_over():
    """A network that is linear in its weights: all is normal, and the approximation exact."""
    line, slope = psu.states("line"), psu.parameters("slope")
    nn = psu.MLP("nn", inputs=[psu.t], outputs=1, hidden=())
    priors = {nn: psu.Normal(0, 1), slope: psu.Normal(1, 1)}
    data = psu.Dataset.from_arrays(
        T, LINE[:, None], states=[line], u0={line: 0.0}, noise={line: 0.4}
    )
    system = psu.ODESystem({line: slope + nn[0]}, trainable={slope: 1.0}, priors=priors)
    fit = psu.fit(system, data, stages=psu.LBFGS(300), **QUIET)
    J = fit.objective.jacobian(fit.theta)
    exact = np.linalg.inv(J.T @ J + np.eye(3))
    held = psu.sample(fit, **FEW, networks="hold")
    assert list(held.posterior.data_vars) == ["slope"]
    alone = (J[:, 2] @ J[:, 2] + 1.0) ** -0.5
    assert float(held.posterior["slope"].std()) == pytest.approx(alone, rel=0.15)
    for metric in ("dense", "low rank"):
        found = psu.sample(fit, **FEW, networks="laplace", metric=metric).posterior
        assert float(found["slope"].std()) == pytest.approx(exact[2, 2] ** 0.5, rel=0.15)
        assert float(found["nn.b1"].std()) == pytest.approx(exact[1, 1] ** 0.5, rel=0.15)
        both = np.corrcoef(found["slope"].values.ravel(), found["nn.b1"].values.ravel())[0, 1]
        right = exact[1, 2] / np.sqrt(exact[1, 1] * exact[2, 2])
        assert both == pytest.approx(right, abs=0.06)


def test_weight_decay_is_a_prior_of_weights():
    line, slope = psu.states("line"), psu.parameters("slope")
    nn = psu.MLP("nn", inputs=[psu.t], outputs=1, hidden=())
    data = psu.Dataset.from_arrays(
        T, LINE[:, None], states=[line], u0={line: 0.0}, noise={line: 0.4}
    )
    system = psu.ODESystem(
        {line: slope + nn[0]}, trainable={slope: 1.0}, priors={slope: psu.Normal(1, 1)}
    )
    fit = psu.fit(system, data, stages=psu.LBFGS(300), weight_decay=4.0, **QUIET)
    J = fit.objective.jacobian(fit.theta)
    exact = np.linalg.inv(J.T @ J + np.diag([4.0, 4.0, 1.0]))
    found = psu.sample(fit, **FEW, seed=3).posterior
    assert float(found["nn.W1"].std()) == pytest.approx(exact[0, 0] ** 0.5, rel=0.15)
    assert float(found["slope"].std()) == pytest.approx(exact[2, 2] ** 0.5, rel=0.15)


def test_a_posterior_without_an_end_is_said():
    data = psu.Dataset.from_arrays(T, np.exp(-T)[:, None], states=[x], u0={x: 1.0}, noise={x: 0.1})
    product = psu.ODESystem({x: -k * s * x}, trainable={k: 1.0, s: 0.8})
    short: dict[str, Any] = {
        "draws": 20,
        "chains": 1,
        "warmup": 20,
        "progress": False,
        "predictive": False,
    }
    with pytest.raises(psu.PySymUDEError, match="k and s can go anywhere together"):
        psu.sample(psu.fit(product, data, **QUIET), **short)
    kept = psu.fit(product.replace(priors={s: psu.LogNormal(0, 0.2)}), data, **QUIET)
    assert psu.sample(kept, **short).posterior["k"].shape == (1, 20)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"networks": "drop"}, "networks must be 'sample', 'laplace' or 'hold'"),
        ({"metric": "round"}, "metric must be 'dense' or 'low rank'"),
    ],
)
def test_wrong_calls(keywords: dict[str, Any], message: str):
    with pytest.raises(psu.PySymUDEError, match=message):
        psu.sample(straight(0.4), **keywords)
