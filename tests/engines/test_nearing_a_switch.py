"""A switch that a decay only comes nearer to, and one over which an input jumps."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import pysymude as psu

x = psu.states("x")
a, b = psu.parameters("a b")
own_steps = pytest.mark.lacking("julia", "the embedded engine's own steps are asked about")
T = np.linspace(0.0, 1.0, 9)


@pytest.mark.parametrize("method", ["Tsit5", "Vern7", "Rodas5P", "Rosenbrock23", "auto"])
@pytest.mark.parametrize("rate", [5.0, 50.0, 500.0])
def test_a_decay_that_never_arrives(engine: str, method: str, rate: float):
    """x' = -r max(x - 0.3, 0) from 1: x = 0.3 + 0.7 exp(-r t), whose condition is 0 but for rounding."""
    decay = psu.ODESystem({x: -rate * sp.Max(x - 0.3, 0)})
    sol = psu.solve(decay, u0={x: 1.0}, t=T, solver=method, engine=engine)
    assert sol.success
    np.testing.assert_allclose(sol["x"], 0.3 + 0.7 * np.exp(-rate * T), atol=2e-5)


def jumping(before: float, after: float) -> tuple[psu.ODESystem, psu.Signal]:
    """x' = 1 - 2 max(x + A(t), 0), where A jumps at a half."""
    A = psu.Signal("A", kind="previous")
    system = psu.ODESystem(
        {x: 1 - 2 * sp.Max(x + A(psu.t), 0)},
        trainable={a: before, b: after},
        signals={A: ([0.0, 0.5], [a, b])},
    )
    return system, A


def exact(at: np.ndarray, after: float) -> np.ndarray:
    """x = t up to a half, as the condition is off; then it is on, and x nears 1/2 - A."""
    rest = 0.5 - after
    return np.where(at <= 0.5, at, rest + (0.5 - rest) * np.exp(-2 * (at - 0.5)))


@own_steps
@pytest.mark.parametrize("method", ["Tsit5", "Rodas5P", "auto"])
def test_an_input_that_jumps_over_a_switch_does_not_chatter(engine: str, method: str):
    system, _ = jumping(-3.0, 1.0)
    sol = psu.solve(system, u0={x: 0.0}, t=T, solver=method, engine=engine, reltol=1e-8)
    assert sol.success, sol.message
    np.testing.assert_allclose(sol["x"], exact(T, 1.0), atol=1e-6)


@own_steps
@pytest.mark.parametrize("method", ["Tsit5", "Rodas5P"])
def test_the_gradient_through_such_a_jump(engine: str, method: str):
    system, _ = jumping(-3.0, 1.0)
    data = psu.Dataset.from_arrays([1.0], [[0.0]], states=[x], t0=0.0, u0={x: 0.0})
    obj = psu.objective(system, data, solver=method, engine=engine, reltol=1e-9, abstol=1e-11)
    value, gradient = obj.value_and_grad(obj.theta0())
    end, shrink = exact(np.array([1.0]), 1.0)[0], np.exp(-1.0)
    assert value == pytest.approx(end**2, rel=1e-6)
    # d x(1) / d b = -(1 - exp(-1)); nothing hangs on the value before the jump
    slope = obj.layout.unpack(gradient)
    assert slope["b"] == pytest.approx(-2 * end * (1 - shrink), rel=1e-6)
    assert slope["a"] == pytest.approx(0.0, abs=1e-9)
