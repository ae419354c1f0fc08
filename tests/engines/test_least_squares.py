"""Losses as vectors: residuals by hand, their Jacobian against central differences, on every engine."""

from __future__ import annotations

from threading import Thread
from typing import Any

import numpy as np
import pytest
import sympy as sp

import pysymude as psu
from pysymude.engines.base import BoundLoss
from pysymude.fit.loss.objective import Objective

x, y = psu.states("x y")
k, a, s = psu.parameters("k a s", positive=True)
T = np.linspace(0.0, 2.0, 7)
TIGHT: dict[str, Any] = {"reltol": 1e-10, "abstol": 1e-10}


def measured(*, noise: Any = None, **keywords: Any) -> psu.Dataset:
    """Two experiments of different lengths, with a gap, and a start that is learned."""
    values = np.c_[np.sin(T), np.cos(T)] + 0.1 * np.random.default_rng(0).normal(size=(7, 2))
    values[2, 0] = np.nan
    given = {"u0": {x: 0.1, y: 1.0}, "trainable_u0": [x], "noise": noise} | keywords
    return psu.Dataset.from_arrays(
        [T, T[:5]], [values, values[:5] + 0.1], states=[x, y], **given
    )  # fmt: skip


def circle(**keywords: Any) -> psu.ODESystem:
    return psu.ODESystem({x: k * y, y: -0.9 * x}, **({"trainable": {k: 1.1}} | keywords))


def network() -> psu.ODESystem:
    nn = psu.MLP("nn", inputs=[x, y], outputs=1, hidden=(5,))
    return psu.ODESystem({x: k * y, y: nn[0] - 0.9 * x}, trainable={k: 1.1})


def switched() -> psu.ODESystem:
    """A switch whose time is learned, and one on the state."""
    slower = psu.parameters("w")
    rate = k + 0.5 * indicator(psu.t > slower) + 0.3 * indicator(y < 0.4)
    return psu.ODESystem({x: rate * y, y: -0.9 * x}, trainable={k: 1.1, slower: 0.7})


def indicator(condition: Any) -> Any:
    return sp.Piecewise((1, condition), (0, True))


CASES = {
    "plain": lambda: (circle(), measured(), {}),
    "noise": lambda: (circle(), measured(noise={x: 0.2, y: 0.5}), {}),
    "learned": lambda: (
        circle(trainable={k: 1.1, s: 0.2}, noise={x: psu.Normal(s + 0.1 * y**2)}),
        measured(),
        {},
    ),
    "network": lambda: (network(), measured(), {}),
    "stiff": lambda: (network(), measured(), {"solver": "Rodas5P"}),
    "switched": lambda: (switched(), measured(), {}),
    "frozen": lambda: (circle(trainable={k: 1.1, a: 0.3}, initial={y: 1 + a}), starts_learned(), {}),
    "law": lambda: (circle(), measured(), {"laws": x**2 + y**2, "conserve": "penalty"}),
}  # fmt: skip


def starts_learned() -> psu.Dataset:
    return measured(u0={x: 0.1}, trainable_u0=[x])


def made(name: str, engine: str, **more: Any) -> tuple[Objective, np.ndarray]:
    system, data, keywords = CASES[name]()
    obj = psu.objective(system, data, engine=engine, **TIGHT, **keywords, **more)
    return obj, obj.theta0() + 0.05


@pytest.mark.parametrize("name", CASES)
def test_jacobian_is_the_derivative_of_residuals(engine: str, name: str):
    obj, theta = made(name, engine)
    found = obj.jacobian(theta)
    h = 1e-5
    right = [
        (obj.residuals(theta + h * e) - obj.residuals(theta - h * e)) / (2 * h)
        for e in np.eye(theta.size)
    ]
    assert found.shape == (22, theta.size)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, np.stack(right, axis=1), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", ["plain", "noise", "network", "switched"])
def test_gradient_is_twice_the_jacobian_times_residuals(engine: str, name: str):
    obj, theta = made(name, engine)
    r = obj.residuals(theta)
    value, gradient = obj.value_and_grad(theta)
    assert r @ r == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(2 * obj.jacobian(theta).T @ r, gradient, rtol=1e-9, atol=1e-9)


