"""Conditions that switch during a solve: landed on, restarted behind, and differentiated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import sympy as sp

import pysymude as psu
from pysymude.errors import InvalidInputError
from tests.engines.slopes import SENSEALGS, end_loss, end_slope

x, y, v = psu.states("x y v")
c, d, k, p, w = psu.parameters("c d k p w")
t = psu.t

pytestmark = pytest.mark.lacking(
    "julia", "steps of OrdinaryDiffEq do not end at switches of states", but=("Tsit5", "Rodas5P")
)


def last(system: psu.ODESystem, u0: Any, end: float, engine: str, **keywords: Any) -> psu.Solution:
    sol = psu.solve(system, u0=u0, t=[0.0, end], engine=engine, **keywords)
    assert sol.success, sol.message
    return sol


# -- inputs in time ----------------------------------------------------------------------------


def test_a_short_input_is_not_stepped_over(engine: str):
    """x' = -0.1 x + 2 on (3, 3.5): x(3.5) = 20 (1 - exp(-0.05)) = 0.97541."""
    pulse = sp.Piecewise((2, (t > 3) & (t < sp.Rational(7, 2))), (0, True))
    sol = psu.solve(
        psu.ODESystem({x: -0.1 * x + pulse}), u0=[0.0], t=np.linspace(0.0, 20.0, 401), engine=engine
    )
    right = 20 * (1 - np.exp(-0.05))
    assert sol["x"].max() == pytest.approx(right, abs=1e-6)
    assert sol["x"].argmax() == 70
    # the check would notice an input that lasts 0.2 % longer
    assert 20 * (1 - np.exp(-0.0501)) != pytest.approx(right, abs=1e-6)


INFUSIONS = (1.0, 7.0, 13.0, 19.0)


def by_pieces(times: np.ndarray, rate: float, ke: float, length: float) -> np.ndarray:
    """One compartment: each infusion adds rate/ke (1 - exp(-ke s)), which then decays."""
    total = np.zeros_like(times)
    for start in INFUSIONS:
        s = np.clip(times - start, 0.0, length)
        total += (
            rate / ke * (1 - np.exp(-ke * s)) * np.exp(-ke * np.maximum(times - start - length, 0))
        )
    return total


@pytest.mark.parametrize("form", ["Piecewise", "Heaviside", "chained"])
def test_four_infusions(engine: str, form: str):
    rate, ke, length = 30.0, 0.3, 0.1
    if form == "Piecewise":
        infused = sum(
            sp.Piecewise((rate, (t >= s) & (t < s + length)), (0, True)) for s in INFUSIONS
        )
    elif form == "Heaviside":
        infused = sum(
            rate * (sp.Heaviside(t - s) - sp.Heaviside(t - s - length)) for s in INFUSIONS
        )
    else:
        ends = [e for s in INFUSIONS for e in (s, s + length)]
        infused = sp.Piecewise(*((rate * (i % 2), t < e) for i, e in enumerate(ends)), (0, True))
    times = np.linspace(0.0, 24.0, 97)
    sol = psu.solve(psu.ODESystem({x: infused - ke * x}), u0=[0.0], t=times, engine=engine)
    right = by_pieces(times, rate, ke, length)
    assert np.abs(sol["x"] - right).max() <= 1e-6
    # an infusion that is missed would be noticed
    assert np.abs(0.75 * right - right).max() > 1e-2


# -- gradients against closed forms ------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """x(end) > 0 and its derivatives by the trainable parameters, from a formula."""

    name: str
    system: psu.ODESystem
    u0: dict[Any, float]
    end: float
    value: float
    slopes: tuple[float, ...]


def _case(
    name: str,
    rhs: Any,
    start: Any,
    end: float,
    theta: dict[Any, float],
    value: float,
    *slopes: float,
):
    rhs = rhs if isinstance(rhs, dict) else {x: rhs}
    start = start if isinstance(start, dict) else {x: start}
    return Case(name, psu.ODESystem(rhs, trainable=theta), start, end, value, slopes)


