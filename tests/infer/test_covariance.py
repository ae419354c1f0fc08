"""Standard errors and Wald intervals beside formulas, and what is said of what the data leave open."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

import pysymude as psu

x, y = psu.states("x y", positive=True)
A, k, b, s = psu.parameters("A k b s", positive=True)
T = np.linspace(0.0, 3.0, 13)
TIGHT: dict[str, Any] = {"reltol": 1e-9, "progress": False, "engine": "native"}
NOISE = 0.05


def decay(**keywords: Any) -> psu.ODESystem:
    return psu.ODESystem(
        {x: -k * x}, **({"trainable": {A: 1.0, k: 1.0}, "initial": {x: A}} | keywords)
    )


def measured(noise: float | None, seed: int = 0) -> psu.Dataset:
    values = 2.0 * np.exp(-0.8 * T) + NOISE * np.random.default_rng(seed).normal(size=T.size)
    given = None if noise is None else {x: noise}
    return psu.Dataset.from_arrays(T, values[:, None], states=[x], noise=given)


def by_hand(fit: psu.FitResult) -> np.ndarray:
    """Derivatives of A exp(-k t) by A and k."""
    a, rate = fit.parameters["A"], fit.parameters["k"]
    e = np.exp(-rate * T)
    return np.stack([e, -a * T * e], axis=1)


def test_known_noise():
    fit = psu.fit(decay(), measured(NOISE), **TIGHT)
    J = by_hand(fit) / NOISE
    right = np.linalg.inv(J.T @ J)
    found = fit.covariance()
    assert found.names == ("A", "k")
    np.testing.assert_allclose(found.matrix, right, rtol=1e-5)
    np.testing.assert_allclose(np.asarray(found), right, rtol=1e-5)
    assert found["A", k] == pytest.approx(right[0, 1], rel=1e-5)
    assert found.correlations[0, 1] == pytest.approx(
        right[0, 1] / np.sqrt(right[0, 0] * right[1, 1]), rel=1e-6
    )
    assert found.undetermined == ()
    assert np.isinf(found.dof)
    errors = fit.standard_errors()
    assert errors["k"] == pytest.approx(np.sqrt(right[1, 1]), rel=1e-5)


def test_wald_intervals_of_positive_numbers_are_symmetric_in_logarithms():
    fit = psu.fit(decay(), measured(NOISE), **TIGHT)
    errors, value = fit.standard_errors(), fit.parameters["k"]
    for level in (0.5, 0.95):
        low, high = fit.confidence_intervals(level)["k"]
        width = stats.norm.ppf(0.5 + level / 2) * errors["k"] / value
        np.testing.assert_allclose(
            [low, high], [value * np.exp(-width), value * np.exp(width)], rtol=1e-9
        )


def test_noise_that_was_not_given_is_estimated():
    fit = psu.fit(decay(), measured(None), **TIGHT)
    J = by_hand(fit)
    variance = fit.loss / (T.size - 2)
    found = fit.covariance()
    assert found.dof == T.size - 2
    np.testing.assert_allclose(found.matrix, variance * np.linalg.inv(J.T @ J), rtol=1e-5)
    assert "noise estimated from the residuals, 11 degrees of freedom" in str(found)
    low, high = fit.confidence_intervals()["k"]
    width = stats.t.ppf(0.975, T.size - 2) * np.sqrt(found["k"]) / fit.parameters["k"]
    assert np.log(high / low) == pytest.approx(2 * width, rel=1e-6)


def test_learned_scales_and_what_they_say_of_others():
    """An error that is learned has one of its own, s / sqrt(2 n), and is independent of the rest."""
    system = decay(trainable={A: 1.0, k: 1.0, s: 0.1}, noise={x: psu.Normal(s)})
    fit = psu.fit(system, measured(None), **TIGHT)
    found = fit.covariance()
    assert found["s"] ** 0.5 == pytest.approx(fit.parameters["s"] / np.sqrt(2 * T.size), rel=1e-6)
    J = by_hand(fit) / fit.parameters["s"]
    at = [found.names.index(n) for n in ("A", "k")]
    np.testing.assert_allclose(found.matrix[np.ix_(at, at)], np.linalg.inv(J.T @ J), rtol=1e-5)
    assert abs(found.correlations[found.names.index("s"), at[0]]) < 1e-6


def test_counts_take_their_expected_information():
    """J' diag(1/mu) J of the logarithms of A and k."""
    counts = np.random.default_rng(1).poisson(60 * np.exp(-0.8 * T)).astype(float)
    data = psu.Dataset.from_arrays(T, counts[:, None], states=[x])
    fit = psu.fit(decay(noise={x: psu.Poisson()}, trainable={A: 50.0, k: 1.0}), data, **TIGHT)
    J = by_hand(fit) * [fit.parameters["A"], fit.parameters["k"]]
    mean = fit.predictions[0]["x"]
    found = fit.covariance()
    assert found.expected
    np.testing.assert_allclose(found.stored, np.linalg.inv(J.T @ (J / mean[:, None])), rtol=1e-5)


