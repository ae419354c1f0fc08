"""Designs that choose inputs, doses, conditions and what is measured, beside what is known by hand."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

import pysymude as psu

x, y = psu.states("x y", positive=True)
k, c, q = psu.parameters("k c q", positive=True)
u = psu.Signal("u", "previous")
T = np.linspace(0.0, 3.0, 13)
GRID = np.linspace(0.1, 4.0, 40)
NOISE = 0.05
TIGHT: dict[str, Any] = {"reltol": 1e-9, "progress": False, "engine": "native"}


def fitted(rhs: Any, true: dict[Any, float], data: Any, **system: Any) -> psu.FitResult:
    """A fit of what the truth gives without noise."""
    model = psu.ODESystem(rhs, trainable=true, **system)
    forced = {key: data[key] for key in ("signals", "doses") if key in data}
    values = {**true, **data.get("parameters", {})}
    sol = psu.solve(
        model, u0=data["u0"], t=T, parameters=values, reltol=1e-10, engine="native", **forced
    )
    seen = psu.Dataset.from_arrays(
        T[1:], sol.u[1:], states=list(model.states), noise=NOISE, t0=0.0, **data
    )
    return psu.fit(model, seen, **TIGHT)


@pytest.fixture(scope="module")
def forced() -> psu.FitResult:
    """x' = u - k x from nothing."""
    return fitted({x: u(psu.t) - k * x}, {k: 0.8}, {"u0": {x: 0.0}, "signals": {u: ([0.0], [1.0])}})


def by_hand(rate: float, times: np.ndarray, slope: np.ndarray) -> float:
    """Minus the logarithm of the information on log(rate)."""
    return -float(np.log(np.sum((rate * slope / NOISE) ** 2)))


def test_the_strongest_input_and_its_value(forced: psu.FitResult):
    found = psu.design(
        forced, candidates={"t": GRID, "signals": [{u: ([0.0], [a])} for a in (1.0, 3.0, 2.0)]}, n=2
    )
    assert set(found.experiments) == {1}
    rate, t = forced.parameters["k"], found.times
    e = np.exp(-rate * t)
    slope = 3.0 * (t * e / rate - (1 - e) / rate**2)
    assert found.value == pytest.approx(by_hand(rate, t, slope), abs=1e-5)
    # beside the experiment as it was, at its own best times
    once = psu.design(forced, candidates={"t": GRID}, n=2)
    assert once.value - found.value == pytest.approx(2 * np.log(3.0), abs=1e-6)


@pytest.mark.parametrize("method", ["greedy", "relaxed"])
def test_the_best_of_all_controls(forced: psu.FitResult, method: str):
    """Every control and every pair of times, one by one."""
    grid, levels = GRID[::5], (0.2, 0.5, 1.0)
    found = psu.design(
        forced, candidates={"t": grid, "signals": {u: {"t": [0, 1, 2], "levels": levels}}}, n=2,
        experiments=1, method=method,
    )  # fmt: skip
    assert len(found.settings) == 1
    values = {
        course: psu.design(
            forced, candidates={"t": grid, "signals": [{u: ([0, 1, 2], course)}]}, n=2
        ).value
        for course in product(levels, repeat=3)
    }
    assert found.value == pytest.approx(min(values.values()), abs=1e-9)
    times, course = found.settings[0]["signals"]["u"]
    assert values[tuple(course)] == pytest.approx(found.value, abs=1e-9)
    np.testing.assert_array_equal(times, [0, 1, 2])


def test_more_controls_than_are_looked_at_one_by_one(forced: psu.FitResult):
    pieces = {"t": np.arange(7) * 0.5, "levels": [0.0, 0.5, 1.0, 2.0]}
    given = {"t": GRID[::4], "signals": {u: pieces}}
    found = psu.design(forced, candidates=given, n=2, experiments=1)
    # the answer is linear in the control: all of it all the time
    np.testing.assert_array_equal(found.settings[0]["signals"]["u"][1][:6], 2.0)
    with pytest.raises(psu.PySymUDEError, match=r"give 16384 experiments.* write experiments=1"):
        psu.design(forced, candidates=given, n=2)


