"""Times that stand twice in one experiment: replicates, and measurements before and behind a change."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import pysymude as psu
from pysymude.engines.base import Method
from pysymude.engines.registry import select_engine
from pysymude.fit.loss.objective import Objective
from pysymude.plan.compiled import compile_system
from pysymude.plan.problem import Batch
from tests.engines.slopes import SENSEALGS

x, y = psu.states("x y")
k, c = psu.parameters("k c")

ONCE = np.array([0.0, 1.0, 2.0, 3.0])
TWICE = np.array([0.0, 0.0, 1.0, 1.0, 1.0, 2.0])
VALUES = np.array([[1.0, 0.2], [0.9, 0.1], [0.4, 0.5], [0.6, 0.4], [0.5, 0.7], [0.2, 0.3]])
RHS = {x: -k * x + 0.1 * y, y: k * x - c * y}


def repeated(engine: str, **keywords: object) -> Objective:
    """A loss whose times were exchanged: for each measurement one, some of them equal."""
    data = psu.Dataset.from_arrays(
        np.arange(len(TWICE)) / 2, VALUES, states=[x, y], u0={x: 1.1, y: 0.3}, trainable_u0=[y]
    )
    system = psu.ODESystem(RHS, trainable={k: 0.8, c: 0.5})
    obj = psu.objective(system, data, engine=engine, reltol=1e-9, abstol=1e-10, **keywords)
    return obj.with_loss(replace(obj.loss, batch=replace(obj.loss.batch, ts=TWICE[None])))


@pytest.mark.parametrize("steps", ["auto", "Vern7", "Rosenbrock23", "Rodas5P"])
@pytest.mark.parametrize("sensealg", SENSEALGS)
def test_each_of_equal_times_counts(engine: str, steps: str, sensealg: str):
    obj = repeated(engine, solver=steps, sensealg=sensealg)
    theta = obj.theta0() + 0.1
    values = obj.layout.unpack(theta)
    rates = {name: values[name] for name in ("k", "c")}
    u0 = [1.1, theta[obj.layout.of_kind("u0")[0].offset]]
    distinct = np.unique(TWICE)
    plain = psu.ODESystem(RHS, parameters=rates)
    u = psu.solve(plain, u0=u0, t=distinct, engine=engine, reltol=1e-10, abstol=1e-12).u
    seen = u[np.searchsorted(distinct, TWICE)]
    allowed = 1e-4 if steps == "Rosenbrock23" else 1e-5
    value, gradient = obj.value_and_grad(theta)
    assert value == pytest.approx(((seen - VALUES) ** 2).sum(), rel=allowed)
    h = 1e-5
    slopes = [(obj.value(theta + h * e) - obj.value(theta - h * e)) / (2 * h) for e in np.eye(3)]
    np.testing.assert_allclose(gradient, slopes, rtol=100 * allowed, atol=1e-5)


def test_solves_give_the_state_for_each(engine: str, solver: str):
    runner = select_engine(engine)
    plan = compile_system(psu.ODESystem(RHS, parameters={k: 0.8, c: 0.5}))
    values = {"k": 0.8, "c": 0.5}
    p = np.array([[values[name] for name in plan.parameters]])

    def run(times: np.ndarray) -> np.ndarray:
        batch = Batch(np.zeros(1), np.array([[1.1, 0.3]]), p, times[None])
        found = runner.solve(
            runner.compile(plan),
            batch,
            np.zeros(0),
            Method(solver, 1e-8, 1e-10, asked_abstol=1e-10),
        )
        assert found.retcodes[0].successful
        return found.u[0]

    where = np.searchsorted(ONCE, TWICE)
    np.testing.assert_array_equal(run(TWICE), run(ONCE[TWICE[-1] >= ONCE])[where])
