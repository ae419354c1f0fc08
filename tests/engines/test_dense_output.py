"""Outputs inside steps are as right as the ends of steps."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import pysymude as psu
from problems.catalogue import known

x, v = psu.states("x v")


def worst(found: np.ndarray, right: np.ndarray, scale: np.ndarray) -> float:
    return float((np.abs(found - right) / scale).max())


@pytest.mark.parametrize("reltol", [1e-4, 1e-6, 1e-8])
def test_twenty_five_outputs_of_an_oscillator(engine: str, solver: str, reltol: float):
    """u'' = -u: the error at 25 outputs, and at the same times as ends of steps."""
    if solver == "Rosenbrock23" and reltol < 1e-6:
        pytest.skip("a low order takes too many steps")
    times = np.linspace(0.0, 10.0, 25)
    right = np.stack([np.cos(times), -np.sin(times)], axis=1)
    system = psu.ODESystem({x: v, v: -x})
    found, ends = [
        psu.solve(
            system, u0=[1.0, 0.0], t=times, engine=engine, solver=solver, reltol=reltol, abstol=reltol,
            tstops=stops,
        )
        for stops in ([], times)
    ]  # fmt: skip
    assert found.success
    assert ends.success
    # errors of the march itself, without interpolation, at the two ends of the span
    march = max(worst(found.u[-1], right[-1], np.ones(2)), reltol)
    inside = worst(found.u, right, np.ones(2))
    assert inside <= 2 * march


ROBER_TIMES = np.concatenate([[0.0], np.logspace(-5, 4, 2000)])
ROBER_SIZE = np.array([1.0, 3.65e-5, 1.0])


@pytest.fixture(scope="module")
def robertson() -> np.ndarray:
    def f(t: float, y: np.ndarray) -> list[float]:
        slow, fast, back = 0.04 * y[0], 3e7 * y[1] ** 2, 1e4 * y[1] * y[2]
        return [-slow + back, slow - back - fast, fast]

    def jacobian(t: float, y: np.ndarray) -> list[list[float]]:
        return [
            [-0.04, 1e4 * y[2], 1e4 * y[1]],
            [0.04, -1e4 * y[2] - 6e7 * y[1], -1e4 * y[1]],
            [0.0, 6e7 * y[1], 0.0],
        ]

    done = solve_ivp(
        f, (0.0, 1e4), [1.0, 0.0, 0.0], "Radau", t_eval=ROBER_TIMES, jac=jacobian, rtol=1e-12,
        atol=[1e-14, 1e-19, 1e-14],
    )  # fmt: skip
    assert done.success
    return done.y.T


# early on y3 is below the tolerance that it is given here, and its error is not what is compared
@pytest.mark.filterwarnings("ignore:state:pysymude.errors.ToleranceWarning")
def test_robertson_at_2001_times(engine: str, stiff_solver: str, robertson: np.ndarray):
    """The largest error at outputs, and at the ends of solves that end at some of them."""
    if stiff_solver not in ("Rodas5P", "Rosenbrock23"):
        pytest.skip("two of the others' own libraries are known")
    keywords = {
        "u0": [1.0, 0.0, 0.0], "engine": engine, "solver": stiff_solver, "reltol": 1e-6,
        "abstol": [1e-9, 1e-13, 1e-9],
    }  # fmt: skip
    system = known("robertson").system
    sol = psu.solve(system, t=ROBER_TIMES, **keywords)
    assert sol.success
    if stiff_solver == "Rodas5P":
        assert sol.stats.accepted < 500  # most outputs lie inside steps
    inside = worst(sol.u, robertson, ROBER_SIZE)
    # each of these times ends a solve of its own; some lie where y is born, and errors are largest
    ends = 0.0
    for i in range(20, 2001, 60):
        end = psu.solve(system, t=[0.0, ROBER_TIMES[i]], **keywords)
        ends = max(ends, worst(end.u[-1], robertson[i], ROBER_SIZE))
    assert inside <= 2 * ends


def test_a_line_between_ends_would_be_noticed():
    """The negative control: linear interpolation between the ends of Tsit5's steps at 1e-6."""
    times = np.linspace(0.0, 10.0, 41)
    between = np.interp(5.125, times, np.cos(times))
    assert abs(between - np.cos(5.125)) > 1e-3