def test_when_to_switch(forced: psu.FitResult):
    ways = [{u: ([0.0, s], [1.0, 0.0])} for s in (0.5, 1.0, 2.0, 3.5)]
    found = psu.design(forced, candidates={"t": [4.0, 4.1], "signals": ways}, n=1)
    (e,) = found.experiments
    rate, values = forced.parameters["k"], []
    for way in ways:
        s = way[u][0][1]
        e4 = lambda r, s=s: (np.exp(-r * (4.1 - s)) - np.exp(-r * 4.1)) / r  # noqa: E731
        values.append(abs(e4(rate + 1e-5) - e4(rate - 1e-5)))
    assert e == int(np.argmax(values))


def test_doses_and_their_times():
    fit = fitted({x: -k * x}, {k: 0.8}, {"u0": {x: 0.0}, "doses": {x: [(0.0, 1.0)]}})
    grid = {"t": [0.0, 1.0], "amounts": [0.0, 1.0, 2.0]}
    found = psu.design(fit, candidates={"t": GRID, "doses": {x: grid}}, n=1)
    chosen = found.settings[found.experiments[0]]["doses"]["x"]
    assert chosen == ((0.0, 2.0), (1.0, 2.0))
    rate, t = fit.parameters["k"], found.times
    slope = sum(-2.0 * (t - s) * np.exp(-rate * (t - s)) for s in (0.0, 1.0))
    assert found.value == pytest.approx(by_hand(rate, t, slope), abs=1e-5)
    # a list says whole schedules
    listed = psu.design(fit, candidates={"t": GRID, "doses": [{x: [(0.5, 1.0)]}]}, n=1)
    later = listed.times - 0.5
    by_one = by_hand(rate, later, later * np.exp(-rate * later))
    assert listed.value == pytest.approx(by_one, abs=1e-5)


def test_conditions():
    """With more of a catalyst one may measure earlier; in a short time that decides."""
    fit = fitted({x: -k * c * x}, {k: 0.3}, {"u0": {x: 1.0}, "parameters": {c: 1.0}})
    short = np.linspace(0.1, 0.5, 9)
    found = psu.design(fit, candidates={"t": short, "parameters": {c: [1.0, 6.0, 3.0]}}, n=1)
    assert found.settings[found.experiments[0]] == {"u0": {"x": 1.0}, "parameters": {"c": 6.0}}
    rate, t = fit.parameters["k"], found.times
    slope = 6.0 * t * np.exp(-6.0 * rate * t)
    assert found.value == pytest.approx(by_hand(rate, t, slope), abs=1e-5)


def test_one_column_at_a_time():
    """Three times the signal with the same noise is what to look at."""
    model = {"rhs": {x: -k * x}, "observables": {"plain": x, "strong": 3 * x}}
    system = psu.ODESystem(**model, trainable={k: 0.8})
    values = 2 * np.exp(-0.8 * T[1:, None]) * [1.0, 3.0]
    data = psu.Dataset.from_arrays(
        T[1:], values, states=["plain", "strong"], u0={x: 2.0}, t0=0.0, noise=NOISE
    )
    fit = psu.fit(system, data, **TIGHT)
    each = psu.design(fit, candidates={"t": GRID, "observe": ["plain", "strong"]}, n=3)
    assert set(each.columns) == {("strong",)}
    mixed = psu.design(fit, candidates={"t": GRID, "observe": [("plain", "strong"), "plain"]}, n=2)
    assert set(mixed.columns) == {("plain", "strong")}
    alone = psu.design(fit, candidates={"t": GRID}, n=2, observe="plain")
    both = psu.design(fit, candidates={"t": GRID}, n=2)
    assert alone.value - both.value == pytest.approx(np.log(10.0), abs=1e-6)
    assert mixed.value == pytest.approx(both.value, abs=1e-7)


