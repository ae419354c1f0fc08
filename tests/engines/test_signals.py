"""Measured inputs: against piece-by-piece integration, and gradients against differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp

import pysymude as psu
from pysymude.errors import CapabilityError, InvalidInputError
from tests.engines.forcing import by_pieces
from tests.engines.slopes import SENSEALGS

x, y = psu.states("x y")
k, tau, a, b, c, d = psu.parameters("k tau a b c d")
t = psu.t
KINDS = ("linear", "previous", "cubic")
SOLVERS = ("Tsit5", "Rodas5P")


def points(seed: int, n: int = 12, first: float = -1.0, last: float = 11.0) -> Any:
    """Times at uneven distances, and values."""
    rng = np.random.default_rng(seed)
    times = np.sort(rng.uniform(first, last, n))
    times[0], times[-1] = first, last
    return times, rng.normal(size=n)


def cooling(signal: psu.Signal, **keywords: Any) -> psu.ODESystem:
    rhs = {x: -k * (x - signal(t - tau)) ** 3 + y, y: x - 2 * y}
    return psu.ODESystem(rhs, **({"parameters": {k: 1.3, tau: 0.25}} | keywords))


def cooling_by_pieces(kind: str, given: Any, ts: Any, lag: float = 0.25) -> Any:
    return by_pieces(
        lambda s, u, T: [-1.3 * (u[0] - T) ** 3 + u[1], u[0] - 2 * u[1]],
        kind, given, np.array([1.0, 0.3]), ts, lag,
    )  # fmt: skip


# -- solves ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", [*SOLVERS, "auto"])
def test_against_piece_by_piece_integration(kind: str, method: str, engine: str):
    T, given, ts = psu.Signal("T", kind), points(1), np.linspace(0.0, 9.0, 37)
    sol = psu.solve(
        cooling(T), u0=[1.0, 0.3], t=ts, signals={T: given}, solver=method, engine=engine,
        reltol=1e-11, abstol=1e-11,
    )  # fmt: skip
    assert sol.success
    right = cooling_by_pieces(kind, given, ts)
    assert np.abs(sol.u - right).max() < 1e-8
    # another lag, or another kind, would be seen
    assert np.abs(cooling_by_pieces(kind, given, ts, lag=0.2501) - right).max() > 1e-6
    other = "cubic" if kind == "linear" else "linear"
    assert np.abs(cooling_by_pieces(other, given, ts) - right).max() > 1e-3


def test_tolerances_are_kept_from_both_sides(engine: str):
    T, given, ts = psu.Signal("T"), points(2, 40), np.linspace(0.0, 9.0, 37)
    right = cooling_by_pieces("linear", given, ts)
    for reltol in (1e-4, 1e-7):
        sol = psu.solve(
            cooling(T), u0=[1.0, 0.3], t=ts, signals={"T": given}, engine=engine, solver="Tsit5",
            reltol=reltol, abstol=reltol,
        )  # fmt: skip
        assert 1e-4 * reltol < np.abs(sol.u - right).max() < 20 * reltol


@pytest.mark.parametrize("method", SOLVERS)
@pytest.mark.parametrize("what", ["waves", "noise", "pulses", "spike"])
def test_many_points(method: str, what: str, engine: str):
    """x' = -k (x - T): exact from point to point; far fewer steps than points where that is enough."""
    rng, n = np.random.default_rng(0), 20001
    ts, times = np.linspace(0.0, 100.0, 101), np.linspace(0.0, 100.0, n)
    values = {"waves": np.sin(times), "noise": rng.normal(size=n)}.get(what, np.zeros(n))
    if what == "pulses":
        for i in rng.integers(0, n - 20, 30):
            values[i : i + 6] += rng.uniform(50, 100)
    elif what == "spike":
        values[12345] = 1000.0
    T = psu.Signal("T")
    sol = psu.solve(
        psu.ODESystem({x: -1.3 * (x - T(t))}), u0=[0.5], t=ts, signals={T: (times, values)},
        solver=method, engine=engine, reltol=1e-5, abstol=1e-5,
    )  # fmt: skip
    right = relaxed(times, values, ts)
    assert (np.abs(sol["x"] - right) / (1 + np.abs(right))).max() < 2e-4
    if what != "noise":
        assert sol.stats.accepted < n / 8
    if what in ("spike", "pulses"):
        # who does not see them is far off
        assert np.abs(relaxed(times, np.zeros(n), ts) - right).max() > 0.05


