"""Networks whose layers have no bias: what they give, what is learned, and the files that hold them."""

import numpy as np
import pytest

import pysymude as psu
from pysymude.errors import InvalidInputError
from pysymude.export.julia import julia_script

T = np.linspace(0.0, 1.0, 6)


def system(bias, activation="tanh", hidden=(3, 2)):
    x, y, k = *psu.states("x y"), psu.parameters("k")
    nn = psu.MLP("nn", inputs=[x, y], outputs=1, hidden=hidden, activation=activation, bias=bias)
    return psu.ODESystem({x: -k * x + nn[0], y: x - y}, trainable={k: 0.7})


def data():
    rng = np.random.default_rng(1)
    u = np.stack([np.exp(-T), 1 - np.exp(-T)], axis=1) + 0.05 * rng.standard_normal((6, 2))
    return psu.Dataset.from_arrays(T, u, states=["x", "y"], u0={"x": 1.0, "y": 0.2}, noise=0.05)


def biases(layout):
    return [s for s in layout.values() if ".b" in s.name]


@pytest.mark.parametrize(
    ("bias", "activation", "there"),
    [
        (False, "tanh", []),
        ([True, False, True], "tanh", ["nn.b1", "nn.b3"]),
        (False, "elu", []),
        ([False, True, False], ["tanh", "mish", "exp"], ["nn_2.b1"]),
    ],
)
def test_they_are_no_part_of_what_is_learned(engine, bias, activation, there):
    """Value and gradient against the same network written out with what is there, and differences."""
    obj = psu.objective(
        system(bias, activation), data(), engine=engine, reltol=1e-9, solver="Vern7"
    )
    assert [s.name for s in biases(obj.layout) if not s.held] == there
    theta = obj.theta0(3)
    free = np.setdiff1d(np.arange(theta.size), obj.composition.frozen)
    theta[free] += 0.1 * np.random.default_rng(0).standard_normal(free.size)
    value, gradient = obj.value_and_grad(theta)
    assert all(np.all(gradient[s.slice] == 0) for s in obj.layout.held)
    whole = psu.objective(
        system(True, activation), data(), engine=engine, reltol=1e-9, solver="Vern7"
    )
    same, slope = whole.value_and_grad(theta)
    assert value == pytest.approx(same, rel=1e-12)
    np.testing.assert_allclose(gradient[free], slope[free], rtol=1e-10, atol=1e-12)
    # with a bias these would move
    assert all(np.any(slope[s.slice] != 0) for s in obj.layout.held)
    for i in free[::3]:
        step = np.zeros_like(theta)
        step[i] = 1e-5
        difference = (obj.value(theta + step) - obj.value(theta - step)) / 2e-5
        assert gradient[i] == pytest.approx(difference, rel=1e-5, abs=1e-5)


def test_a_fit_leaves_them_zero(engine, tmp_path):
    fit = psu.fit(system(False), data(), stages=psu.LBFGS(15), engine=engine, progress=False)
    first = psu.objective(system(False), data(), engine=engine)
    assert fit.loss < first.value(first.theta0()) - 1
    for k in (1, 2, 3):
        assert np.all(fit.values[f"nn.b{k}"] == 0)
    fit.save(tmp_path / "fit.npz")
    loaded = psu.FitResult.load(tmp_path / "fit.npz")
    assert loaded.system == fit.system
    assert loaded.objective.frozen == fit.objective.frozen == ("nn.b1", "nn.b2", "nn.b3")
    np.testing.assert_array_equal(loaded.predict(T).u, fit.predict(T).u)


def test_starts_name_only_what_is_there(engine):
    found = system([True, False, True])
    weights = {"nn.W1": np.ones((3, 2)), "nn.b1": np.ones(3)}
    fit = psu.fit(found, data(), theta0=weights, stages=psu.LBFGS(1), engine=engine, progress=False)
    assert np.all(fit.values["nn.b2"] == 0)
    with pytest.raises(InvalidInputError, match=r"nn\.b2 belongs to a layer without bias"):
        psu.fit(found, data(), theta0={"nn.b2": np.ones(2)}, engine=engine, progress=False)
    obj = psu.objective(found, data(), engine=engine)
    with pytest.raises(InvalidInputError, match=r"nn\.b2 belongs to a layer without bias"):
        obj.value(np.ones(obj.layout.size))


def test_priors_and_cotangents_leave_them_out(engine):
    one = system(False).replace(priors={"nn": psu.Normal(0, 1)})
    obj = psu.objective(one, data(), engine=engine)
    theta = obj.theta0(0)
    count = theta.size - obj.composition.frozen.size - 1
    normal = -0.5 * count * np.log(2 * np.pi) - 0.5 * np.sum(theta[:-1] ** 2)
    assert obj.log_posterior(theta) - obj.log_likelihood(theta) == pytest.approx(normal, rel=1e-9)
    sim = psu.simulator(system(False), t=T, engine=engine)
    values, pullback = sim.vjp(theta, u0={"x": 1.0, "y": 0.2})
    by_theta, _, _ = pullback(np.ones_like(values))
    assert np.all(by_theta[obj.composition.frozen] == 0)
    assert np.all(by_theta[np.setdiff1d(np.arange(theta.size), obj.composition.frozen)] != 0)


def test_files_of_petab_have_them(engine, tmp_path):
    h5py = pytest.importorskip("h5py")
    pytest.importorskip("libsbml")
    fit = psu.fit(
        system([True, False, True]), data(), stages=psu.LBFGS(3), engine=engine, progress=False
    )
    problem = psu.read_petab(psu.write_petab(fit, tmp_path))
    assert "bias: false" in (tmp_path / "nn.yaml").read_text()
    with h5py.File(tmp_path / "weights.hdf5") as file:
        assert set(file["parameters/nn/layer1"]) == {"weight", "bias"}
        assert set(file["parameters/nn/layer2"]) == {"weight"}
    assert {k for k in problem.nominal if ".b" in k} == {"nn.b1", "nn.b3"}
    (nn,) = problem.system.networks
    assert nn.bias == (True, False, True)
    expected = fit.objective.log_likelihood(fit.theta)
    assert problem.log_likelihood(engine=engine) == pytest.approx(expected, rel=1e-5)


def test_the_julia_script_leaves_them_out(engine):
    text = julia_script(psu.objective(system([True, False, True]), data(), engine=engine))
    lines = [line.strip() for line in text.splitlines() if "reshape(theta" in line]
    assert [".+" in line for line in lines] == [True, False, True]
    assert "or zeros where a layer has none" in text
