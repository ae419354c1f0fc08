"""Fits that have run away or to a bound: profiles look into other valleys, bands say what they leave open."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy import stats
from scipy.special import wrightomega

import pysymude as psu
from pysymude.infer.elsewhere import Elsewhere
from pysymude.infer.evidence import Evidence

x = psu.states("x", positive=True)
V, K = psu.parameters("V K", positive=True)
T = np.linspace(0.0, 6.0, 7)[1:]
LATER, NOISE = 7.5, 0.5
RUN_AWAY, AT_ZERO, REGULAR = 4, 0, 7


def curve(v: np.ndarray, k: np.ndarray, t: np.ndarray) -> np.ndarray:
    """The solution of x' = -V x / (K + x) from 4 on, by Schnell and Mendoza."""
    return k * wrightomega(np.log(4.0 / k) + (4.0 - v * t) / k).real


def measured(seed: int) -> np.ndarray:
    exact = curve(np.array(1.0), np.array(1.0), T)[:, None]
    return exact + NOISE * np.random.default_rng([seed, 3]).normal(size=exact.shape)


@cache
def fitted(seed: int, start: tuple[float, float] = (1.0, 1.0)) -> psu.FitResult:
    system = psu.ODESystem({x: -V * x / (K + x)}, trainable={V: start[0], K: start[1]})
    data = psu.Dataset.from_arrays(
        T, measured(seed), states=[x], u0={x: 4.0}, t0=0.0, noise={x: NOISE}
    )
    return psu.fit(system, data, stages=psu.LBFGS(200), progress=False, engine="native")


def by_hand(seed: int) -> tuple[float, float]:
    """The profile interval of x at the later time, from the solution in closed form."""
    k, q = np.geomspace(1e-4, 1e5, 121), np.geomspace(1e-6, 1.6, 3000)[:, None]
    v = (4.0 - q - k * np.log(q / 4.0)) / LATER
    gaps = curve(v[..., None], k[:, None], T) - measured(seed)[:, 0]
    loss = ((gaps / NOISE) ** 2).sum(axis=-1).min(axis=1)
    inside = q[loss - loss.min() < stats.chi2.ppf(0.95, 1), 0]
    return float(inside[0]), float(inside[-1])


@pytest.mark.parametrize("start", [(1.0, 1.0), (0.4, 6.0)])
def test_a_prediction_of_what_ran_away_has_the_interval_of_all_valleys(start: tuple[float, float]):
    fit = fitted(RUN_AWAY, start)
    assert any("has run away" in sentence for sentence in fit.warnings)
    found = psu.profile(fit, x, LATER, progress=False).interval()
    # along the valley itself it would end at 0.30
    np.testing.assert_allclose(found, by_hand(RUN_AWAY), atol=0.02)


def test_a_positive_state_that_is_predicted_negative():
    fit = fitted(AT_ZERO)
    assert fit.parameters["K"] < 1e-5
    band = fit.predict([0.0, LATER], band=0.95)["x"]
    assert band.value[-1] < -0.5
    assert (band.lower <= band.value).all()
    assert (band.value <= band.upper).all()
    assert any("declared positive, yet predicted down to" in said for said in band.warnings)
    found = psu.profile(fit, x, LATER, progress=False)
    low, high = found.interval()
    assert low <= band.value[-1]
    assert found.open_low
    assert high == pytest.approx(by_hand(AT_ZERO)[1], abs=0.06)
    assert any("declared positive, yet predicted down to" in said for said in found.warnings)


def test_bands_of_what_ran_away_are_open():
    band = fitted(RUN_AWAY).predict([0.0, 3.0, LATER], band=0.95)["x"]
    assert band.is_open.tolist()[0] is False  # where it starts is known
    assert band.is_open[-1]
    assert (band.lower[-1], band.upper[-1]) == (0.0, np.inf)
    assert any("hang on what the data leave open" in said for said in band.warnings)


def test_what_the_data_hold_is_left_alone():
    fit = fitted(REGULAR)
    assert fit.warnings == ()
    assert Elsewhere(Evidence(fit)).starts == ()
    band = fit.predict([0.0, LATER], band=0.95)["x"]
    assert not band.is_open.any()
    assert band.warnings == ()