def test_limits_take_second_derivatives():
    """Values below 0.5 are limits: minus the second derivatives of SciPy's own log-probabilities."""
    values = 2.0 * np.exp(-0.8 * T) + NOISE * np.random.default_rng(1).normal(size=T.size)
    low = values < 0.5
    data = psu.Dataset.from_arrays(
        T, np.maximum(values, 0.5), states=[x], noise=NOISE, censored=np.where(low, -1, 0)
    )
    fit = psu.fit(decay(), data, **TIGHT)

    def minus(z: np.ndarray) -> float:
        model = np.exp(z[0]) * np.exp(-np.exp(z[1]) * T)
        seen = stats.norm.logpdf(values, model, NOISE)
        return -np.where(low, stats.norm.logcdf(0.5, model, NOISE), seen).sum()

    at, h, H = fit.theta, 1e-3, np.zeros((2, 2))
    e = h * np.eye(2)
    for i in range(2):
        for j in range(2):
            corners = [minus(at + a * e[i] + c * e[j]) * a * c for a in (1, -1) for c in (1, -1)]
            H[i, j] = sum(corners) / (4 * h * h)
    found = fit.covariance()
    assert not found.expected
    np.testing.assert_allclose(found.stored, np.linalg.inv(H), rtol=1e-3)


def test_priors_count():
    prior = psu.Normal(0.8, 0.02)
    fit = psu.fit(decay(priors={k: prior}), measured(NOISE), **TIGHT)
    J = by_hand(fit) / NOISE
    information = J.T @ J + np.diag([0.0, 1 / 0.02**2])
    found = fit.covariance()
    # the curvature of the prior on the scale of the logarithm has a term more, small here
    assert found["k"] == pytest.approx(np.linalg.inv(information)[1, 1], rel=0.05)
    alone = psu.fit(decay(), measured(NOISE), **TIGHT).covariance()
    assert found["k"] < 0.5 * alone["k"]


def test_undetermined_directions_are_named_and_not_inverted():
    system = psu.ODESystem({x: -k * b * x}, trainable={k: 1.0, b: 0.7, A: 1.0}, initial={x: A})
    fit = psu.fit(system, measured(NOISE), **TIGHT)
    found = fit.covariance()
    (direction,) = found.undetermined
    assert str(direction) in ("k and b apart", "b and k apart")
    assert direction.parts["k"] == pytest.approx(-direction.parts["b"], rel=1e-3)
    errors = fit.standard_errors()
    assert np.isinf(errors["k"])
    assert np.isinf(errors["b"])
    # what is determined has the error that it would have without the other two
    alone = psu.fit(decay(), measured(NOISE), **TIGHT)
    assert errors["A"] == pytest.approx(alone.standard_errors()["A"], rel=1e-4)
    assert fit.confidence_intervals()["k"] == (0.0, np.inf)
    assert "not determined: " in str(found)
    assert np.isnan(found["k", "A"])


