"""Starts that are expressions: values, and gradients by differences, through all that reads a start."""

import numpy as np
import pytest

import pysymude as psu
from pysymude.errors import InvalidInputError
from pysymude.model.toml import system_from_text
from pysymude.model.writing import system_to_text

x, y = psu.states("x y", positive=True)
z = psu.states("z")
a, c, x0 = psu.parameters("a c x0")
nn = psu.MLP("nn", inputs=[c], outputs=2, hidden=3)
T = np.linspace(0.0, 3.0, 7)
SYSTEM = psu.ODESystem(
    {x: -a * x, y: a * x - 0.3 * y, z: x - z},
    parameters={c: 1.0}, trainable={a: 0.7, x0: 1.2},
    initial={x: x0 * c, y: 0.5 + nn[0] ** 2, z: nn[1] + a},
)  # fmt: skip
VALUES = np.random.default_rng(0).uniform(0.1, 1.0, (7, 2))
DATA = psu.Dataset.from_arrays(
    [T, T], [VALUES] * 2, states=[x, z], parameters=[{c: 1.0}, {c: 2.0}]
)  # fmt: skip


def differences(obj, theta, h=1e-6):
    return np.array(
        [
            (obj.value(theta + h * e) - obj.value(theta - h * e)) / (2 * h)
            for e in np.eye(theta.size)
        ]
    )


@pytest.mark.parametrize("sensealg", ["adjoint", "forward"])
def test_gradients_go_through_the_starts(engine: str, sensealg: str):
    obj = psu.objective(SYSTEM, DATA, engine=engine, sensealg=sensealg, reltol=1e-10, abstol=1e-10)
    theta = obj.theta0(1) + 0.05
    gradient = obj.value_and_grad(theta)[1]
    np.testing.assert_allclose(gradient, differences(obj, theta), rtol=1e-6, atol=1e-7)
    assert np.abs(gradient[: nn.n_weights]).max() > 1e-3


def test_each_experiment_starts_by_its_own_parameters(engine: str):
    stages = [psu.MultipleShooting(2, iterations=20), psu.LBFGS(20)]
    fit = psu.fit(SYSTEM, DATA, engine=engine, progress=False, stages=stages)
    start = float(fit.values["x0"])
    assert [fit.u0(e)[0] for e in (0, 1)] == pytest.approx([start, 2 * start], rel=1e-12)
    assert fit.layout.of_kind("u0") == ()
    assert fit.predict(T, experiment=1)["x"][0] == pytest.approx(2 * start, rel=1e-12)


def test_a_file_keeps_them(tmp_path):
    fit = psu.fit(SYSTEM, DATA, engine="native", progress=False, stages=psu.LBFGS(3))
    fit.save(tmp_path / "fit.npz")
    again = psu.FitResult.load(tmp_path / "fit.npz")
    assert again.u0(1) == pytest.approx(fit.u0(1), rel=1e-14)
    assert again.objective.value(again.theta) == pytest.approx(fit.loss, rel=1e-10)
    assert system_from_text(system_to_text(SYSTEM)) == SYSTEM


def test_an_experiment_may_say_otherwise(engine: str):
    given = psu.Dataset.from_arrays(T, VALUES, states=[x, z], u0={x: 0.9})
    obj = psu.objective(SYSTEM, given, engine=engine)
    theta = obj.theta0(1)
    slot = obj.layout["x0"].offset
    assert obj.value_and_grad(theta)[1][slot] == 0.0


def test_solve_starts_there(engine: str):
    theta = SYSTEM.layout.pack({s.name: np.full(s.shape, 0.3) for s in SYSTEM.layout.values()})
    sol = psu.solve(SYSTEM, t=T, theta=theta, engine=engine)
    assert sol["x"][0] == pytest.approx(0.3)
    other = psu.solve(SYSTEM, t=T, theta=theta, u0={x: 0.5}, parameters={c: 2.0}, engine=engine)
    assert other["x"][0] == 0.5


def test_a_start_of_a_positive_state_that_is_negative_is_an_outcome(engine: str):
    system = psu.ODESystem({x: -a * x}, trainable={a: 0.7, x0: -1.0}, initial={x: x0})
    data = psu.Dataset.from_arrays(T, VALUES[:, :1], states=[x])
    found = psu.objective(system, data, engine=engine).evaluate(np.array([0.7, -1.0]))
    assert not found.success
    assert found.retcode is psu.ReturnCode.InitialFailure


def test_wrong_starts_are_refused():
    for initial, message in (
        ({"w": 1.0}, "initial= names 'w', which is no state"),
        ({x: y}, r"initial\[x\] = y contains the state y"),
        ({x: "1"}, "is the text '1'"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            psu.ODESystem({x: -a * x, y: x}, initial=initial)


def test_the_weights_gradient_of_a_network():
    weights, at, given = nn.initial_weights(3) + 0.1, np.array([0.7]), np.array([1.0, -2.0])
    h = 1e-6
    expected = [
        given @ (nn.forward(weights + h * e, at) - nn.forward(weights - h * e, at)) / (2 * h)
        for e in np.eye(weights.size)
    ]
    np.testing.assert_allclose(nn.pull(weights, at, given), expected, rtol=1e-7, atol=1e-9)


def test_a_positive_state_may_start_at_zero(engine: str):
    """The first epidemic model that anybody writes."""
    t = np.arange(6.0)
    b = psu.parameters("b", positive=True)
    system = psu.ODESystem(
        {x: b * y - x, y: x - y}, trainable={b: 2.0}, initial={x: 0, y: 1}, observables={"cases": x}
    )
    truth = psu.solve(system, t=t, parameters={b: 3.0}, engine=engine)
    data = psu.Dataset.from_arrays(t, truth["cases"], states=["cases"])
    fit = psu.fit(system, data, engine=engine, progress=False)
    assert fit.parameters["b"] == pytest.approx(3.0, rel=1e-4)
