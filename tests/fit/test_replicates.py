"""Repeated measurements, noise of each measurement, and predictions at other parameters, through a whole fit."""

from __future__ import annotations

import numpy as np
import pytest

import pysymude as psu
from pysymude.errors import InvalidInputError

x = psu.states("x", positive=True)
k, c = psu.parameters("k c")
SYSTEM = psu.ODESystem({x: -k * c * x}, parameters={c: 1.0}, trainable={k: 1.0})
QUICK = {"stages": psu.LBFGS(60), "progress": False, "engine": "native", "reltol": 1e-9}


def test_repeated_measurements_count_as_often_as_they_are_there():
    t = np.array([0.0, 0.5, 0.5, 1.0, 2.0, 2.0, 2.0])
    y = np.exp(-1.3 * t) + np.array([0, 0.02, -0.01, 0.01, 0.0, 0.01, -0.02])
    noise = np.array([0.1, 0.01, 0.02, 0.05, 0.01, 0.02, 0.03])
    data = psu.Dataset.from_arrays(t, y, states=[x], noise=noise, u0={x: 1.0})
    fit = psu.fit(SYSTEM, data, **QUICK)
    grid = np.linspace(1.0, 1.6, 600_001)
    residuals = sum(((y[i] - np.exp(-grid * t[i])) / noise[i]) ** 2 for i in range(len(t)))
    assert fit.parameters["k"] == pytest.approx(grid[residuals.argmin()], abs=3e-6)
    assert fit.loss == pytest.approx(residuals.min(), rel=1e-6)
    assert fit.predictions[0].u.shape == (7, 1)
    np.testing.assert_array_equal(fit.predictions[0].u[1], fit.predictions[0].u[2])
    assert "RMS" in fit.summary()


def test_predictions_at_other_parameters():
    t = np.linspace(0.0, 1.0, 9)
    data = psu.Dataset.from_arrays(t, np.exp(-1.3 * t), states=[x], u0={x: 1.0})
    fit = psu.fit(SYSTEM, data, **QUICK)
    for given, rate in (({c: 2.0}, 2.6), ({"k": 0.5}, 0.5), ({k: 0.5, c: 3.0}, 1.5)):
        found = fit.predict(t, parameters=given)
        np.testing.assert_allclose(found["x"], np.exp(-rate * t), rtol=1e-6)
    np.testing.assert_allclose(
        fit.predict(t, {x: 2.0}, parameters={c: 2.0})(0.3), [2 * np.exp(-0.78)], rtol=1e-6
    )
    with pytest.raises(InvalidInputError, match="no parameter 'q'"):
        fit.predict(t, parameters={"q": 1.0})
