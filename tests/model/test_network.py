import numpy as np
import pytest
import sympy as sp

import pysymude as psu
from pysymude.errors import EmissionError, InvalidInputError, ModelFileError
from pysymude.model.network import ACTIVATIONS
from pysymude.model.network_values import Scaling
from pysymude.model.toml import system_from_text

x, y = psu.states("x y")


def network(**changes):
    given = {"inputs": [x, y], "outputs": 2, "hidden": (3, 4)} | changes
    return psu.MLP("nn", **given)


def test_weights_are_laid_out_layer_by_layer():
    nn = network()
    assert nn.widths == (2, 3, 4, 2)
    assert nn.n_weights == 2 * 3 + 3 + 3 * 4 + 4 + 4 * 2 + 2
    first = nn.layers[0]
    assert (first.W, first.b) == (slice(0, 6), slice(6, 9))


def test_forward_is_the_textbook_formula():
    nn = network()
    w = nn.initial_weights(1)
    z = np.array([0.3, -0.7])
    W1, b1 = w[0:6].reshape(3, 2), w[6:9]
    W2, b2 = w[9:21].reshape(4, 3), w[21:25]
    W3, b3 = w[25:33].reshape(2, 4), w[33:35]
    expected = W3 @ np.tanh(W2 @ np.tanh(W1 @ z + b1) + b2) + b3
    np.testing.assert_allclose(nn.forward(w, z), expected, rtol=1e-15)


def test_initial_weights_depend_on_seed_and_name_only():
    nn = network()
    np.testing.assert_array_equal(
        nn.initial_weights(3), network(activation="rbf").initial_weights(3)
    )
    assert not np.array_equal(nn.initial_weights(3), nn.initial_weights(4))
    other = psu.MLP("mm", inputs=[x, y], outputs=2, hidden=(3, 4))
    assert not np.array_equal(nn.initial_weights(3), other.initial_weights(3))


def test_initial_weights_stay_within_the_glorot_bound():
    nn = psu.MLP("nn", inputs=[x], outputs=1, hidden=(200,))
    matrix = nn.initial_weights(0)[nn.layers[0].W]
    bound = np.sqrt(6 / 201)
    assert 0.9 * bound < np.abs(matrix).max() <= bound
    assert not nn.initial_weights(0)[nn.layers[0].b].any()


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_jacobian_is_the_derivative_of_forward(activation):
    scaling = Scaling(
        np.array([0.1, 0.2]), np.array([2.0, 3.0]), np.array([1.0, 0.0]), np.array([5.0, 7.0])
    )
    nn = network(activation=activation).with_scaling(scaling)
    w = nn.initial_weights(2) + 0.1
    z = np.array([[0.3, -0.7], [1.2, 0.4]])
    h = 1e-6
    numeric = np.stack(
        [(nn.forward(w, z + h * e) - nn.forward(w, z - h * e)) / (2 * h) for e in np.eye(2)],
        axis=-1,
    )
    np.testing.assert_allclose(nn.jacobian(w, z), numeric, rtol=2e-8, atol=2e-9)
    assert np.abs(numeric).max() > 1e-3


def test_scaling_is_applied_on_both_sides():
    scaling = Scaling(
        np.array([1.0, 2.0]), np.array([3.0, 4.0]), np.array([5.0, 6.0]), np.array([7.0, 8.0])
    )
    plain, scaled = network(), network().with_scaling(scaling)
    w = plain.initial_weights(0)
    z = np.array([0.3, -0.7])
    inner = plain.forward(w, (z - [1.0, 2.0]) / [3.0, 4.0])
    np.testing.assert_allclose(
        scaled.forward(w, z), np.array([5.0, 6.0]) + np.array([7.0, 8.0]) * inner
    )


def test_outputs_are_sympy_expressions():
    nn = network()
    expr = 2 * nn[0] + x
    assert expr.free_symbols == {x, y}
    assert expr.subs(x, 1).free_symbols == {y}
    assert str(expr.subs(x, 2 * y)) == "2*y + 2*nn(2*y, y)[0]"
    assert (nn[0] - nn[0]) == 0
    assert nn[0] != nn[1]
    assert "nn" in sp.latex(nn[1])


def test_the_same_network_at_other_inputs_shares_its_name():
    nn = network()
    system = psu.ODESystem({x: nn(x, y)[0], y: nn(y, x)[0]})
    assert system.networks == (nn,)
    assert system.layout.size == nn.n_weights