def _abs_through_zero(k: float, x0: float, end: float) -> tuple[float, float]:
    """x' = k - |x| from x0 < 0: (x0 + k) exp(t) - k up to t1 = log(k/(x0 + k)), then k (1 - exp(t1 - t))."""
    ratio = k / (x0 + k)
    # d exp(t1)/dk = x0/(x0 + k)^2
    grown = np.exp(-end)
    return k * (1 - ratio * grown), 1 - ratio * grown - k * grown * x0 / (x0 + k) ** 2


def _cases() -> list[Case]:
    e, ln, sqrt = np.exp, np.log, np.sqrt
    pw = sp.Piecewise
    found = [
        # 5 - c - 0.3 (3 - c)
        _case("time", pw((-1, t < c), (-0.3, True)), 5.0, 3.0, {c: 1.0}, 3.4, -0.7),
        # exp(-T) + 1 - exp(-(T - k))
        _case("lag", sp.Heaviside(t - k) - x, 1.0, 3.0, {k: 0.8}, e(-3) + 1 - e(-2.2), -e(-2.2)),
        # a pulse of height 2 and length d behind a lag: 2 (1 - exp(-d)) exp(-(T - c - d))
        _case(
            "pulse", pw((2, (t > c) & (t < c + d)), (0, True)) - x, 0.0, 4.0, {c: 1.5, d: 0.5},
            2 * (1 - e(-0.5)) * e(-2), 2 * (1 - e(-0.5)) * e(-2), 2 * e(-2.5) + 2 * (1 - e(-0.5)) * e(-2),
        ),
        # reaches k at time k: 2 T - k
        _case("threshold", pw((1, x < k), (2, True)), 0.0, 3.0, {k: 1.0}, 5.0, -1.0),
        # reaches c at log(2/c): sqrt(2 c) exp(-T/2)
        _case(
            "decay", pw((-x, x > c), (-x / 2, True)), 2.0, 3.0, {c: 0.9},
            sqrt(1.8) * e(-1.5), sqrt(2 / 0.9) / 2 * e(-1.5),
        ),
        # x' = 1 up to x = k, where y starts to grow; seen in y = (T - k/w) with x' = w
        _case(
            "other state", {y: sp.Heaviside(x - k), x: w}, {y: 0.5, x: 0.0}, 3.0, {k: 1.0, w: 0.8},
            0.5 + 3 - 1 / 0.8, -1 / 0.8, 1 / 0.64,
        ),
        # two switches of one state, the second's time moved by the first: t1 = c, then 2 up to x = d
        _case(
            "chain", pw((1, x < c), (2, x < d), (5, True)), 0.0, 3.0, {c: 1.0, d: 2.0},
            2 + 5 * 1.5, -5 / 2, 1 - 5 / 2,
        ),
        # the condition moves with time and state: x = t up to t + x = k, thus t = k/2
        _case("both", pw((1, t + x < k), (3, True)), 0.0, 3.0, {k: 2.0}, 7.0, -1.0),
        # nested: t < c decides which threshold counts. x' = 1 to t = c = 1, then x > 1/2 at once: 3
        _case(
            "nested", pw((pw((1, x < k), (2, True)), t < c), (pw((4, x < p), (3, True)), True)),
            0.0, 3.0, {c: 1.0, k: 0.5, p: 2.0},
            # k + 2 (c - k) = 1.5 at c; 4 up to p: 1/8; then 3 for 3 - 1 - 1/8
            2 + 3 * 1.875, -3 + 3 * 2 / 4, -3 / 4, 1 - 3 / 4,
        ),
    ]  # fmt: skip
    # -k Max(x, p) reaches p at log(3/p)/k and is straight from there: p + p log(3/p) - k p T
    found.append(
        _case(
            "Max", -k * sp.Max(x, p), 3.0, 4.0, {k: 0.5, p: 0.9},
            0.9 + 0.9 * ln(3 / 0.9) - 0.5 * 0.9 * 4, -0.9 * 4, ln(3 / 0.9) - 0.5 * 4,
        )
    )  # fmt: skip
    # falls as p + exp(-t) while above p = 1, and then stays, for x - k is above 0 throughout
    found.append(
        _case(
            "relu", -sp.Max(x - p, 0) - sp.Max(k - x, 0), 2.0, 1.5, {k: 0.5, p: 1.0},
            1 + e(-1.5), 0.0, 1 - e(-1.5),
        )
    )  # fmt: skip
    # t^2/2 up to c = 2, then c: 1 + 2 + 2
    found.append(_case("Min", sp.Min(t, c), 1.0, 3.0, {c: 2.0}, 5.0, 1.0))
    found.append(
        _case("Abs", k - sp.Abs(x), -0.5, 2.0, {k: 2.0}, *_abs_through_zero(2.0, -0.5, 2.0))
    )
    return found


