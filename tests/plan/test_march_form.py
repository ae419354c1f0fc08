"""What a solver marches: values, Jacobians and time slopes are those of the plan."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest
import sympy as sp

import pysymude as psu
from problems.large_systems import brusselator, networked_grid, random_system
from pysymude.plan.compiled import CompiledSystem, compile_system
from pysymude.plan.numeric import NumericModel
from pysymude.plan.tape import Tape

x, y = psu.states("x y")
a, b = psu.parameters("a b")


def model(system: psu.ODESystem) -> NumericModel:
    plan = compile_system(system)
    theta = np.random.default_rng(1).normal(size=plan.layout.size) * 0.4
    return NumericModel(plan, plan.default_parameters, theta)


def jacobians(m: NumericModel, t: float, u: Any) -> tuple[np.ndarray, np.ndarray]:
    """df/du and df/dt out of one evaluation."""
    form, n = m.plan.march_form, len(m.plan.states)
    values = m.evaluate(form.derivatives, t, u)
    np.testing.assert_allclose(values[:n], m.rhs(t, u), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(m.evaluate(form.rhs, t, u), m.rhs(t, u), rtol=1e-12, atol=1e-13)
    J, slope = np.zeros((n, n)), np.zeros(n)
    entries = len(form.rows)
    J[form.rows, form.columns] = values[n : n + entries]
    slope[form.time_rows] = values[n + entries :]
    places = form.rows * n + form.columns
    assert (np.diff(places) > 0).all()
    return J, slope


def symbolic(m: NumericModel, t: float, u: Any) -> np.ndarray:
    plan, n = m.plan, len(m.plan.states)
    if isinstance(plan.jacobian, Tape):
        return m.evaluate(plan.jacobian, t, u).reshape(n, n)
    return plan.jacobian.dense(m.evaluate(plan.jacobian.values, t, u))


nn = psu.MLP("nn", inputs=[x * y, sp.exp(-x), psu.t], outputs=2, hidden=(4, 3))
SYSTEMS: dict[str, Any] = {
    "small": lambda: psu.ODESystem(
        {x: a * x - x * y * sp.cos(psu.t), y: x / (b + x) - y**1.5}, parameters={a: 1.3},
        trainable={b: 0.7},
    ),
    "network": lambda: psu.ODESystem({x: x * nn[0] ** 2 - y, y: sp.sin(nn(y, x, 1)[1]) + nn[1]}),
    "neural": lambda: psu.neural_ode(psu.states("z0:12"), hidden=(7,)),
    "grid": lambda: brusselator(6)[0],
    "networks": lambda: networked_grid(55)[0],
    "random 1": lambda: random_system(1),
    "random 2": lambda: random_system(2),
}  # fmt: skip


@pytest.mark.parametrize("name", SYSTEMS)
def test_jacobians_and_time_slopes_are_those_of_the_symbols(name: str):
    m = model(SYSTEMS[name]())
    u = np.random.default_rng(0).uniform(0.3, 1.7, len(m.plan.states))
    J, slope = jacobians(m, 0.37, u)
    np.testing.assert_allclose(J, symbolic(m, 0.37, u), rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(
        slope, m.evaluate(m.plan.time_gradient, 0.37, u), rtol=1e-11, atol=1e-13
    )
    np.testing.assert_array_equal(J, m.jacobian(0.37, u))


def test_many_points_at_once():
    m = model(SYSTEMS["network"]())
    t, u = np.linspace(0, 1, 6).reshape(3, 2), np.random.default_rng(0).normal(size=(3, 2, 2))
    found = m.jacobian(t, u)
    assert found.shape == (3, 2, 2, 2)
    for k in np.ndindex(3, 2):
        np.testing.assert_allclose(found[k], m.jacobian(t[k], u[k]), rtol=1e-14)


def test_the_jacobian_of_a_learned_hamiltonian_is_exact():
    q, p = psu.states("q0:2"), psu.states("p0:2")
    H = psu.MLP("H", inputs=[*q, *p, psu.t], outputs=1, hidden=(5, 4), activation="softplus")
    m = model(psu.hamiltonian_system(H[0] + q[0] ** 2 * p[1], q, p))
    u, h = np.array([0.3, -0.2, 0.7, 1.1]), 1e-6
    J, slope = jacobians(m, 0.2, u)
    expected = np.stack(
        [(m.rhs(0.2, u + d) - m.rhs(0.2, u - d)) / (2 * h) for d in h * np.eye(4)], axis=-1
    )
    np.testing.assert_allclose(J, expected, rtol=1e-7, atol=1e-8)
    in_time = (m.rhs(0.2 + h, u) - m.rhs(0.2 - h, u)) / (2 * h)
    np.testing.assert_allclose(slope, in_time, rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(J, symbolic(m, 0.2, u), rtol=1e-12)
    # divergence free
    assert abs(np.trace(J)) < 1e-14
    assert np.abs(m.evaluate(m.plan.known_rhs, 0.2, u)).tolist() == pytest.approx(
        [0, 0.09, 0.66, 0]
    )


def test_switches_have_one_numbering():
    form = _plan(
        {x: sp.Max(x, y) - sp.Abs(psu.t - a), y: sp.Heaviside(y - 1) * x + sp.Max(a, b)},
        parameters={a: 1, b: 2},
    ).march_form
    numbers = [
        {op.data: op.args for op in tape.operations if op.name == "switch"}
        for tape in (form.rhs, form.derivatives)
    ]
    assert [*numbers[0]] == [0, 1, 2]
    assert sorted(form.time_only) == [False, False, True]
    assert len(form.conditions.outputs) == 3
    # the derivatives need those alone that choose between slopes
    assert {*numbers[1]} <= {*numbers[0]}
    m = model(psu.ODESystem({x: sp.Max(x, y) - sp.Abs(psu.t - 1), y: sp.Heaviside(y - 1) * x}))
    found = m.evaluate(m.plan.march_form.conditions, 0.25, [3.0, 0.5])
    np.testing.assert_allclose(np.sort(np.abs(found)), [0.5, 0.75, 2.5])


def test_no_switches_and_no_time():
    form = _plan({x: -x}).march_form
    assert form.conditions.outputs == ()
    assert (form.time_only.dtype, form.time_only.shape) == (np.bool_, (0,))
    assert (form.rows.tolist(), form.columns.tolist(), form.time_rows.tolist()) == ([0], [0], [])


@pytest.mark.parametrize("name", ["chain", "dense", "neural"])
def test_tapes_of_derivatives_stay_short(name: str):
    """No second of work at these sizes: operations are counted, seconds depend on the machine."""
    n = 80
    u = psu.states(f"u0:{n}")
    if name == "chain":
        rates = [(i + 1) * u[i] * u[(i + 1) % n] for i in range(n)]
        system = psu.ODESystem({u[i]: rates[i] - rates[i - 1] - u[i] ** 2 for i in range(n)})
    elif name == "dense":
        u = u[:16]
        pairs = [v * w for i, v in enumerate(u) for w in u[i:]]
        system = psu.ODESystem(
            {
                v: sp.Add(*(sp.Float(i + k / 7) * m for k, m in enumerate(pairs, 1)))
                for i, v in enumerate(u)
            }
        )
    else:
        system = psu.neural_ode(u, hidden=(6,))
    form = compile_system(system).march_form
    size, entries = len(form.rhs.operations), len(form.rows)
    assert len(form.derivatives.operations) <= 2 * size + entries


def _plan(rhs: dict[Any, Any], **keywords: Any) -> CompiledSystem:
    return compile_system(cast("Any", psu.ODESystem)(rhs, **keywords))
