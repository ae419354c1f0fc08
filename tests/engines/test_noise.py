"""Noise models, priors and limits on every engine: values by SciPy, gradients by differences."""

import numpy as np
import pytest
import scipy.stats as st

import pysymude as psu
from pysymude.errors import InvalidInputError

# Influenza in a boarding school, England 1978: boys in bed on each day, of 763. Anonymous, Influenza in a
# boarding school, British Medical Journal 1 (1978), 587.
IN_BED = np.array([1, 3, 8, 28, 75, 221, 291, 255, 235, 190, 125, 70, 28, 12, 5.0])
DAYS = np.arange(15.0)
S, I = psu.states("S I")  # noqa: E741 - the field's name
b, g, k, s = psu.parameters("b g k s", positive=True)
RHS = {S: -b * S * I / 763, I: b * S * I / 763 - g * I}
DATA = psu.Dataset.from_arrays(DAYS, IN_BED[:, None], states=[I], u0={S: 762, I: 1})

MODELS = {
    "poisson": (psu.Poisson(), {}, lambda y, h, v: st.poisson.logpmf(y, h)),
    "negative binomial": (
        psu.NegativeBinomial(k), {k: 5.0},
        lambda y, h, v: st.nbinom.logpmf(y, v["k"], v["k"] / (v["k"] + h)),
    ),
    "expression": (5 + s * I, {s: 0.1}, lambda y, h, v: st.norm.logpdf(y, h, 5 + v["s"] * h)),
    "log-normal": (psu.LogNormal(s), {s: 0.3}, lambda y, h, v: st.lognorm.logpdf(y, v["s"], scale=h)),
    "student": (psu.StudentT(4, s), {s: 20.0}, lambda y, h, v: st.t.logpdf(y, 4, h, v["s"])),
    "laplace": (psu.Laplace(s), {s: 20.0}, lambda y, h, v: st.laplace.logpdf(y, h, v["s"])),
    "log-laplace": (
        psu.LogLaplace(s), {s: 0.3},
        lambda y, h, v: st.loglaplace.logpdf(y, 1 / v["s"], scale=h),
    ),
}  # fmt: skip


def differences(obj, theta, h=1e-6):
    return np.array(
        [
            (obj.value(theta + h * e) - obj.value(theta - h * e)) / (2 * h)
            for e in np.eye(theta.size)
        ]
    )


@pytest.mark.parametrize("sensealg", ["adjoint", "forward"])
@pytest.mark.parametrize("name", MODELS)
def test_likelihoods_and_gradients(engine: str, name, sensealg):
    noise, more, reference = MODELS[name]
    system = psu.ODESystem(RHS, trainable={b: 1.7, g: 0.45, **more}, noise={I: noise})
    obj = psu.objective(system, DATA, engine=engine, sensealg=sensealg, reltol=1e-9)
    theta = obj.theta0() + 0.03
    values = obj.layout.unpack(theta)
    own = {name: values[name] for name in ("b", "g")}
    h = psu.solve(system, u0=[762, 1], t=DAYS, parameters=own, reltol=1e-9, engine=engine)["I"]
    expected = reference(IN_BED, h, values).sum()
    assert obj.log_likelihood(theta) == pytest.approx(expected, abs=1e-9 * abs(expected) + 1e-7)
    assert obj.value(theta) == pytest.approx(-2 * expected, rel=1e-8)
    gradient = obj.value_and_grad(theta)[1]
    np.testing.assert_allclose(gradient, differences(obj, theta), rtol=1e-6, atol=1e-5)


def test_a_sum_of_squares_has_its_constants(engine: str):
    system = psu.ODESystem(RHS, trainable={b: 1.7, g: 0.45})
    data = psu.Dataset.from_arrays(DAYS, IN_BED[:, None], states=[I], u0={S: 762, I: 1}, noise=15)
    obj = psu.objective(system, data, engine=engine)
    theta = obj.theta0()
    h = psu.solve(system, u0=[762, 1], t=DAYS, engine=engine)["I"]
    assert obj.log_likelihood(theta) == pytest.approx(st.norm.logpdf(IN_BED, h, 15).sum(), rel=1e-7)
    # noise that nobody gave is the likeliest
    free = psu.objective(system, DATA, engine=engine)
    sigma = np.sqrt(np.mean((IN_BED - h) ** 2))
    expected = st.norm.logpdf(IN_BED, h, sigma).sum()
    assert free.log_likelihood(theta) == pytest.approx(expected, rel=1e-7)