def relaxed(times: Any, values: Any, ts: Any, rate: float = 1.3) -> Any:
    """x' = -rate (x - T), x(0) = 0.5, with T linear between points."""
    h = np.diff(times)
    lag = np.diff(values) / h / rate
    at, found = 0.5, [0.5]
    for i, decay in enumerate(np.exp(-rate * h)):
        at = (at - values[i] + lag[i]) * decay + values[i + 1] - lag[i]
        found.append(at)
    i = np.clip(np.searchsorted(times, ts, side="right") - 1, 0, len(h) - 1)
    s = ts - times[i]
    start = np.array(found)[i] - values[i] + lag[i]
    return start * np.exp(-rate * s) + values[i] + lag[i] * (rate * s - 1)


def test_more_jumps_than_a_loss_may_have_steps_otherwise(engine: str):
    n = 110_000
    times, values = np.linspace(0.0, 1.0, n), np.cos(np.arange(n))
    T = psu.Signal("T", "previous")
    data = psu.Trajectory.from_arrays(
        [0.0, 1.0], [1.0, 2.0], states=[x], signals={T: (times, values)}
    )
    system = psu.ODESystem({x: k * T(t)}, trainable={k: 1.0})
    obj = psu.objective(system, data, engine=engine, solver="Tsit5")
    value, slope = obj.value_and_grad([1.0])
    moved = float((values[:-1] * np.diff(times)).sum())
    assert value == pytest.approx((moved - 1.0) ** 2, rel=1e-9)
    assert slope[0] == pytest.approx(2 * (moved - 1.0) * moved, rel=1e-6)


def test_experiments_have_signals_of_their_own(engine: str):
    T, ts = psu.Signal("T"), np.linspace(0.0, 9.0, 13)
    given = [points(1, 5), points(2, 30), points(3, 300)]
    data = psu.Dataset(
        [
            psu.Trajectory.from_arrays(
                ts, cooling_by_pieces("linear", one, ts), states=[x, y], signals={T: one},
                u0={x: 1.0, y: 0.3}, name=f"n{len(one[0])}",
            )
            for one in given
        ]
    )  # fmt: skip
    system = cooling(T, parameters={tau: 0.25}, trainable={k: 1.3})
    obj = psu.objective(system, data, engine=engine, reltol=1e-10, abstol=1e-10)
    assert obj.value(obj.theta0()) < 1e-14
    assert obj.value(obj.theta0() + 0.01) > 1e-6
    swapped = psu.Dataset(
        [
            psu.Trajectory.from_arrays(
                tr.t, tr.u, states=[x, y], signals={T: one}, u0=tr.u0, name=tr.name
            )
            for tr, one in zip(data, given[::-1], strict=True)
        ]
    )
    assert psu.objective(system, swapped, engine=engine).value(obj.theta0()) > 1e-2


def test_an_ensemble_over_signals(engine: str):
    T, ts = psu.Signal("T"), np.linspace(0.0, 9.0, 13)
    given = [points(seed, 5 + seed) for seed in range(3)]
    found = psu.solve_ensemble(
        cooling(T), u0=[1.0, 0.3], t=ts, signals=[{T: one} for one in given], engine=engine,
        reltol=1e-9, abstol=1e-9,
    )  # fmt: skip
    for u, one in zip(found.u, given, strict=True):
        assert np.abs(u - cooling_by_pieces("linear", one, ts)).max() < 1e-7


def test_the_slope_of_a_signal_is_one_too(engine: str):
    """x' = T'(t): x - x(0) = T(t) - T(0), with jumps in the right-hand side."""
    T, given, ts = psu.Signal("T"), points(4), np.linspace(0.0, 9.0, 19)
    sol = psu.solve(
        psu.ODESystem({x: T(t).diff(t)}), u0=[0.0], t=ts, signals={T: given}, engine=engine
    )
    assert np.abs(sol["x"] - np.interp(ts, *given) + np.interp(0.0, *given)).max() < 1e-9
    assert T(t - tau).diff(tau) == -T(t - tau).diff(t)
    assert psu.Signal("P", "previous")(t).diff(t) == 0


# -- gradients ---------------------------------------------------------------------------------


