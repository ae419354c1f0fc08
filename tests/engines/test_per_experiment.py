"""Parameters of each experiment by itself, and priors whose arguments are learned."""

import numpy as np
import pytest
from scipy import stats

import pysymude as psu
from pysymude.errors import InvalidInputError

x = psu.states("x")
k, V, mu, omega = psu.parameters("k V mu omega")
T = np.linspace(0.0, 4.0, 9)
TRUE = np.array([0.8, 1.0, 1.3, 1.7])
SYSTEM = psu.ODESystem(
    {x: -k * x}, trainable={k: 0.4, V: 1.0, mu: 0.1, omega: 0.3}, observables={"c": x / V},
    bounds={omega: (0.05, 2.0), V: (1e-2, 1e2)},
)  # fmt: skip
DATA = psu.Dataset.from_arrays(
    [T] * 4,
    [(np.exp(-0.5 * T) / v * (1 + 0.01 * np.sin(7 * T + v)))[:, None] for v in TRUE],
    states=["c"], u0={x: 1.0}, noise=0.01, name=["a", "b", "c", "d 1"],
)  # fmt: skip
PRIOR = {V: psu.LogNormal(mu, omega)}


def test_gradients_are_those_of_differences(engine: str):
    obj = psu.objective(
        SYSTEM, DATA, per_experiment=PRIOR, engine=engine, reltol=1e-10, abstol=1e-12
    )
    theta = obj.theta0() + 0.1 * np.arange(obj.layout.size)
    gradient = obj.value_and_grad(theta)[1]
    wanted = [
        (obj.value(theta + 1e-5 * e) - obj.value(theta - 1e-5 * e)) / 2e-5
        for e in np.eye(theta.size)
    ]
    np.testing.assert_allclose(gradient, wanted, rtol=1e-6, atol=1e-7 * np.abs(wanted).max())
    # the prior's density is that of SciPy
    values = obj.layout.unpack(theta)
    own = [values[name] for name in ("V_a", "V_b", "V_c", "V_3")]
    density = stats.lognorm.logpdf(own, s=values["omega"], scale=np.exp(values["mu"])).sum()
    assert obj.evaluate(theta).terms["priors"] == pytest.approx(-2 * density, rel=1e-12)


def test_each_experiment_has_its_own(engine: str):
    fit = psu.fit(
        SYSTEM.replace(trainable={k: 0.4, V: 1.0}),
        DATA,
        per_experiment=V,
        engine=engine,
        progress=False,
    )
    found = [fit.parameters[name] for name in ("V_a", "V_b", "V_c", "V_3")]
    assert found == pytest.approx(TRUE, rel=0.01)
    assert fit.parameters["k"] == pytest.approx(0.5, rel=0.01)
    assert "V" not in fit.layout
    assert fit.predict(T, experiment="c")["c"][0] == pytest.approx(1 / found[2], rel=1e-6)


def test_a_population_is_learned():
    fit = psu.fit(SYSTEM, DATA, per_experiment=PRIOR, engine="native", progress=False)
    logs = np.log([fit.parameters[name] for name in ("V_a", "V_b", "V_c", "V_3")])
    # the mode of a normal population: mean and root mean square of its members
    assert fit.parameters["mu"] == pytest.approx(logs.mean(), abs=1e-3)
    assert fit.parameters["omega"] == pytest.approx(logs.std(), rel=1e-2)


def test_files_keep_them(tmp_path):
    fit = psu.fit(
        SYSTEM, DATA, per_experiment=PRIOR, engine="native", progress=False, stages=psu.LBFGS(3)
    )
    fit.save(tmp_path / "fit.npz")
    again = psu.FitResult.load(tmp_path / "fit.npz")
    assert again.objective.value(again.theta) == pytest.approx(fit.loss, rel=1e-12)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("z", "per_experiment=: the system has no state or parameter 'z'"),
        (x, "'x', which is not trainable"),
        ({V: 1.0}, "takes a prior such as psu.LogNormal"),
        ({V: psu.LogNormal(x, 1)}, "contains x, which is not learned"),
    ],
)
def test_wrong_calls_say_what_is_wrong(given, message):
    with pytest.raises(InvalidInputError, match=message):
        psu.objective(SYSTEM, DATA, per_experiment=given, engine="native")


def test_a_value_of_its_own_is_not_learned():
    data = psu.Dataset.from_arrays(T, np.exp(-T), states=["c"], u0={x: 1.0}, parameters={V: 2.0})
    with pytest.raises(InvalidInputError, match="has a value of its own in experiment '0'"):
        psu.objective(SYSTEM, data, per_experiment=V, engine="native")