def test_weights_satisfy_the_equivalence_theorem(forced: psu.FitResult):
    """No weight is beyond its share, and what lies above the last one that is used has all of it."""
    fit = fitted(
        {x: -k * x / (c + x), y: k * x / (c + x) - q * y}, {k: 1.0, c: 0.8, q: 0.5},
        {"u0": {x: 2.0, y: 0.1}},
    )  # fmt: skip
    n = 6
    found = psu.design(fit, candidates={"t": GRID, "observe": ["x", "y"]}, n=n, method="relaxed")
    w, gains = found.weights, found.gains
    assert w.sum() == pytest.approx(1.0, abs=1e-9)
    assert w.max() <= 1 / n + 1e-9
    assert found.excess < 1e-3
    inside = (w > 1e-4) & (w < 1 / n - 1e-4)
    level = float(np.median(gains[inside]))
    np.testing.assert_allclose(gains[inside], level, rtol=0.02)
    assert (gains[w < 1e-9] <= 1.01 * level).all()
    assert found.bound <= found.value
    assert found.efficiency > 0.95
    # wherever the effort goes, the bound holds
    rng = np.random.default_rng(0)
    rows = found.candidates.rows
    for _ in range(200):
        some = rng.choice(len(rows), n, replace=False)
        information = np.einsum("icj,ick->jk", rows[some], rows[some])
        assert -np.linalg.slogdet(information)[1] >= found.bound


def test_priors_count_as_information():
    system = {"rhs": {x: -k * x}, "priors": {k: psu.LogNormal(np.log(0.8), 0.1)}}
    fit = fitted(system.pop("rhs"), {k: 0.8}, {"u0": {x: 2.0}}, **system)
    found = psu.design(fit, candidates={"t": GRID}, n=1)
    rate, t = fit.parameters["k"], found.times
    data = np.exp(-by_hand(rate, t, 2.0 * t * np.exp(-rate * t)))
    assert found.value == pytest.approx(-np.log(data + 1 / 0.1**2), abs=1e-4)


def test_weights_of_networks_need_priors_or_data():
    nn = psu.MLP("nn", inputs=[x], outputs=1, hidden=3)
    truth = psu.ODESystem({x: u(psu.t) - 0.5 * x, y: x - 0.3 * y})
    off = {u: ([0.0], [0.2])}
    values = psu.solve(truth, u0=[2.0, 1.0], t=T, reltol=1e-9, signals=off, engine="native").u
    data = psu.Dataset.from_arrays(
        T, values, states=[x, y], u0=[2.0, 1.0], noise=NOISE, signals=off
    )
    system = psu.ODESystem({x: u(psu.t) + nn[0], y: x - k * y}, trainable={k: 0.2})
    pieces = {u: {"t": [0.0, 2.0], "levels": [0.0, 2.0]}}
    given: dict[str, Any] = {"candidates": {"t": GRID[::2], "signals": pieces}, "n": 2}
    plain = psu.fit(system, data, stages=psu.LBFGS(100), **TIGHT)
    with pytest.raises(psu.PySymUDEError, match=r"priors=.nn: psu.Normal"):
        psu.design(plain, **given)
    told = psu.fit(
        system.replace(priors={nn: psu.Normal(0, 1)}), data, stages=psu.LBFGS(100), **TIGHT
    )
    found = psu.design(told, experiments=1, **given)
    assert found.names == ("k",)
    assert found.gain > 1.0
    assert found.candidates.rows.shape[2] == 1 + nn.n_weights


def test_starts_that_are_learned_are_no_others_elsewhere():
    """In an experiment from a start of its own there is one number less to learn."""
    model = psu.ODESystem({x: -k * x}, trainable={k: 0.8})
    values = 2.0 * np.exp(-0.8 * T[:, None])
    data = psu.Dataset.from_arrays(T, values, states=[x], noise=NOISE, trainable_u0=True)
    fit = psu.fit(model, data, **TIGHT)
    given: dict[str, Any] = {"candidates": {"t": GRID, "u0": [{x: 2.0}]}, "n": 1}
    found = psu.design(fit, parameters=k, **given)
    rate, t = fit.parameters["k"], found.times
    assert found.value == pytest.approx(by_hand(rate, t, 2.0 * t * np.exp(-rate * t)), abs=1e-3)
    with pytest.raises(psu.PySymUDEError, match="cannot determine k"):
        psu.design(fit, candidates={"t": GRID}, n=1, parameters=k)


