"""What a fit says of itself, on problems where the right answer is known."""

import numpy as np
import pytest
import sympy as sp

import pysymude as psu

x, y = psu.states("x y")
a, b, k = psu.parameters("a b k")
T = np.linspace(0.0, 4.0, 21)


def decay(rate=0.7, start=2.0, noise=0.0, seed=0):
    return start * np.exp(-rate * T) + noise * np.random.default_rng(seed).standard_normal(T.size)


def fitted(system, values, states, **keywords):
    given = {key: keywords.pop(key) for key in ("u0", "noise", "trainable_u0") if key in keywords}
    data = psu.Dataset.from_arrays(T, values, states=states, **given)
    return psu.fit(system, data, engine="native", progress=False, **keywords)


def test_a_measured_start_is_learned_and_a_given_one_is_known():
    values = decay(noise=0.05)
    system = psu.ODESystem({x: -k * x}, trainable={k: 0.3})
    learned, known, fixed = (
        fitted(system, values, [x], **how)
        for how in ({}, {"u0": {x: 2.0}}, {"trainable_u0": False})
    )
    assert [slot.name for slot in learned.layout.of_kind("u0")] == ["u0[0].x"]
    assert learned.u0()[0] == pytest.approx(2.0, abs=0.06)
    assert known.u0()[0] == 2.0
    assert known.layout.of_kind("u0") == () == fixed.layout.of_kind("u0")
    assert fixed.u0()[0] == values[0]
    assert learned.loss < fixed.loss


def test_directions_that_the_data_leave_open_are_named():
    """Only a b and the start stand in the solution: a and b apart are nowhere."""
    system = psu.ODESystem(
        {x: -a * b * x}, trainable={a: 0.5, b: 1.0}, bounds={a: (0, None), b: (0, None)}
    )
    fit = fitted(system, decay(noise=0.02), [x])
    assert fit.parameters["a"] * fit.parameters["b"] == pytest.approx(0.7, rel=0.05)
    assert any("do not determine a and b apart" in w for w in fit.warnings)
    alone = fitted(psu.ODESystem({x: -a * x}, trainable={a: 0.5}), decay(noise=0.02), [x])
    assert alone.warnings == ()


def test_a_parameter_at_its_bound_is_named():
    inside = psu.ODESystem({x: -k * x}, trainable={k: 0.3}, bounds={k: (0.0, 0.5)})
    fit = fitted(inside, decay(noise=0.01), [x], u0={x: 2.0}, noise=0.01)
    assert fit.parameters["k"] == pytest.approx(0.5, rel=1e-2)
    assert any(w.startswith("k = ") and "lies at its bound 0.5" in w for w in fit.warnings)
    # and what is wrong with the fit for it
    assert any("times the noise that was given" in w for w in fit.warnings)
    # growth cannot be described by a decay: the rate runs to 0
    growing = psu.ODESystem({x: -k * x}, trainable={k: 0.3}, bounds={k: (0.0, None)})
    fit = fitted(growing, decay(-0.3), [x], u0={x: 2.0})
    assert any(w.startswith("k = ") and "bound 0" in w for w in fit.warnings)


def test_a_wrong_model_is_no_silent_success():
    values = np.sin(3 * T)
    fit = fitted(psu.ODESystem({x: -k * x}, trainable={k: 0.3}), values, [x])
    (row,) = fit.residuals.table
    assert row.r2 < 0.5
    assert any("explains" in w for w in fit.warnings)
    assert "warning: x: the model explains" in fit.summary()


def test_out_of_iterations_is_said():
    system = psu.ODESystem({x: y, y: -a * x - b * y}, trainable={a: 1.0, b: 0.1})
    values = np.stack([np.cos(2 * T), -2 * np.sin(2 * T)], axis=1)
    short = fitted(system, values, [x, y], stages=psu.LBFGS(2))
    assert not short.converged
    assert any("not converged" in w for w in short.warnings)
    long = fitted(system, values, [x, y])
    assert long.converged
    assert "converged" in long.summary()
    assert long.parameters == pytest.approx({"a": 4.0, "b": 0.0}, abs=1e-4)


def test_columns_of_other_units_count_alike():
    """The second column in millionths changes nothing in what is found."""
    system = psu.ODESystem({x: -a * x, y: -b * y}, trainable={a: 0.3, b: 0.3})
    rng = np.random.default_rng(3)
    columns = np.stack([decay(0.7), decay(1.1)], axis=1) * (1 + 0.03 * rng.standard_normal((21, 2)))
    one = fitted(system, columns, [x, y])
    other = fitted(system, columns * [1.0, 1e6], [x, y])
    assert other.parameters == pytest.approx(one.parameters, rel=1e-3)
    assert [c.r2 for c in other.residuals.table] == pytest.approx(
        [c.r2 for c in one.residuals.table], abs=1e-4
    )