CASES = {case.name: case for case in _cases()}


@pytest.mark.parametrize("sensealg", SENSEALGS)
@pytest.mark.parametrize("name", CASES)
def test_gradient_against_a_closed_form(engine: str, solver: str, name: str, sensealg: str):
    case = CASES[name]
    # a low order needs thousands of steps at tight tolerances
    reltol, allowed = (1e-7, 2e-5) if solver == "Rosenbrock23" else (1e-9, 1e-7)
    value, slopes = end_slope(
        end_loss(
            case.system, case.u0, case.end, engine=engine, solver=solver, sensealg=sensealg,
            reltol=reltol, abstol=reltol,
        )
    )  # fmt: skip
    assert value == pytest.approx(abs(case.value), rel=allowed, abs=allowed)
    right = np.sign(case.value) * np.array(case.slopes)
    np.testing.assert_allclose(slopes, right, rtol=allowed, atol=allowed)


@pytest.mark.parametrize("sensealg", SENSEALGS)
@pytest.mark.parametrize("name", ["time", "threshold", "Max"])
def test_the_gradient_without_its_jump_would_be_noticed(engine: str, name: str, sensealg: str):
    """The derivative with switches held where they are: wrong, and far outside what is allowed."""
    case = CASES[name]
    _, slopes = end_slope(
        end_loss(case.system, case.u0, case.end, engine=engine, sensealg=sensealg, reltol=1e-9)
    )
    # -k Max(x, p) is continuous: there the switch moves nothing, and no jump is missing
    held = np.array({"time": [0.0], "threshold": [0.0], "Max": case.slopes}[name])
    assert np.allclose(slopes, held, rtol=1e-7, atol=1e-7) == (name == "Max")


@pytest.mark.parametrize("sensealg", SENSEALGS)
def test_jumps_in_two_states_and_a_learned_start(engine: str, sensealg: str):
    """x falls from a learned start through c at log(x0/c), when y' jumps from 0 to 1: y = T - log(x0/c)."""
    system = psu.ODESystem(
        {x: -x, y: sp.Heaviside(c - x)}, observables={"seen": y}, trainable={c: 0.5}
    )
    data = psu.Dataset.from_arrays(
        [0.0, 3.0], [[np.nan], [0.0]], states=["seen"], u0={x: 2.0, y: 0.0}, trainable_u0=[x]
    )
    obj = psu.objective(system, data, engine=engine, sensealg=sensealg, reltol=1e-9)
    seen, slopes = end_slope(obj)
    assert seen == pytest.approx(3 - np.log(4), rel=1e-8)
    # by c: 1/c; by x0: -1/x0
    right = {"c": 2.0, "x": -0.5}
    for name, slot in obj.layout.items():
        expected = next(r for symbol, r in right.items() if symbol in name)
        assert slopes[slot.offset] == pytest.approx(expected, rel=1e-7), name


# -- kinks of networks -------------------------------------------------------------------------