def test_order_and_sign_of_residuals(engine: str):
    obj, theta = made("noise", engine)
    expected = [
        (obj.data[e].u[i, j] - obj.simulated(theta)[e, i, j]) / sigma
        for e, times in enumerate((7, 5))
        for i in range(times)
        for j, sigma in enumerate((0.2, 0.5))
        if np.isfinite(obj.data[e].u[i, j])
    ]
    np.testing.assert_allclose(obj.residuals(theta), expected, rtol=1e-12)


def test_learned_noise_divides(engine: str):
    obj, theta = made("learned", engine)
    seen = obj.simulated(theta)
    first = (obj.data[0].u[0, 0] - seen[0, 0, 0]) / seen[0, 0, 2]
    scale = obj.layout.unpack(theta)["s"] + 0.1 * seen[0, 0, 1] ** 2
    assert seen[0, 0, 2] == pytest.approx(scale, rel=1e-9)
    assert obj.residuals(theta)[0] == pytest.approx(first, rel=1e-12)


def test_frozen_numbers_have_zeros(engine: str):
    obj, theta = made("frozen", engine, frozen=[a])
    at = obj.layout["a"].offset
    found = obj.jacobian(theta)
    assert (found[:, at] == 0).all()
    assert (made("frozen", engine)[0].jacobian(theta)[:, at] != 0).any()


@pytest.mark.parametrize("name", ["learned", "network", "stiff", "switched"])
def test_one_sweep_each_is_what_gradients_give(name: str):
    """Forward and backward along the steps, against as many gradients."""
    obj, theta = made(name, "native")
    asked = obj.loss.weight > 0
    few = asked.copy()
    few[:, 1::2] = False
    few[:, :, 1] = False
    directions = np.random.default_rng(1).normal(size=(3, theta.size))
    for places in (asked, few):
        right = BoundLoss.linearise(obj.bound, theta, places)
        found = obj.bound.linearise(theta, places)
        np.testing.assert_allclose(found.slopes, right.slopes, rtol=1e-11, atol=1e-12)
        np.testing.assert_array_equal(found.simulated.seen[places], right.simulated.seen[places])
        along = obj.bound.linearise(theta, places, directions)
        np.testing.assert_allclose(along.slopes, right.slopes @ directions.T, rtol=1e-9, atol=1e-9)


def test_a_failed_solve_gives_no_numbers(engine: str):
    data = psu.Dataset.from_arrays(T, np.ones((7, 1)), states=[x], u0={x: 1.0})
    obj = psu.objective(psu.ODESystem({x: k * x**2}, trainable={k: 1.0}), data, engine=engine)
    theta = np.array([3.0])
    assert np.isnan(obj.residuals(theta)).all()
    assert np.isnan(obj.jacobian(theta)).all()
    assert obj.jacobian(theta).shape == (7, 1)
    assert not obj.evaluate(theta).success


def test_threads_do_not_meet():
    obj, theta = made("network", "native")
    right = [obj.jacobian(theta + 0.1 * j) for j in range(4)]
    found: dict[int, np.ndarray] = {}

    def work(j: int) -> None:
        for _ in range(20):
            found[j] = obj.jacobian(theta + 0.1 * j)

    threads = [Thread(target=work, args=(j,)) for j in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for j in range(4):
        np.testing.assert_array_equal(found[j], right[j])


def test_what_is_no_sum_of_squares_is_refused():
    counts = psu.Dataset.from_arrays(T, np.arange(7.0)[:, None], states=[x], u0={x: 1.0})
    system = psu.ODESystem({x: k * x}, trainable={k: 0.5}, noise={x: psu.Poisson()})
    obj = psu.objective(system, counts)
    for call in (obj.residuals, obj.jacobian):
        with pytest.raises(psu.PySymUDEError, match=r"column 'x' has the noise Poisson\(\)"):
            call(obj.theta0())
    with pytest.raises(psu.PySymUDEError, match="theta must have shape"):
        obj.jacobian(np.zeros(3))