def test_a_network_takes_in_what_it_can_stand_for():
    """nn(x) - k x: any k will do; in y' it is alone."""
    nn = psu.MLP("nn", inputs=[x], outputs=1, hidden=(3,))
    truth = psu.ODESystem({x: -0.5 * x, y: x - 0.3 * y})
    u = psu.solve(truth, u0=[2.0, 1.0], t=T, reltol=1e-9).u
    data = psu.Dataset.from_arrays(T, u, states=[x, y], u0=[2.0, 1.0], noise={x: 0.01, y: 0.01})
    system = psu.ODESystem({x: nn[0] - k * x, y: x - b * y}, trainable={k: 0.4, b: 0.2})
    fit = psu.fit(system, data, stages=psu.LBFGS(150), **TIGHT)
    found = fit.covariance()
    assert found.names == ("k", "b")
    assert np.isfinite(found["b"])
    # whatever the weights can make up for is not known of k: far less than of b
    assert not found["k"] < 25 * found["b"]


def test_bounds_and_frozen_numbers():
    system = decay(trainable={A: 1.0, k: 0.7}, bounds={k: (0.5, 0.83)})
    fit = psu.fit(system, measured(NOISE), **TIGHT)
    low, high = fit.confidence_intervals(0.999999)["k"]
    assert 0.5 <= low < fit.parameters["k"] < high <= 0.83
    held = psu.fit(decay(), measured(NOISE), frozen=[A], theta0={"A": 2.0}, **TIGHT)
    J = by_hand(held)[:, 1] / NOISE
    assert held.covariance().names == ("k",)
    assert held.standard_errors()["k"] == pytest.approx(1 / np.sqrt(J @ J), rel=1e-5)


def test_a_fit_that_has_not_converged_says_so():
    short = psu.fit(decay(), measured(NOISE), stages=psu.LBFGS(2), **TIGHT).covariance()
    assert not short.converged
    assert "has not converged" in str(short)
    assert "has not converged" not in str(psu.fit(decay(), measured(NOISE), **TIGHT).covariance())


def test_learned_starts_have_errors():
    data = psu.Dataset.from_arrays(
        T, measured(NOISE)[0].u, states=[x], noise={x: NOISE}, trainable_u0=[x]
    )
    fit = psu.fit(psu.ODESystem({x: -k * x}, trainable={k: 1.0}), data, **TIGHT)
    same = psu.fit(decay(), measured(NOISE), **TIGHT)
    assert fit.standard_errors()["u0[0].x"] == pytest.approx(same.standard_errors()["A"], rel=1e-4)


def test_the_bootstrap_is_of_the_same_size():
    fit = psu.fit(decay(), measured(NOISE), **TIGHT)
    low, high = fit.confidence_intervals(0.9, method="bootstrap", draws=40, seed=3)["k"]
    a, c = fit.confidence_intervals(0.9)["k"]
    assert 0.3 < (high - low) / (c - a) < 2.0
    again = fit.confidence_intervals(0.9, method="bootstrap", draws=40, seed=3)["k"]
    assert again == (low, high)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: f.confidence_intervals(95), "level must lie between 0 and 1"),
        (lambda f: f.confidence_intervals(method="mcmc"), "'wald', 'profile' or 'bootstrap'"),
        (lambda f: f.confidence_intervals(draws=10), "method='wald' has no draws="),
        (lambda f: f.confidence_intervals(method="bootstrap", draws=3), "draws must be a whole number"),
        (lambda f: f.confidence_intervals(method="bootstrap", n=30), "has no n="),
        (lambda f: f.covariance()["q", "k"], "no covariance of 'q'; there are A, k"),
    ],
)  # fmt: skip
def test_wrong_calls(call: Any, message: str):
    fit = psu.fit(decay(), measured(NOISE), stages=psu.LBFGS(5), **TIGHT)
    with pytest.raises(psu.PySymUDEError, match=message):
        call(fit)


def test_a_fit_that_cannot_be_solved_says_so():
    grows = psu.ODESystem({x: k * x**2}, trainable={k: 5.0})
    data = psu.Dataset.from_arrays(T, np.ones((13, 1)), states=[x], u0={x: 1.0})
    fit = psu.fit(grows, data, stages=psu.LBFGS(2), frozen=[], theta0={"k": 50.0}, **TIGHT)
    if fit.success:  # the optimiser got away
        pytest.skip("the start was left")
    with pytest.raises(psu.PySymUDEError, match="cannot be solved"):
        fit.covariance()