@pytest.mark.parametrize("sensealg", SENSEALGS)
def test_gradient_at_the_kink_of_a_forced_system(engine: str, sensealg: str):
    """x' = -k Max(x, p) + sin 4t passes p many times; central differences at tight tolerances."""
    system = psu.ODESystem({x: -k * sp.Max(x, p) + sp.sin(4 * t)}, trainable={k: 0.3, p: 0.4})
    tight = end_loss(system, {x: 0.5}, 6.0, engine=engine, reltol=1e-12, abstol=1e-13)
    theta = tight.theta0()
    right = [
        (tight.value(theta + h) - tight.value(theta - h)) / 2e-5 for h in 1e-5 * np.eye(theta.size)
    ]
    found = end_loss(system, {x: 0.5}, 6.0, engine=engine, sensealg=sensealg)  # at the default
    np.testing.assert_allclose(found.evaluate(theta).gradient, right, rtol=1e-5)


# -- many switches -----------------------------------------------------------------------------


@pytest.mark.parametrize("sensealg", SENSEALGS)
def test_a_relay_oscillator_with_a_hundred_switches(engine: str, sensealg: str):
    """x'' = -k sign(x) from rest at a: a quarter of its period is sqrt(2 a/k), here 1."""
    system = psu.ODESystem({x: v, v: -k * sp.sign(x)}, trainable={k: 1.0})
    end = 200.5  # 100 crossings at 1, 3, ..., 199; half a unit behind the turn at 200
    sol = last(system, {x: 0.5, v: 0.0}, end, engine, reltol=1e-9, parameters={k: 1.0})
    np.testing.assert_allclose(sol.u[-1], [0.5 - 0.125, -0.5], atol=1e-7)
    assert abs(sol.u[-1, 1] ** 2 / 2 + abs(sol.u[-1, 0]) - 0.5) < 1e-8
    # x(t; k) = X(sqrt(k) t): dx/dk = x' t/(2 k)
    _, slopes = end_slope(
        end_loss(system, {x: 0.5, v: 0.0}, end, engine=engine, sensealg=sensealg, reltol=1e-9)
    )
    np.testing.assert_allclose(slopes, [-0.5 * end / 2], rtol=1e-6)


def test_a_ball_on_a_stiff_floor_bounces_fifty_times(engine: str):
    """Free flights of 2 v0/g, contacts with a spring that last (2 pi - 2 atan(v0 w/g))/w."""
    g, stiffness, height = 9.81, 1e6, 1.0
    turn = np.sqrt(stiffness)
    v0 = np.sqrt(2 * g * height)
    period = 2 * v0 / g + (2 * np.pi - 2 * np.arctan(v0 * turn / g)) / turn
    fall = psu.ODESystem({x: v, v: -g - sp.Piecewise((stiffness * x, x < 0), (0, True))})
    times = period * np.array([0.0, 1.0, 25.0, 49.75, 50.0])
    sol = psu.solve(
        fall, u0={x: height, v: 0.0}, t=times, engine=engine, reltol=1e-10, abstol=1e-10
    )
    assert sol.success, sol.message
    # at rest at the top after every period
    np.testing.assert_allclose(sol["x"][[1, 2, 4]], height, rtol=1e-6)
    np.testing.assert_allclose(sol["v"][[1, 2, 4]], 0.0, atol=1e-4)
    # a period that is wrong by 1e-6 would be noticed: 50 of them move v by 50 period g 1e-6
    assert 50 * period * g * 1e-6 > 1e-4
    energy = sol["v"] ** 2 / 2 + g * sol["x"]
    np.testing.assert_allclose(energy, g * height, rtol=1e-7)