def check_gradient(
    system: psu.ODESystem, trajectories: Any, engine: str, *, bound: float = 1e-6, **keywords: Any
) -> None:
    """Against central differences of order 4."""
    data = psu.Dataset(trajectories)
    for solver in SOLVERS:
        for sensealg in SENSEALGS:
            obj = psu.objective(
                system, data, engine=engine, solver=solver, sensealg=sensealg, reltol=1e-11,
                abstol=1e-11, **keywords,
            )  # fmt: skip
            theta = obj.theta0(1)
            _, found = obj.value_and_grad(theta)
            right = differences(obj, theta)
            assert np.abs(found - right).max() < bound * np.abs(right).max(), (solver, sensealg)
            # a part that is missing would be seen
            assert np.abs(right).min() > 1e3 * bound * np.abs(right).max() or obj.plan.networks


def differences(obj: Any, theta: Any, h: float = 1e-4) -> Any:
    found = np.zeros(theta.size)
    for i in range(theta.size):
        e = np.zeros(theta.size)
        e[i] = h
        one = obj.value(theta + e) - obj.value(theta - e)
        two = obj.value(theta + 2 * e) - obj.value(theta - 2 * e)
        found[i] = (8 * one - two) / (12 * h)
    return found


def experiments(signal: Any, sizes: Any = (7, 12), column: Any = x) -> Any:
    rng, ts = np.random.default_rng(7), np.linspace(0.0, 9.0, 12)
    return [
        psu.Trajectory.from_arrays(
            ts, rng.normal(size=(12, 1)), states=[column], u0={x: 1.0, y: 0.3},
            signals={signal: points(n, n)}, name=f"e{n}",
        )
        for n in sizes
    ]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_gradient_by_a_lag(kind: str, engine: str):
    T = psu.Signal("T", kind)
    system = psu.ODESystem(
        {x: -k * (x - T(t - tau)) ** 3 + y, y: -y + T(t) * x}, trainable={k: 1.3, tau: 0.25}
    )
    check_gradient(system, experiments(T), engine)


@pytest.mark.parametrize("kind", ["linear", "previous"])
def test_gradient_by_the_pace_of_time(kind: str, engine: str):
    """Signals that are run through backwards, and by a curve."""
    T = psu.Signal("T", kind)
    rhs = {x: -k * x + T(9.5 - t * k + tau), y: -y + T(5 + 0.3 * t * k + tau * (t / 5) ** 2)}
    system = psu.ODESystem(rhs, observables={"z": x + y}, trainable={k: 0.9, tau: 0.25})
    check_gradient(system, experiments(T, column="z"), engine)


def test_gradient_through_a_network_that_reads_it(engine: str):
    T = psu.Signal("T")
    nn = psu.MLP("nn", inputs=[x, T(t - tau)], outputs=1, hidden=(3,))
    system = psu.ODESystem({x: -k * x + nn[0], y: -y + T(t)}, trainable={k: 1.3, tau: 0.25})
    check_gradient(system, experiments(T), engine)


def test_gradient_of_an_observable_and_noise(engine: str):
    T = psu.Signal("T")
    system = psu.ODESystem(
        {x: -k * x + T(t - tau), y: -y}, observables={"z": x * T(t - tau)},
        noise={"z": 1 + d * T(t) ** 2}, trainable={k: 0.9, tau: 0.25, d: 0.5},
    )  # fmt: skip
    check_gradient(system, experiments(T, column="z"), engine)


@pytest.mark.parametrize("kind", KINDS)
def test_gradient_by_knots(kind: str, engine: str):
    T, B = psu.Signal("T"), psu.Signal("B", kind)
    system = psu.ODESystem(
        {x: -k * x * B(t - tau) + T(t), y: -y + B(t) * x}, observables={"z": x + y},
        trainable={k: 0.9, tau: 0.25, a: 0.3, b: 0.5, c: 1.3, d: 0.8},
        signals={B: ([-1.0, 3.3, 6.1, 11.0], [a, b, c * d, d])},
    )  # fmt: skip
    check_gradient(system, experiments(T, column="z"), engine)


