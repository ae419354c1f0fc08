"""Every engine: zeros of expressions along solutions whose crossing times are known."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from scipy.integrate import solve_ivp

import pysymude as psu
from pysymude.errors import InvalidInputError

x, v = psu.states("x v")
w, level = psu.parameters("w level")
OSCILLATOR = psu.ODESystem(
    {x: v, v: -(w**2) * x}, parameters={w: 1.0}, observables={"energy": (v**2 + w**2 * x**2) / 2}
)
T = np.linspace(0.0, 10.0, 6)
START = (0.0, 1.0)  # x = sin t, v = cos t


def solve(engine: str, *events: psu.Event, system=OSCILLATOR, u0=START, t=T, **keywords):
    usual = {"reltol": 1e-9, "abstol": 1e-9, "solver": "Tsit5"}
    return psu.solve(system, u0=u0, t=t, engine=engine, events=list(events), **(usual | keywords))


@pytest.mark.parametrize(("direction", "multiples"), [(0, [1, 2, 3]), (1, [2]), (-1, [1, 3])])
def test_zeros_of_a_sine_and_their_directions(engine: str, direction: int, multiples: list[int]):
    """The start is a zero of x too: one that is not passed."""
    sol = solve(engine, psu.Event(x, direction=direction, name="zero"))
    found = sol.events["zero"]
    np.testing.assert_allclose(found.t, np.array(multiples) * np.pi, rtol=0, atol=1e-6)
    np.testing.assert_allclose(found.u, np.c_[np.sin(found.t), np.cos(found.t)], rtol=0, atol=1e-6)
    # the state is that of the time, and it is a zero
    assert np.abs(found.u[:, 0]).max() < 1e-9
    assert sol.retcode.name == "Success"
    np.testing.assert_array_equal(sol.t, T)
    np.testing.assert_allclose(sol["x"], np.sin(T), rtol=0, atol=1e-6)


def test_every_solver_finds_them(engine: str, solver: str):
    """The times are as exact as the solver's own solution, whose error near a zero is one in time."""
    reltol = 1e-7 if solver in ("TRBDF2", "Rosenbrock23") else 1e-9
    exact = np.array([np.pi, 2 * np.pi])
    plain = solve(engine, t=[0.0, *exact, 7.0], solver=solver, reltol=reltol)
    error = np.abs(plain.u[1:3, 0]).max()
    assert error < 1e-4
    if solver == "RadauIIA5":
        # its steps end at outputs, and there errors are far below the tolerance: between them they are not
        error = max(error, reltol)
    sol = solve(engine, psu.Event(x), t=[0.0, 7.0], solver=solver, reltol=reltol)
    np.testing.assert_allclose(sol.events["x"].t, exact, rtol=0, atol=2 * error + 1e-9)


def test_a_terminating_event_is_the_last_point(engine: str):
    sol = solve(engine, psu.Event(x, direction=1, terminate=True, name="second"))
    assert sol.retcode.name == "Terminated"
    assert sol.success
    assert sol.message == "A terminating event ended the solve, as asked."
    np.testing.assert_allclose(sol.t, [0.0, 2.0, 4.0, 6.0, 2 * np.pi], rtol=0, atol=1e-6)
    np.testing.assert_allclose(sol["x"], np.sin(sol.t), rtol=0, atol=1e-6)
    assert sol.observables["energy"].shape == sol.t.shape
    assert np.isfinite(sol.u).all()
    np.testing.assert_array_equal(sol.events["second"].u, sol.u[-1:])


def test_two_events_of_which_one_terminates(engine: str):
    sol = solve(
        engine,
        psu.Event(v, name="turning"),
        psu.Event(x - sp.Rational(1, 2), direction=1, name="half"),
        psu.Event(psu.t - 8, terminate=True, name="clock"),
    )
    pi = np.pi
    np.testing.assert_allclose(sol.events["turning"].t, [pi / 2, 3 * pi / 2, 5 * pi / 2], atol=1e-6)
    np.testing.assert_allclose(sol.events["half"].t, [pi / 6, 2 * pi + pi / 6], atol=1e-6)
    np.testing.assert_allclose(sol.events["clock"].t, [8.0], atol=1e-9)
    assert sol.t[-1] == sol.events["clock"].t[0]


def test_what_would_come_after_the_end_is_not_seen(engine: str):
    first = solve(engine, psu.Event(x, terminate=True), psu.Event(v, name="turning"))
    np.testing.assert_allclose(first.events["turning"].t, [np.pi / 2], atol=1e-6)
    assert len(first.events["x"]) == 1


def test_no_event(engine: str):
    sol = solve(engine, psu.Event(x - 2, terminate=True, name="never"))
    assert sol.retcode.name == "Success"
    assert sol.events["never"].t.shape == (0,)
    assert sol.events["never"].u.shape == (0, 2)
    np.testing.assert_array_equal(sol.t, T)
    assert solve(engine).events == {}


