"""Derivatives where the solution rests, whatever its fastest mode: errors of steps do not show that.

Without care steps grow beyond the region of stability, and derivatives by |R(h lambda)| a step.
"""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import pysymude as psu

x, z = psu.states("x z")
k, p = psu.parameters("k p")
MARCHES = ["auto", "Tsit5"]


def slopes(system, data, engine, march, at, sensealg="auto"):
    """The derivative of the loss by the only parameter."""
    obj = psu.objective(system, data, engine=engine, solver=march, sensealg=sensealg)
    value, gradient = obj.value_and_grad(np.array([at]))
    assert value < 1e19
    return gradient[0]


@pytest.mark.parametrize("march", MARCHES)
@pytest.mark.parametrize("sensealg", ["adjoint", "forward"])
@pytest.mark.parametrize(
    "t", [np.linspace(0, 100, 101), np.linspace(0, 100, 11), [0.0, 100.0], [0.0, 1.0]]
)
def test_a_start_in_equilibrium(engine, march, sensealg, t):
    # x' = 1 - k x from 1/k at k = 1: dx/dk = -(1 - exp(-t)); the loss has (x - 1.1)^2 / 0.1^2
    t = np.array(t)
    data = psu.Dataset.from_arrays(t, np.full((len(t), 1), 1.1), states=[x], u0={x: 1.0}, noise=0.1)
    system = psu.ODESystem({x: 1 - k * x}, trainable={k: 1.0})
    expected = 20 * np.sum(1 - np.exp(-t))
    assert slopes(system, data, engine, march, 1.0, sensealg) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("march", MARCHES)
@pytest.mark.parametrize("rate", [5.0, 20.0, 50.0, 300.0, 1e4])
@pytest.mark.parametrize("count", [2, 21])
def test_a_state_that_is_0_beside_one_that_moves(engine, march, rate, count):
    # z' = r (p x - z) at p = 0, x = exp(-t): dz/dp = r / (r - 1) (exp(-t) - exp(-r t))
    t = np.linspace(0, 5, count)
    seen = np.stack([np.exp(-t), np.full(count, 0.3)], axis=1)
    data = psu.Dataset.from_arrays(t, seen, states=[x, z], u0={x: 1.0, z: 0.0}, noise=0.1)
    system = psu.ODESystem({x: -x, z: rate * (p * x - z)}, trainable={p: 0.0})
    expected = -2 * 0.3 / 0.01 * rate / (rate - 1) * np.sum(np.exp(-t) - np.exp(-rate * t))
    assert slopes(system, data, engine, march, 0.0) == pytest.approx(expected, rel=2e-4)


@pytest.mark.parametrize("march", MARCHES)
@pytest.mark.parametrize("damping", [0.0, 0.2])
def test_a_pendulum_that_hangs(engine, march, damping):
    # x'' = -9 sin(x) - 2 d x' + p at p = 0, linear in p
    w, d = 3.0, damping
    t = np.linspace(0, 20, 41)
    data = psu.Dataset.from_arrays(
        t, np.ones((len(t), 1)), states=[x], u0={x: 0.0, z: 0.0}, noise=1.0
    )
    system = psu.ODESystem({x: z, z: -(w**2) * sp.sin(x) - 2 * d * z + p}, trainable={p: 0.0})
    v = np.sqrt(w**2 - d**2)
    swing = (1 - np.exp(-d * t) * (np.cos(v * t) + d / v * np.sin(v * t))) / w**2
    assert slopes(system, data, engine, march, 0.0) == pytest.approx(-2 * swing.sum(), rel=1e-3)


@pytest.mark.parametrize("march", MARCHES)
@pytest.mark.parametrize("end", [1.0, 10.0])
def test_an_unstable_equilibrium(engine, march, end):
    # x' = x (1 - x) + p from 0 at p = 0: dx/dp = exp(t) - 1
    t = np.array([0.0, end])
    data = psu.Dataset.from_arrays(t, np.ones((2, 1)), states=[x], u0={x: 0.0}, noise=1.0)
    system = psu.ODESystem({x: x * (1 - x) + p}, trainable={p: 0.0})
    assert slopes(system, data, engine, march, 0.0) == pytest.approx(-2 * np.expm1(end), rel=1e-3)


@pytest.mark.parametrize("march", MARCHES)
def test_a_receptor_in_balance_before_its_dose(engine, march):
    # values and slopes agree with those of an implicit solver at tight tolerances and with differences
    L, R, C = psu.states("L R C", positive=True)
    kon, koff, kd, s, ke = psu.parameters("kon koff kd s ke", positive=True)
    system = psu.ODESystem(
        {L: -ke * L - kon * L * R + koff * C, R: s - kd * R - kon * L * R + koff * C,
         C: kon * L * R - koff * C - 2 * kd * C},
        trainable={kon: 2.0, kd: 4.0}, parameters={koff: 1.0, s: 4.0, ke: 0.3},
    )  # fmt: skip
    t = np.linspace(0, 60, 31)
    seen = np.full((len(t), 2), 0.7)
    data = psu.Dataset.from_arrays(
        t, seen, states=[R, C], u0={L: 0.0, R: 1.0, C: 0.0}, noise=0.1, doses={L: [(30.0, 5.0)]}
    )
    obj = psu.objective(system, data, engine=engine, solver=march)
    fine = psu.objective(system, data, engine=engine, solver="Tsit5", reltol=1e-11, abstol=1e-13)
    at = obj.theta0()
    found = obj.value_and_grad(at)[1]
    steps = [np.eye(2)[j] * 1e-5 for j in range(2)]
    differences = [(fine.value(at + h) - fine.value(at - h)) / 2e-5 for h in steps]
    np.testing.assert_allclose(found, differences, rtol=1e-4)


def test_far_beyond_what_explicit_steps_reach(engine):
    # the same equilibrium with a rate of 1e6, to 100: only implicit steps get there
    t = np.array([0.0, 50.0, 100.0])
    data = psu.Dataset.from_arrays(t, np.full((3, 1), 1.1), states=[x], u0={x: 1.0}, noise=0.1)
    system = psu.ODESystem({x: 1e6 * (1 - k * x)}, trainable={k: 1.0})
    assert slopes(system, data, engine, "auto", 1.0) == pytest.approx(40, rel=1e-4)
