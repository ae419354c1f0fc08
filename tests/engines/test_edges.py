"""Square roots, powers, inverse functions at the edge of what they are defined on.

Where a one-sided derivative exists at an edge it is taken; where the value is constant on one side, or
the slope is infinite, the derivative there is 0. Branches that are not taken have no say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import sympy as sp

import pysymude as psu
from tests.engines.slopes import SENSEALGS, end_loss, end_slope

x, y, v = psu.states("x y v")
c, k = psu.parameters("c k")
t = psu.t

# of one solver in some cases
BEHIND = pytest.mark.lacking(
    "julia", "steps may land a rounding error before what begins at a switch", strict=False
)


@dataclass(frozen=True)
class Edge:
    """The first state (or observable) at `end`, and its derivative by the one trainable parameter."""

    system: psu.ODESystem
    u0: dict[Any, float]
    end: float
    value: float
    slope: float
    allowed: float = 1e-6


def edge(
    rhs: Any,
    start: Any,
    end: float,
    theta: dict[Any, float],
    value: float,
    slope: float,
    **more: Any,
):
    allowed = more.pop("allowed", 1e-6)
    rhs = rhs if isinstance(rhs, dict) else {x: rhs}
    start = start if isinstance(start, dict) else {x: start}
    return Edge(psu.ODESystem(rhs, trainable=theta, **more), start, end, value, slope, allowed)


def drag() -> Edge:
    """From rest, vx' = 9 - c vx |v|, vy' = 0: vx = vt tanh(9 t/vt) with vt = 3/sqrt(c).

    d/dc of sqrt(9/c) tanh(t sqrt(9 c)): -3/2 c^(-3/2) tanh + (3/sqrt c) (1 - tanh^2) 3 t/(2 sqrt c).
    """
    vx, vy = psu.states("vx vy")
    size = sp.sqrt(vx**2 + vy**2)
    q, end = 0.4, 0.9
    th = np.tanh(end * np.sqrt(9 * q))
    return edge(
        {vx: 9 - c * vx * size, vy: -c * vy * size}, {vx: 0.0, vy: 0.0}, end, {c: q},
        3 / np.sqrt(q) * th, -1.5 * q**-1.5 * th + 4.5 * end / q * (1 - th**2),
    )  # fmt: skip


EDGES = {
    # sqrt(x) = 1 - k t/2 falls to 0 at t = 2/k = 4/3; (0.25)^2 at t = 1 comes before
    "emptying, before": edge(
        -k * sp.sqrt(sp.Max(x, 0)), 1.0, 1.0, {k: 1.5}, 0.0625, -0.25
    ),
    # y counts how much came out: 1, whatever k
    "emptied": edge(
        {y: k * sp.sqrt(sp.Max(x, 0)), x: -k * sp.sqrt(sp.Max(x, 0))}, {y: 0.0, x: 1.0}, 2.0,
        {k: 1.5}, 1.0, 0.0, allowed=1e-4,
    ),
    # below x = 1 the root is not evaluated: k t - 3
    "untaken root": edge(
        sp.Piecewise((k * sp.sqrt(x - 1), x > 1), (k, True)), -3.0, 2.0, {k: 0.8}, -1.4, 2.0
    ),
    # above it, sqrt(x - 1) = 1 + k t/2
    "taken root": edge(
        sp.Piecewise((k * sp.sqrt(x - 1), x > 1), (k, True)), 2.0, 2.0, {k: 0.8}, 1 + 1.8**2, 3.6
    ),
    # k Max(x, 0)^(3/2) with x < 0 stays where it is; y' = 1 + that
    "power of a negative": edge(
        {y: 1 + k * sp.Max(x, 0) ** sp.Rational(3, 2), x: 0}, {y: 0.0, x: -1.0}, 2.0, {k: 0.8},
        2.0, 0.0,
    ),
    "power at zero": edge(
        {y: 1 + k * sp.Max(x, 0) ** sp.Rational(3, 2), x: 0}, {y: 0.0, x: 0.0}, 2.0, {k: 0.8},
        2.0, 0.0,
    ),
    # x' = -k x^(3/2): 1/sqrt(x) = 1 + k t/2
    "power": edge(
        -k * sp.Max(x, 0) ** sp.Rational(3, 2), 1.0, 2.0, {k: 0.8}, 1.8**-2, -2 * 1.8**-3
    ),
    # exp(-1/x^2) is 0 with all its derivatives at 0
    "flat": edge({y: 1 + k * sp.exp(-1 / x**2), x: 0}, {y: 0.0, x: 0.0}, 2.0, {k: 0.8}, 2.0, 0.0),
    "drag from rest": drag(),
    # the derivative by k of y' = k sqrt(x^2 + v^2) at the origin: x = v = 0 for ever
    "hypot at the origin": edge(
        {y: 1 + k * sp.sqrt(x**2 + v**2), x: 0 * x, v: 0 * v}, {y: 0.0, x: 0.0, v: 0.0}, 2.0,
        {k: 0.8}, 2.0, 0.0,
    ),
    # leaves the origin with x' = k: r = k t, y = t + k t^2/2
    "hypot from the origin": edge(
        {y: 1 + sp.sqrt(x**2 + v**2), x: k, v: 0 * v}, {y: 0.0, x: 0.0, v: 0.0}, 2.0, {k: 0.8},
        2 + 1.6, 2.0,
    ),
    # atan2(k t, k t) = pi/4 along the way; by k it does not change
    "atan2 from the origin": edge(
        {y: 1 + sp.atan2(v, x), x: k, v: k}, {y: 0.0, x: 0.0, v: 0.0}, 2.0, {k: 0.8},
        2 + np.pi / 2, 0.0, allowed=1e-5,
    ),
    # x = 1 for ever: acos(1) = 0
    "acos at one": edge(
        {y: 1 + k * sp.acos(x), x: 0 * x}, {y: 0.0, x: 1.0}, 2.0, {k: 0.8}, 2.0, 0.0
    ),
    "asin at minus one": edge(
        {y: 3 + k * sp.asin(x), x: 0 * x}, {y: 0.0, x: -1.0}, 2.0, {k: 0.8},
        6 - 0.8 * np.pi, -np.pi,
    ),
    # k x log(x) would be 0 at 0: written with a guard
    "guarded logarithm": edge(
        {y: 1 + sp.Piecewise((k * x * sp.log(x), x > 0), (0, True)), x: 0 * x}, {y: 0.0, x: 0.0}, 2.0,
        {k: 0.8}, 2.0, 0.0,
    ),
    "guarded quotient": edge(
        {y: sp.Piecewise((sp.sin(k * x) / x, sp.Ne(x, 0)), (k, True)), x: 0 * x}, {y: 0.0, x: 0.0},
        2.0, {k: 0.8}, 1.6, 2.0,
    ),
    # an observable: sqrt(0) = 0 at an x that k does not move
    "sqrt seen at zero": edge(
        -k * x, 0.0, 2.0, {k: 0.8}, 1.0, 0.0, observables={"seen": 1 + sp.sqrt(x)}
    ),
}  # fmt: skip


@pytest.mark.parametrize("sensealg", SENSEALGS)
@pytest.mark.parametrize("name", EDGES)
def test_gradient_at_an_edge(engine: str, name: str, sensealg: str):
    case = EDGES[name]
    obj = end_loss(case.system, case.u0, case.end, engine=engine, sensealg=sensealg, reltol=1e-8)
    value, slopes = end_slope(obj)
    assert value == pytest.approx(abs(case.value), rel=case.allowed)
    right = np.sign(case.value) * case.slope
    np.testing.assert_allclose(slopes, [right], rtol=case.allowed, atol=case.allowed)
    # the comparison would notice what version 0.1 said: not a number, or 0
    assert not np.allclose([np.nan], [right], rtol=case.allowed, atol=case.allowed)


@pytest.mark.parametrize("steps", ["Vern7", "Rosenbrock23", "Rodas5P"])
@pytest.mark.parametrize("sensealg", SENSEALGS)
@pytest.mark.parametrize("name", EDGES)
def test_gradient_at_an_edge_by_every_kind_of_step(name: str, sensealg: str, steps: str):
    """Implicit steps read derivatives, and their gradient second ones."""
    case = EDGES[name]
    obj = end_loss(
        case.system,
        case.u0,
        case.end,
        engine="native",
        solver=steps,
        sensealg=sensealg,
        reltol=1e-8,
    )
    value, slopes = end_slope(obj)
    allowed = max(case.allowed, 1e-4) if steps == "Rosenbrock23" else case.allowed
    assert value == pytest.approx(abs(case.value), rel=allowed)
    right = np.sign(case.value) * case.slope
    np.testing.assert_allclose(slopes, [right], rtol=allowed, atol=allowed)


@pytest.mark.lacking(
    "julia", "Jacobians are infinite where a slope is", but=("Tsit5", "Vern7", "Vern9")
)
@pytest.mark.parametrize("sensealg", SENSEALGS)
def test_gradient_behind_the_root_of_an_empty_start(engine: str, solver: str, sensealg: str):
    """x' = k sqrt(x) + 1 from x = 0: with s = sqrt(x), 2 s/k - 2/k^2 log(1 + k s) = t.

    Where s solves this F(s, k) = t, dx/dk = -2 s dF/dk / dF/ds.
    """
    q, end = 1.2, 3.0

    def left(s: float, q: float) -> float:
        return 2 * s / q - 2 / q**2 * np.log1p(q * s)

    def by_s(s: float) -> float:
        return 2 / q - 2 / (q * (1 + q * s))

    s = 2.0
    for _ in range(60):
        s -= (left(s, q) - end) / by_s(s)
    by_k = -2 * s / q**2 + 4 / q**3 * np.log1p(q * s) - 2 * s / (q**2 * (1 + q * s))
    system = psu.ODESystem({x: k * sp.sqrt(x) + 1}, trainable={k: q})
    value, slopes = end_slope(
        end_loss(
            system, {x: 0.0}, end, engine=engine, solver=solver, sensealg=sensealg, reltol=1e-8
        )
    )
    allowed = 1e-3 if solver == "Rosenbrock23" else 2e-5  # x'' is infinite at the start
    assert value == pytest.approx(s * s, rel=allowed)
    assert slopes[0] == pytest.approx(-2 * s * by_k / by_s(s), rel=allowed)


@BEHIND
def test_a_root_that_begins_at_the_switch_is_never_of_a_negative_number(engine: str):
    """The state that is landed on lies where the branch behind it is defined, whatever was rounded."""
    rhs = sp.Piecewise((k * sp.sqrt(x - 1) + k, x > 1), (k, True))
    system = psu.ODESystem({x: rhs}, parameters={k: 0.8})
    codes = {
        (solver, start, reltol): psu.solve(
            system, u0=[start], t=[0.0, 4.0], engine=engine, solver=solver, reltol=reltol
        ).retcode.name
        for solver in ("Tsit5", "Vern7", "Rodas5P", "Rosenbrock23")
        for start in (0.0, 0.1, 0.37, 0.6)
        for reltol in (1e-6, 1e-8, 1e-10)
    }
    assert {case for case, code in codes.items() if code != "Success"} == set()


AHEAD = {
    "reached ever faster": ({x: k * x}, {x: k * sp.sqrt(x - 1) + k}, x - 1),
    "from above": ({x: -k * x**2}, {x: -k * sp.sqrt(3 - 2 * x) - k * x}, 3 - 2 * x),
    "a power": ({x: k * sp.cos(x)}, {x: k * (x**2 - 1) ** sp.Rational(1, 3) + k}, x**2 - 1),
    # no number at the switch itself
    "a logarithm": ({x: k + sp.sin(3 * t) ** 2}, {x: k + k * (x - 1) * sp.log(x - 1)}, x - 1),
    "an oscillation": (
        {x: v, v: -x}, {x: v, v: -x + k * sp.sqrt(x - sp.Rational(7, 10))}, x - sp.Rational(7, 10)
    ),
}  # fmt: skip


@pytest.mark.parametrize("steps", ["auto", "Tsit5", "Vern7", "Rodas5P"])
@pytest.mark.parametrize("name", AHEAD)
def test_what_begins_at_the_switch_is_asked_for_behind_it_alone(name: str, steps: str):
    before, behind, g = AHEAD[name]
    rhs = {s: sp.Piecewise((behind[s], g > 0), (before[s], True)) for s in before}
    system = psu.ODESystem(rhs, parameters={k: 0.8})
    starts = np.random.default_rng(0).uniform(0.05, 0.65, 8) + (1.5 if name == "from above" else 0)
    for start in starts:
        u0 = [start, 1.3][: len(system.states)]
        for reltol in (1e-4, 1e-6, 1e-9):
            sol = psu.solve(
                system, u0=u0, t=[0.0, 4.0], engine="native", solver=steps, reltol=reltol
            )
            assert sol.success, (start, reltol, sol.retcode)


@BEHIND
@pytest.mark.parametrize("steps", ["auto", "Vern7", "Rodas5P"])
@pytest.mark.parametrize("sensealg", SENSEALGS)
def test_the_root_behind_a_guard_that_is_passed(engine: str, sensealg: str, steps: str):
    """x' = k up to x = 1, then k sqrt(x - 1) + k.

    With s = sqrt(x - 1), 2 s - 2 log(1 + s) = k (t - (1 - x0)/k).
    """
    q, end = 0.8, 4.0
    system = psu.ODESystem(
        {x: sp.Piecewise((k * sp.sqrt(x - 1) + k, x > 1), (k, True))}, trainable={k: q}
    )
    goal = q * end - 1.0  # from x = 0
    s = 1.0
    for _ in range(60):
        s -= (2 * s - 2 * np.log1p(s) - goal) / (2 * s / (1 + s))
    value, slopes = end_slope(
        end_loss(system, {x: 0.0}, end, engine=engine, solver=steps, sensealg=sensealg, reltol=1e-9)
    )
    assert value == pytest.approx(1 + s * s, rel=1e-5)
    # ds/dk = end (1 + s)/(2 s); dx/dk = 2 s ds/dk
    assert slopes[0] == pytest.approx(end * (1 + s), rel=1e-4)


@pytest.mark.parametrize("sensealg", SENSEALGS)
def test_a_tank_that_empties_while_others_are_fitted(engine: str, sensealg: str):
    """-k sqrt(Max(x, 0)): (1 - k t/2)^2 up to 2/k, then 0; measured on both sides of it."""
    times = np.linspace(0.0, 2.0, 9)
    q = 1.5
    data = psu.Dataset.from_arrays(times, np.ones((9, 1)), states=[x], u0={x: 1.0})
    system = psu.ODESystem({x: -k * sp.sqrt(sp.Max(x, 0))}, trainable={k: q})
    obj = psu.objective(system, data, engine=engine, sensealg=sensealg, reltol=1e-9)
    found = obj.evaluate(obj.theta0())
    assert found.success
    s = np.maximum(1 - q * times / 2, 0)
    assert found.value == pytest.approx(float(((s**2 - 1) ** 2).sum()), rel=1e-5)
    right = float((2 * (s**2 - 1) * 2 * s * (-times / 2)).sum())
    assert found.gradient[0] == pytest.approx(right, rel=1e-4)


# -- gradients that are not finite -------------------------------------------------------------


@pytest.mark.parametrize("sensealg", SENSEALGS)
def test_a_gradient_that_is_not_finite_is_an_outcome(engine: str, sensealg: str):
    """log(1e-310) is finite, and its derivative is larger than the largest number."""
    system = psu.ODESystem({x: 0 * x}, observables={"seen": sp.log(x)})
    data = psu.Dataset.from_arrays(
        [0.0, 1.0], [[np.nan], [0.0]], states=["seen"], u0={x: 1e-310}, trainable_u0=[x]
    )
    obj = psu.objective(system, data, engine=engine, sensealg=sensealg)
    theta = obj.theta0()
    assert np.isfinite(obj.evaluate(theta, gradient=False).value)
    found = obj.evaluate(theta)
    assert found.retcode is psu.ReturnCode.GradientNotFinite
    assert not found.success
    assert np.isfinite(found.value)
    assert "no finite derivative" in found.retcode.value
    assert found.message.startswith(found.retcode.value)
    assert found.message.endswith(
        "The derivative of seen = log(x) by x is not finite at t = 1, where x = 1e-310."
    )
    value, gradient = obj.value_and_grad(theta)
    assert value == 1e20
    np.testing.assert_array_equal(gradient, 0.0)
    # elsewhere it is finite, and an ordinary success
    assert obj.evaluate(np.ones_like(theta)).success


@pytest.mark.parametrize("sensealg", SENSEALGS)
@pytest.mark.parametrize(
    ("steps", "start", "said"),
    [
        ("Tsit5", 1e-310, "The derivative of x' = k + log(v) by v is"),
        # implicit steps read the Jacobian, so that their gradient has second derivatives
        ("Rodas5P", 1e-160, "The second derivative of x' = k + log(v) by v and v is"),
    ],
)
def test_the_right_hand_side_without_a_finite_derivative_is_named(
    engine: str, steps: str, start: float, said: str, sensealg: str
):
    """Of three right-hand sides one is the reason, and of two experiments the second."""
    system = psu.ODESystem({y: c * x, x: k + sp.log(v), v: -v / 9}, trainable={k: 1.0, c: 1.0})
    data = psu.Dataset(
        [
            psu.Trajectory.from_arrays(
                [at, 2.0], [[np.nan], [0.0]], states=[y], u0={y: 0.0, x: 1.0, v: value},
                trainable_u0=[v],
            )
            for at, value in [(0.0, 2.0), (0.5, start)]
        ]
    )  # fmt: skip
    obj = psu.objective(system, data, engine=engine, sensealg=sensealg, solver=steps)
    found = obj.evaluate(obj.theta0())
    assert found.retcode is psu.ReturnCode.GradientNotFinite
    assert f"{said} not finite at t = 0.5, where y = 0, x = 1, v = {start:g}." in found.message


# -- sentences that say what is true -----------------------------------------------------------


def test_a_large_rate_is_not_called_infinite(engine: str):
    """x' = -1e30 x is finite at the start."""
    sol = psu.solve(psu.ODESystem({x: -1e30 * x}), u0=[1.0], t=[0.0, 1.0], engine=engine)
    if sol.success:
        assert abs(sol.u[-1, 0]) < 1e-5
    assert "infinite or not a number at the initial state" not in sol.message