@pytest.mark.parametrize("method", SOLVERS)
def test_gradient_where_steps_run_through_points(method: str, engine: str):
    T, (times, values) = psu.Signal("T"), points(5, 600)
    values = np.cumsum(values) / 20
    data = psu.Trajectory.from_arrays(
        np.linspace(0.0, 9.0, 12),
        np.zeros(12),
        states=[x],
        u0={x: 1.0},
        signals={T: (times, values)},
    )
    system = psu.ODESystem({x: -k * (x - T(t)) ** 3}, trainable={k: 1.3})
    obj = psu.objective(system, data, engine=engine, solver=method, reltol=1e-8, abstol=1e-8)
    theta = obj.theta0()
    sharp = psu.objective(system, data, engine=engine, solver="Tsit5", reltol=1e-11, abstol=1e-11)
    assert obj.value_and_grad(theta)[1] == pytest.approx(differences(sharp, theta), rel=1e-5)


def test_knots_of_a_fit(engine: str):
    """A rate that changes with time is found at three knots."""
    B, ts = psu.Signal("B"), np.linspace(0.0, 10.0, 41)
    knots = [0.0, 4.0, 10.0]
    u = by_pieces(lambda s, u, r: [-r * u[0]], "linear", (np.array(knots), np.array([0.1, 0.6, 0.2])),
                  np.array([1.0]), ts)  # fmt: skip
    system = psu.ODESystem(
        {x: -B(t) * x}, trainable={a: 0.3, b: 0.3, c: 0.3}, signals={B: (knots, [a, b, c])}
    )
    data = psu.Dataset.from_arrays(ts, u, states=[x], u0={x: 1.0})
    fit = psu.fit(system, data, engine=engine, progress=False, stages=[psu.LBFGS(200)])
    assert [fit.parameters[n] for n in "abc"] == pytest.approx([0.1, 0.6, 0.2], abs=1e-3)


# -- data, predictions, files ------------------------------------------------------------------


def test_a_fit_keeps_its_signals(tmp_path: Any, engine: str):
    T, given, ts = psu.Signal("T"), points(1), np.linspace(0.0, 9.0, 37)
    system = cooling(T, parameters={tau: 0.25}, trainable={k: 1.0})
    data = psu.Trajectory.from_arrays(
        ts, cooling_by_pieces("linear", given, ts), states=[x, y], signals={T: given}, u0=[1.0, 0.3]
    )
    fit = psu.fit(system, data, engine=engine, progress=False, stages=[psu.LBFGS(100)])
    assert fit.parameters["k"] == pytest.approx(1.3, rel=1e-4)
    fit.save(tmp_path / "fit.npz")
    again = psu.FitResult.load(tmp_path / "fit.npz", engine=engine)
    assert again.data.fingerprint == fit.data.fingerprint
    assert np.array_equal(again.predict(ts).u, fit.predict(ts).u)
    other = points(3)
    found = fit.predict(ts, signals={T: other}, parameters={k: 1.3})
    assert np.abs(found.u - cooling_by_pieces("linear", other, ts)).max() < 1e-4
    many = fit.predict(ts, parameters={k: np.array([1.3, 2.0])}, signals={T: other})
    assert np.abs(many.u[0] - found.u).max() < 1e-4


def test_shooting_and_matching_read_signals(engine: str):
    T, given, ts = psu.Signal("T"), points(1), np.linspace(0.0, 9.0, 91)
    system = cooling(T, parameters={tau: 0.25}, trainable={k: 0.5})
    data = psu.Trajectory.from_arrays(
        ts, cooling_by_pieces("linear", given, ts), states=[x, y], signals={T: given}, u0=[1.0, 0.3]
    )
    stages = [psu.GradientMatching(20), psu.MultipleShooting(3, iterations=20), psu.LBFGS(50)]
    fit = psu.fit(system, data, engine=engine, progress=False, stages=stages)
    assert fit.parameters["k"] == pytest.approx(1.3, rel=1e-3)


def test_periods_and_signals(engine: str):
    """A dose at t = 4 into a system that follows a signal."""
    T, given, ts = psu.Signal("T"), points(1), np.linspace(0.0, 9.0, 19)
    found = psu.solve(
        cooling(T), u0=[1.0, 0.3], t=ts, signals={T: given}, doses={x: [(4.0, 2.0)]}, engine=engine,
        reltol=1e-10, abstol=1e-10,
    )  # fmt: skip
    first = cooling_by_pieces("linear", given, ts[ts <= 4.0])
    late = by_pieces(
        lambda s, u, v: [-1.3 * (u[0] - v) ** 3 + u[1], u[0] - 2 * u[1]],
        "linear", given, first[-1] + [2.0, 0.0], ts[ts >= 4.0], 0.25,
    )  # fmt: skip
    assert np.abs(found.u[ts < 4.0] - first[:-1]).max() < 1e-8
    assert np.abs(found.u[ts >= 4.0] - late).max() < 1e-8