@pytest.mark.parametrize("level", [0.5, 0.99])
@pytest.mark.parametrize("sensealg", SENSEALGS)
def test_hundreds_of_periods_of_a_learned_frequency(engine: str, sensealg: str, level: float):
    """x' = 1 while sin(w t) > level: in each period for (pi - 2 asin(level))/w, 320 periods in all."""
    system = psu.ODESystem(
        {x: sp.Piecewise((1, sp.sin(w * t) > level), (0, True))}, trainable={w: 20.1}
    )
    # 2010/(2 pi) = 319.9: the 320th is over
    right = 320 * (np.pi - 2 * np.arcsin(level)) / 20.1
    value, slopes = end_slope(
        end_loss(system, {x: 0.0}, 100.0, engine=engine, sensealg=sensealg, max_steps=100_000)
    )
    assert value == pytest.approx(right, rel=1e-9)
    assert slopes[0] == pytest.approx(-right / 20.1, rel=1e-8)


@pytest.mark.parametrize(
    ("name", "condition"),
    [
        ("product", (t - 40) * (t - sp.Rational(4001, 100)) < 0),
        ("distance", sp.Abs(t - sp.Rational(8001, 200)) < sp.Rational(1, 200)),
        ("comb", sp.cos(2 * sp.pi * (t - sp.Rational(8001, 200)) / 25) > sp.cos(2 * sp.pi / 5000)),
    ],
)
def test_a_narrow_window_however_it_is_written(engine: str, name: str, condition: Any):
    """x' = 1 on a ten thousandth of the span; the comb has four such windows."""
    sol = last(psu.ODESystem({x: sp.Piecewise((1, condition), (0, True))}), [0.0], 100.0, engine)
    assert sol["x"][-1] == pytest.approx(0.04 if name == "comb" else 0.01, rel=1e-7)


def test_a_touch_is_no_switch(engine: str):
    """(t - 2)^2 > 0 but for one instant, which may be a point of any grid."""
    rhs = sp.Piecewise((1, (t - 2) ** 2 > 0), (5, True))
    assert last(psu.ODESystem({x: rhs}), [0.0], 4.0, engine)["x"][-1] == pytest.approx(
        4.0, rel=1e-8
    )


# at t = 0 these are 0 together with one derivative or more: their signs show only further behind
FLAT_STARTS = {
    "1 - cos t": (sp.Abs(1 - sp.cos(t)), 1.5 - np.sin(1.5)),
    "cubic": (sp.Abs(t - sp.sin(t)), 1.5**2 / 2 + np.cos(1.5) - 1),
    "Max": (sp.Max(t - sp.sin(t), 0), 1.5**2 / 2 + np.cos(1.5) - 1),
    "Min": (sp.Min(sp.cos(t) - 1, 0), np.sin(1.5) - 1.5),
    # positive up to the third root of pi, which is 1.4646
    "sign": (sp.sign(sp.sin(t**3)), 2 * np.pi ** (1 / 3) - 1.5),
    "order five": (sp.sign(sp.exp(t**5) - 1), 1.5),
}


@pytest.mark.parametrize("name", FLAT_STARTS)
@pytest.mark.parametrize("start", [0.0, -1.0])
def test_a_zero_of_a_high_order_at_the_start(engine: str, name: str, start: float):
    """Integrals from 0 to 1.5; with the start at -1 what reads time reads t + 1."""
    rate, right = FLAT_STARTS[name]
    system = psu.ODESystem({x: rate.subs(t, t - start)})
    sol = psu.solve(system, u0=[0.0], t=[start, start + 1.5], engine=engine, reltol=1e-9)
    assert sol.success
    assert sol["x"][-1] == pytest.approx(right, abs=1e-7)


def test_a_zero_of_a_high_order_where_a_dose_begins_anew(engine: str):
    """|sin((t - 1)^2)| from 0 to 2.5, which changes behind 1 + sqrt(pi) = 2.77 alone, and a dose at 1."""
    system = psu.ODESystem({x: sp.Abs(sp.sin((t - 1) ** 2))})
    sol = psu.solve(
        system, u0=[0.0], t=[0.0, 2.5], engine=engine, reltol=1e-9, doses={x: [(1.0, 1.0)]}
    )
    # the integrals of sin(s^2) to 1 and to 1.5 (Fresnel)
    assert sol["x"][-1] == pytest.approx(1.0 + 0.310268301723 + 0.778237804271, abs=1e-7)