def test_a_late_clock_is_not_called_a_blow_up(engine: str):
    """Near t = 1e15 the clock ticks in eighths: x' = -x there is a matter of resolution."""
    sol = psu.solve(psu.ODESystem({x: -x}), u0=[1.0], t=[1e15, 1e15 + 1], engine=engine)
    if sol.success:
        assert sol.u[-1, 0] == pytest.approx(np.exp(-1), rel=1e-4)
    else:
        assert "resolution of time" in sol.message
        assert "probably blows up" not in sol.message


def test_many_oscillations_are_not_called_stiff_and_have_a_way_out(engine: str):
    turns = 1e4
    system = psu.ODESystem({x: v, v: -x})
    keywords: dict[str, Any] = {"u0": [1.0, 0.0], "t": [0.0, 2 * np.pi * turns], "engine": engine}
    sol = psu.solve(system, **keywords, max_steps=20_000)
    assert sol.retcode.name == "MaxIters"
    assert "probably stiff" not in sol.message
    assert "max_steps=" in sol.message
    again = psu.solve(system, **keywords, reltol=1e-9, max_steps=10_000_000)
    assert again.success
    np.testing.assert_allclose(again.u[-1], [1.0, 0.0], atol=1e-3)


def test_advice_does_not_name_the_solver_that_was_taken(engine: str, stiff_solver: str):
    sol = psu.solve(
        psu.ODESystem({x: -x}), u0=[1.0], t=[0.0, 10.0], engine=engine, solver=stiff_solver,
        max_steps=2,
    )  # fmt: skip
    assert sol.retcode.name == "MaxIters"
    assert f"use {stiff_solver}" not in sol.message
    assert repr(stiff_solver) not in sol.message
