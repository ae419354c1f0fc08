"""Activations that are expressions of the user's own."""

import numpy as np
import pytest
import sympy as sp
from scipy.integrate import solve_ivp

import pysymude as psu
from pysymude.errors import InvalidInputError
from pysymude.model.activation_forms import FORMS, applied
from pysymude.model.activations import ACTIVATIONS
from pysymude.model.toml import system_from_text
from pysymude.model.writing import system_to_text

x, y = psu.states("x y")
z = sp.Symbol("z", real=True)
T = np.linspace(0.0, 2.0, 9)
VALUES = np.stack([np.cos(T), np.sin(T)], axis=1)
DATA = psu.Dataset.from_arrays(T, VALUES, states=[x, y], u0={x: 1.0, y: 0.0})
NAMED = {"tanh": sp.tanh(z), "rbf": sp.exp(-(z**2)), "softplus": sp.log(1 + sp.exp(z))}


def system(activation, **more):
    nn = psu.MLP("nn", inputs=[x, y], outputs=2, hidden=(4, 3), activation=activation, **more)
    return nn, psu.ODESystem({x: nn[0] - y, y: nn[1] + x})


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("sensealg", ["adjoint", "forward"])
def test_they_are_what_the_named_ones_are(engine: str, name: str, sensealg: str):
    scaled = {"input_scaling": (0.1, 0.7), "output_scaling": (0.0, 0.5)}
    tight = {"reltol": 1e-9, "abstol": 1e-9, "engine": engine, "sensealg": sensealg}
    known = psu.objective(system(name, **scaled)[1], DATA, **tight)
    own = psu.objective(system(NAMED[name], **scaled)[1], DATA, **tight)
    theta = known.theta0(1) + 0.1
    assert own.layout.size == known.layout.size == 2 * 4 + 4 + 4 * 3 + 3 + 3 * 2 + 2
    expected, found = known.value_and_grad(theta), own.value_and_grad(theta)
    assert found[0] == pytest.approx(expected[0], rel=1e-8)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-6, atol=1e-8)


def test_gradients_of_what_has_no_name(engine: str):
    nn, own = system(sp.Lambda(z, z * sp.sin(z) + sp.atan(z)), input_scaling="data")
    obj = psu.objective(own, DATA, engine=engine, reltol=1e-10, abstol=1e-10)
    theta = obj.theta0(2)
    gradient = obj.value_and_grad(theta)[1]
    e = np.random.default_rng(0).normal(size=theta.size)
    wanted = (obj.value(theta + 1e-5 * e) - obj.value(theta - 1e-5 * e)) / 2e-5
    assert gradient @ e == pytest.approx(wanted, rel=1e-6)
    assert nn.n_weights == theta.size


def test_priors_frozen_and_text():
    nn, own = system(z * sp.tanh(z))
    own = own.replace(priors={nn: psu.Normal(0, 1)})
    assert set(own.priors) == {"nn_1", "nn_2", "nn_3"}
    assert system_from_text(system_to_text(own)) == own
    k = psu.parameters("k")
    more = psu.ODESystem({x: nn[0] - k * y, y: nn[1] + x}, trainable={k: 1.0})
    obj = psu.objective(more, DATA, frozen=nn, engine="native")
    gradient = obj.value_and_grad(obj.theta0())[1]
    assert np.count_nonzero(gradient) == 1
    again = nn(y, x)
    assert again[0] == nn[0].xreplace({x: y, y: x})


@pytest.mark.parametrize(
    "wrong", [sp.Float(1.0), z * sp.Symbol("w"), sp.I * z, sp.Lambda((z, x), z)]
)
def test_wrong_ones_say_so(wrong):
    with pytest.raises(InvalidInputError, match="MLP 'nn': an activation is"):
        system(wrong)


def test_an_index_beyond_the_outputs():
    with pytest.raises(InvalidInputError, match="'nn' has 2 outputs; found index 2"):
        system(z**2)[0][2]


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


# as PyTorch's documentation of torch.nn defines them
DEFINED = {
    "elu": lambda a: np.where(a > 0, a, np.expm1(a)),
    "celu": lambda a: np.maximum(0, a) + np.minimum(0, np.expm1(a)),
    "selu": lambda a: 1.0507009873554805 * np.where(a > 0, a, 1.6732632423543772 * np.expm1(a)),
    "leaky_relu": lambda a: np.where(a > 0, a, 0.01 * a),
    "relu6": lambda a: np.clip(a, 0, 6),
    "mish": lambda a: a * np.tanh(np.log1p(np.exp(a))),
    "softsign": lambda a: a / (1 + np.abs(a)),
    "tanhshrink": lambda a: a - np.tanh(a),
    "hardtanh": lambda a: np.clip(a, -1, 1),
    "hardsigmoid": lambda a: np.clip(a / 6 + 0.5, 0, 1),
    "hardswish": lambda a: a * np.clip(a / 6 + 0.5, 0, 1),
    "logsigmoid": lambda a: np.log(sigmoid(a)),
    "sin": np.sin,
    "cos": np.cos,
    "exp": np.exp,
    "abs": np.abs,
} | ACTIVATIONS


