"""Bands around predictions beside formulas; what networks give; what the data leave open."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sympy as sp
from scipy import stats

import pysymude as psu

x, y = psu.states("x y", positive=True)
A, k, b, s = psu.parameters("A k b s", positive=True)
T = np.linspace(0.0, 3.0, 13)
LATER = np.linspace(0.0, 6.0, 9)
TIGHT: dict[str, Any] = {"reltol": 1e-9, "progress": False, "engine": "native"}
NOISE = 0.05


def decay(**keywords: Any) -> psu.ODESystem:
    given: dict[str, Any] = {
        "trainable": {A: 1.0, k: 1.0},
        "initial": {x: A},
        "observables": {"square": x**2},
    }
    given |= keywords
    return psu.ODESystem({x: -k * x}, **given)


def measured(noise: float | None) -> psu.Dataset:
    values = 2.0 * np.exp(-0.8 * T) + NOISE * np.random.default_rng(0).normal(size=T.size)
    given = None if noise is None else {x: noise}
    return psu.Dataset.from_arrays(T, values[:, None], states=[x], noise=given)


@pytest.fixture(scope="module")
def known() -> psu.FitResult:
    return psu.fit(decay(), measured(NOISE), **TIGHT)


def slopes(fit: psu.FitResult, t: np.ndarray) -> np.ndarray:
    """Derivatives of A exp(-k t) by A and k."""
    a, rate = fit.parameters["A"], fit.parameters["k"]
    e = np.exp(-rate * t)
    return np.stack([e, -a * t * e], axis=1)


def by_hand(fit: psu.FitResult, sigma: float, t: np.ndarray) -> np.ndarray:
    J = slopes(fit, T) / sigma
    G = slopes(fit, t)
    return np.sqrt(np.einsum("ij,jk,ik->i", G, np.linalg.inv(J.T @ J), G))


@pytest.mark.parametrize("level", [0.5, 0.95])
def test_a_band_of_the_curve(known: psu.FitResult, level: float):
    band = known.predict(LATER, band=level)
    assert band.columns == ("x", "square")
    assert (band.level, band.interval, band.method) == (level, "confidence", "delta")
    error = by_hand(known, NOISE, LATER)
    np.testing.assert_allclose(band["x"].standard_error, error, rtol=1e-5)
    width = stats.norm.ppf(0.5 + level / 2) * error
    value = known.predict(LATER)["x"]
    np.testing.assert_allclose(band[x].value, value, rtol=1e-7)
    # around the logarithm of what is positive
    np.testing.assert_allclose(band[x].upper, value * np.exp(width / value), rtol=1e-5)
    np.testing.assert_allclose(band[x].lower, value * np.exp(-width / value), rtol=1e-5)
    free = known.predict(LATER, band=level, observe={"moved": x - 1})["moved"]
    np.testing.assert_allclose(free.upper, value - 1 + width, rtol=1e-5)
    np.testing.assert_allclose(free.lower, value - 1 - width, rtol=1e-5)
    # of the square by the chain rule
    np.testing.assert_allclose(band["square"].standard_error, 2 * value * error, rtol=1e-5)
    assert not band.is_open.any()
    assert band.warnings == ()
    assert "% confidence band, delta" in repr(band)


def test_a_band_of_measurements_has_their_noise(known: psu.FitResult):
    band = known.predict(LATER, band=0.9, interval="prediction")
    assert band.columns == ("x",)  # of the other nobody knows the noise
    width = stats.norm.ppf(0.95) * np.sqrt(by_hand(known, NOISE, LATER) ** 2 + NOISE**2)
    np.testing.assert_allclose(band["x"].upper - band["x"].value, width, rtol=1e-5)
    assert band["x"].lower.min() < 0.0  # an error may lead there
    with pytest.raises(psu.PySymUDEError, match="nothing is known of the noise of 'square'"):
        known.predict(LATER, band=0.9, interval="prediction", observe="square")


def test_noise_that_was_not_given_takes_students_quantiles():
    fit = psu.fit(decay(), measured(None), **TIGHT)
    sigma = np.sqrt(fit.loss / (T.size - 2))
    band = fit.predict(LATER, band=0.95)
    width = stats.t.ppf(0.975, T.size - 2) * by_hand(fit, sigma, LATER)
    above = np.log(band["x"].upper / band["x"].value)
    np.testing.assert_allclose(above, width / band["x"].value, rtol=1e-4)


def test_learned_noise_is_in_the_band():
    system = decay(trainable={A: 1.0, k: 1.0, s: 0.1}, noise={x: psu.Normal(s)})
    fit = psu.fit(system, measured(None), **TIGHT)
    sigma = fit.parameters["s"]
    band = fit.predict(LATER, band=0.95, interval="prediction")
    width = stats.norm.ppf(0.975) * np.sqrt(by_hand(fit, sigma, LATER) ** 2 + sigma**2)
    np.testing.assert_allclose(band["x"].upper - band["x"].value, width, rtol=1e-4)


def test_counts_have_quantiles_of_their_own():
    counts = np.random.default_rng(1).poisson(60 * np.exp(-0.8 * T)).astype(float)
    data = psu.Dataset.from_arrays(T, counts[:, None], states=[x])
    fit = psu.fit(decay(noise={x: psu.Poisson()}, trainable={A: 50.0, k: 1.0}), data, **TIGHT)
    band = fit.predict(T, band=0.9, interval="prediction")["x"]
    low, high = stats.poisson.ppf([0.05, 0.95], fit.predict(T)["x"][:, None]).T
    # wider than around a mean that is known, by no more than its error
    more = 2.0 + 2.0 * fit.predict(T, band=0.9)["x"].standard_error
    assert (band.lower >= 0).all()
    assert (band.lower <= low + 1).all()
    assert (band.upper >= high - 1).all()
    assert (band.upper <= high + more).all()
    assert (band.lower >= low - more).all()


def test_other_starts_and_values(known: psu.FitResult):
    rate = known.parameters["k"]
    error = known.standard_errors()["k"]
    band = known.predict([1.0, 2.0, 4.0], u0={x: 3.0}, band=0.95)["x"]
    since = np.array([0.0, 1.0, 3.0])
    np.testing.assert_allclose(
        band.standard_error, 3.0 * since * np.exp(-rate * since) * error, rtol=1e-5, atol=1e-12
    )
    held = known.predict(LATER, parameters={k: 0.5}, band=0.95)["x"]
    np.testing.assert_allclose(
        held.standard_error, known.standard_errors()["A"] * np.exp(-0.5 * LATER), rtol=1e-5
    )


def test_expressions_and_what_they_are_called(known: psu.FitResult):
    band = known.predict(LATER, band=0.95, observe={"flux": k * x})
    value = known.predict(LATER)["x"]
    G = slopes(known, LATER) * known.parameters["k"]
    G[:, 1] += value
    J = slopes(known, T) / NOISE
    error = np.sqrt(np.einsum("ij,jk,ik->i", G, np.linalg.inv(J.T @ J), G))
    np.testing.assert_allclose(band["flux"].standard_error, error, rtol=1e-5)
    assert known.predict(LATER, band=0.95, observe=[k * x, x]).columns == ("k*x", "x")
    own = known.predict(LATER, band=0.95, observe={"expression_of": k * x})
    assert own.columns == ("expression_of",)


def test_what_is_open_is_said():
    """Of k b only the product is known: x hangs on that alone, k x on more."""
    system = psu.ODESystem({x: -k * b * x}, trainable={k: 1.0, b: 0.7, A: 1.0}, initial={x: A})
    fit = psu.fit(system, measured(NOISE), **TIGHT)
    band = fit.predict(LATER, band=0.95, observe={"size": x, "flux": k * x})
    assert not band["size"].is_open.any()
    same = psu.fit(decay(), measured(NOISE), **TIGHT).predict(LATER, band=0.95)["x"]
    np.testing.assert_allclose(band["size"].standard_error, same.standard_error, rtol=1e-3)
    assert band["flux"].is_open.all()
    assert np.isposinf(band["flux"].upper).all()
    (said,) = band.warnings
    assert said.startswith("flux: 9 values hang on what the data leave open (")
    assert "apart)" in said
    assert "9 values open" in repr(band)
    (nameless,) = fit.predict(LATER, band=0.95, observe=[k * x]).warnings
    assert nameless.startswith("k*x: 9 values hang on")


def test_the_bootstrap_shares_its_refits(known: psu.FitResult, monkeypatch: pytest.MonkeyPatch):
    from pysymude.infer import bootstrap

    intervals = known.confidence_intervals(0.9, method="bootstrap", draws=30, seed=3)
    monkeypatch.setattr(bootstrap, "train", None)  # no further one is made
    band = known.predict(LATER, band=0.9, method="bootstrap", draws=30, seed=3)
    rows = known.resampled[30, 3]
    drawn = np.exp(rows[:, [0]] - np.exp(rows[:, [1]]) * LATER)
    low, high = np.quantile(drawn, [0.05, 0.95], axis=0)
    np.testing.assert_allclose(band["x"].lower, low, rtol=1e-6)
    np.testing.assert_allclose(band["x"].upper, high, rtol=1e-6)
    assert intervals["A"] == pytest.approx((band["x"].lower[0], band["x"].upper[0]), rel=1e-6)
    noisy = known.predict(
        LATER, band=0.9, method="bootstrap", draws=30, seed=3, interval="prediction"
    )
    assert (noisy["x"].upper - noisy["x"].lower > 2 * 1.5 * NOISE).all()


def with_network(width: int, **keywords: Any) -> psu.FitResult:
    nn = psu.MLP("nn", inputs=[x], outputs=1, hidden=(width,))
    truth = psu.ODESystem({x: -x / (1 + x), y: x - 0.5 * y})
    u = psu.solve(truth, u0=[3.0, 0.5], t=T, reltol=1e-9, engine="native").u
    values = u + 0.02 * np.random.default_rng(4).normal(size=u.shape)
    data = psu.Dataset.from_arrays(T, values, states=[x, y], u0=[3.0, 0.5], noise=0.02)
    system = psu.ODESystem({x: -nn[0] * x, y: x - k * y}, trainable={k: 1.0})
    return psu.fit(system, data, stages=psu.LBFGS(200), **keywords, **TIGHT)


@pytest.fixture(scope="module")
def network() -> psu.FitResult:
    return with_network(3, weight_decay=0.01)


def numerical(fit: psu.FitResult, values: Any) -> np.ndarray:
    """Derivatives of values by theta, by central differences."""
    from dataclasses import replace

    found: list[np.ndarray] = []
    for j in range(fit.theta.size):
        h = np.zeros(fit.theta.size)
        h[j] = 1e-4
        sides = [values(replace(fit, theta=fit.theta + sign * h)) for sign in (1, -1)]
        found.append((sides[0] - sides[1]) / 2e-4)
    return np.stack(found, axis=-1)


def information(fit: psu.FitResult) -> np.ndarray:
    """Of the data and of weight decay, by theta."""
    J = fit.objective.jacobian(fit.theta)
    decay = np.zeros(fit.theta.size)
    for slot in fit.layout.of_kind("weight"):
        decay[slot.slice] = fit.weight_decay
    return J.T @ J + np.diag(decay)


def test_bands_of_what_a_network_gives(network: psu.FitResult):
    covariance = np.linalg.inv(information(network))
    z = np.linspace(0.3, 3.0, 5)[:, None]
    G = numerical(network, lambda f: f.network("nn", z)[:, 0])
    right = np.sqrt(np.einsum("ij,jk,ik->i", G, covariance, G))
    band = network.network("nn", z, band=0.95)
    assert list(band.axis) == ["x"]
    np.testing.assert_allclose(band["nn[0]"].standard_error, right, rtol=1e-3)
    # in the equation it is multiplied by x
    u = np.concatenate([z, np.ones_like(z)], axis=1)
    term = network.unknown_term(u, band=0.95)
    assert term.columns == ("x",)
    np.testing.assert_allclose(term["x"].standard_error, z[:, 0] * right, rtol=1e-3)
    np.testing.assert_allclose(term["x"].value, network.unknown_term(u)[:, 0], rtol=1e-12)
    # along the trajectory the state is uncertain, too
    by_theta = numerical(network, lambda f: f.unknown_term(f.predict(T).u)[:, 0])
    along = network.unknown_term(None, T, band=0.95)
    right = np.sqrt(np.einsum("ij,jk,ik->i", by_theta, covariance, by_theta))
    np.testing.assert_allclose(along["x"].standard_error, right, rtol=1e-3)


def test_priors_of_weights_and_directions_without_end():
    bare = with_network(12)  # more weights than measurements
    z = np.array([[0.5], [30.0]])
    band = bare.network("nn", z, band=0.95)
    assert band.is_open.any()
    assert "weights of networks" in band.warnings[0]
    assert "weight_scale=1.0" in band.warnings[0]
    wide, narrow = (
        bare.network("nn", z, band=0.95, weight_scale=scale).standard_error for scale in (1.0, 0.1)
    )
    assert np.isfinite(wide).all()
    assert (narrow < wide).all()
    prior = np.linalg.inv(information(bare) + np.diag([100.0] * (bare.theta.size - 1) + [0.0]))
    G = numerical(bare, lambda f: f.network("nn", z)[:, 0])
    right = np.sqrt(np.einsum("ij,jk,ik->i", G, prior, G))
    np.testing.assert_allclose(narrow[:, 0], right, rtol=1e-3)


def test_weight_decay_is_kept_in_files(network: psu.FitResult, tmp_path: Any):
    network.save(tmp_path / "fit.npz")
    again = psu.FitResult.load(tmp_path / "fit.npz")
    assert again.weight_decay == 0.01
    one, other = (f.predict(T, band=0.9) for f in (network, again))
    np.testing.assert_allclose(one.upper, other.upper, rtol=1e-6)


def test_tables_and_figures(known: psu.FitResult):
    band = known.predict(LATER, band=0.95)
    frame = band.to_dataframe()
    assert frame.index.name == "t"
    assert list(frame.columns[:4]) == ["x", "x_lower", "x_upper", "x_se"]
    np.testing.assert_array_equal(frame["x_upper"], band["x"].upper)
    (axes,) = band.plot().axes
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["x", "square", "95 % confidence band (delta)"]
    assert len(axes.collections) == 2
    first = axes.collections[0].get_paths()[0].vertices[:, 1]
    assert first.max() == pytest.approx(band["x"].upper.max(), rel=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: f.predict(T, band=95), "level must lie between 0 and 1"),
        (lambda f: f.predict(T, method="delta"), "method= is about a band; write band=0.95, too"),
        (lambda f: f.predict(T, band=0.9, methd="delta"), "predict has no methd=; did you mean method"),
        (lambda f: f.predict(T, band=0.9, method="wald"), "method must be 'delta' or 'bootstrap'"),
        (lambda f: f.predict(T, band=0.9, interval="both"), "interval must be 'confidence' or"),
        (lambda f: f.predict(T, band=0.9, observe="q"), "observe= names 'q'"),
        (lambda f: f.predict(T, band=0.9, observe={"f": "k*x"}), r"observe\['f'\] is the text 'k\*x'"),
        (
            lambda f: f.predict(T, band=0.9, interval="prediction", observe=[k * x]),
            r"nothing is known of the noise of 'k\*x'",
        ),
        (lambda f: f.predict(T, band=0.9, weight_scale=-1), "weight_scale must be a positive number"),
        (lambda f: f.predict(T, band=0.9, parameters={k: [1, 2]}), "one trajectory at a time"),
        (lambda f: f.predict([-1.0, 1.0], band=0.9), "before the experiment's start"),
        (lambda f: f.predict(T, band=0.9)["q"], "the band has no column 'q'; it has x, square"),
        (lambda f: f.unknown_term(None, T, band=0.9), "no network stands in an equation"),
    ],
)  # fmt: skip
def test_wrong_calls(known: psu.FitResult, call: Any, message: str):
    with pytest.raises(psu.PySymUDEError, match=message):
        call(known)


def test_a_network_beside_counts_has_a_band_by_hand():
    """J' diag(1/mu) J, and ones with weight_scale=1, around the counts of an epidemic's growth."""
    S, I = psu.states("S I", positive=True)  # noqa: E741
    rate = psu.MLP("rate", inputs=[psu.t], outputs=1, hidden=(3,), input_scaling=(5.0, 3.0))
    beta = sp.exp(rate[0])
    system = psu.ODESystem(
        {S: -beta * S * I, I: beta * S * I - 0.2 * I},
        observables={"cases": 1000 * I},
        noise={"cases": psu.Poisson()},
    )
    days, start = np.arange(1.0, 21.0), {S: 0.99, I: 0.01}
    nature = psu.ODESystem({S: -0.6 * S * I, I: 0.6 * S * I - 0.2 * I})
    mean = 1000 * psu.solve(nature, u0=start, t=np.r_[0.0, days])["I"][1:]
    counts = np.random.default_rng(0).poisson(mean)
    data = psu.Dataset.from_arrays(days, counts, states=["cases"], t0=0.0, u0=start)
    fit = psu.fit(system, data, progress=False, engine="native", reltol=1e-8)
    obj, h = fit.objective, 1e-5
    J = np.array(
        [
            (obj.simulated(fit.theta + h * e) - obj.simulated(fit.theta - h * e))[0, :, 0] / (2 * h)
            for e in np.eye(fit.theta.size)
        ]
    ).T
    mu = obj.simulated(fit.theta)[0, :, 0]
    information = J.T @ (J / mu[:, None]) + np.eye(fit.theta.size)
    right = np.sqrt(np.einsum("ij,jk,ik->i", J, np.linalg.inv(information), J))
    band = fit.predict(days, band=0.95, weight_scale=1.0, observe="cases")
    np.testing.assert_allclose(band["cases"].standard_error, right, rtol=5e-3)
    assert not band.is_open.any()
    decayed = replace(fit, weight_decay=1.0).predict(days, band=0.95, observe="cases")
    np.testing.assert_allclose(decayed["cases"].standard_error, right, rtol=5e-3)


def test_a_positive_column_has_the_ends_of_its_logarithm():
    """x = 2 exp(-k t) with one number: log x has the error of k, times t; the truth stays inside late, too."""
    later, inside = np.linspace(0.0, 10.0, 6), []
    for seed in range(40):
        t = np.array([0.0, 0.5, 1.0, 1.5])
        noise = 0.15 * np.random.default_rng(seed).normal(size=4)
        data = psu.Dataset.from_arrays(
            t, 2 * np.exp(-t) + noise, states=[x], u0={x: 2.0}, noise=0.15
        )
        fit = psu.fit(psu.ODESystem({x: -k * x}, trainable={k: 1.0}), data, **TIGHT)
        band = fit.predict(later, band=0.95)["x"]
        width = stats.norm.ppf(0.975) * fit.standard_errors()["k"] * later
        np.testing.assert_allclose(band.lower, band.value * np.exp(-width), rtol=1e-3)
        highest = np.minimum(band.value * np.exp(width), 2.0)
        np.testing.assert_allclose(band.upper, highest, rtol=1e-3)
        true = 2 * np.exp(-later)
        inside.append((band.lower[1:] <= true[1:]) & (true[1:] <= band.upper[1:]))
    assert np.mean(inside, axis=0).min() > 0.88
