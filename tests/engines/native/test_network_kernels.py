"""The loops over networks: values against NumPy, derivatives against differences and each other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import mpmath
import numpy as np
import pytest

from pysymude.engines.native.activation_kernels import exp, tanh
from pysymude.engines.native.fours import four, put
from pysymude.engines.native.network_calls import (
    CallLayout,
    count_weights,
    pack_call,
    pack_scaling,
)
from pysymude.engines.native.networks import network_forward, network_pull, network_push
from pysymude.model.network import ACTIVATIONS, MLP
from pysymude.model.symbols import states
from tests.engines.native.compiled import compiled

NAN, INF = float("nan"), float("inf")

PLAIN = os.environ.get("NUMBA_DISABLE_JIT", "0") != "0"


def kernel(function: Any) -> Any:
    return function if PLAIN else compiled(function)


@kernel
def forward(net, at, scaling, theta, v, o):
    network_forward(net, at, scaling, theta, v, o)


@kernel
def pull(net, at, scaling, theta, gtheta, v, o, g):
    network_pull(net, at, scaling, theta, gtheta, v, o, g)


@kernel
def push(net, at, scaling, theta, dtheta, v, o, d):
    network_push(net, at, scaling, theta, dtheta, v, o, d)


@kernel
def run_tanh(x, y):
    for i in range(0, x.shape[0], 4):
        put(y, i, tanh(four(x, i)))


@kernel
def run_exp(x, y):
    for i in range(0, x.shape[0], 4):
        put(y, i, exp(four(x, i)))


class Case:
    """A network among other numbers: nothing begins at 0."""

    def __init__(
        self, widths: Sequence[int], activation: str, order: int, scaled: bool = True, seed: int = 0
    ) -> None:
        rng = np.random.default_rng([seed, order, *widths, *activation.encode()])
        n, m = widths[0], widths[-1]
        scaling: dict[str, Any] = {}
        if scaled:
            scaling = {
                "input_scaling": (tuple(rng.normal(size=n)), tuple(rng.uniform(0.5, 2.0, n))),
                "output_scaling": (tuple(rng.normal(size=m)), tuple(rng.uniform(0.5, 2.0, m))),
            }
        symbols = states(" ".join(f"x{i}" for i in range(n)))
        inputs = list(symbols) if n > 1 else symbols
        hidden = tuple(widths[1:-1])
        self.nn = MLP(
            "nn", inputs=inputs, outputs=m, hidden=hidden, activation=activation, **scaling
        )
        self.n, self.m, self.order = n, m, order
        self.layout = CallLayout(widths, order)
        self.weights, self.scaling_at, self.at, self.o, self.base = 3, 2, 5, 7, n + 2
        self.slots = [1 + i for i in range(n)]
        row = pack_call(
            widths,
            activation,
            order=order,
            weights=self.weights,
            scaling=self.scaling_at,
            base=self.base,
            inputs=self.slots,
        )
        self.net = np.concatenate([np.full(self.at, -99), row, [-99]])
        self.scaling = np.concatenate([np.full(2, NAN), pack_scaling(self.nn.fixed_scaling())])
        self.theta = np.full(self.weights + count_weights(widths) + 1, NAN)
        self.mine = slice(self.weights, self.weights + count_weights(widths))
        self.theta[self.mine] = rng.normal(size=count_weights(widths)) * 0.6
        self.z = rng.normal(size=n)
        self.size = self.base + self.layout.size + 1
        # cotangents and tangents, which the tests share
        self.c = rng.normal(size=self.n_results)
        self.tz, self.tw = rng.normal(size=n), rng.normal(size=count_weights(widths))

    @property
    def n_results(self) -> int:
        return len(self.places())

    def places(self) -> list[int]:
        """Where y, Jacobian and second derivatives lie in a block, by rows."""
        found, outs, ins = [], range(self.m), range(self.n)
        found += [self.layout.output(i) for i in outs]
        if self.order > 0:
            found += [self.layout.jacobian(i, j) for i in outs for j in ins]
        if self.order > 1:
            pairs = [(j, k) for j in ins for k in ins if j <= k]
            found += [self.layout.hessian(i, j, k) for i in outs for j, k in pairs]
        return [self.base + place for place in found]

    def parts(self, results: np.ndarray) -> list[np.ndarray]:
        """The outputs, the Jacobian, the second derivatives."""
        n, m = self.n, self.m
        y, J, H = np.split(results, [m, m + m * n])
        return [y, J.reshape(-1, n), H.reshape(-1, n * (n + 1) // 2)]

    def run(self, z: np.ndarray | None = None, weights: np.ndarray | None = None) -> np.ndarray:
        v = np.full(self.o + self.size, NAN)
        v[self.o + np.array(self.slots)] = self.z if z is None else z
        theta = self.theta.copy()
        if weights is not None:
            theta[self.mine] = weights
        forward(self.net, self.at, self.scaling, theta, v, self.o)
        assert np.isnan(v[: self.o + 1]).all()
        assert np.isnan(v[-1])
        return v

    def values(self, z: np.ndarray | None = None, weights: np.ndarray | None = None) -> np.ndarray:
        return self.run(z, weights)[self.o :][self.places()]

    def pull(self, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        v = self.run()
        g, gtheta = np.full(self.size, NAN), np.ones(len(self.theta))
        g[self.slots] = 1.0
        g[self.places()] = c
        pull(self.net, self.at, self.scaling, self.theta, gtheta, v, self.o, g)
        assert np.isnan(g[[0, self.base - 1, -1]]).all()
        outside = np.delete(gtheta, np.r_[self.mine])
        assert (outside == 1.0).all()
        return g[self.slots] - 1.0, gtheta[self.mine] - 1.0

    def push(self, tz: np.ndarray, tw: np.ndarray) -> np.ndarray:
        v = self.run()
        d, dtheta = np.full(self.size, NAN), np.full(len(self.theta), NAN)
        d[self.slots], dtheta[self.mine] = tz, tw
        push(self.net, self.at, self.scaling, self.theta, dtheta, v, self.o, d)
        assert np.isnan(d[[0, self.base - 1, -1]]).all()
        return d[self.places()]


WIDTHS = [(1, 1), (3, 2), (2, 5, 5, 2), (1, 4, 1), (3, 9, 2), (2, 17, 3, 1), (4, 2, 2, 2, 3)]
every_activation = pytest.mark.parametrize("activation", ACTIVATIONS)
every_order = pytest.mark.parametrize("order", [0, 1, 2])
every_width = pytest.mark.parametrize("widths", WIDTHS, ids=str)


@every_activation
@every_order
@every_width
def test_values_and_jacobian_are_those_of_the_definition(widths, order, activation):
    for scaled in (False, True):
        case = Case(widths, activation, order, scaled)
        y, J, _ = case.parts(case.values())
        weights = case.theta[case.mine]
        np.testing.assert_allclose(y, case.nn.forward(weights, case.z), rtol=1e-13, atol=1e-14)
        if order > 0:
            expected = case.nn.jacobian(weights, case.z)
            np.testing.assert_allclose(J, expected, rtol=1e-12, atol=1e-13)


@every_activation
@every_width
def test_second_derivatives_are_those_of_the_jacobian(widths, activation):
    case, h = Case(widths, activation, 2), 1e-5
    H = case.parts(case.values())[2]
    for j in range(case.n):
        step = h * np.eye(case.n)[j]
        weights = case.theta[case.mine]
        high, low = (case.nn.jacobian(weights, case.z + s) for s in (step, -step))
        places = [case.base + case.layout.hessian(0, i, j) for i in range(case.n)]
        pairs = [case.places().index(place) - case.m * (1 + case.n) for place in places]
        column = H[:, pairs]
        np.testing.assert_allclose(column, (high - low) / (2 * h), rtol=1e-7, atol=1e-8)


@every_activation
@every_order
@every_width
def test_tangents_are_differences_of_the_results(widths, order, activation):
    case, h = Case(widths, activation, order), 1e-5
    weights = case.theta[case.mine]
    high = case.values(case.z + h * case.tz, weights + h * case.tw)
    low = case.values(case.z - h * case.tz, weights - h * case.tw)
    tangents = case.push(case.tz, case.tw)
    scale = np.abs(tangents).max()
    np.testing.assert_allclose(tangents, (high - low) / (2 * h), rtol=1e-7, atol=1e-7 * scale)


@every_activation
@every_order
@every_width
def test_cotangents_are_the_transpose_of_tangents(widths, order, activation):
    case = Case(widths, activation, order)
    gz, gw = case.pull(case.c)
    for tz, tw in [
        (case.tz, case.tw),
        (case.tz, 0 * case.tw),
        *((0 * case.tz, row) for row in np.eye(len(case.tw))),
    ]:
        expected = case.c @ case.push(tz, tw)
        scale = np.abs(case.c) @ np.abs(case.push(tz, tw)) + 1
        assert abs(gz @ tz + gw @ tw - expected) <= 2e-14 * scale * 10


@every_order
def test_cotangents_are_differences_of_the_results(order):
    case, h = Case((2, 5, 4, 2), "tanh", order), 1e-5
    gz, gw = case.pull(case.c)
    weights = case.theta[case.mine]
    for gradient, steps in [(gz, np.eye(case.n)), (gw, np.eye(len(weights)))]:
        for g, step in zip(gradient, h * steps, strict=True):
            dz, dw = (step, 0.0) if gradient is gz else (0.0, step)
            high, low = (case.values(case.z + s * dz, weights + s * dw) for s in (1, -1))
            assert g == pytest.approx(case.c @ (high - low) / (2 * h), rel=1e-7, abs=1e-8)


@pytest.mark.parametrize("kept", [(0,), (1,), (2,), (0, 1), ()])
def test_cotangents_that_are_zero_take_no_part(kept):
    case = Case((3, 5, 5, 2), "swish", 2)
    parts = case.parts(case.c)
    c = np.concatenate([(part if k in kept else 0 * part).ravel() for k, part in enumerate(parts)])
    gz, gw = case.pull(c)
    expected = c @ case.push(case.tz, case.tw)
    assert gz @ case.tz + gw @ case.tw == pytest.approx(expected, rel=1e-12)


def test_calls_share_weights_and_read_each_other():
    widths, n = (2, 4, 2), 2
    rng = np.random.default_rng(1)
    theta = rng.normal(size=count_weights(widths))
    x, y = states("x y")
    nn = MLP("nn", inputs=[x, y], outputs=2, hidden=4)
    first = CallLayout(widths, 0)
    second_base = n + first.size
    slots = [n + first.output(0), n + first.output(1)]
    rows = [
        pack_call(widths, "tanh", order=0, weights=0, scaling=0, base=n, inputs=[0, 1]),
        pack_call(widths, "tanh", order=0, weights=0, scaling=0, base=second_base, inputs=slots),
    ]
    net, ats = np.concatenate(rows), [0, len(rows[0])]
    scaling, v = pack_scaling(nn.fixed_scaling()), np.zeros(second_base + first.size)
    z = v[:2] = rng.normal(size=2)
    for at in ats:
        forward(net, at, scaling, theta, v, 0)
    end = second_base + first.output(0)
    expected = nn.forward(theta, nn.forward(theta, z))
    np.testing.assert_allclose(v[end : end + 2], expected, rtol=1e-13)

    g, gtheta = np.zeros_like(v), np.zeros_like(theta)
    g[end] = 1.0
    for at in reversed(ats):
        pull(net, at, scaling, theta, gtheta, v, 0, g)
    for k in range(len(theta)):
        step = 1e-6 * np.eye(len(theta))[k]
        high, low = (nn.forward(w, nn.forward(w, z))[0] for w in (theta + step, theta - step))
        assert gtheta[k] == pytest.approx((high - low) / 2e-6, rel=1e-7, abs=1e-9)


@every_order
def test_relu_has_no_slope_at_zero(order):
    case = Case((1, 1, 1), "relu", order, scaled=False)
    case.theta[case.mine], case.z = [1.0, 0.0, 1.0, 0.5], np.zeros(1)
    assert (case.values() == [0.5, 0.0, 0.0][: order + 1]).all()
    assert case.pull(case.c)[0] == 0.0


def test_what_is_not_a_number_stays_so():
    for activation in ACTIVATIONS:
        case = Case((2, 5, 2), activation, 0)
        assert np.isnan(case.values(np.array([NAN, 0.0]))).all()


# -- activations -----------------------------------------------------------------------------------


def values_of(run: Any, x: Any) -> np.ndarray:
    whole = np.zeros((len(x) + 3) // 4 * 4)
    whole[: len(x)] = x
    y = np.empty_like(whole)
    run(whole, y)
    return y[: len(x)]


def errors_in_ulp(function: Any, run: Any, x: np.ndarray) -> np.ndarray:
    y = values_of(run, x)
    with mpmath.workprec(160):
        exact = [function(mpmath.mpf(float(value))) for value in x]
        ulp = [mpmath.mpf(float(np.spacing(abs(float(e))))) for e in exact]
        found = [abs(mpmath.mpf(float(b)) - e) / u for b, e, u in zip(y, exact, ulp, strict=True)]
    return np.array([float(error) for error in found])


def test_tanh_is_accurate_to_two_units_in_the_last_place():
    rng = np.random.default_rng(0)
    parts = [rng.uniform(-1, 1, 4000), rng.uniform(-22, 22, 2000), np.linspace(-2, 2, 2001)]
    x = np.concatenate([*parts, 10.0 ** rng.uniform(-300, 2, 2000)])
    assert errors_in_ulp(mpmath.tanh, run_tanh, x).max() <= 2.0


def test_tanh_at_its_ends():
    x = np.array([0.0, -0.0, 5e-324, -1e-310, 19.5, 40.0, -800.0, 1e308, INF, -INF, NAN])
    np.testing.assert_array_equal(values_of(run_tanh, x), np.tanh(x))


def test_exp_is_accurate_to_two_units_in_the_last_place():
    rng = np.random.default_rng(0)
    x = -np.concatenate([rng.uniform(0, 2, 3000), rng.uniform(0, 707, 3000), [0.0, 707.9]])
    assert errors_in_ulp(mpmath.exp, run_exp, x).max() <= 2.0
    y = values_of(run_exp, [-0.0, -1e-320, NAN])
    assert y[:2].tolist() == [1.0, 1.0]
    assert np.isnan(y[2])


@every_activation
def test_activations_keep_their_accuracy_far_out(activation):
    case = Case((1, 1, 1), activation, 1, scaled=False)
    case.theta[case.mine] = [1.0, 0.0, 1.0, 0.0]
    z = np.array([-30.0, -5.0, -1e-9, 1e-9, 5.0, 30.0, 300.0])
    values = np.array([case.values(np.array([value])) for value in z])
    weights = case.theta[case.mine]
    y = case.nn.forward(weights, z[:, None])
    J = case.nn.jacobian(weights, z[:, None])[:, 0]
    np.testing.assert_allclose(values, np.hstack([y, J]), rtol=1e-14, atol=1e-15)


# -- plain Python ------------------------------------------------------------------------------------


def in_short() -> list[list[float]]:
    found = []
    for activation in ("tanh", "gelu"):
        case = Case((2, 3, 1), activation, 2)
        gz, gw = case.pull(case.c)
        results = case.values(), gz, gw, case.push(case.tz, case.tw)
        found.append(np.concatenate(results).tolist())
    return found


def test_the_same_code_runs_as_plain_python():
    done = subprocess.run(
        [sys.executable, "-W", "error", __file__],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(json.loads(done.stdout), in_short(), rtol=1e-11, atol=1e-13)


if __name__ == "__main__":
    print(json.dumps(in_short()))
