"""What a model gives for measurements, and gradients of any function of it: beside links and laws."""

from __future__ import annotations

import numpy as np
import pytest

import pysymude as psu
from pysymude.fit.loss.objective import Objective
from pysymude.fit.stages.multiple_shooting import shooting_task
from pysymude.fit.stages.stage import Training
from tests.engines.slopes import SENSEALGS

x, y = psu.states("x y")
k, s = psu.parameters("k s")
STEPS = ("auto", "Vern7", "Rosenbrock23", "Rodas5P")
T = np.linspace(0.0, 2.0, 7)


def circle(engine: str, steps: str, sensealg: str) -> Objective:
    """Two experiments of different lengths with gaps, a law that is penalised, a noise model."""
    values = np.c_[np.sin(T), np.cos(T)] + 0.1 * np.random.default_rng(0).normal(size=(7, 2))
    values[2, 0] = np.nan
    data = psu.Dataset.from_arrays(
        [T, T[:5]], [values, values[:5] + 0.1], states=[x, y], u0={x: 0.1, y: 1.0}, trainable_u0=[x]
    )
    system = psu.ODESystem(
        {x: k * y, y: -0.9 * x},
        trainable={k: 1.1, s: 0.2},
        noise={x: psu.StudentT(4, s + 0.1 * y**2)},
    )
    return psu.objective(
        system, data, engine=engine, solver=steps, sensealg=sensealg, reltol=1e-9, abstol=1e-9,
        laws=x**2 + y**2, conserve="penalty",
    )  # fmt: skip


def bound_of(obj: Objective):
    return obj.runner.loss(obj.runner.compile(obj.plan), obj.spec, obj.loss, obj.method)


@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("sensealg", SENSEALGS)
def test_any_function_of_what_is_simulated(engine: str, steps: str, sensealg: str):
    obj = circle(engine, steps, sensealg)
    bound, theta = bound_of(obj), obj.theta0() + 0.05
    seen = bound.simulate(theta).seen
    weights = np.random.default_rng(1).normal(size=seen.shape)
    # where nothing is measured, nothing is asked for
    read = (obj.loss.weight != 0).any(axis=2, keepdims=True)
    weights *= read

    def value(theta: np.ndarray) -> float:
        found = bound.simulate(theta)
        return float((weights * np.sin(found.seen)).sum()) + found.terms["links"] + law(found.terms)

    def law(terms) -> float:
        return sum(v for name, v in terms.items() if name not in ("data", "links"))

    pulled = bound.pull(theta, weights * np.cos(seen))
    h = 1e-3  # two orders above what steps of low order leave of smoothness
    right = [(value(theta + h * e) - value(theta - h * e)) / (2 * h) for e in np.eye(theta.size)]
    np.testing.assert_allclose(pulled.gradient, right, rtol=1e-4, atol=1e-5)
    assert pulled.terms["data"] == 0.0
    assert law(pulled.terms) == pytest.approx(law(bound.evaluate(theta, gradient=False).terms))
    # columns are what `solve` gives: states, then what the noise model reads
    values = obj.layout.unpack(theta)
    u0 = [theta[obj.layout.of_kind("u0")[0].offset], 1.0]
    plain = psu.ODESystem({x: k * y, y: -0.9 * x}, parameters={k: values["k"]})
    u = psu.solve(plain, u0=u0, t=T, engine=engine, reltol=1e-10, abstol=1e-12).u
    np.testing.assert_allclose(seen[0, :, :2], u, rtol=1e-4, atol=1e-5)
    scale = values["s"] + 0.1 * u[:, 1] ** 2
    assert any(np.allclose(seen[0, :, c], scale, rtol=1e-4) for c in range(2, seen.shape[2]))


@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("sensealg", SENSEALGS)
def test_likelihoods_under_multiple_shooting(engine: str, steps: str, sensealg: str):
    obj = circle(engine, steps, sensealg)
    task = shooting_task(Training(obj, obj.loss, np.zeros(obj.layout.size)), 3.0, 2)
    vector = task.embed(obj.theta0()) + 0.03
    found = task.evaluate(vector)
    assert found.terms["links"] > 0
    h = 1e-3  # two orders above what steps of low order leave of smoothness
    right = [
        (task.evaluate(vector + h * e).value - task.evaluate(vector - h * e).value) / (2 * h)
        for e in np.eye(vector.size)
    ]
    np.testing.assert_allclose(found.gradient, right, rtol=1e-4, atol=1e-4)