def test_the_figure_shows_the_control(forced: psu.FitResult):
    pieces = {u: {"t": [0, 1], "levels": [0.0, 1.0]}}
    found = psu.design(forced, candidates={"t": GRID, "signals": pieces}, n=2, experiments=1)
    upper, lower = found.plot().axes
    assert lower.get_ylabel() == "u"
    (course,) = lower.get_lines()
    np.testing.assert_array_equal(course.get_ydata()[:2], found.settings[0]["signals"]["u"][1])
    labels = [line.get_label() for line in upper.get_lines()]
    assert "chosen" in labels


Vm, Km = psu.parameters("Vm Km", positive=True)
TURNED = psu.ODESystem({x: -Vm * x / (Km + x), y: Vm * x / (Km + x)}, trainable={Vm: 1.0, Km: 1.0})


@pytest.fixture(scope="module")
def enzyme() -> psu.FitResult:
    """A substrate and its product from two starts; the product is measured."""
    t, rng = np.linspace(0, 10, 11), np.random.default_rng(4)
    starts = [{x: 2.0, y: 0.0}, {x: 6.0, y: 0.0}]
    truth = {Vm: 0.8, Km: 2.0}
    u = [psu.solve(TURNED, u0=u0, t=t, parameters=truth, engine="native")["y"] for u0 in starts]
    u = [column + 0.05 * rng.standard_normal(11) for column in u]
    data = psu.Dataset.from_arrays([t, t], u, states=[y], u0=starts, noise=0.05)
    return psu.fit(TURNED, data, progress=False, engine="native")


def test_settings_are_whole_experiments(enzyme: psu.FitResult):
    candidates = {"t": np.linspace(0.5, 20, 40), "u0": {x: [1.0, 2.0, 4.0, 8.0]}}
    found = psu.design(enzyme, candidates=candidates, n=10, experiments=1, progress=False)
    assert found.settings == ({"u0": {"x": 8.0, "y": 0.0}},)
    again = psu.Trajectory.from_arrays(
        found.times, np.ones(10), states=[y], t0=0.0, noise=0.05, **found.settings[0]
    )
    assert psu.fit(TURNED, again, progress=False, engine="native").success


def test_the_gain_is_beside_all_experiments_as_they_were_made(enzyme: psu.FitResult):
    """Fisher's information by central differences, half of the measurements from each start."""
    grid = np.linspace(0.5, 20, 40)
    sim = psu.simulator(TURNED, t=np.r_[0, grid], observables=[y], reltol=1e-9, engine="native")
    step = 1e-5

    def information(start: float, times: np.ndarray) -> np.ndarray:
        u0 = {x: start, y: 0.0}
        slopes = [
            (sim(enzyme.theta + d, u0=u0) - sim(enzyme.theta - d, u0=u0))[1:, 0] / (2 * step)
            for d in step * np.eye(2)
        ]
        rows = np.array(slopes).T[np.searchsorted(grid, times - 1e-9)] / 0.05
        return rows.T @ rows

    starts = (1.0, 2.0, 4.0, 8.0, 16.0)
    candidates = {"t": grid, "u0": [{x: s, y: 0.0} for s in starts]}
    plain = grid[[0, 10, 19, 29, 39]]
    usual = information(2.0, plain) + information(6.0, plain)
    for experiment in (0, 1):
        found = psu.design(
            enzyme,
            candidates=candidates,
            n=10,
            experiments=2,
            experiment=experiment,
            progress=False,
        )
        chosen = sum(
            information(found.settings[e]["u0"]["x"], found.times[found.experiments == e])
            for e in np.unique(found.experiments)
        )
        by_hand = np.sqrt(np.linalg.det(chosen) / np.linalg.det(usual))
        assert found.gain == pytest.approx(by_hand, rel=0.02)
        assert found.gain > 5
    # where times alone are to choose, the experiment is the one that is done again
    alone = psu.design(enzyme, candidates={"t": grid}, n=10, progress=False)
    ten = grid[np.round(np.linspace(0, 39, 10)).astype(int)]
    ratio = np.linalg.det(information(2.0, alone.times)) / np.linalg.det(information(2.0, ten))
    assert alone.gain == pytest.approx(np.sqrt(ratio), rel=0.02)