def test_simulator_and_residuals(engine: str):
    T, given, ts = psu.Signal("T"), points(1), np.linspace(0.0, 9.0, 19)
    system = cooling(T, parameters={tau: 0.25}, trainable={k: 1.3})
    sim = psu.simulator(system, t=ts, signals={T: given}, engine=engine, reltol=1e-10, abstol=1e-10)
    values, pullback = sim.vjp([1.3], u0=[1.0, 0.3])
    assert np.abs(values - cooling_by_pieces("linear", given, ts)).max() < 1e-8
    h, w = 1e-5, np.ones_like(values)
    by_lag = (
        sim([1.3], [1.0, 0.3], {tau: 0.25 + h}) - sim([1.3], [1.0, 0.3], {tau: 0.25 - h})
    ).sum()
    assert pullback(w)[2][0] == pytest.approx(by_lag / (2 * h), rel=1e-5)
    data = psu.Trajectory.from_arrays(ts, values, states=[x, y], signals={T: given}, u0=[1.0, 0.3])
    obj = psu.objective(system, data, engine=engine, reltol=1e-10, abstol=1e-10)
    slopes = obj.jacobian([1.4])
    rise = (obj.residuals([1.4 + h]) - obj.residuals([1.4 - h])) / (2 * h)
    assert np.abs(slopes[:, 0] - rise).max() < 1e-5 * np.abs(rise).max()


def test_events_of_a_system_that_is_driven(engine: str):
    T, ts = psu.Signal("T"), np.linspace(0.0, 10.0, 11)
    sol = psu.solve(
        psu.ODESystem({x: T(t)}), u0=[-1.0], t=ts, signals={T: ([0, 5, 10], [0, 1, 0])}, engine=engine,
        events=psu.Event(x, name="zero"),
    )  # fmt: skip
    # x = t^2/10 - 1
    assert sol.events["zero"].t == pytest.approx([np.sqrt(10.0)], abs=1e-6)


# -- what is refused ---------------------------------------------------------------------------

T0 = psu.Signal("T")
plain = psu.ODESystem({x: -k * (x - T0(t))}, parameters={k: 1.0})
GOOD = ([0.0, 1.0, 2.0], [1.0, 2.0, 3.0])


def solve(system: Any = plain, signals: Any = None, end: float = 2.0) -> Any:
    return psu.solve(system, u0=[1.0], t=[0.0, end], signals=signals, engine="native")


