"""States of very different, and very small, magnitudes; absolute tolerances by state."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import pysymude as psu
from problems.catalogue import independent_solution
from pysymude.errors import InvalidInputError, ToleranceWarning

S, E, C, P = psu.states("S E C P")
x, y = psu.states("x y")
kon, koff, kcat = psu.parameters("kon koff kcat")

START = {S: 5e-8, E: 1e-9, C: 0.0, P: 0.0}  # mol/L
RATES = {kon: 1e8, koff: 1.0, kcat: 10.0}
TIMES = np.linspace(0.0, 20.0, 41)


def michaelis_menten(**keywords: Any) -> psu.ODESystem:
    bind, leave, turn = kon * S * E, koff * C, kcat * C
    return psu.ODESystem(
        {S: leave - bind, E: leave + turn - bind, C: bind - leave - turn, P: turn}, **keywords
    )


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
    """In nmol/L, where SciPy's tolerances mean something."""
    bind, leave, turn = kon * 1e-9 * S * E, koff * C, kcat * C
    scaled = psu.ODESystem(
        {S: leave - bind, E: leave + turn - bind, C: bind - leave - turn, P: turn}, parameters=RATES
    )
    start = [1e9 * START[s] for s in scaled.states]
    return 1e-9 * independent_solution(scaled, start, TIMES, stiff=True)


def test_states_of_nanomoles_at_the_defaults(engine: str, truth: np.ndarray):
    sol = psu.solve(michaelis_menten(parameters=RATES), u0=START, t=TIMES, engine=engine)
    assert sol.success, sol.message
    size = np.abs(truth).max(axis=0)
    assert (np.abs(sol.u - truth).max(axis=0) <= 1e-4 * size).all()
    # with the absolute tolerance of version 0.1, for all states alike, this would fail
    with pytest.warns(
        ToleranceWarning,
        match=r"states stay below .*, 'E', 'C': .*\{E: 1e-17, C: ",
    ):
        coarse = psu.solve(
            michaelis_menten(parameters=RATES), u0=START, t=TIMES, engine=engine, abstol=1e-8
        )
    assert (np.abs(coarse.u - truth).max(axis=0) > 1e-4 * size).any()


def test_kcat_of_nanomoles_is_recovered_at_the_defaults(engine: str, truth: np.ndarray):
    system = michaelis_menten(parameters={k: RATES[k] for k in (kon, koff)}, trainable={kcat: 3.0})
    data = psu.Dataset.from_arrays(TIMES, truth[:, [0, 3]], states=[S, P], u0=START, noise=1e-10)
    fit = psu.fit(system, data, engine=engine, stages=psu.LBFGS(60), progress=False)
    assert fit.success
    assert fit.values["kcat"] == pytest.approx(10.0, rel=0.01)


def mixed() -> psu.ODESystem:
    # x decays with 1, and y with 3 and what x gives: 1e-6 x
    return psu.ODESystem({x: -x, y: 1e-6 * x - 3 * y})


def mixed_solution(times: np.ndarray) -> np.ndarray:
    """y = 5e-10 (exp(-t) - exp(-3 t)) + 1e-9 exp(-3 t)."""
    slow, quick = np.exp(-times), np.exp(-3 * times)
    return np.stack([1e-3 * slow, 5e-10 * (slow - quick) + 1e-9 * quick], axis=1)


def test_nanomoles_beside_millimoles(engine: str, solver: str):
    times = np.linspace(0.0, 4.0, 17)
    sol = psu.solve(mixed(), u0=[1e-3, 1e-9], t=times, engine=engine, solver=solver)
    right = mixed_solution(times)
    assert (np.abs(sol.u - right).max(axis=0) <= 1e-4 * right.max(axis=0)).all()


@pytest.mark.parametrize("start", [0.0, 1e-9])
def test_a_small_state_that_starts_at_zero(engine: str, start: float):
    """Its magnitude is known only when it has been met."""
    times = np.linspace(0.0, 4.0, 17)
    sol = psu.solve(mixed(), u0=[1e-3, start], t=times, engine=engine)
    right = mixed_solution(times)[:, 1] + (start - 1e-9) * np.exp(-3 * times)
    assert np.abs(sol["y"] - right).max() <= 1e-4 * right.max()


@pytest.mark.parametrize(
    "abstol", [{x: 1e-8, y: 1e-14}, {"y": 1e-14}, [1e-8, 1e-14], np.array([1e-8, 1e-14])], ids=str
)
def test_abstol_by_state(engine: str, abstol: Any):
    times = np.linspace(0.0, 4.0, 17)
    right = mixed_solution(times)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sol = psu.solve(mixed(), u0=[1e-3, 1e-9], t=times, engine=engine, abstol=abstol)
    assert np.abs(sol["y"] - right[:, 1]).max() <= 1e-4 * 1e-9


def test_abstol_by_state_in_an_objective(engine: str):
    times = np.linspace(0.0, 4.0, 17)
    k = psu.parameters("k")
    system = psu.ODESystem({x: -x, y: 1e-6 * x - k * y}, trainable={k: 3.0})
    data = psu.Dataset.from_arrays(
        times, mixed_solution(times)[:, 1:], states=[y], u0={x: 1e-3, y: 1e-9}, noise=1e-11
    )
    for abstol in ({y: 1e-15}, [1e-9, 1e-15], None):
        obj = psu.objective(system, data, engine=engine, abstol=abstol)
        assert obj.value([3.0]) < 1e-2
    coarse = psu.objective(system, data, engine=engine, abstol=1e-2)
    assert coarse.value([3.0]) > 1e-2