def test_a_stage_that_loses_ground_is_undone():
    """Slopes of so few noisy points mislead; the loss of the start is never given up for them."""
    values = decay(noise=0.3, seed=5)
    system = psu.ODESystem({x: -k * x}, trainable={k: 0.7})
    matched = fitted(system, values, [x], u0={x: 2.0}, stages=psu.GradientMatching(50))
    start = matched.objective.value(matched.objective.theta0())
    assert matched.loss <= start
    best = fitted(system, values, [x], u0={x: 2.0})
    assert best.loss <= fitted(system, values, [x], u0={x: 2.0}, stages=psu.LBFGS()).loss * (
        1 + 1e-9
    )


def test_the_table_of_residuals():
    values = np.stack([decay(noise=0.02), decay(1.1, noise=0.02, seed=1)], axis=1)
    values[3, 1] = np.nan
    system = psu.ODESystem({x: -a * x, y: -b * y}, trainable={a: 0.3, b: 0.3})
    fit = fitted(system, values, [x, y], noise={x: 0.02, y: 0.03})
    first, second = fit.residuals.table
    assert (first.count, second.count) == (21, 20)
    model = fit.predict(T)
    r = values[:, 0] - model["x"]
    assert first.rms == pytest.approx(np.sqrt(np.mean(r**2)))
    assert first.chi2 == pytest.approx(np.mean((r / 0.02) ** 2))
    assert not first.estimated
    assert second.noise == pytest.approx(0.03)
    (alone,) = fitted(
        psu.ODESystem({x: -a * x}, trainable={a: 0.3}), values[:, :1], [x]
    ).residuals.table
    assert alone.estimated
    assert alone.noise == pytest.approx(0.02, rel=0.4)
    assert np.isnan(alone.chi2)
    assert first.r2 == pytest.approx(
        1 - np.sum(r**2) / np.sum((values[:, 0] - values[:, 0].mean()) ** 2)
    )
    frame = fit.residuals.to_dataframe()
    assert len(frame) == 41
    assert set(frame.columns) == {"experiment", "t", "column", "measured", "residual", "noise"}


def test_a_start_by_names():
    system = psu.ODESystem({x: -a * x, y: -b * y}, trainable={a: 0.3, b: 0.3})
    values = np.stack([decay(), decay(1.1)], axis=1)
    seen = []
    fitted(
        system,
        values,
        [x, y],
        theta0={a: 0.5},
        stages=psu.Adam(1),
        callback=lambda s: seen.append(s),
    )
    assert seen[0].theta[0] == pytest.approx(0.5, abs=0.02)
    with pytest.raises(psu.PySymUDEError, match="theta0= names 'c'"):
        fitted(system, values, [x, y], theta0={"c": 1.0})


def test_predictions_of_new_experiments():
    system = psu.ODESystem({x: -a * x + b}, trainable={a: 0.3}, parameters={b: 0.0})
    fit = fitted(system, decay(), [x], u0={x: 2.0})
    rate = fit.parameters["a"]
    one = fit.predict(T, {x: 3.0}, parameters={b: 1.0})
    np.testing.assert_allclose(one["x"], 1 / rate + (3 - 1 / rate) * np.exp(-rate * T), rtol=1e-5)
    other = fit.predict(T, parameters={a: 2.0})
    np.testing.assert_allclose(other["x"], 2 * np.exp(-2 * T), rtol=1e-4)
    many = fit.predict(T, {x: np.array([1.0, 3.0])}, parameters={b: np.array([0.0, 1.0])})
    assert many.u.shape == (2, 21, 1)
    np.testing.assert_allclose(many["x"][1], one["x"], rtol=1e-6)
    with pytest.raises(psu.PySymUDEError, match="no parameter 'q'"):
        fit.predict(T, parameters={"q": 1.0})


def test_a_networks_value_is_not_what_it_adds():
    nn = psu.MLP("nn", inputs=[x], outputs=1, hidden=2)
    system = psu.ODESystem({x: -sp.exp(nn[0]) * x})
    fit = fitted(system, decay(0.7, 1.0), [x], u0={x: 1.0}, stages=psu.LBFGS(60))
    at = np.array([[0.5], [0.9]])
    np.testing.assert_allclose(np.exp(fit.network(nn, at)), 0.7, rtol=0.05)
    np.testing.assert_allclose(
        fit.unknown_term(at), -(np.exp(fit.network("nn", at)) - 1) * at, rtol=1e-12
    )
    with pytest.raises(psu.PySymUDEError, match="there is no network 'mm'"):
        fit.network("mm", at)