WRONG: dict[str, tuple[Any, str]] = {
    "no values": (lambda: solve(), "signal 'T' has no values; give signals="),
    "unknown": (lambda: solve(signals={"Q": GOOD}), "names 'Q', which is no signal.*it has T"),
    "too short": (lambda: solve(signals={T0: GOOD}, end=3.0), "ends at 2, but T.t. is needed up to 3"),
    "too late": (
        lambda: solve(signals={T0: ([1.0, 5.0], [1.0, 2.0])}),
        "begins at 1, but T.t. is needed at 0.*extrapolate=True",
    ),
    "not ascending": (lambda: solve(signals={T0: ([0, 2, 1], [1, 2, 3])}), "ascend strictly; found 2, then 1"),
    "equal times": (lambda: solve(signals={T0: ([0, 1, 1], [1, 2, 3])}), "ascend strictly; found 1, then 1"),
    "not finite": (lambda: solve(signals={T0: ([0, 1, 2], [1, np.nan, 3])}), "finite; found nan at position 1"),
    "infinite time": (lambda: solve(signals={T0: ([0, 1, np.inf], [1, 2, 3])}), "times.*must be finite"),
    "one point": (lambda: solve(signals={T0: ([0.0], [1.0])}), "has 1 point.*'linear' needs 2"),
    "no pair": (lambda: solve(signals={T0: 3.0}), "must be a pair .times, values.; found 3.0"),
    "no mapping": (lambda: solve(signals=[GOOD]), "takes a mapping such as"),
    "lengths": (lambda: solve(signals={T0: ([0, 1, 2], [1, 2])}), "3 times, but 2 values"),
    "matrix": (lambda: solve(signals={T0: ([0, 1], [[1, 2], [3, 4]])}), "shape .points,."),
    "twice": (lambda: solve(signals={T0: GOOD, "T": GOOD}), "names 'T' twice"),
    "kind": (lambda: psu.Signal("T", "spline"), "must be one of 'linear', 'previous', 'cubic'; found 'spline'"),
    "name": (lambda: psu.Signal("my signal"), "plain identifier"),
    "hold": (lambda: psu.Signal("T", extrapolate="yes"), "extrapolate must be True or False"),
    "of a state": (lambda: psu.ODESystem({x: T0(x)}), "T.x. reads the state x"),
    "of a text": (lambda: T0("t"), "takes an expression of psu.t and parameters; found 't'"),
    "of a signal": (lambda: psu.ODESystem({x: T0(T0(t))}), "without networks and other signals"),
    "clash": (lambda: psu.ODESystem({x: psu.Signal("x")(t)}), "'x' stands for two different things"),
    "two kinds": (
        lambda: psu.ODESystem({x: T0(t) + psu.Signal("T", "cubic")(t)}),
        "'T' stands for two different signals",
    ),
    "of nothing": (lambda: psu.ODESystem({x: -x}, signals={"T": GOOD}), "names 'T', which stands in no equation"),
    "learned and given": (
        lambda: solve(plain.replace(signals={T0: ([0, 2], [k, 2 * k])}), signals={T0: GOOD}),
        "'T' has learned values in the system",
    ),
    "knots of states": (lambda: plain.replace(signals={T0: ([0, 2], [x, 1])}), "without states"),
    "experiment without": (
        lambda: psu.objective(
            plain, psu.Dataset.from_arrays([0, 1], [1, 2], states=[x], name="first"), engine="native"
        ),
        "'T' has no values in experiment 'first'",
    ),
    "experiment too short": (
        lambda: psu.objective(
            plain.replace(parameters={}, trainable={k: 1.0}),
            psu.Trajectory.from_arrays([0, 3], [1, 2], states=[x], signals={T0: GOOD}, name="e1"),
            engine="native",
        ),
        "signal 'T' of experiment 'e1' ends at 2",
    ),
    "trajectory of points": (
        lambda: psu.Trajectory.from_arrays([0, 3], [1, 2], states=[x], signals={T0: GOOD[0]}),
        "must be a pair",
    ),
    "ensemble": (
        lambda: psu.solve_ensemble(
            plain, u0={x: [1.0, 2.0, 3.0]}, t=[0, 1], signals=[{T0: GOOD}] * 2, engine="native"
        ),
        "u0 has 3 values but signals has 2|signals has 2",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_wrong_calls(case: str):
    call, message = WRONG[case]
    with pytest.raises(InvalidInputError, match=message):
        call()


def test_what_signals_cannot_do_is_said(tmp_path: Any):
    data = psu.Trajectory.from_arrays([0, 2], [1, 2], states=[x], signals={T0: GOOD})
    obj = psu.objective(plain.replace(parameters={}, trainable={k: 1.0}), data, engine="native")
    with pytest.raises(CapabilityError, match="no words for the signal 'T'"):
        psu.export_julia(obj, tmp_path / "x.jl")
    with pytest.raises(CapabilityError, match="signal 'T'"):
        psu.to_diffeqpy(plain, {x: 1.0}, [0.0, 1.0])


def test_a_signal_that_is_held_beyond_its_ends():
    T = psu.Signal("T", extrapolate=True)
    sol = psu.solve(
        psu.ODESystem({x: T(t)}), u0=[0.0], t=[0.0, 10.0], signals={T: ([2, 4], [1.0, 3.0])}
    )
    assert sol["x"][-1] == pytest.approx(2.0 + 4.0 + 18.0, rel=1e-9)


def test_laws_hold_for_every_signal():
    laws = psu.first_integrals(psu.ODESystem({x: T0(t) * y, y: -T0(t) * x}))
    assert [law.expr for law in laws] == [x**2 + y**2]
    assert laws[0].certificate.check()
    rate = psu.first_integrals(psu.ODESystem({x: T0(t) - k * x, y: k * x}), kind="balance")
    assert [law.expr for law in rate] == [y]
    assert not psu.first_integrals(psu.ODESystem({x: T0(t) * y, y: -x}), degree=1, budget=1.0)


def test_sympy_knows_it():
    assert sp.simplify(T0(t) - T0(t)) == 0
    assert T0(t).subs(t, 2 * t) == T0(2 * t)
    assert str(T0(t - tau)) == "T(t - tau)"
