"""Predictions with other doses and values than those of the experiment."""

import numpy as np
import pytest

import pysymude as psu

T = np.linspace(0.5, 6.0, 12)
AT = np.linspace(0.0, 8.0, 9)
K = 0.4


def test_a_fit_without_doses_takes_some():
    x, k = psu.states("x"), psu.parameters("k")
    data = psu.Dataset.from_arrays(T, 3 * np.exp(-K * T), states=[x], u0={x: 3.0}, t0=0.0)
    fit = psu.fit(
        psu.ODESystem({x: -k * x}, trainable={k: 0.3}), data, stages=psu.LBFGS(50), progress=False
    )
    wanted = 3 * np.exp(-K * AT) + 5 * np.where(AT >= 2, np.exp(-K * (AT - 2)), 0)
    found = fit.predict(AT, doses={x: [(2.0, 5.0)]})
    np.testing.assert_allclose(found["x"], wanted, rtol=1e-3)


def test_a_value_of_ones_own_takes_the_place_of_an_expression():
    """k = 2 c in the experiment; a prediction at k = 1 is one at 1, not at 2 c."""
    x, k, c = psu.states("x"), *psu.parameters("k c")
    data = psu.Dataset.from_arrays(
        T, np.exp(-K * T), states=[x], u0={x: 1.0}, t0=0.0, parameters={k: 2 * c}
    )
    system = psu.ODESystem({x: -k * x}, parameters={k: 1.0}, trainable={c: 0.3})
    fit = psu.fit(system, data, stages=psu.LBFGS(50), progress=False)
    assert fit.parameters["c"] == pytest.approx(K / 2, rel=1e-3)
    np.testing.assert_allclose(fit.predict(AT, parameters={k: 1.0})["x"], np.exp(-AT), rtol=1e-3)