def test_the_gradient_behind_a_zero_of_a_high_order(engine: str):
    """x' = c |1 - cos t|."""
    system = psu.ODESystem({x: c * sp.Abs(1 - sp.cos(t))}, trainable={c: 2.0})
    data = psu.Dataset.from_arrays([1.5], [[0.0]], states=[x], t0=0.0, u0={x: 0.0})
    obj = psu.objective(system, data, engine=engine, reltol=1e-10, abstol=1e-12)
    value, gradient = obj.value_and_grad([2.0])
    assert value > 0.1
    # the loss is a square of c times a number
    assert gradient[0] == pytest.approx(value, rel=1e-7)


def test_a_condition_that_stays_zero_for_a_while(engine: str):
    """Max(t - 1, 0) > 0 from t = 1 on."""
    rhs = sp.Piecewise((3, sp.Max(t - 1, 0) > 0), (1, True))
    assert last(psu.ODESystem({x: rhs}), [0.0], 2.0, engine)["x"][-1] == pytest.approx(
        4.0, rel=1e-8
    )


# -- chattering --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rhs",
    [-sp.sign(x), sp.Piecewise((1, x < 0), (-2, True)), 1 - 3 * sp.Heaviside(x)],
    ids=["sign", "Piecewise", "Heaviside"],
)
def test_a_condition_that_chatters_says_so(engine: str, solver: str, rhs: Any):
    sol = psu.solve(
        psu.ODESystem({x: rhs}), u0=[0.7], t=[0.0, 0.3, 2.0], engine=engine, solver=solver
    )
    assert sol.retcode.name == "Chattering"
    assert "switches back and forth" in sol.message
    assert np.isfinite(sol.u[1]).all()
    assert np.isnan(sol.u[2]).all()


def test_dry_friction_that_sticks_chatters(engine: str):
    """x'' = -sign(x') comes to rest at t = 1 and has nowhere to go."""
    sol = psu.solve(
        psu.ODESystem({x: v, v: -sp.sign(v)}), u0={x: 0.0, v: 1.0}, t=[0.0, 2.0], engine=engine
    )
    assert sol.retcode.name == "Chattering"


def test_switches_that_pile_up_in_finite_time_are_no_success(engine: str):
    """x'' = -2 sign(x) - sign(x'): each half turn is shorter by a factor; they end at t = 4.73 (Fuller)."""
    system = psu.ODESystem({x: v, v: -2 * sp.sign(x) - sp.sign(v)})
    sol = psu.solve(system, u0={x: 1.0, v: 0.0}, t=[0.0, 20.0], engine=engine)
    assert sol.retcode.name in ("Chattering", "DtLessThanMin", "MaxIters")


def test_a_switch_that_is_only_passed_does_not_chatter(engine: str):
    """The negative control: both sides lead the same way."""
    sol = last(psu.ODESystem({x: -1 - sp.Heaviside(x)}), [1.0], 2.0, engine)
    assert sol["x"][-1] == pytest.approx(-1.5, abs=1e-8)


# -- several at once, at the start, at outputs -------------------------------------------------


@pytest.mark.parametrize(
    "conditions",
    [
        (sp.Heaviside(t - 1), sp.Heaviside(x - 1)),
        (sp.Heaviside(x - 1), sp.Heaviside(x**3 - 1)),
        (sp.Heaviside(t - 1), sp.Heaviside(t**2 - 1)),
        (sp.Heaviside(x - 1), sp.Piecewise((0, x * t < 1), (1, True))),
    ],
    ids=["time and state", "two of a state", "two of time", "state and both"],
)
def test_conditions_that_change_at_one_time(engine: str, solver: str, conditions: Any):
    one, two = conditions
    sol = psu.solve(
        psu.ODESystem({x: 1, y: one + 2 * two}), u0=[0.0, 0.0], t=[0.0, 1.0, 3.0], engine=engine,
        solver=solver,
    )  # fmt: skip
    assert sol.success, sol.message
    np.testing.assert_allclose(sol["y"], [0.0, 0.0, 6.0], atol=1e-8)