def test_a_touch_without_a_change_of_sign_is_none(engine: str):
    assert (
        len(solve(engine, psu.Event(x**2 + sp.Rational(1, 100), name="touch")).events["touch"]) == 0
    )


def test_events_read_parameters_observables_and_time(engine: str):
    system = OSCILLATOR.replace(rhs={x: v, v: -(w**2) * x - level * v})
    sol = solve(
        engine,
        psu.Event(sp.Symbol("energy") - level, name="energy"),
        psu.Event(x - level * psu.t, direction=-1, name="ramp"),
        system=system, parameters={level: 0.2, w: 1.5},
    )  # fmt: skip
    energy = 0.5 * (sol.events["energy"].u[:, 1] ** 2 + 2.25 * sol.events["energy"].u[:, 0] ** 2)
    assert len(energy) == 1
    np.testing.assert_allclose(energy, 0.2, atol=1e-8)
    ramp = sol.events["ramp"]
    assert len(ramp) >= 1
    np.testing.assert_allclose(ramp.u[:, 0], 0.2 * ramp.t, atol=1e-8)


def test_a_ball_bounces_by_solving_again(engine: str):
    """Heights 1, 1/4, 1/16, ...: the flight times are known."""
    g, e = 9.81, 0.5
    ball = psu.ODESystem({x: v, v: -g})
    ground = psu.Event(x, direction=-1, terminate=True, name="ground")
    time, speed, landings = 0.0, 0.0, []
    height = 1.0
    for _ in range(4):
        sol = solve(engine, ground, system=ball, u0=(height, speed), t=[time, time + 5.0])
        time, height, speed = sol.t[-1], 0.0, -e * sol["v"][-1]
        landings.append(time)
    fall = np.sqrt(2 / g)
    expected = fall * np.cumsum([1.0, 2 * e, 2 * e**2, 2 * e**3])
    np.testing.assert_allclose(landings, expected, rtol=0, atol=1e-6)


def test_a_failure_after_the_end_does_not_matter(engine: str):
    """x = 1/(1 - t) blows up at t = 1; at t = 1/2 it is 2."""
    blow_up = psu.ODESystem({x: x**2})
    sol = solve(engine, psu.Event(x - 2, terminate=True), system=blow_up, u0=[1.0], t=[0.0, 3.0])
    assert sol.retcode.name == "Terminated"
    np.testing.assert_allclose(sol.t, [0.0, 0.5], atol=1e-6)
    failed = solve(engine, psu.Event(x - 2, name="two"), system=blow_up, u0=[1.0], t=[0.0, 3.0])
    assert not failed.success
    np.testing.assert_allclose(failed.events["two"].t, [0.5], atol=1e-6)


def test_scipy_finds_the_same(engine: str):
    """Van der Pol's oscillator; the wrong system is noticed."""
    vdp = psu.ODESystem({x: v, v: w * (1 - x**2) * v - x})

    def condition(t, u):
        return u[0] - 0.3 * np.cos(t)

    event = psu.Event(x - sp.Rational(3, 10) * sp.cos(psu.t), name="meet")
    reference = solve_ivp(
        lambda t, u: [u[1], 1.2 * (1 - u[0] ** 2) * u[1] - u[0]], (0, 20), [2.0, 0.0],
        method="DOP853", rtol=1e-11, atol=1e-12, events=condition,
    ).t_events[0]  # fmt: skip
    assert len(reference) > 3

    def found(value: float):
        return (
            solve(engine, event, system=vdp, u0=[2.0, 0.0], t=[0.0, 20.0], parameters={w: value})
            .events["meet"]
            .t
        )

    np.testing.assert_allclose(found(1.2), reference, rtol=0, atol=1e-6)
    assert np.abs(found(1.2001) - reference).max() > 1e-5


def test_a_fit_predicts_events(engine: str):
    k = psu.parameters("k")
    t = np.linspace(0.0, 2.0, 9)
    data = psu.Dataset.from_arrays(t, np.exp(-0.7 * t)[:, None], states=[x])
    system = psu.ODESystem({x: -k * x}, trainable={k: 0.5})
    fit = psu.fit(system, data, engine=engine, progress=False)
    half = fit.predict([0.0, 5.0], events=[psu.Event(x - sp.Rational(1, 2), name="half")])
    assert half.events["half"].t[0] == pytest.approx(np.log(2) / 0.7, rel=1e-4)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: psu.Event("x"), "must be a SymPy expression such as x - 1; found str"),
        (lambda: psu.Event(sp.Eq(x, 1)), "Write x - 1 for x == 1"),
        (lambda: psu.Event(x, direction=2), r"1 \(rising\), -1 \(falling\) or 0 \(both\); found 2"),
        (lambda: solve("native", x), "events must hold psu.Event"),
        (lambda: solve("native", psu.Event(x), psu.Event(x)), "two events are called 'x'"),
        (
            lambda: solve("native", psu.Event(x - level, name="q")),
            "event 'q' contains level, which is",
        ),
    ],
)
def test_what_is_no_event_is_told(make, message):
    with pytest.raises(InvalidInputError, match=message):
        make()
