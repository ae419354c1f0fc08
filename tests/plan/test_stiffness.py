"""The measure of stiffness behind ``solver="auto"``: closed forms, and both sides of its limit."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import pysymude as psu
from problems.catalogue import KNOWN, known, universal
from pysymude.plan.compiled import compile_system
from pysymude.plan.numeric import NumericModel
from pysymude.plan.stiffness import LIMIT, explicit_steps

x, y, v = psu.states("x y v")


def steps(system: psu.ODESystem, u0, t0: float, t1: float, values=None) -> float:
    plan = compile_system(system)
    p = np.array(
        [
            (values or {}).get(n, d)
            for n, d in zip(plan.parameters, plan.default_parameters, strict=True)
        ]
    )
    theta = plan.layout.pack({s.name: value for s, value in system.trainable.items()})
    return explicit_steps(NumericModel(plan, p, theta), np.array(u0, dtype=float), t0, t1)


@pytest.mark.parametrize("rate", [1e-3, 1.0, 1e3, 1e6])
def test_linear_decay_needs_rate_times_span_over_the_reach(rate: float):
    found = steps(psu.ODESystem({x: -rate * x}), [1.0], 1.0, 3.0)
    assert found == pytest.approx(2.0 * rate / 3.3, rel=1e-6)


def test_growth_and_rotation_need_none():
    assert steps(psu.ODESystem({x: 50 * x}), [1.0], 0.0, 1.0) == 0.0
    turning = psu.ODESystem({x: 1000 * v, v: -1000 * x})
    assert steps(turning, [1.0, 0.0], 0.0, 10.0) == pytest.approx(0.0, abs=1e-6)


def test_the_fastest_decay_counts_and_not_the_slowest():
    system = psu.ODESystem({x: -x, y: -5000 * (y - sp.cos(psu.t))})
    assert steps(system, [1.0, 0.0], 0.0, 1.0) == pytest.approx(5000 / 3.3, rel=1e-3)


def test_a_rate_that_changes_in_time_is_integrated():
    # the integral of 100 t over (0, 4) is 800; linear in t, so the trapezoidal rule is exact
    system = psu.ODESystem({x: -100 * psu.t * x})
    assert steps(system, [1.0], 0.0, 4.0) == pytest.approx(800 / 3.3, rel=1e-6)


@pytest.mark.parametrize("case", KNOWN, ids=lambda case: case.name)
def test_the_catalogue_is_told_apart(case):
    found = steps(case.system, case.u0, case.t[0], case.t[-1], case.values)
    assert (found > LIMIT) == case.stiff
    # far from the limit, so that no small change decides
    assert found > 3 * LIMIT or found < LIMIT / 3


def test_the_start_need_not_be_stiff():
    """Robertson's problem is not stiff at its first instant: y2 has yet to appear."""
    case = known("robertson")
    assert steps(case.system, case.u0, 0.0, 1e-4) < 1.0
    assert steps(case.system, case.u0, 0.0, 1e4) > LIMIT


def test_networks_enter_with_their_jacobian():
    system, _ = universal("lotka-volterra").problem
    plan = compile_system(system)
    model = NumericModel(plan, plan.default_parameters, 1e-3 * np.ones(plan.layout.size))
    # almost nothing comes from the network, so -1.8 of y remains
    found = explicit_steps(model, np.array([0.44, 4.6]), 0.0, 3.0)
    assert found == pytest.approx(1.8 * 3.0 / 3.3, rel=0.01)


@pytest.mark.parametrize(
    ("rhs", "start"), [(x**2, 1.0), (sp.log(x), 0.5), (1 / x, 0.0), (sp.sqrt(x), -1.0)]
)
def test_a_trajectory_that_breaks_off_is_no_error(rhs: sp.Expr, start: float):
    found = steps(psu.ODESystem({x: rhs}), [start], 0.0, 5.0)
    assert np.isfinite(found)
    assert found >= 0.0
