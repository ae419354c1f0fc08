"""Designs beside those that are known, or that a search through all finds; checked by refits."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest

import pysymude as psu
from pysymude.infer.criteria import CRITERIA

x, y = psu.states("x y", positive=True)
A, k, b = psu.parameters("A k b", positive=True)
T = np.linspace(0.0, 3.0, 13)
GRID = np.linspace(0.0, 4.0, 81)
TIGHT: dict[str, Any] = {"reltol": 1e-9, "progress": False, "engine": "native"}
NOISE = 0.05


def decayed(t: np.ndarray = T, seed: int = 0, **keywords: Any) -> psu.FitResult:
    values = 2.0 * np.exp(-0.8 * t) + NOISE * np.random.default_rng(seed).normal(size=t.size)
    data = psu.Dataset.from_arrays(
        t, values[:, None], states=[x], noise={x: NOISE}, **({"t0": 0.0} | keywords)
    )
    given = {"trainable": {A: 2.0, k: 0.8}, "initial": {x: A}}
    return psu.fit(psu.ODESystem({x: -k * x}, **given), data, **TIGHT)


def test_the_best_times_for_an_exponential():
    """At the start, and after one time constant; each half of the measurements."""
    fit = decayed()
    found = psu.design(fit, candidates={"t": GRID}, n=4, replicates=True)
    constant = 1 / fit.parameters["k"]
    nearest = GRID[np.abs(GRID - constant).argmin()]
    np.testing.assert_array_equal(found.times, [0.0, 0.0, nearest, nearest])
    assert found.efficiency > 0.999
    early = found.weights[0]
    late = found.weights[np.abs(GRID - constant) < 0.3].sum()
    assert early == pytest.approx(0.5, abs=2e-3)
    assert late == pytest.approx(0.5, abs=2e-3)
    assert found.weights.sum() == pytest.approx(1.0)
    # its value by hand: covariance of relative errors
    e = np.exp(-fit.parameters["k"] * found.times)
    J = np.stack([e, -fit.parameters["k"] * found.times * e], axis=1) * fit.parameters["A"] / NOISE
    by_hand = -np.linalg.slogdet(J.T @ J)[1]
    assert found.value == pytest.approx(by_hand, abs=1e-4)


def test_one_number_alone():
    data = psu.Dataset.from_arrays(
        T[1:], 2 * np.exp(-0.8 * T[1:, None]), states=[x], u0={x: 2.0}, t0=0.0, noise={x: NOISE}
    )
    fit = psu.fit(psu.ODESystem({x: -k * x}, trainable={k: 0.7}), data, **TIGHT)
    assert psu.design(fit, candidates={"t": GRID}, n=1).times == [1.25]
    distinct = psu.design(fit, candidates={"t": GRID}, n=3)
    np.testing.assert_allclose(distinct.times, [1.2, 1.25, 1.3])


@pytest.mark.parametrize("criterion", CRITERIA)
def test_no_choice_of_all_is_better(criterion: str):
    fit, grid = decayed(), np.linspace(0.0, 4.0, 11)
    found = psu.design(fit, candidates={"t": grid}, n=3, criterion=criterion)
    each = found.candidates.information
    judge = CRITERIA[criterion](np.arange(2), 0.0)
    values = {
        times: judge.value(each[list(times)].sum(axis=0)) for times in combinations(range(11), 3)
    }
    assert found.value == pytest.approx(min(values.values()), rel=1e-6, abs=1e-6)
    assert found.bound <= found.value
    assert 0.5 < found.efficiency <= 1.0
    assert found.gain >= 1.0


@pytest.mark.parametrize("criterion", ["D", "A"])
def test_slopes_of_criteria_are_differences(criterion: str):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(5, 2, 4))
    each = rows.transpose(0, 2, 1) @ rows
    judge = CRITERIA[criterion](np.array([0, 2]), 1e-6)
    total = np.eye(4) + each.sum(axis=0)
    h = 1e-5
    right = [(judge.value(total - h * f) - judge.value(total + h * f)) / (2 * h) for f in each]
    height, slopes = judge.gains(total, rows)
    assert height == pytest.approx(judge.value(total))
    np.testing.assert_allclose(slopes, right, rtol=1e-6)


def test_errors_of_refits_shrink_as_promised():
    """A hundred data sets at the times of the design, and as many at equal distances."""
    fit = decayed()
    grid = np.linspace(0.0, 4.0, 21)
    found = psu.design(fit, candidates={"t": grid}, n=6, replicates=True)
    spread: list[float] = []
    for times in (found.times, np.linspace(0.0, 4.0, 6)):
        logs = [
            np.log([again.parameters["A"], again.parameters["k"]])
            for seed in range(100)
            for again in [decayed(times, seed)]
        ]
        spread.append(float(np.linalg.slogdet(np.cov(np.array(logs).T))[1]))
    measured = np.exp(0.5 * (spread[1] - spread[0]))
    assert found.gain > 1.3
    assert measured == pytest.approx(found.gain, rel=0.35)


def test_what_was_measured_may_count():
    fit = decayed()
    alone = psu.design(fit, candidates={"t": GRID}, n=2)
    beside = psu.design(fit, candidates={"t": GRID}, n=2, after=True)
    assert beside.value < alone.value
    # one measurement determines nothing by itself
    with pytest.raises(psu.PySymUDEError, match="cannot determine k beside all that is learned"):
        psu.design(fit, candidates={"t": GRID}, n=1)
    assert len(psu.design(fit, candidates={"t": GRID}, n=1, after=True).times) == 1


def test_starts_and_columns():
    """A species that is there in plenty says more."""
    system = psu.ODESystem(
        {x: -k * x / (b + x), y: k * x / (b + x)}, trainable={k: 1.0, b: 1.0},
        observables={"all": x + y},
    )  # fmt: skip
    u = psu.solve(system, u0=[2.0, 0.5], t=T, reltol=1e-9).u
    data = psu.Dataset.from_arrays(T, u, states=[x, y], u0=[2.0, 0.5], noise=0.1)
    fit = psu.fit(system, data, **TIGHT)
    starts = [{x: 2.0, y: 0.5}, {x: 8.0, y: 0.5}, {x: 0.1, y: 0.5}]
    found = psu.design(fit, candidates={"t": np.linspace(0.5, 8, 16), "u0": starts}, n=4)
    assert set(found.experiments.tolist()) <= {0, 1}
    assert 1 in found.experiments
    assert found.settings[1] == {"u0": {"x": 8.0, "y": 0.5}}
    one = psu.design(fit, candidates={"t": np.linspace(0.5, 8, 16)}, n=4, observe=[x])
    both = psu.design(fit, candidates={"t": np.linspace(0.5, 8, 16)}, n=4)
    # y is x turned round: twice the information
    assert one.value - both.value == pytest.approx(2 * np.log(2), rel=1e-3)
    with pytest.raises(psu.PySymUDEError, match="nothing is known of the noise of 'all'"):
        psu.design(fit, candidates={"t": T[1:]}, n=4, observe=["all"])


def test_rates_beside_a_network():
    nn = psu.MLP("nn", inputs=[x], outputs=1, hidden=(2,))
    truth = psu.ODESystem({x: -0.5 * x, y: x - 0.3 * y})
    u = psu.solve(truth, u0=[2.0, 1.0], t=T, reltol=1e-9).u
    data = psu.Dataset.from_arrays(T, u, states=[x, y], u0=[2.0, 1.0], noise=0.05)
    system = psu.ODESystem({x: nn[0], y: x - b * y}, trainable={b: 0.2})
    fit = psu.fit(system, data, stages=psu.LBFGS(150), **TIGHT)
    found = psu.design(fit, candidates={"t": np.linspace(0.1, 6, 30)}, n=10, parameters=b)
    assert found.names == ("b",)
    assert found.gain > 1.0
    assert len(found.weights) == 30


def test_learned_scales_of_noise():
    s = psu.parameters("s", positive=True)
    system = psu.ODESystem({x: -k * x}, trainable={k: 0.7, s: 0.1}, noise={x: psu.Normal(s)})
    data = psu.Dataset.from_arrays(
        T[1:], 2 * np.exp(-0.8 * T[1:, None]) + 0.05 * np.cos(9 * T[1:, None]), states=[x],
        u0={x: 2.0}, t0=0.0,
    )  # fmt: skip
    fit = psu.fit(system, data, **TIGHT)
    found = psu.design(fit, candidates={"t": GRID}, n=2, replicates=True)
    # any time says as much of the scale: 2 n / (s / s)^2 in its natural unit
    constant = 1 / fit.parameters["k"]
    assert np.abs(found.times - constant).max() < 0.1
    e = found.times * np.exp(-fit.parameters["k"] * found.times) * 2.0 * fit.parameters["k"]
    by_hand = -np.log((e**2).sum() / fit.parameters["s"] ** 2) - np.log(2 * 2.0)
    assert found.value == pytest.approx(by_hand, abs=1e-3)


def test_the_figure_shows_the_times():
    found = psu.design(decayed(), candidates={"t": GRID}, n=4)
    (axes,) = found.plot().axes
    chosen = [line for line in axes.get_lines() if line.get_label() == "chosen"]
    np.testing.assert_array_equal(chosen[0].get_xdata(), found.times)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"candidates": [1, 2]}, "candidates takes a mapping such as"),
        ({"candidates": {"time": T}}, "candidates takes a mapping such as"),
        ({"candidates": {"t": T, "x0": []}}, "candidates has no 'x0'"),
        ({"candidates": {"t": [-1.0, 2.0]}}, "begins at -1, before the experiment does at 0"),
        ({"candidates": {"t": [1.0]}}, "at least two finite times"),
        ({"candidates": {"t": T, "u0": [1.0]}}, "takes alternatives, .*x: 1.0"),
        ({"candidates": {"t": T, "u0": {x: 1.0}}}, "takes a list of numbers; found 1.0"),
        ({"candidates": {"t": T, "u0": {"z": [1.0]}}}, "names 'z'; the system has x"),
        ({"candidates": {"t": T, "doses": {x: [1.0]}}}, "takes {'t': times, 'amounts': values}"),
        ({"candidates": {"t": T, "doses": [{x: 1.0}]}}, "must be .time, amount. pairs"),
        ({"candidates": {"t": T, "signals": {"u": [1]}}}, "takes {'t': times, 'levels': values}"),
        ({"candidates": {"t": T, "observe": "x"}}, "takes a list such as"),
        ({"candidates": {"t": T, "observe": ["x"]}, "observe": "x"}, "write one of them"),
        ({"candidates": {"t": T, "u0": {x: [1.0] * 2000}}}, "write experiments=1"),
        ({"experiments": 0}, "experiments must be a whole number"),
        ({"method": "best"}, "method must be one of 'greedy', 'relaxed'"),
        ({"n": 0}, "n must be a whole number"),
        ({"n": 100}, "n = 100 measurements at 81 candidates; write replicates=True"),
        ({"criterion": "G"}, "criterion must be one of 'D', 'A', 'E'"),
        ({"parameters": "q"}, "parameters= names 'q', which is not learned"),
        ({"observe": "z"}, "observe= names 'z'; the system has x"),
        ({"experiment": 3}, "experiment must be a number from 0 to 0"),
        ({"weights": True}, "design has no weights="),
    ],
)
def test_wrong_calls(keywords: dict[str, Any], message: str):
    with pytest.raises(psu.PySymUDEError, match=message):
        psu.design(decayed(), **({"candidates": {"t": GRID}, "n": 4} | keywords))


def test_a_scale_of_noise_is_no_part_of_a_design():
    s = psu.parameters("s", positive=True)
    values = 2.0 * np.exp(-0.8 * T) * (1 + NOISE * np.random.default_rng(0).normal(size=T.size))
    data = psu.Dataset.from_arrays(T, values[:, None], states=[x], t0=0.0)
    system = psu.ODESystem(
        {x: -k * x},
        trainable={A: 2.0, k: 0.8, s: 0.1},
        initial={x: A},
        noise={"x": psu.LogNormal(s)},
    )
    found = psu.design(psu.fit(system, data, **TIGHT), candidates={"t": GRID}, n=4)
    assert found.names == ("A", "k")
    # with a constant relative error the slope of the logarithm is told best by both ends
    assert found.times[0] == GRID[0]
    assert found.times[-1] == GRID[-1]
