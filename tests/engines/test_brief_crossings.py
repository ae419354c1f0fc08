"""Conditions of states that change and change back between two looks at them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp

import pysymude as psu
from tests.engines.slopes import SENSEALGS, end_loss, end_slope

x, y, z = psu.states("x y z")
p = psu.parameters("p")
t = psu.t

pytestmark = pytest.mark.lacking(
    "julia", "steps of OrdinaryDiffEq do not end at switches of states", but=("Tsit5", "Rodas5P")
)


@pytest.mark.parametrize("width", [0.5, 0.1, 0.01])
def test_a_window_of_a_state(engine: str, solver: str, width: float):
    """x' = 1 while 5 < y < 5 + width, where y = t: width. The product has one sign on both sides."""
    inside = (y - 5) * (y - 5 - width) < 0
    sol = psu.solve(
        psu.ODESystem({x: sp.Piecewise((1, inside), (0, True)), y: 1}),
        u0=[0.0, 0.0], t=[0.0, 10.0], engine=engine, solver=solver,
    )  # fmt: skip
    assert sol.success, sol.message
    assert sol["x"][-1] == pytest.approx(width, rel=1e-8)


def peaks(level: Any) -> psu.ODESystem:
    """y = sin t is above the level for 2 acos(level) in each period, when x grows by 1 a unit of time."""
    above = sp.Piecewise((1, y > level), (0, True))
    return psu.ODESystem({x: above, y: z, z: -y}, trainable={p: 0.9999})


@pytest.mark.parametrize("level", [0.99, 0.9999, 0.99999])
@pytest.mark.parametrize("method", ["Tsit5", "Vern7", "Rodas5P"])
def test_a_peak_a_little_above_a_level(engine: str, level: float, method: str):
    if engine == "julia" and method == "Vern7":
        pytest.skip("steps of OrdinaryDiffEq do not end at switches of states")
    sol = psu.solve(
        peaks(p), u0=[0.0, 0.0, 1.0], t=[0.0, 20 * np.pi], parameters={p: level}, engine=engine,
        solver=method, reltol=1e-9,
    )  # fmt: skip
    assert sol.success, sol.message
    # 1 - level is 1e-5 and more, and the error of the peak 1e-8 of it at most
    assert sol["x"][-1] == pytest.approx(10 * 2 * np.arccos(level), rel=2e-3)


@pytest.mark.parametrize("sensealg", SENSEALGS)
def test_the_gradient_by_a_level_below_the_peak(engine: str, sensealg: str):
    """Of 20 acos(p) by p: -20/sqrt(1 - p^2), here -1414."""
    value, slopes = end_slope(
        end_loss(
            peaks(p), {x: 0.0, y: 0.0, z: 1.0}, 20 * np.pi, engine=engine, sensealg=sensealg,
            solver="Tsit5", reltol=1e-11, abstol=1e-12,
        )
    )  # fmt: skip
    assert value == pytest.approx(20 * np.arccos(0.9999), rel=1e-5)
    assert slopes[0] == pytest.approx(-20 / np.sqrt(1 - 0.9999**2), rel=1e-4)


@pytest.mark.parametrize(("direction", "count"), [(0, 2), (1, 1), (-1, 1)])
def test_an_event_that_acts_in_passing(engine: str, solver: str, direction: int, count: int):
    """(y - 5)(y - 5.01) falls below 0 at y = 5 and rises above it at 5.01, where x takes on 1 and more."""
    event = psu.Event((y - 5) * (y - 5.01), set={x: x + 1}, direction=direction)
    sol = psu.solve(
        psu.ODESystem({x: 0, y: 1}, events=[event]),
        u0=[0.0, 0.0], t=[0.0, 10.0], engine=engine, solver=solver,
    )  # fmt: skip
    assert sol.success, sol.message
    assert sol["x"][-1] == count


def test_an_event_that_is_watched_in_passing(engine: str, solver: str):
    """(y - 5)(y - 5.1) is 0 at 5 and 5.1, and has one sign on both sides."""
    if engine == "julia":
        pytest.skip("events without effects are found by callbacks of OrdinaryDiffEq")
    event = psu.Event((y - 5) * (y - 5.1), name="both")
    sol = psu.solve(
        psu.ODESystem({y: 1}), u0=[0.0], t=[0.0, 10.0], engine=engine, solver=solver, events=event
    )
    np.testing.assert_allclose(sol.events["both"].t, [5.0, 5.1], rtol=1e-9)


def test_a_touch_of_a_state_is_no_switch(engine: str, solver: str):
    """(y - 5)^2 + 1e-9 is small, but not below 0."""
    rhs = sp.Piecewise((1, (y - 5) ** 2 + 1e-9 > 0), (100, True))
    sol = psu.solve(
        psu.ODESystem({x: rhs, y: 1}), u0=[0.0, 0.0], t=[0.0, 10.0], engine=engine, solver=solver
    )
    assert sol["x"][-1] == pytest.approx(10.0, rel=1e-9)


# -- times that are large beside steps ------------------------------------------------------------


def test_a_span_that_is_short_beside_its_start(engine: str, solver: str):
    """x' = -k x over 8000 units of time's resolution: exp(-k span), of the span that numbers have."""
    start, end = 1e9, 1e9 + 1e-3
    sol = psu.solve(
        psu.ODESystem({x: -p * x}), u0=[1.0], t=[start, end], parameters={p: 1e3}, engine=engine,
        solver=solver, reltol=1e-7,
    )  # fmt: skip
    assert sol.success, sol.message
    assert sol["x"][-1] == pytest.approx(np.exp(-1e3 * (end - start)), rel=1e-5)


@pytest.mark.parametrize("condition", [t < 5e17, x < 0.5])
def test_a_switch_in_a_unit_of_time_that_is_far_too_small(engine: str, solver: str, condition: Any):
    """x' = p up to 1/2, reached at 5e17, and 2 p from there: 3/2 at 1e18."""
    system = psu.ODESystem({x: sp.Piecewise((p, condition), (2 * p, True))})
    sol = psu.solve(
        system, u0=[0.0], t=[0.0, 1e18], parameters={p: 1e-18}, engine=engine, solver=solver
    )
    assert sol.success, sol.message
    assert sol["x"][-1] == pytest.approx(1.5, rel=1e-6)
