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


def test_a_learned_scale_hides_no_misfit():
    """A frequency that is missed by far: the noise that is learned would be as large as the signal."""
    t = np.linspace(0, 15, 80)
    values = np.cos(1.7 * t) * np.exp(-0.05 * t) + 0.03 * np.random.default_rng(2).standard_normal(
        80
    )
    w, s = psu.parameters("w s", positive=True)
    system = psu.ODESystem(
        {x: y, y: -(w**2) * x - 0.1 * y}, trainable={w: 2.6, s: 0.1}, noise={x: psu.Normal(s)}
    )
    data = psu.Dataset.from_arrays(t, values, states=[x], u0={x: 1, y: 0})
    fit = psu.fit(system, data, engine="native", progress=False)
    assert fit.residuals.table[0].r2 < 0.5
    assert any("explains" in sentence for sentence in fit.warnings)


def test_a_checkpoint_of_other_noise_is_another_fits(tmp_path):
    s = psu.parameters("s", positive=True)

    def model(noise, **more):
        return psu.ODESystem({x: -k * x}, trainable={k: 0.3, s: 0.5}, noise={x: noise}, **more)

    how = {"checkpoint": tmp_path / "c.npz", "stages": psu.LBFGS(5)}
    fitted(model(psu.Normal(s)), decay(noise=0.1), [x], **how)
    for other, keywords in (
        (model(psu.Laplace(s)), {}),
        (model(psu.Normal(s), priors={s: psu.LogNormal(0, 1)}), {}),
        (model(psu.Normal(s)), {"frozen": [s]}),
    ):
        with pytest.raises(psu.PySymUDEError, match="belongs to another fit"):
            fitted(other, decay(noise=0.1), [x], resume=True, **how, **keywords)


def test_many_predictions_start_where_one_does():
    system = psu.ODESystem({x: -k * x}, trainable={k: 0.3, a: 5.0}, initial={x: a * k})
    fit = fitted(system, decay(0.7, 8.0), [x])
    one = fit.predict([1.0, 2.0], parameters={a: 3.0})
    many = fit.predict([1.0, 2.0], parameters={a: np.array([3.0, 4.0])})
    np.testing.assert_allclose(many.u[0], one.u, rtol=1e-6)
    np.testing.assert_allclose(many.u[1], one.u * 4 / 3, rtol=1e-6)


@pytest.mark.parametrize("noise", ["poisson", "negative binomial", "log-normal"])
def test_predictions_below_zero_have_a_slope_that_leads_back(noise):
    """The model runs below 0; the value rises there, its gradient is its own, and it is said."""
    t = np.arange(6.0)
    counts = np.array([5, 4, 3, 1, 1, 1.0])
    m = psu.parameters("m")
    model = {
        "poisson": psu.Poisson(), "negative binomial": psu.NegativeBinomial(5.0),
        "log-normal": psu.LogNormal(0.3),
    }[noise]  # fmt: skip
    system = psu.ODESystem({x: -m}, trainable={m: 1.5}, noise={x: model})
    data = psu.Dataset.from_arrays(t, counts, states=[x], u0={x: 5.0})
    obj = psu.objective(system, data, engine="native", reltol=1e-10, abstol=1e-10)
    h = 1e-6
    gradient = obj.value_and_grad([1.5])[1][0]
    assert gradient == pytest.approx(
        (obj.value([1.5 + h]) - obj.value([1.5 - h])) / (2 * h), rel=1e-4
    )
    assert gradient > 0
    assert obj.log_likelihood([1.5]) == -np.inf
    assert np.isfinite(obj.log_likelihood([0.9]))
    fit = psu.fit(system, data, engine="native", progress=False)
    assert fit.predict(t).u.min() > 0
    assert fit.parameters["m"] == pytest.approx(0.85, abs=0.15)


def test_an_impossible_measurement_is_named():
    system = psu.ODESystem({x: k * (70 - x)}, trainable={k: 0.05}, noise={x: psu.Poisson()})
    counts = np.array([3.0, 9, 16, 22, 25, 31])
    data = psu.Dataset.from_arrays(np.arange(6.0), counts, states=[x], u0={x: 0.0})
    fit = psu.fit(system, data, engine="native", progress=False)
    assert any("x: at t = 0 of experiment '0' the model predicts 0" in w for w in fit.warnings)
    assert fit.objective.log_likelihood(fit.theta) == -np.inf


def test_units_of_a_column_without_noise_do_not_decide():
    s, q = psu.parameters("s q", positive=True)
    rng = np.random.default_rng(0)
    first = decay(0.7, 8.0) * np.exp(0.05 * rng.standard_normal(21))
    second = 3 * (1 - np.exp(-0.4 * T)) + 0.05 * rng.standard_normal(21)
    found = []
    for unit in (1e-4, 1.0, 1e4):
        system = psu.ODESystem(
            {x: -k * x, y: unit * 3 * q * (1 - y / (3 * unit))}, trainable={k: 0.3, s: 1.0, q: 0.2},
            noise={x: psu.LogNormal(s)},
        )  # fmt: skip
        fit = fitted(system, np.stack([first, unit * second], axis=1), [x, y], u0={x: 8.0, y: 0.0})
        found.append([fit.parameters[name] for name in ("k", "s", "q")])
    assert found[1] == pytest.approx([0.7, 0.05, 0.4], rel=0.3)
    np.testing.assert_allclose(found, [found[1]] * 3, rtol=1e-3)


def test_least_squares_in_any_unit():
    for unit in (1e-7, 1.0, 1e7):
        system = psu.ODESystem({x: -k * x}, trainable={k: 0.1})
        fit = fitted(system, unit * decay(), [x])
        assert fit.parameters["k"] == pytest.approx(0.7, rel=1e-4)
        assert fit.converged


def test_limits_are_no_residuals():
    values = decay(noise=0.02)
    below = values < 0.5
    data = psu.Dataset(
        psu.Trajectory.from_arrays(
            T, np.where(below, 0.5, values), states=[x], u0={x: 2.0}, noise=0.02,
            censored=np.where(below, -1, 0)[:, None],
        )
    )  # fmt: skip
    fit = psu.fit(
        psu.ODESystem({x: -k * x}, trainable={k: 0.3}), data, engine="native", progress=False
    )
    assert fit.parameters["k"] == pytest.approx(0.7, abs=0.02)
    assert fit.residuals.table[0].count == np.count_nonzero(~below)
    assert fit.warnings == ()
    shot = psu.fit(
        psu.ODESystem({x: -k * x}, trainable={k: 0.3}), data, engine="native", progress=False,
        stages=[psu.MultipleShooting(3), psu.LBFGS()],
    )  # fmt: skip
    assert shot.parameters == pytest.approx(fit.parameters, rel=1e-4)


def test_names_that_noise_needs_are_kept_free():
    s = psu.parameters("s", positive=True)
    system = psu.ODESystem(
        {x: -k * x},
        trainable={k: 0.3, s: 0.5},
        observables={"x_noise0": 2 * x},
        noise={x: psu.Normal(s)},
    )
    with pytest.raises(psu.PySymUDEError, match="rename the observable"):
        fitted(system, decay(), [x])


def test_a_network_far_from_one_is_said():
    nn = psu.MLP("nn", inputs=[x], outputs=1, hidden=3)
    fit = fitted(psu.ODESystem({x: -nn[0]}), 1e-5 * decay(), [x], stages=psu.LBFGS(20))
    assert any("input_scaling='data'" in sentence for sentence in fit.warnings)