def test_derivatives_follow_the_chain_rule_and_stop_at_third_order():
    nn = psu.MLP("nn", inputs=[x**2, y], outputs=1, hidden=2)
    slope = nn[0].diff(x)
    first, mixed = slope.coeff(2 * x), nn[0].diff(y).diff(x).coeff(2 * x)
    assert slope == 2 * x * first
    assert (first.by, mixed.by) == ((0,), (0, 1))
    assert slope.diff(y) == 2 * x * mixed
    assert slope.diff(x) == 2 * first + 4 * x**2 * first.diff(x).coeff(2 * x)
    assert nn[0].diff(psu.t) == 0
    assert nn[0].diff(nn[0]) == 1
    assert str(mixed) == "D(nn[0], 0, 1)"
    assert mixed.diff(psu.t) == 0
    with pytest.raises(EmissionError, match="third derivative of network nn"):
        mixed.diff(y)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("hidden", [(), (3,), (4, 3, 2)])
def test_the_hessian_is_the_derivative_of_the_jacobian(activation: str, hidden: tuple[int, ...]):
    scaling = Scaling(
        np.array([0.1, 0.2]), np.array([2.0, 3.0]), np.array([1.0, 0.0]), np.array([5.0, 7.0])
    )
    nn = network(activation=activation, hidden=hidden).with_scaling(scaling)
    w = nn.initial_weights(2) + 0.1
    z = np.array([[[0.3, -0.7], [1.2, 0.4], [-2.0, 0.1]]])
    h = 1e-6
    numeric = np.stack(
        [(nn.jacobian(w, z + h * e) - nn.jacobian(w, z - h * e)) / (2 * h) for e in np.eye(2)],
        axis=-1,
    )
    found = nn.hessian(w, z)
    assert found.shape == (1, 3, 2, 2, 2)
    np.testing.assert_allclose(found, numeric, rtol=1e-7, atol=1e-8)
    np.testing.assert_array_equal(found, found.swapaxes(-1, -2))
    straight = not hidden or activation in ("identity", "relu")
    assert straight == (np.abs(found).max() < 1e-3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inputs": []}, "inputs must name at least one"),
        ({"inputs": ["x"]}, "inputs must be SymPy expressions"),
        ({"outputs": 0}, "outputs must be positive integers; found 0"),
        ({"outputs": True}, "outputs must be positive integers"),
        ({"hidden": (3, -1)}, "hidden must be positive integers; found -1"),
        ({"activation": "tan"}, "activation 'tan' is unknown; choose one of tanh"),
        ({"input_scaling": "auto"}, "input_scaling must be None"),
        ({"input_scaling": (0.0, 0.0)}, "scale not 0"),
        ({"output_scaling": ([1, 2, 3], 1)}, "for 2 values"),
    ],
)
def test_wrong_networks_are_refused(changes, message):
    with pytest.raises(InvalidInputError, match=message):
        network(**changes)


def test_wrong_names_and_indices_are_refused():
    with pytest.raises(InvalidInputError, match="plain identifier"):
        psu.MLP("my net", inputs=[x], outputs=1, hidden=1)
    with pytest.raises(
        InvalidInputError, match=r"has 2 outputs, nn\[0\] to nn\[1\]; found index 2"
    ):
        network()[2]
    with pytest.raises(InvalidInputError, match="takes 2 inputs; found 1"):
        network()(x)


def test_layers_without_bias(tmp_path):
    nn = psu.MLP("nn", inputs=[x, y], outputs=2, hidden=3, bias=[False, True])
    assert nn.bias == (False, True)
    assert nn != psu.MLP("nn", inputs=[x, y], outputs=2, hidden=3)
    w, z = np.random.default_rng(0).standard_normal(17), np.array([0.3, -0.4])
    first, last = nn.layers
    w[first.b] = 0.0
    expected = w[last.W].reshape(2, 3) @ np.tanh(w[first.W].reshape(3, 2) @ z) + w[last.b]
    np.testing.assert_allclose(nn.forward(w, z), expected, rtol=1e-14)
    assert np.all(nn.pull(w, z, [1.0, 1.0])[first.b] == 0)
    assert np.all(nn.pull(w, z, [1.0, 1.0])[last.b] == 1)
    system = psu.ODESystem({x: nn[0], y: nn[1]})
    system.to_toml(tmp_path / "model.toml")
    assert "bias = [false, true]" in (tmp_path / "model.toml").read_text()
    assert psu.ODESystem.from_toml(tmp_path / "model.toml") == system


@pytest.mark.parametrize("bias", ["no", 0, [True], [True, None]])
def test_wrong_biases(bias):
    with pytest.raises(InvalidInputError, match=r"bias= takes True or False.*2 layers"):
        psu.MLP("nn", inputs=[x], outputs=1, hidden=3, bias=bias)


def test_wrong_biases_in_a_file():
    network = 'inputs = ["x"]\noutputs = 1\nhidden = [2]\nbias = "no"'
    text = f'[equations]\nx = "nn[0]"\n[networks.nn]\n{network}\n'
    with pytest.raises(ModelFileError, match=r"networks.nn.*bias= takes True or False"):
        system_from_text(text)