def test_stops_are_given_in_any_form_beside_plain_tolerances(engine: str):
    for tstops in ([0.5, 0.7], np.array([0.5]), np.array([0.5, 0.7]), np.array([]), ()):
        sol = psu.solve(
            psu.ODESystem({psu.states("x"): -psu.states("x")}), u0=[1.0], t=[0.0, 1.0], engine=engine,
            reltol=1e-6, abstol=1e-9, tstops=tstops,
        )  # fmt: skip
        assert sol.u[-1, 0] == pytest.approx(np.exp(-1), rel=1e-5)


def test_a_state_below_its_abstol_is_named(engine: str):
    with pytest.warns(
        ToleranceWarning, match=r"state 'y' stays below 1e-09.*1e-08.*abstol=\{y: 1e-17\}"
    ):
        psu.solve(mixed(), u0=[1e-3, 1e-9], t=[0.0, 1.0], engine=engine, abstol=1e-8)
    many = psu.states("z1:9")
    system = psu.ODESystem({z: -z for z in many})
    with pytest.warns(ToleranceWarning, match=r"'z2', 'z3' and 5 more: .*, \.\.\.\}"):
        psu.solve(system, u0=[1e-9] * 8, t=[0.0, 1.0], engine=engine, abstol=1e-8)


def test_a_state_that_is_large_between_outputs_is_not_below_its_abstol(engine: str):
    """A throw from the ground to the ground, and a pulse that has come and gone."""
    height, speed = psu.states("height speed")
    throw = psu.ODESystem({height: speed, speed: -9.81})
    with warnings.catch_warnings():
        warnings.simplefilter("error", ToleranceWarning)
        sol = psu.solve(
            throw, u0=[0.0, 9.81], t=[0.0, 2.0 - 1e-11], engine=engine, solver="Tsit5", abstol=1e-9
        )
        assert 0 < abs(sol.u[-1, 0]) < 1e-9
        ground = psu.Event(height, direction=-1, terminate=True)
        sol = psu.solve(
            throw, u0=[0.0, 9.81], t=[0.0, 3.0], engine=engine, events=[ground], abstol=1e-9
        )
        assert sol.retcode.name == "Terminated"


def test_a_state_that_is_next_to_nothing_beside_one_that_starts_at_zero(engine: str):
    """The square of a slope over such a tolerance would be infinite, and no step taken."""
    sol = psu.solve(
        psu.ODESystem({x: -x, y: 1 - y}), u0={x: 1e-200, y: 0.0}, t=[0.0, 1.0], engine=engine
    )
    assert sol.success, sol.message
    assert sol["y"][-1] == pytest.approx(1 - np.exp(-1), rel=1e-5)


@pytest.mark.parametrize(
    ("abstol", "message"),
    [
        ({"z": 1e-8}, "abstol names 'z', which is no state; the states are x, y"),
        ({"y": 0.0}, "abstol of y must be a positive number"),
        ({"y": "tiny"}, "abstol of y must be a positive number"),
        ([1e-8], r"one number for each of x, y; found shape \(1,\)"),
        ([1e-8, -1.0], "abstol must be a positive number"),
        ([1e-8, float("nan")], "abstol"),
        (0.0, "abstol must be a positive number"),
        (float("inf"), "abstol must be a positive number"),
        ("small", "abstol must be a positive number"),
    ],
    ids=str,
)
def test_bad_tolerances_are_told(engine: str, abstol: Any, message: str):
    with pytest.raises(InvalidInputError, match=message):
        psu.solve(mixed(), u0=[1e-3, 1e-9], t=[0.0, 1.0], engine=engine, abstol=abstol)


def test_a_rate_is_found_from_seven_decades_away(engine: str):
    a, b = psu.states("a"), psu.parameters("b")
    t = np.linspace(0.0, 3.0, 7)
    data = psu.Dataset.from_arrays(t, np.exp(-2 * t)[:, None], states=[a])
    system = psu.ODESystem({a: -b * a}, trainable={b: 2e-7}, bounds={b: (1e-8, 1e8)})
    obj = psu.objective(system, data, engine=engine)
    theta, h = obj.theta0(), 1e-5
    slope = (obj.value(theta + h) - obj.value(theta - h)) / (2 * h)
    assert obj.value_and_grad(theta)[1][0] == pytest.approx(slope, rel=1e-4)
    fit = psu.fit(system, data, engine=engine, progress=False)
    assert fit.parameters["b"] == pytest.approx(2.0, rel=1e-6)


def test_a_tight_reltol_is_not_held_up_by_the_default(engine: str):
    """With 1e-8 of each state whatever was asked, errors stayed at 5e-9."""
    system = psu.ODESystem({x: 1.3 * x - 0.9 * x * y, y: 0.8 * x * y - 1.8 * y})
    t = np.linspace(0.0, 30.0, 13)
    exact = independent_solution(system, (0.44, 4.6), t)

    def worst(reltol: float) -> float:
        sol = psu.solve(system, u0=[0.44, 4.6], t=t, reltol=reltol, engine=engine)
        return float((np.abs(sol.u - exact) / np.abs(exact).max(axis=0)).max())

    assert worst(1e-11) < 1e-9
    assert worst(1e-9) > 10 * worst(1e-11)
