"""Repeated measurements, noise of each measurement, and predictions at other parameters, through a whole fit."""

from __future__ import annotations

import numpy as np
import pytest

import pysymude as psu
from pysymude.errors import InvalidInputError
from pysymude.fit.stages.multiple_shooting import shooting_task
from pysymude.fit.stages.stage import Training

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


def test_every_repeated_measurement_counts_under_multiple_shooting():
    """Exact data but for one number that is off by 1/2: with weights 1 the loss is 1/4, wherever it stands."""
    t = np.array([0.0, 0.0, 0.5, 0.5, 1.0, 1.5, 2.0, 2.0, 2.0])
    system = SYSTEM.replace(trainable={k: 1.3})
    for segments in (2, 3, 9):
        for i in range(len(t)):
            y = np.exp(-1.3 * t)
            exact = psu.Dataset.from_arrays([t, t[:5]], [y, y[:5]], states=[x], u0={x: 1.0})
            obj = psu.objective(system, exact, engine="native", reltol=1e-10)
            task = shooting_task(Training(obj, obj.loss, np.zeros(1)), 1.0, segments)
            starts = task.extra
            y[i] += 0.5
            changed = psu.Dataset.from_arrays(
                [t, t[:5]], [y, np.exp(-1.3 * t[:5])], states=[x], u0={x: 1.0}
            )
            other = psu.objective(system, changed, engine="native", reltol=1e-10)
            task = shooting_task(Training(other, other.loss, np.zeros(1)), 1.0, segments)
            assert task.extra.size == starts.size
            found = task.evaluate(np.concatenate([obj.theta0(), starts]))
            assert found.value == pytest.approx(0.25, rel=1e-6)


def test_a_horizon_ends_behind_equal_times():
    t = np.array([0.0, 0.5, 0.5, 0.5, 1.0, 2.0, 2.0])
    data = psu.Dataset.from_arrays(t, np.exp(-t), states=[x], u0={x: 1.0})
    loss = psu.objective(SYSTEM, data, engine="native").loss
    assert loss.with_horizon(1.0).n_measured == 7
    half = loss.with_horizon(0.5)
    assert half.batch.ts.max() == 0.5
    assert half.n_measured == 4
