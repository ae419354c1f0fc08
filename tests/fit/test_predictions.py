"""What a fit predicts: values of one's own beside those of experiments, and experiments without measurements."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pysymude as psu
from pysymude.errors import InvalidInputError, WrongCallError

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


def two_rates() -> psu.FitResult:
    data = psu.Dataset.from_arrays(
        [T, T], [2 * np.exp(-0.7 * T), 2 * np.exp(-1.4 * T)], states=[x], u0={x: 2.0}, noise=0.01,
        name=["slow", "fast"],
    )  # fmt: skip
    return psu.fit(psu.ODESystem({x: -k * x}, trainable={k: 1.0}), data, per_experiment=[k], **NATIVE)  # fmt: skip


def test_values_of_ones_own_hold_where_experiments_have_their_own():
    fit, ends = two_rates(), [0.0, 1.0]
    for experiment in ("slow", "fast"):
        for given in ({k: 5.0}, {"k": 5.0}, {f"k_{experiment}": 5.0}):
            plain = fit.predict(ends, experiment=experiment, parameters=given)
            band = fit.predict(ends, experiment=experiment, parameters=given, band=0.95)
            for found in (plain["x"], band["x"].value):
                assert found[1] == pytest.approx(2 * np.exp(-5.0), rel=1e-4)
            assert band["x"].standard_error[1] == 0.0
    for band in ({}, {"band": 0.95}):
        with pytest.raises(InvalidInputError, match=r"'slow' does not read 'k_fast', .* 'fast'"):
            fit.predict(ends, experiment="slow", parameters={"k_fast": 5.0}, **band)
        with pytest.raises(InvalidInputError, match="nothing reads 'k_slow' beside"):
            fit.predict(ends, parameters={k: 1.0, "k_slow": 5.0}, **band)
        with pytest.raises(InvalidInputError, match="no parameter 'q'; it has k, k_slow"):
            fit.predict(ends, parameters={"q": 5.0}, **band)
    many = fit.predict(ends, parameters={k: [1.0, 5.0]})
    np.testing.assert_allclose(many["x"][:, 1], 2 * np.exp([-1.0, -5.0]), rtol=1e-4)
    np.testing.assert_allclose(many(0.5)[:, 0], 2 * np.exp([-0.5, -2.5]), rtol=1e-4)
    starts = fit.predict(ends, u0={x: [1.0, 3.0]}, parameters={k: 1.0})
    np.testing.assert_allclose(starts["x"][:, 1], np.exp(-1.0) * np.array([1.0, 3.0]), rtol=1e-4)
    with pytest.raises(InvalidInputError, match="lengths"):
        fit.predict(ends, u0={x: [1.0, 3.0]}, parameters={k: [1.0, 2.0, 3.0]})


@pytest.mark.parametrize("own", [None, {x: [(0.5, 1.0)]}])
def test_doses_of_ones_own(own):
    right = 2 * np.exp(-0.7 * T) + (
        0 if own is None else np.where(T >= 0.5, np.exp(-0.7 * (T - 0.5)), 0)
    )
    data = psu.Dataset.from_arrays(T, right, states=[x], u0={x: 2.0}, noise=0.01, doses=own)
    fit = psu.fit(psu.ODESystem({x: -k * x}, trainable={k: 1.0}), data, **NATIVE)
    later = np.linspace(0.0, 4.0, 9)
    three = {x: [(1.0, 3.0), (2.0, 1.0)]}
    due = 2 * np.exp(-0.7 * later)
    for time, amount in three[x]:
        due = due + np.where(later >= time, amount * np.exp(-0.7 * (later - time)), 0.0)
    np.testing.assert_allclose(fit.predict(later, doses=three)["x"], due, rtol=1e-3)
    band = fit.predict(later, doses=three, band=0.95)
    np.testing.assert_allclose(band["x"].value, due, rtol=1e-3)
    assert (band["x"].standard_error[1:] > 0).all()
    none = 2 * np.exp(-0.7 * later)
    np.testing.assert_allclose(fit.predict(later, doses={})["x"], none, rtol=1e-3)
    np.testing.assert_allclose(fit.predict(later, doses={}, band=0.95)["x"].value, none, rtol=1e-3)
    many = fit.predict(later, doses=three, parameters={k: [0.7, 7.0]})
    np.testing.assert_allclose(many["x"][0], due, rtol=1e-3)
    assert many["x"][1, -1] < 1e-3
    with pytest.raises(InvalidInputError, match="dose at -1"):
        fit.predict(later, doses={x: [(-1.0, 1.0)]})
    with pytest.raises(InvalidInputError, match="no state"):
        fit.predict(later, doses={"z": [(1.0, 1.0)]})
    with pytest.raises(WrongCallError, match=r"no periods=.*doses"):
        fit.predict(later, periods=[psu.Period(1.0)])