@pytest.mark.parametrize(
    ("rhs", "right"),
    [
        (sp.Piecewise((1, x >= 0), (-1, True)), 2.0),
        (sp.Piecewise((1, x > 0), (-1, True)), -2.0),
        (sp.Piecewise((2, t > 0), (1, True)), 4.0),
        (sp.Piecewise((2, t >= 0), (1, True)), 4.0),
        (sp.Piecewise((1, t <= 0), (3, True)), 6.0),
        (1 + sp.Heaviside(x), 4.0),
        (1 + sp.Heaviside(t), 4.0),
        (1 + sp.Max(x, 0), np.exp(2) - 1),
        (1 - sp.Abs(x), 1 - np.exp(-2)),
        (-1 + sp.Min(x, 0), 1 - np.exp(2)),
        (sp.sign(x), 0.0),
        (sp.sign(x) + sp.Heaviside(t - 1), 2.0),
    ],
    ids=str,
)
def test_a_condition_that_is_zero_at_the_start(engine: str, solver: str, rhs: Any, right: float):
    sol = psu.solve(psu.ODESystem({x: rhs}), u0=[0.0], t=[0.0, 2.0], engine=engine, solver=solver)
    assert sol.success, sol.message
    assert sol["x"][-1] == pytest.approx(right, abs=5e-4 if solver == "Rosenbrock23" else 2e-5)


@pytest.mark.parametrize("sensealg", SENSEALGS)
@pytest.mark.parametrize("condition", [t < c, x < c], ids=["time", "state"])
def test_a_switch_at_an_output_time(engine: str, solver: str, condition: Any, sensealg: str):
    """x' = 1 up to 1, then 3, measured at 1 and at 2: 1 and 3 c - 2 c = 4; d/dc at 2 is -2."""
    system = psu.ODESystem({x: sp.Piecewise((1, condition), (3, True))}, trainable={c: 1.0})
    sol = psu.solve(
        system, u0=[0.0], t=[0.0, 1.0, 2.0], parameters={c: 1.0}, engine=engine, solver=solver
    )
    np.testing.assert_allclose(sol["x"], [0.0, 1.0, 4.0], atol=1e-9)

    def slope(measured: list[float]) -> float:
        data = psu.Dataset.from_arrays([0.0, 1.0, 2.0], measured, states=[x], u0={x: 0.0})
        obj = psu.objective(system, data, engine=engine, solver=solver, sensealg=sensealg)
        return obj.evaluate([1.0]).gradient[0]

    nan = float("nan")
    assert slope([nan, nan, 0.0]) == pytest.approx(2 * 4 * -2.0, rel=1e-8)
    # at the switch itself the derivative has two sides, -2 and 0
    at = slope([nan, 0.0, nan]) / 2
    assert min(abs(at), abs(at + 2.0)) < 1e-8


# -- fits --------------------------------------------------------------------------------------


def test_a_learned_lockdown_time_is_found(engine: str):
    """SIR whose contacts fall from 0.4 to 0.1 a day on day 24, found from day 20."""
    S, I = psu.states("S I", positive=True)  # noqa: E741
    contacts = sp.Piecewise((0.4, t < c), (0.1, True))
    rhs = {S: -contacts * S * I, I: contacts * S * I - 0.15 * I}
    times = np.linspace(0.0, 60.0, 61)
    start = {S: 0.999, I: 0.001}
    truth = psu.solve(
        psu.ODESystem(rhs), u0=start, t=times, parameters={c: 24.0}, engine=engine, reltol=1e-9
    )
    data = psu.Dataset.from_arrays(times, truth["I"], states=[I], u0=start, noise=1e-3)
    fit = psu.fit(
        psu.ODESystem(rhs, trainable={c: 20.0}), data, engine=engine, stages=psu.LBFGS(100),
        progress=False,
    )  # fmt: skip
    assert fit.values["c"] == pytest.approx(24.0, abs=1e-3)