def test_priors_are_densities_of_natural_values(engine: str):
    system = psu.ODESystem(
        RHS, trainable={b: 1.7, g: 0.45, s: 0.2}, noise={I: psu.LogNormal(s)}, bounds={g: (0.01, 2.0)},
        priors={b: psu.LogNormal(0.5, 0.1), g: psu.Normal(0.5, 0.2)},
    )  # fmt: skip
    obj = psu.objective(system, DATA, engine=engine, reltol=1e-9)
    theta = obj.theta0() + 0.02
    v = obj.layout.unpack(theta)
    expected = st.lognorm.logpdf(v["b"], 0.1, scale=np.exp(0.5)) + st.norm.logpdf(v["g"], 0.5, 0.2)
    found = obj.log_posterior(theta) - obj.log_likelihood(theta)
    assert found == pytest.approx(expected, rel=1e-9)
    gradient = obj.value_and_grad(theta)[1]
    np.testing.assert_allclose(gradient, differences(obj, theta), rtol=1e-6, atol=1e-5)


def test_priors_of_networks_are_weight_decay(engine: str):
    x = psu.states("x")
    nn = psu.MLP("nn", inputs=[x], outputs=1, hidden=3)
    data = psu.Dataset.from_arrays(DAYS[:6], np.cos(DAYS[:6]), states=[x], noise=0.1, u0={x: 1.0})
    plain = psu.objective(psu.ODESystem({x: nn[0]}), data, engine=engine)
    with_prior = psu.ODESystem(
        {x: nn[0]}, priors={nn: psu.Normal(0, 2), "nn.W1": psu.Laplace(0, 1)}
    )
    obj = psu.objective(with_prior, data, engine=engine)
    theta = obj.theta0(1)
    first = obj.layout["nn.W1"].slice
    rest = np.delete(theta, np.arange(theta.size)[first])
    expected = -2 * (st.laplace.logpdf(theta[first]).sum() + st.norm.logpdf(rest, 0, 2).sum())
    assert obj.value(theta) - plain.value(theta) == pytest.approx(expected, rel=1e-9)
    np.testing.assert_allclose(
        obj.value_and_grad(theta)[1], differences(obj, theta), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("start", [(1.0, 0.5), (0.8, 0.2), (2.0, 0.3), (2.0, 1.0)])
def test_the_influenza_of_1978(engine: str, start):
    """The optimum of this sum of squares: 18.19 at b = 1.665, g = 0.4476 (see `scipy_fit`)."""
    system = psu.ODESystem(RHS, trainable={b: start[0], g: start[1]})
    data = psu.Dataset.from_arrays(DAYS, IN_BED[:, None], states=[I], u0={S: 762, I: 1}, noise=15)
    fit = psu.fit(system, data, engine=engine, progress=False)
    assert fit.loss == pytest.approx(18.1866, abs=1e-3)
    assert fit.parameters == pytest.approx({"b": 1.6651, "g": 0.4476}, rel=1e-3)
    assert fit.converged
    assert fit.warnings == ()
    (row,) = fit.residuals.table
    assert row.chi2 == pytest.approx(18.1866 / 15, rel=1e-4)


def test_frozen_values_stay(engine: str):
    system = psu.ODESystem(RHS, trainable={b: 1.0, g: 0.4})
    fit = psu.fit(system, DATA, engine=engine, progress=False, frozen=[g])
    assert fit.parameters["g"] == pytest.approx(0.4, rel=1e-12)
    assert abs(fit.parameters["b"] - 1.0) > 0.1


def test_networks_take_part_in_noise(engine: str):
    """The noise of a column may be learned by a network of the state."""
    x = psu.states("x")
    nn = psu.MLP("nn", inputs=[x], outputs=1, hidden=2)
    system = psu.ODESystem({x: -k * x}, trainable={k: 0.7}, noise={x: 0.1 + nn[0] ** 2})
    t = np.linspace(0, 3, 8)
    data = psu.Dataset.from_arrays(t, np.exp(-t), states=[x], u0={x: 1.0})
    obj = psu.objective(system, data, engine=engine, reltol=1e-10, abstol=1e-10)
    theta = obj.theta0(2)
    np.testing.assert_allclose(
        obj.value_and_grad(theta)[1], differences(obj, theta), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("model", ["numbers", "Normal", "LogNormal"])
def test_limits_of_detection(engine: str, model: str):
    """Values below a limit count by their probability: against SciPy, and by differences."""
    x, rate = psu.states("x"), psu.parameters("rate", positive=True)
    t = np.linspace(0.0, 4.0, 9)
    values = 2.0 * np.exp(-t) * np.exp(0.1 * np.random.default_rng(1).standard_normal(9))
    below = values < 0.2
    values[below] = 0.2
    noise = {"numbers": {}, "Normal": {x: 0.1}, "LogNormal": {x: psu.LogNormal(0.1)}}[model]
    system = psu.ODESystem({x: -rate * x}, trainable={rate: 0.8}, noise=noise)
    data = psu.Dataset(
        psu.Trajectory.from_arrays(
            t, values, states=[x], u0={x: 2.0}, censored=np.where(below, -1, 0)[:, None],
            noise=0.1 if model == "numbers" else None,
        )
    )  # fmt: skip
    obj = psu.objective(system, data, engine=engine, reltol=1e-10, abstol=1e-10)
    theta = obj.theta0()
    h = 2.0 * np.exp(-0.8 * t)
    law = st.lognorm(0.1, scale=h) if model == "LogNormal" else st.norm(h, 0.1)
    expected = np.where(below, law.logcdf(values), law.logpdf(values)).sum()
    assert obj.log_likelihood(theta) == pytest.approx(expected, rel=1e-7)
    np.testing.assert_allclose(obj.value_and_grad(theta)[1], differences(obj, theta), rtol=1e-6)
    fit = psu.fit(system, data, engine=engine, progress=False)
    assert fit.parameters["rate"] == pytest.approx(1.0, abs=0.06)


def test_other_columns_count_as_without_noise_models(engine: str):
    """A column with a noise model beside one without, which has the noise that its series shows."""
    x, y = psu.states("x y")
    t = np.linspace(0, 3, 13)
    data = psu.Dataset.from_arrays(
        t, np.c_[np.exp(-t), 100 * t * np.exp(-t)], states=[x, y], u0={x: 1.0, y: 0.0}
    )
    system = psu.ODESystem(
        {x: -k * x, y: 100 * k * x - y}, trainable={k: 1.2, s: 0.2}, noise={x: psu.Laplace(s)}
    )
    obj = psu.objective(system, data, engine=engine, weigh=True, reltol=1e-9)
    theta = obj.theta0()
    np.testing.assert_allclose(
        obj.value_and_grad(theta)[1], differences(obj, theta), rtol=1e-5, atol=1e-4
    )
    fit = psu.fit(system, data, engine=engine, progress=False)
    assert fit.parameters["k"] == pytest.approx(1.0, rel=1e-3)


def test_a_scale_that_is_not_positive_is_named(engine: str):
    x = psu.states("x")
    system = psu.ODESystem({x: -k}, trainable={k: 1.0}, noise={x: 0.1 * x})
    data = psu.Dataset.from_arrays(np.arange(4.0), np.arange(4.0), states=[x], u0={x: 1.5})
    found = psu.objective(system, data, engine=engine).evaluate([0.0])
    assert found.retcode is psu.ReturnCode.LossNotFinite
    assert "The noise of 'x', Normal(0.1*x), has no density at t = 2" in found.message
    assert "arguments are -0.05" in found.message


def test_noise_for_some_columns_needs_a_noise_model_for_the_others(engine):
    x, y, k, s = psu.states("x"), psu.states("y"), psu.parameters("k"), psu.parameters("s")
    data = psu.Trajectory.from_arrays(
        [0, 1, 2], [[1, 2], [2, 3], [3, 4]], states=[x, y], noise={x: [0.1, 0.2, 0.3]}
    )
    system = psu.ODESystem({x: k, y: k}, trainable={k: 1.0, s: 1.0}, noise={y: s})
    assert psu.objective(system, data, engine=engine).loss.n_measured == 6
    with pytest.raises(InvalidInputError, match="noise for x and none for 'y'"):
        psu.objective(system.replace(noise={}, trainable={k: 1.0}), data, engine=engine)