@pytest.mark.parametrize("name", FORMS)
def test_each_has_its_definition(name):
    a = np.array([-8.0, -3.5, -1.2, -0.3, 0.4, 0.9, 2.5, 3.2, 7.0])
    found = sp.lambdify(z, applied(name, z), "numpy")(a)
    np.testing.assert_allclose(found, DEFINED[name](a), rtol=1e-12, atol=1e-14)


def test_one_for_each_layer(engine: str):
    nn, own = system(["tanh", "softsign", "sigmoid"])
    tight = {"reltol": 1e-10, "abstol": 1e-10, "engine": engine}
    obj = psu.objective(own, DATA, **tight)
    theta = obj.theta0(2) + 0.1
    weights = obj.layout.unpack(theta)

    def outputs(u):
        hidden = np.tanh(weights["nn_1.W1"] @ u + weights["nn_1.b1"])
        hidden = DEFINED["softsign"](weights["nn_2.W1"] @ hidden + weights["nn_2.b1"])
        return sigmoid(weights["nn_3.W1"] @ hidden + weights["nn_3.b1"])

    path = solve_ivp(
        lambda _, u: outputs(u) + np.array([-u[1], u[0]]),
        (0, 2),
        [1.0, 0.0],
        t_eval=T,
        rtol=1e-11,
        atol=1e-12,
    )
    np.testing.assert_allclose(obj.simulated(theta)[0], path.y.T, rtol=1e-7, atol=1e-8)
    gradient = obj.value_and_grad(theta)[1]
    e = np.random.default_rng(0).normal(size=theta.size)
    wanted = (obj.value(theta + 1e-5 * e) - obj.value(theta - 1e-5 * e)) / 2e-5
    assert gradient @ e == pytest.approx(wanted, rel=1e-5)
    assert nn.activations == ("tanh", "softsign", "sigmoid")


def test_a_kink_is_passed_exactly(engine: str):
    _, own = system("relu6")
    obj = psu.objective(own, DATA, engine=engine, reltol=1e-9, abstol=1e-9)
    theta = obj.theta0(4) + 0.1
    gradient = obj.value_and_grad(theta)[1]
    e = np.random.default_rng(1).normal(size=theta.size)
    wanted = (obj.value(theta + 1e-6 * e) - obj.value(theta - 1e-6 * e)) / 2e-6
    assert gradient @ e == pytest.approx(wanted, rel=1e-5)


def test_those_that_are_alike_are_one_network():
    assert type(system(["tanh", "tanh"])[0]) is psu.MLP
    assert system(["tanh", "tanh"])[0] == system("tanh")[0]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (["tanh"], "one for each of the 2 hidden layers.*found 1"), ("soft", "'soft' is unknown; choose one of"),
        (["tanh", 3], "an activation is"), (None, "an activation is"),
    ],
)  # fmt: skip
def test_wrong_lists_say_so(wrong, message):
    with pytest.raises(InvalidInputError, match=message):
        system(wrong)


def test_scaling_and_an_activation_of_the_outputs_exclude_each_other():
    with pytest.raises(InvalidInputError, match="output_scaling= would act before"):
        system(["tanh", "tanh", "sin"], output_scaling="data")


@pytest.mark.parametrize("name", ["elu", "leaky_relu", "selu", "hardswish", "relu6"])
def test_deep_networks_of_what_has_a_kink(engine: str, name: str):
    """SymPy must not look through all the layers below; from three layers on that takes minutes."""
    nn = psu.MLP("nn", inputs=[x, y], outputs=1, hidden=(8, 8, 8), activation=[name] * 3)
    seen = psu.ODESystem({x: sp.S.Zero, y: sp.S.Zero}, observables={"out": nn[0]})
    weights = 0.8 * np.random.default_rng(2).standard_normal(seen.layout.size)
    found = psu.solve(seen, t=[0.0, 1.0], u0=[0.4, -0.9], theta=weights, engine=engine)
    a, at = np.array([0.4, -0.9]), 0
    for layer in nn.layers:
        W = weights[at : at + layer.n_weights - layer.outputs].reshape(layer.outputs, -1)
        at += layer.n_weights
        a = W @ a + weights[at - layer.outputs : at]
        if layer is not nn.layers[-1]:
            a = DEFINED[name](a)
    assert found["out"][0] == pytest.approx(a[0], rel=1e-12)