# -- what users say of steps -------------------------------------------------------------------

BUMP = (
    1000 / sp.sqrt(sp.pi) * sp.exp(-((1000 * (t - 5)) ** 2))
)  # smooth, of area 1, unseen by chance


@pytest.mark.parametrize(
    "keywords", [{"tstops": [5.0]}, {"dtmax": 1e-3}, {"tstops": [-1.0, 5.0, 99.0]}]
)
def test_tstops_and_dtmax_find_what_steps_miss(engine: str, solver: str, keywords: dict[str, Any]):
    system = psu.ODESystem({x: BUMP})
    missed = last(system, [0.0], 10.0, engine, solver=solver)
    assert missed["x"][-1] < 1e-3
    found = last(system, [0.0], 10.0, engine, solver=solver, max_steps=100_000, **keywords)
    assert found["x"][-1] == pytest.approx(1.0, abs=1e-3)
    if "dtmax" in keywords:
        assert found.stats.steps >= 10_000


def test_they_hold_in_objectives_too(engine: str):
    obj = end_loss(
        psu.ODESystem({x: k * BUMP}, trainable={k: 2.0}),
        {x: 0.0},
        10.0,
        engine=engine,
        tstops=[5.0],
    )
    np.testing.assert_allclose(end_slope(obj)[1], [1.0], rtol=1e-4)


@pytest.mark.parametrize(
    "rhs", [-x, -x + sp.Heaviside(t - 5) / 100], ids=["plain", "with a condition"]
)
def test_thousands_of_tstops(engine: str, rhs: Any):
    """More than there is room for at first; each is the end of a step."""
    sol = last(psu.ODESystem({x: rhs}), [1.0], 1.0, engine, tstops=np.linspace(0.0, 1.0, 3001))
    assert sol["x"][-1] == pytest.approx(np.exp(-1), rel=1e-8)
    assert sol.stats.accepted >= 3000


def test_max_steps_is_the_limit(engine: str):
    system = psu.ODESystem({x: sp.cos(50 * t)})
    sol = psu.solve(system, u0=[0.0], t=[0.0, 10.0], engine=engine, max_steps=20)
    assert sol.retcode.name == "MaxIters"
    assert "max_steps=" in sol.message
    assert sol.stats.steps <= 20
    enough = psu.solve(system, u0=[0.0], t=[0.0, 10.0], engine=engine, max_steps=20_000)
    assert enough["x"][-1] == pytest.approx(np.sin(500) / 50, abs=1e-5)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"max_steps": 0}, "max_steps must be a positive integer; found 0"),
        ({"max_steps": 1.5}, "max_steps must be a positive integer; found 1.5"),
        ({"max_steps": True}, "max_steps must be a positive integer; found True"),
        ({"max_steps": "many"}, "max_steps must be a positive integer; found 'many'"),
        ({"dtmax": 0.0}, "dtmax must be a positive number.*found 0.0"),
        ({"dtmax": -1}, "dtmax must be a positive number.*found -1"),
        ({"dtmax": float("nan")}, "dtmax must be a positive number.*found nan"),
        ({"dtmax": "small"}, "dtmax must be a positive number.*found 'small'"),
        ({"tstops": [float("nan")]}, "tstops must be finite times"),
        ({"tstops": [[1.0, 2.0]]}, "tstops must be finite times"),
        ({"tstops": 5.0}, "tstops must be finite times"),
        ({"tstops": ["soon"]}, "tstops"),
    ],
    ids=str,
)
def test_bad_values_are_told(engine: str, keywords: dict[str, Any], message: str):
    with pytest.raises(InvalidInputError, match=message):
        psu.solve(psu.ODESystem({x: -x}), u0=[1.0], t=[0.0, 1.0], engine=engine, **keywords)
