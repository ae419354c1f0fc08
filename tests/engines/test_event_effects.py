"""Events that set states: times, states and gradients where all are known, and against SciPy piece by piece."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import sympy as sp

import pysymude as psu
from pysymude.errors import CapabilityError, InvalidInputError
from tests.engines.hybrid import Happening, Hybrid
from tests.engines.random_hybrids import MARCHES, random_case, with_values

h, v, x, y, mode = psu.states("h v x y mode")
g, e, k, c, start = psu.parameters("g e k c start")
t = psu.t
BALL = psu.ODESystem(
    {h: v, v: -g},
    trainable={g: 9.81, e: 0.7},
    events=[psu.Event(h, set={v: -e * v}, direction=-1, name="bounce")],
)


def data_of(system: psu.ODESystem, times: Any, u0: Any, seed: int = 0, **more: Any) -> psu.Dataset:
    y = np.random.default_rng(seed).normal(size=(len(times), len(system.states)))
    return psu.Dataset.from_arrays(times, y, states=list(system.states), u0=u0, **more)


def check_gradients(
    engine: str, system: psu.ODESystem, data: psu.Dataset, *, tol: float = 1e-6, **keywords: Any
) -> None:
    """Both senses agree to rounding, and with central differences."""
    for solver in MARCHES[engine]:
        low = solver == "Rosenbrock23"
        usual = {"reltol": 1e-9 if low else 1e-10, "abstol": 1e-12, "solver": solver}
        back, ahead = (
            psu.objective(system, data, engine=engine, sensealg=way, **(usual | keywords))
            for way in ("adjoint", "forward")
        )
        theta = back.theta0()
        _, slope = back.value_and_grad(theta)
        _, other = ahead.value_and_grad(theta)
        size = np.abs(slope).max()
        np.testing.assert_allclose(other, slope, rtol=0, atol=1e-9 * size, err_msg=solver)
        d = 1e-4 if low else 1e-5
        numbers = np.array(
            [
                (back.value(theta + d * row) - back.value(theta - d * row)) / (2 * d)
                for row in np.eye(theta.size)
            ]
        )
        bound = (20 if low else 1) * tol * size
        np.testing.assert_allclose(slope, numbers, rtol=0, atol=bound, err_msg=solver)


# -- a bouncing ball ---------------------------------------------------------------------------


def landings(count: int, height: float = 1.0, fall: float = 9.81, keeps: float = 0.7) -> Any:
    first = np.sqrt(2 * height / fall)
    return first * (1 + 2 * np.cumsum([0.0, *(keeps**j for j in range(1, count))]))


def test_a_ball_bounces_as_the_closed_form_says(engine: str):
    times, speed = landings(11), np.sqrt(2 * 9.81)
    tops = (times[:-1] + times[1:]) / 2
    asked = np.concatenate([[0.0], tops, [times[-1] - 1e-3]])
    for solver in MARCHES[engine]:
        sol = psu.solve(
            BALL, u0=[1.0, 0.0], t=asked, engine=engine, solver=solver, reltol=1e-10, abstol=1e-12
        )
        assert sol.success
        found = sol.events["bounce"]
        np.testing.assert_allclose(found.t, times[:10], rtol=0, atol=1e-8)
        # the state just before
        np.testing.assert_allclose(found.u[:, 1], -speed * 0.7 ** np.arange(10), atol=1e-7)
        heights = 0.7 ** (2 * np.arange(1, 11))
        np.testing.assert_allclose(sol["h"][1:11], heights, rtol=0, atol=1e-8)


def test_the_gradient_of_a_bouncing_ball(engine: str):
    data = data_of(BALL, np.linspace(0.0, 2.0, 23), {h: 1.0, v: 0.1}, trainable_u0=True)
    check_gradients(engine, BALL, data)


def test_a_fit_learns_how_a_ball_bounces(engine: str):
    times = np.linspace(0.0, 2.0, 41)
    truth = psu.solve(BALL, u0=[1.0, 0.0], t=times, engine=engine, reltol=1e-10)
    data = psu.Dataset.from_arrays(times, truth["h"][:, None], states=[h], u0={h: 1.0, v: 0.0})
    fit = psu.fit(
        BALL.replace(trainable={g: 9.7, e: 0.69}), data, engine=engine, reltol=1e-9, progress=False,
        stages=psu.LBFGS(60),
    )  # fmt: skip
    assert fit.parameters["e"] == pytest.approx(0.7, rel=1e-4)
    assert fit.parameters["g"] == pytest.approx(9.81, rel=1e-4)
    again = fit.predict([0.0, 1.5])
    assert len(again.events["bounce"]) == int(np.count_nonzero(landings(9) < 1.5))


@pytest.mark.parametrize("keeps", [0.5, 1e-9, 0.0])
def test_a_ball_that_comes_to_rest_ends_with_a_sentence(engine: str, keeps: float):
    """It bounces ever faster; at 0 it keeps no speed, and nothing holds it: then it falls on."""
    resting = BALL.replace(trainable={}, parameters={g: 9.81, e: keeps})
    sol = psu.solve(resting, u0=[1.0, 0.0], t=np.linspace(0.0, 5.0, 6), engine=engine)
    if keeps == 0.0:
        assert sol.success
        assert len(sol.events["bounce"]) == 1
    else:
        assert sol.retcode.name in ("Chattering", "MaxIters")
        assert "events" in sol.message
    assert np.isfinite(sol["h"][0])


def test_outputs_between_steps_and_behind_an_event(engine: str):
    first = float(landings(1)[0])
    late = BALL.replace(
        events=[psu.Event(t - first, set={v: -e * v, h: 0}, name="clock")],
    )
    times = np.array([0.0, 0.2, first, 0.6])
    sol = psu.solve(late, u0=[1.0, 0.0], t=times, engine=engine, reltol=1e-10)
    speed = 0.7 * 9.81 * first
    np.testing.assert_allclose(sol.u[2], [0.0, speed], atol=1e-8)  # behind it
    np.testing.assert_allclose(sol.events["clock"].u[0, 1], -9.81 * first, atol=1e-8)
    asked = np.array([0.1, 0.5, 0.55])
    expected = np.where(
        asked < first, 1 - 9.81 / 2 * asked**2,
        speed * (asked - first) - 9.81 / 2 * (asked - first) ** 2,
    )  # fmt: skip
    np.testing.assert_allclose(sol(asked)[:, 0], expected, atol=1e-8)


# -- other kinds -------------------------------------------------------------------------------


def test_a_thermostat_with_hysteresis(engine: str):
    """A hundred switches of a constant state between 18 and 20: the period is known."""
    room = psu.ODESystem(
        {x: mode * 10 - (x - 10), mode: sp.Integer(0)},
        events=[
            psu.Event(x - 18, set={mode: sp.Integer(2)}, direction=-1, name="on"),
            psu.Event(x - 20, set={mode: sp.Integer(0)}, direction=1, name="off"),
        ],
    )
    rise, fall = np.log((30 - 18) / (30 - 20)), np.log((20 - 10) / (18 - 10))
    sol = psu.solve(
        room, u0=[18.0, 2.0], t=[0.0, rise + 50 * (rise + fall) - 0.01], engine=engine, reltol=1e-9
    )
    assert len(sol.events["off"]) == 50
    assert len(sol.events["on"]) == 50
    off = rise + np.arange(50) * (rise + fall)
    np.testing.assert_allclose(sol.events["off"].t, off, rtol=0, atol=1e-6)
    np.testing.assert_allclose(sol.events["on"].t, off + fall, rtol=0, atol=1e-6)


def test_a_dose_at_a_threshold(engine: str):
    """x falls from 2 to c and gets 3 k: nothing but logarithms."""
    system = psu.ODESystem(
        {x: -k * x},
        trainable={k: 0.9, c: 1.03},
        events=[psu.Event(x - c, set={x: x + 3 * k}, direction=-1, name="dose")],
    )
    times = np.linspace(0.0, 9.0, 33)
    sol = psu.solve(system, u0=[2.0], t=times, engine=engine, reltol=1e-9)
    first, more = np.log(2 / 1.03) / 0.9, np.log((1.03 + 2.7) / 1.03) / 0.9
    expected = first + more * np.arange(len(sol.events["dose"]))
    np.testing.assert_allclose(sol.events["dose"].t, expected, atol=1e-6)
    assert len(expected) == 6
    check_gradients(engine, system, data_of(system, times, {x: 2.0}))


def test_what_a_network_sets(engine: str):
    nn = psu.MLP("nn", inputs=[x, t], outputs=1, hidden=3)
    system = psu.ODESystem(
        {x: -x, y: nn[0] - y},
        events=[psu.Event(x - sp.Rational(1, 2), set={x: 2 + nn[0] / 4}, direction=-1, name="n")],
    )
    data = data_of(system, np.linspace(0.0, 4.0, 17), {x: 1.0, y: 0.0})
    check_gradients(engine, system, data)


def test_a_learned_time(engine: str):
    """Outputs lie on both sides; the state before and the rates change with the time, too."""
    system = psu.ODESystem(
        {x: -k * x + sp.sin(t)},
        trainable={k: 0.5, c: 1.03},
        events=[psu.Event(t - c, set={x: x + k * c + t}, name="shot")],
    )
    times = np.linspace(0.0, 3.0, 13)
    sol = psu.solve(system, u0=[2.0], t=times, engine=engine)
    np.testing.assert_allclose(sol.events["shot"].t, [1.03], atol=1e-12)
    check_gradients(engine, system, data_of(system, times, {x: 2.0}), tol=3e-6)


def test_two_at_once_in_their_order(engine: str):
    """The second reads what the first has set."""
    events = [
        psu.Event(x - 1, set={x: x + 2}, direction=-1, name="first"),
        psu.Event(y - 1, set={y: x + y}, direction=-1, name="second"),
    ]
    both = psu.ODESystem({x: -k * x, y: -k * y}, trainable={k: 0.9}, events=events)
    for order, behind in ((events, [3.0, 4.0]), (events[::-1], [3.0, 2.0])):
        system = both.replace(events=order)
        when = np.log(2) / 0.9
        sol = psu.solve(system, u0=[2.0, 2.0], t=[0.0, when + 1e-9], engine=engine, reltol=1e-10)
        np.testing.assert_allclose(sol.u[-1], behind, atol=1e-6)
        assert {name: len(found) for name, found in sol.events.items()} == {"first": 1, "second": 1}
    check_gradients(engine, both, data_of(both, np.linspace(0.0, 4.0, 15), {x: 2.0, y: 2.0}))


def test_one_event_calls_for_another(engine: str):
    """What counts is counted, and the count has an event of its own, at the same time."""
    counted = psu.ODESystem(
        {x: -k * x, y: sp.Integer(0)},
        trainable={k: 0.9, c: 1.03},
        events=[
            psu.Event(x - c, set={x: 2 * x, y: y + 1 + k * x * t / 10}, direction=-1, name="count"),
            psu.Event(y - 2, set={y: y - 2 + k * t, x: x + c + k * t}, direction=1, name="full"),
        ],
    )
    times = np.linspace(0.0, 5.0, 21)
    sol = psu.solve(counted, u0=[2.0, 0.0], t=times, engine=engine)
    assert len(sol.events["full"]) >= 1
    assert set(sol.events["full"].t) <= set(sol.events["count"].t)
    check_gradients(engine, counted, data_of(counted, times, {x: 2.0, y: 0.0}))


def test_events_that_call_each_other_without_end(engine: str):
    system = psu.ODESystem(
        {x: sp.Integer(1)},
        events=[
            psu.Event(x - 1, set={x: -x - 1}, direction=1, name="up"),
            psu.Event(x + 1, set={x: -x + 1}, direction=-1, name="down"),
        ],
    )
    sol = psu.solve(system, u0=[0.0], t=[0.0, 2.0], engine=engine)
    assert sol.retcode.name == "Chattering"
    assert "called for by the one before" in sol.message


def test_a_zero_at_the_start_is_none(engine: str):
    rising = psu.Event(x, set={x: x + 10}, name="rising")
    system = psu.ODESystem({x: sp.Integer(1)}, events=[rising])
    assert psu.solve(system, u0=[0.0], t=[0.0, 1.0], engine=engine)["x"][-1] == pytest.approx(1.0)
    # thrown up from the ground, it comes back within the first step
    thrown = psu.solve(BALL, u0=[0.0, 1e-3], t=[0.0, 2e-4], engine=engine, reltol=1e-9)
    np.testing.assert_allclose(thrown.events["bounce"].t, [], atol=0)
    thrown = psu.solve(BALL, u0=[0.0, 1e-3], t=[0.0, 3e-4], engine=engine, reltol=1e-9)
    np.testing.assert_allclose(thrown.events["bounce"].t, [2e-3 / 9.81], rtol=1e-9)


def test_an_event_that_never_happens_changes_nothing(engine: str):
    plain = psu.ODESystem({x: -k * x}, parameters={k: 2.0})
    event = psu.Event(x + 1, set={x: 100 * x}, name="never")
    times = np.linspace(0.0, 3.0, 7)
    one = psu.solve(plain, u0=[1.0], t=times, engine=engine, solver="Tsit5")
    two = psu.solve(plain, u0=[1.0], t=times, engine=engine, solver="Tsit5", events=[event])
    np.testing.assert_allclose(two.u, one.u, rtol=1e-12)
    assert len(two.events["never"]) == 0


def test_watched_events_see_jumps(engine: str):
    """A jump that passes zero counts; what it leaves alone at its zero counts once."""
    watched = [psu.Event(h, name="touch"), psu.Event(v, direction=1, name="turn")]
    sol = psu.solve(BALL, u0=[1.0, 0.0], t=[0.0, 1.5], engine=engine, events=watched, reltol=1e-9)
    bounces = landings(9)[landings(9) < 1.5]
    for name in ("bounce", "touch", "turn"):
        np.testing.assert_allclose(sol.events[name].t, bounces, atol=1e-7, err_msg=name)
    end = psu.Event(t - 1, terminate=True, name="end")
    sol = psu.solve(BALL, u0=[1.0, 0.0], t=[0.0, 0.3, 1.5], engine=engine, events=[end])
    assert sol.retcode.name == "Terminated"
    np.testing.assert_allclose(sol.t, [0.0, 0.3, 1.0])
    assert len(sol.events["bounce"]) == 1


def test_an_event_beside_a_choice(engine: str):
    """The event reads the condition of the right-hand side, and a jump carries it over that one."""
    system = psu.ODESystem(
        {x: sp.Piecewise((-k * x, x > 1), (-k * x / 3 - c, True)), y: x - y},
        trainable={k: 0.9, c: 0.2},
        events=[
            psu.Event(x, set={x: 2 + k}, direction=-1, name="again"),
            psu.Event(y - 1, set={x: x / 2}, direction=1, name="half"),
        ],
    )
    data = data_of(system, np.linspace(0.0, 6.0, 25), {x: 2.0, y: 0.0})
    check_gradients(engine, system, data)


def test_several_experiments_and_shooting(engine: str):
    rows = [np.random.default_rng(s).normal(size=(15, 2)) for s in range(3)]
    data = psu.Dataset.from_arrays(
        [np.linspace(0.0, end, 15) for end in (1.0, 1.7, 0.8)], rows, states=[h, v],
        u0=[{h: 1.0, v: s} for s in (0.0, 0.3, -0.2)],
    )  # fmt: skip
    check_gradients(engine, BALL, data)
    times = np.linspace(0.0, 1.5, 31)
    truth = psu.solve(BALL, u0=[1.0, 0.0], t=times, engine=engine, reltol=1e-9)
    measured = psu.Dataset.from_arrays(times, truth.u, states=[h, v])
    fit = psu.fit(
        BALL.replace(trainable={g: 9.5, e: 0.65}), measured, engine=engine, progress=False,
        stages=[psu.MultipleShooting(5, iterations=80), psu.LBFGS(60)],
    )  # fmt: skip
    assert fit.parameters["e"] == pytest.approx(0.7, rel=1e-3)


def test_a_stiff_system_with_an_event(engine: str):
    """A fast equation beside a slow one; the event sets both."""
    system = psu.ODESystem(
        {x: -1e4 * (x - sp.cos(y)), y: k * x},
        trainable={k: 1.0, c: 0.8},
        events=[psu.Event(y - c, set={y: -c * k, x: x / 2}, direction=1, name="reset")],
    )
    times = np.linspace(0.0, 5.0, 21)
    stiff = [s for s in MARCHES[engine] if s not in ("Tsit5", "Vern7")]
    ends = [
        psu.solve(system, u0=[1.0, 0.0], t=times, engine=engine, solver=s, reltol=1e-8).u
        for s in stiff
    ]
    for end in ends[1:]:
        np.testing.assert_allclose(end, ends[0], atol=1e-5)
    data = data_of(system, times, {x: 1.0, y: 0.0})
    obj = psu.objective(system, data, engine=engine, solver="Rodas5P", reltol=1e-9)
    theta = obj.theta0()
    slope, d = obj.value_and_grad(theta)[1], 1e-5
    numbers = [(obj.value(theta + d * r) - obj.value(theta - d * r)) / (2 * d) for r in np.eye(2)]
    np.testing.assert_allclose(slope, numbers, rtol=0, atol=1e-5 * np.abs(slope).max())


def test_ensembles_have_the_events(engine: str):
    heights = np.array([0.5, 1.0, 2.0])
    found = psu.solve_ensemble(
        BALL, u0={h: heights, v: 0.0}, t=[0.0, 0.9], engine=engine, threads=1, reltol=1e-9
    )
    for i, height in enumerate(heights):
        one = psu.solve(BALL, u0=[height, 0.0], t=[0.0, 0.9], engine=engine, reltol=1e-9)
        np.testing.assert_allclose(found.u[i], one.u, atol=1e-6)


@pytest.mark.parametrize("seed", range(8))
def test_random_systems_against_scipy(engine: str, seed: int):
    case = random_case(seed)
    expected = case.oracle().solve(case.u0, case.ts)
    for solver in MARCHES[engine]:
        tol = 1e-8 if solver == "Rosenbrock23" else 1e-9
        found = case.solve(engine, solver, tol)
        assert found.retcodes[0].name == "Success", solver
        bound = 1e-4 if solver == "Rosenbrock23" else 3e-6
        np.testing.assert_allclose(found.u[0], expected, rtol=0, atol=bound, err_msg=solver)


def test_the_oracle_tells_a_wrong_event():
    """An event that acts the other way is seen by the same comparison."""
    ball = Hybrid(
        lambda s, u: np.array([u[1], -9.81]),
        [Happening(lambda s, u: u[0], -1, lambda s, u: np.array([u[0], -0.7 * u[1]]))],
    )
    times = np.linspace(0.0, 1.5, 7)
    right = psu.solve(BALL, u0=[1.0, 0.0], t=times, engine="native", reltol=1e-9).u
    np.testing.assert_allclose(ball.solve([1.0, 0.0], times), right, atol=1e-6)
    wrong = psu.solve(with_values(BALL, {e: 0.701}), u0=[1.0, 0.0], t=times, engine="native").u
    assert np.abs(wrong - right).max() > 1e-3


# -- what they are part of ----------------------------------------------------------------------


def test_copies_keep_events(tmp_path):
    nn = psu.MLP("nn", inputs=[x], outputs=1, hidden=2)
    system = psu.ODESystem(
        {x: -x, y: x}, trainable={k: 1.0}, observables={"total": x + y},
        events=[
            psu.Event(sp.Symbol("total") - 2, set={"x": sp.Symbol("total") + nn[0]}, name="a"),
            psu.Event(t - k, set={y: 0, x: k * x}, direction=1),
        ],
    )  # fmt: skip
    assert system.events[0].expr == x + y - 2
    assert system.networks == (nn,)
    system.to_toml(tmp_path / "model.toml")
    for same in (
        psu.ODESystem.from_toml(tmp_path / "model.toml"),
        pickle.loads(pickle.dumps(system)),  # noqa: S301
        system.replace(parameters={}),
    ):
        assert same.events == system.events
        assert same == system
        assert hash(same) == hash(system)
    assert system.replace(events=()) != system
    event = system.events[1]
    assert pickle.loads(pickle.dumps(event)) == event  # noqa: S301


def test_laws_that_events_break_are_not_penalised():
    energy = g * h + v**2 / 2
    data = data_of(BALL, np.linspace(0.0, 1.0, 5), {h: 1.0, v: 0.0})
    with pytest.raises(InvalidInputError, match="takes laws that every event keeps"):
        psu.objective(BALL, data, laws=[energy], conserve="penalty")
    kept = BALL.replace(events=[psu.Event(h, set={v: -v}, direction=-1, name="bounce")])
    obj = psu.objective(kept.replace(trainable={g: 9.0}), data, laws=[energy], conserve="penalty")
    assert obj.evaluate(obj.theta0()).success


def test_what_cannot_leave_is_refused_by_name():
    data = data_of(BALL, np.linspace(0.0, 1.0, 5), {h: 1.0, v: 0.0})
    with pytest.raises(CapabilityError, match="states that jump"):
        psu.export_julia(psu.objective(BALL, data, solver="Tsit5", engine="native"), "x.jl")
    with pytest.raises(CapabilityError, match="event 'bounce' sets states"):
        psu.to_diffeqpy(BALL, [1.0, 0.0], [0.0, 1.0])
    with pytest.raises(InvalidInputError, match="takes systems without events"):
        psu.objective(
            psu.ODESystem({x: -k * x, y: k * x}, trainable={k: 1.0}, events=[
                psu.Event(x - 1, set={x: 2})]),
            data_of(psu.ODESystem({x: -x, y: x}), [0.0, 1.0], {x: 1.0, y: 0.0}),
            laws=[x + y], conserve="eliminate",
        )  # fmt: skip


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: psu.Event(x, set={x: 1}, terminate=True), "has set= and terminate=True"),
        (lambda: psu.Event(x, set={x: "y"}), "what an Event sets x to is the text 'y'"),
        (lambda: psu.Event(x, set={x: None}), "must be a SymPy expression; found None"),
        (lambda: psu.Event(x, set={x: sp.oo}), "must be real and finite"),
        (lambda: psu.Event(x, set={1: x}), "takes states, symbols or names, as keys; found 1"),
        (lambda: psu.Event(x, set=[x]), "takes a mapping such as"),
        (lambda: psu.ODESystem({x: -x}, events=[psu.Event(x)]), "event 'x' of the system has no"),
        (
            lambda: psu.ODESystem({x: -x}, events=[psu.Event(x, set={"z": 1})]),
            "sets 'z', which is no state; the states are x",
        ),
        (
            lambda: psu.ODESystem({x: -x}, events=[psu.Event(x, set={"x": 1, x: 2})]),
            "sets 'x' twice",
        ),
        (
            lambda: psu.ODESystem({x: -x}, events=[psu.Event(x, set={x: 1})] * 2),
            "two events are called 'x'",
        ),
        (lambda: psu.ODESystem({x: -x}, events=x), "events= takes psu.Event"),
        (lambda: psu.ODESystem({x: -x}, events=[x]), "events must hold psu.Event"),
        (
            lambda: psu.solve(BALL, u0=[1, 0], t=[0, 1], events=[psu.Event(h, name="bounce")]),
            "two events are called 'bounce'",
        ),
        (
            lambda: psu.fit(BALL, data_of(BALL, [0.0, 1.0], {h: 1.0, v: 0.0}), events=[]),
            "events that set states stand with the system",
        ),
    ],
)
def test_wrong_calls(make, message):
    with pytest.raises((InvalidInputError, TypeError), match=message):
        make()


def test_residuals_have_the_same_derivatives(engine: str):
    """The exact Jacobian of residuals, at an output behind an event at that very time, too."""
    late = BALL.replace(
        trainable={g: 9.81, e: 0.7},
        events=[*BALL.events, psu.Event(t - 0.8, set={v: v + e, h: h + g / 20}, name="lift")],
    )
    times = np.array([0.0, 0.3, 0.6, 0.8, 0.9, 1.3])
    data = data_of(late, times, {h: 1.0, v: 0.0}, trainable_u0=True)
    obj = psu.objective(late, data, engine=engine, solver="Tsit5", reltol=1e-10, abstol=1e-12)
    theta = obj.theta0()
    r, J = obj.residuals(theta), obj.jacobian(theta)
    np.testing.assert_allclose(2 * J.T @ r, obj.value_and_grad(theta)[1], rtol=1e-9, atol=1e-9)
    d = 1e-6
    columns = [
        (obj.residuals(theta + d * row) - obj.residuals(theta - d * row)) / (2 * d)
        for row in np.eye(theta.size)
    ]
    np.testing.assert_allclose(J, np.stack(columns, axis=1), rtol=0, atol=1e-5)


def test_other_solvers_of_julia_are_refused_by_name(julia: str):
    times = np.linspace(0.0, 1.0, 5)
    with pytest.raises(CapabilityError, match="'Tsit5', 'Rodas5P', 'auto'; found 'Vern7'"):
        psu.solve(BALL, u0=[1.0, 0.0], t=times, engine=julia, solver="Vern7")
    data = data_of(BALL, times, {h: 1.0, v: 0.0})
    obj = psu.objective(BALL, data, engine=julia, solver="Tsit5", sensealg="gauss")
    with pytest.raises(CapabilityError, match="along its own steps; found sensealg='gauss'"):
        obj.value_and_grad(obj.theta0())
