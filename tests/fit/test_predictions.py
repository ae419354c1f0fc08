"""What a fit predicts: values of one's own beside those of experiments, and experiments without measurements."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pysymude as psu

x = psu.states("x")
k = psu.parameters("k")
T = np.linspace(0.0, 2.0, 9)
NATIVE: dict[str, Any] = {"progress": False, "engine": "native"}


@pytest.mark.parametrize(
    "course", [{"doses": {x: [(0.5, 1.0)]}}, {"periods": [psu.Period(0.5, set={x: x + 1.0})]}]
)
def test_an_experiment_with_a_course_and_no_measured_value(course, tmp_path):
    data = psu.Dataset(
        [
            psu.Trajectory.from_arrays(T, 2 * np.exp(-0.7 * T), states=[x], u0={x: 2.0}, noise=0.01),
            psu.Trajectory.from_arrays(T, np.full(9, np.nan), states=[x], u0={x: 0.0}, name="new", **course),
        ]
    )  # fmt: skip
    fit = psu.fit(psu.ODESystem({x: -k * x}, trainable={k: 1.0}), data, **NATIVE)
    assert "9 measurements" in fit.summary()
    fit.plot()
    fit.plot_residuals()
    fit.report(tmp_path)
    assert [row.count for row in fit.residuals.table] == [9]
    right = np.where(T >= 0.5, np.exp(-0.7 * (T - 0.5)), 0.0)
    np.testing.assert_allclose(fit.predict(T, experiment="new")["x"], right, atol=1e-3)
    banded = fit.predict(T, experiment="new", band=0.95)["x"]
    np.testing.assert_allclose(banded.value, right, atol=1e-3)
