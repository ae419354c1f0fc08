"""Julia's own march: auto, conditions, tolerances by state, parts of an ensemble, outcomes."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import sympy as sp

import pysymude as psu
from pysymude.engines.julia import julia_engine as engine_module
from pysymude.engines.julia.julia_engine import JuliaEngine
from pysymude.engines.julia.printer import system_source
from pysymude.engines.registry import select_engine
from pysymude.fit.loss.make_objective import objective
from pysymude.plan.compiled import compile_system

t = psu.t
x, y = psu.states("x y")
c, k, h = psu.parameters("c k h")


def test_a_model_without_conditions_is_written_as_before():
    assert "TIME_ONLY" not in system_source(compile_system(psu.ODESystem({x: -x})))


def test_conditions_are_written_apart_and_their_signs_are_read():
    system = psu.ODESystem({x: sp.Piecewise((-k, t < c), (-x, True)) + abs(y), y: -sp.Max(x, 1)})
    source = system_source(compile_system(system))
    assert "const TIME_ONLY = Bool[" in source
    rhs = source[source.index("function rhs!") : source.index("function jac!")]
    assert {f"q[{i}]" for i in (3, 4, 5)} <= {word.strip(",()") for word in rhs.split()}
    assert " t" not in rhs.split("\n", 1)[1].replace("return", "")


def test_several_short_infusions_equal_integration_piece_by_piece(julia):
    starts = [1.0, 3.0, 5.0, 7.0]
    dose = sum(sp.Piecewise((2, (t > s) & (t < s + 0.1)), (0, True)) for s in starts)
    times = np.linspace(0.0, 10.0, 41)
    found = psu.solve(psu.ODESystem({x: -0.1 * x + dose}), u0=[0.5], t=times, engine=julia)
    level, at, exact = 0.5, 0.0, []
    edges = sorted({*times, *starts, *(s + 0.1 for s in starts)})
    for end in edges:
        on = any(s <= 0.5 * (at + end) <= s + 0.1 for s in starts)
        rest = 20.0 if on else 0.0
        level, at = rest + (level - rest) * np.exp(-0.1 * (end - at)), end
        if end in times:
            exact.append(level)
    np.testing.assert_allclose(found["x"], exact, rtol=1e-6)
    assert found.solver == "Tsit5"


@pytest.mark.parametrize("sensealg", ["adjoint", "forward"])
@pytest.mark.parametrize("method", ["auto", "Tsit5", "Rodas5P"])
def test_switch_times_and_thresholds_have_derivatives(julia, method, sensealg):
    system = psu.ODESystem(
        {x: sp.Piecewise((1.0, t < c), (-k * x, True)), y: sp.Piecewise((x, x > h), (-y, True))},
        trainable={c: 0.713, k: 0.8, h: 0.57},
    )
    times = np.linspace(0.0, 3.0, 16)
    data = psu.Dataset.from_arrays(times, np.full((16, 2), 0.3), states=[x, y])
    loss = objective(
        system, data, engine=julia, solver=method, sensealg=sensealg, reltol=1e-10, abstol=1e-10
    )
    theta = loss.theta0(seed=0)
    value, gradient = loss.value_and_grad(theta)
    for i in range(theta.size):
        step = np.zeros(theta.size)
        step[i] = 1e-4
        d = [
            (loss.value(theta + s * step) - loss.value(theta - s * step)) / 2e-4 / s for s in (1, 2)
        ]
        assert gradient[i] == pytest.approx((4 * d[0] - d[1]) / 3, rel=1e-6, abs=1e-7 * value)


def test_a_condition_that_both_sides_lead_back_to(julia):
    found = psu.solve(psu.ODESystem({x: -sp.sign(x - 0.2)}), u0=[1.0], t=[0.0, 2.0], engine=julia)
    assert found.retcode is psu.ReturnCode.Chattering


def test_a_thermostat_with_a_hundred_switches(julia):
    # x'' = -sign(x): parabolas, whose half period is 2 sqrt(2 x0)
    times = np.linspace(0.0, 280.0, 561)
    found = psu.solve(
        psu.ODESystem({x: y, y: -sp.sign(x)}), u0=[0.5, 0.0], t=times, engine=julia, reltol=1e-9
    )
    s = np.mod(times, 4.0)
    half = np.mod(s, 2.0)
    falling = np.where(half < 1.0, 0.5 - half**2 / 2, (half - 1) ** 2 / 2 - (half - 1))
    exact = np.where(s < 2.0, 1.0, -1.0) * falling
    np.testing.assert_allclose(found["x"], exact, atol=1e-6)


def test_auto_says_which_methods_took_steps(julia):
    mild = psu.solve(psu.ODESystem({x: -x}), u0=[1.0], t=[0.0, 1.0], engine=julia)
    assert mild.solver == "Tsit5"
    a, b, z = psu.states("a b z")
    robertson = psu.ODESystem(
        {
            a: -0.04 * a + 1e4 * b * z,
            b: 0.04 * a - 1e4 * b * z - 3e7 * b**2,
            z: 3e7 * b**2,
        }
    )
    stiff = psu.solve(robertson, u0=[1.0, 0.0, 0.0], t=[0.0, 1e5], engine=julia)
    assert stiff.solver == "Tsit5+Rodas5P"
    named = psu.solve(
        robertson, u0=[1.0, 0.0, 0.0], t=[0.0, 1e5], engine=julia, solver="Rodas5P", reltol=1e-10
    )
    np.testing.assert_allclose(stiff.u[-1], named.u[-1], rtol=1e-4)
    assert stiff.stats.steps < 1000


def test_an_ensemble_in_parts_equals_one_call(julia, monkeypatch):
    system = psu.ODESystem({x: -k * x})
    rates = np.linspace(0.1, 3.0, 250)
    run = {"u0": [1.0], "t": [0.0, 0.5, 1.0], "parameters": {k: rates}, "engine": julia}
    parts = psu.solve_ensemble(system, **run)
    monkeypatch.setattr(engine_module, "_FIRST_PART", 10_000)
    whole = psu.solve_ensemble(system, **run)
    assert np.array_equal(parts.u, whole.u)
    assert np.array_equal(parts.counts, whole.counts)
    np.testing.assert_allclose(parts["x"][:, -1], np.exp(-rates), rtol=1e-5)


def test_ctrl_c_is_heard_between_the_parts(julia, monkeypatch):
    calls, solve = [], engine_module._solve

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return solve(*arguments)

    monkeypatch.setattr(engine_module, "_solve", interrupted)
    with pytest.raises(KeyboardInterrupt):
        psu.solve_ensemble(
            psu.ODESystem({x: -k * x}), u0=[1.0], t=[0.0, 1.0],
            parameters={k: np.linspace(0.1, 3.0, 250)}, engine=julia,
        )  # fmt: skip


def test_small_states_are_seen_by_default(julia):
    # Michaelis and Menten in mol/L
    S, E, C, P = psu.states("S E C P")
    on, off, cat = 1e6, 1e-3, 0.1
    v = on * S * E
    system = psu.ODESystem(
        {S: -v + off * C, E: -v + (off + cat) * C, C: v - (off + cat) * C, P: cat * C}
    )
    run = {"u0": [5e-8, 1e-9, 0.0, 0.0], "t": np.linspace(0.0, 2000.0, 41), "engine": julia}
    found, exact = psu.solve(system, **run), psu.solve(system, **run, reltol=1e-11, abstol=1e-20)
    error = np.abs(found.u - exact.u).max(axis=0) / np.abs(exact.u).max(axis=0)
    assert (error < 1e-4).all()


def test_limits_of_steps(julia):
    system = psu.ODESystem({x: sp.cos(100 * t)})
    run = {"u0": [0.0], "t": [0.0, 100.0], "engine": julia, "solver": "Tsit5"}
    assert psu.solve(system, **run, max_steps=10).retcode is psu.ReturnCode.MaxIters
    decay = psu.ODESystem({x: -x})
    short = psu.solve(decay, u0=[1.0], t=[0.0, 1.0], engine=julia, dtmax=0.01)
    assert short.stats.steps >= 100


def test_the_first_use_of_a_solver_that_is_not_compiled_is_told(julia, caplog):
    with caplog.at_level(logging.WARNING, logger="pysymude"):
        psu.solve(psu.ODESystem({x: -x}), u0=[1.0], t=[0.0, 1.0], engine=julia, solver="Tsit5")
        assert "first time" not in caplog.text
        psu.solve(psu.ODESystem({x: -x}), u0=[1.0], t=[0.0, 1.0], engine=julia, solver="Vern7")
        psu.solve(psu.ODESystem({x: -x}), u0=[1.0], t=[0.0, 1.0], engine=julia, solver="Vern7")
    assert caplog.text.count("Vern7") == 1


def test_auto_needs_no_probe():
    assert JuliaEngine.switching
    assert select_engine("native").switching
