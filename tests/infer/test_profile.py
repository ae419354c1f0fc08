"""Profiles beside those that a formula gives; open ends; interrupted and resumed ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from scipy import optimize, stats

import pysymude as psu
from pysymude.infer import held_number as holding

x = psu.states("x", positive=True)
A, k, b, K = psu.parameters("A k b K", positive=True)
T = np.linspace(0.0, 3.0, 8)
TIGHT: dict[str, Any] = {"reltol": 1e-9, "progress": False, "engine": "native"}
VALUES = 2.0 * np.exp(-0.8 * T) + 0.3 * np.random.default_rng(5).normal(size=T.size)


def decayed(noise: float | None) -> psu.FitResult:
    given = None if noise is None else {x: noise}
    data = psu.Dataset.from_arrays(T, VALUES[:, None], states=[x], noise=given)
    system = psu.ODESystem({x: -k * x}, trainable={A: 1.0, k: 1.0}, initial={x: A})
    return psu.fit(system, data, **TIGHT)


def best_loss(rate: float) -> float:
    """The least squares left where the rate is held: the size is linear."""
    e = np.exp(-rate * T)
    a = float(e @ VALUES / (e @ e))
    return float(((VALUES - a * e) ** 2).sum())


@pytest.mark.parametrize("noise", [0.3, None])
def test_interval_is_where_the_formula_crosses(noise: float | None):
    fit = decayed(noise)
    found = psu.profile(fit, "k", level=0.99)
    least = optimize.minimize_scalar(best_loss, bounds=(0.1, 3.0), method="bounded")
    scale = 0.09 if noise else least.fun / (T.size - 2)
    for level in (0.95, 0.99):
        estimated = stats.t.ppf(0.5 + level / 2, T.size - 2) ** 2
        rise = stats.chi2.ppf(level, 1) if noise else estimated

        def over(rate: float, rise: float = rise) -> float:
            return (best_loss(rate) - least.fun) / scale - rise

        right = optimize.brentq(over, 1e-3, least.x), optimize.brentq(over, least.x, 20.0)
        np.testing.assert_allclose(found.interval(level), right, rtol=2e-3)
    # at the level asked for, a point stands at the crossing itself
    np.testing.assert_allclose(found.interval(), right, rtol=1e-4)
    assert found.best == pytest.approx(least.x, rel=1e-3)
    for value, loss in zip(found.values, found.loss, strict=True):
        expected = best_loss(value) / (0.09 if noise else 1.0)
        assert loss == pytest.approx(expected, rel=1e-4)
    assert not found.open_low
    assert not found.open_high
    assert np.all(np.diff(found.values) > 0)
    # Wald's interval knows no skewness
    wald = fit.confidence_intervals(0.99)["k"]
    assert abs(np.log(wald[1] / right[1])) > 0.02


def test_others_make_up_for_what_is_held():
    found = psu.profile(decayed(0.3), k)
    e = np.exp(-found.values[:, None] * T)
    sizes = (e @ VALUES) / (e**2).sum(axis=1)
    np.testing.assert_allclose(np.exp(found.theta[:, 0]), sizes, rtol=1e-2)


def test_intervals_by_name_are_those_of_profiles():
    fit = decayed(0.3)
    assert fit.confidence_intervals(0.9, method="profile") == {
        name: psu.profile(fit, name, level=0.9).interval(0.9) for name in ("A", "k")
    }
    both = psu.profile(fit, ["A", k])
    assert list(both) == ["A", "k"]


def test_saturated_kinetics_leave_an_end_open():
    """Far above its constant a rate says nothing of it but that it is small."""
    t = np.linspace(0.0, 1.0, 9)
    values = 50.0 - 2.0 * t + 0.02 * np.random.default_rng(0).normal(size=t.size)
    data = psu.Dataset.from_arrays(t, values[:, None], states=[x], u0={x: 50.0}, noise={x: 0.02})
    system = psu.ODESystem({x: -k * x / (K + x)}, trainable={k: 1.0, K: 1.0})
    fit = psu.fit(system, data, **TIGHT)
    found = psu.profile(fit, "K")
    assert found.open_low
    assert found.interval()[0] == 0.0
    assert any("do not bound K from below" in sentence for sentence in found.warnings)
    assert "(0," in repr(found)


def test_a_product_is_open_to_both_sides():
    data = psu.Dataset.from_arrays(T, VALUES[:, None], states=[x], u0={x: 2.0}, noise={x: 0.3})
    system = psu.ODESystem({x: -k * b * x}, trainable={k: 1.0, b: 0.7})
    found = psu.profile(psu.fit(system, data, **TIGHT), "k")
    assert found.interval() == (0.0, np.inf)
    assert found.rise.max() < 1e-3
    assert found.values[-1] > 1e4 * found.values[0]


def test_a_rate_that_ran_to_nothing_has_an_end_above():
    """A second loss that the data do not show: its best value is 0, and its profile goes up from there."""
    values = 2.0 * np.exp(-0.8 * T) + 0.1 * np.sin(5.0 * T)
    data = psu.Dataset.from_arrays(T, values[:, None], states=[x], u0={x: 2.0}, noise={x: 0.3})
    system = psu.ODESystem({x: -0.9 * x - b * x}, trainable={b: 0.5})
    fit = psu.fit(system, data, **TIGHT)
    assert fit.parameters["b"] < 1e-6
    found = psu.profile(fit, "b")

    def over(rate: float) -> float:
        gaps = [((2.0 * np.exp(-r * T) - values) ** 2).sum() / 0.09 for r in (0.9 + rate, 0.9)]
        return gaps[0] - gaps[1] - stats.chi2.ppf(0.95, 1)

    # on the plateau, where slopes are rounding, refits stay where they are
    assert found.theta.min() > -100.0
    assert found.open_low
    assert not found.open_high
    assert found.interval()[0] == 0.0
    assert found.interval()[1] == pytest.approx(optimize.brentq(over, 1e-3, 3.0), rel=5e-3)


def test_bounds_are_ends():
    data = psu.Dataset.from_arrays(T, VALUES[:, None], states=[x], u0={x: 2.0}, noise={x: 0.3})
    system = psu.ODESystem({x: -k * x}, trainable={k: 0.8}, bounds={k: (0.75, 5.0)})
    found = psu.profile(psu.fit(system, data, **TIGHT), "k")
    assert found.open_low
    assert found.interval()[0] == 0.75
    assert found.values[0] == pytest.approx(0.75, abs=1e-3)


def least_with(held: float, at: Any, rates: tuple[float, float] = (0.02, 6.0)) -> float:
    """The least squares of A exp(-k t), divided by the noise, where ``at(k) * A`` has a value."""

    def loss(log_rate: float) -> float:
        rate = np.exp(log_rate)
        return float(((held / at(rate) * np.exp(-rate * T) - VALUES) ** 2).sum()) / 0.09

    bounds = np.log(rates[0]), np.log(rates[1])
    given: dict[str, Any] = {"bounds": bounds, "method": "bounded", "options": {"xatol": 1e-10}}
    return float(cast("Any", optimize.minimize_scalar(loss, **given)).fun)


LATER = np.linspace(0.0, 3.0, 31)
PREDICTED: dict[str, tuple[tuple[Any, ...], dict[str, Any], Any]] = {
    "x(t=4)": ((x, 4.0), {}, lambda k: np.exp(-4.0 * k)),
    "x**2(t=1)": ((x**2, 1.0), {}, None),
    "A*k": ((A * k,), {}, lambda k: k),
    "mean of x": ((x, LATER), {"take": "mean"}, lambda k: np.trapezoid(np.exp(-k * LATER), LATER) / 3.0),
    "maximum of x": ((x, LATER), {"take": "maximum"}, lambda k: 1.0),
}  # fmt: skip


@pytest.mark.parametrize("name", PREDICTED)
def test_profiles_of_predictions_are_those_of_a_constrained_optimum(name: str):
    asked, keywords, at = PREDICTED[name]
    fit = decayed(0.3)
    found = psu.profile(fit, *asked, **keywords)
    assert found.name == name
    power = 1.0 if at is not None else 0.5  # of the square
    at = at or (lambda k: np.exp(-k))
    for value, loss in zip(found.values, found.loss, strict=True):
        assert loss == pytest.approx(least_with(value**power, at), abs=2e-3)

    def over(value: float) -> float:
        return least_with(value**power, at) - fit.loss - stats.chi2.ppf(0.95, 1)

    right = (
        float(cast("Any", optimize.brentq(over, 1e-4, found.best))),
        float(cast("Any", optimize.brentq(over, found.best, 8.0 * found.best))),
    )
    np.testing.assert_allclose(found.interval(), right, atol=2e-3 * (right[1] - right[0]))
    assert not found.open_low
    assert not found.open_high


def test_predictions_of_what_is_not_determined_are_open():
    data = psu.Dataset.from_arrays(T, VALUES[:, None], states=[x], u0={x: 2.0}, noise={x: 0.3})
    system = psu.ODESystem({x: -k * b * x}, trainable={k: 1.0, b: 0.7})
    fit = psu.fit(system, data, **TIGHT)
    flux = psu.profile(fit, k * x, 1.0)
    assert flux.open_low
    assert flux.open_high
    assert flux.interval() == (0.0, np.inf)
    assert any("do not bound k*x(t=1) from above" in sentence for sentence in flux.warnings)
    product = psu.profile(fit, k * b)
    alone = psu.fit(psu.ODESystem({x: -k * x}, trainable={k: 1.0}), data, **TIGHT)
    np.testing.assert_allclose(product.interval(), psu.profile(alone, "k").interval(), rtol=2e-3)


def test_several_predictions_and_where_they_are_looked_at(tmp_path: Path):
    fit = decayed(0.3)
    both = psu.profile(fit, [x, 2 * x], 1.0, checkpoint=tmp_path)
    assert list(both) == ["x(t=1)", "2*x(t=1)"]
    np.testing.assert_allclose(
        2 * np.array(both["x(t=1)"].interval()), both["2*x(t=1)"].interval(), rtol=2e-3
    )
    # from another start it hangs on the rate alone, which falls as x rises
    other = psu.profile(fit, x, 1.0, u0={x: 1.0})
    low, high = psu.profile(fit, "k").interval()
    np.testing.assert_allclose(other.interval(), [np.exp(-high), np.exp(-low)], rtol=5e-3)
    again = psu.profile(fit, [x, 2 * x], 1.0, checkpoint=tmp_path)
    np.testing.assert_array_equal(again["x(t=1)"].loss, both["x(t=1)"].loss)
    with pytest.raises(psu.PySymUDEError, match="belongs to another profile: name differ"):
        psu.profile(fit, x, 2.0, checkpoint=next(tmp_path.glob("x_t*")))


class EnoughError(Exception):
    """A stand-in for a process that is killed."""


def test_an_interrupted_profile_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    fit = decayed(0.3)
    whole = psu.profile(fit, "k")
    calls, refit = [0], holding.refit

    def counted(*given: Any) -> Any:
        calls[0] += 1
        if calls[0] == 6:
            raise EnoughError
        return refit(*given)

    monkeypatch.setattr(holding, "refit", counted)
    with pytest.raises(EnoughError):
        psu.profile(fit, "k", checkpoint=tmp_path / "k.npz")
    before = calls[0]
    resumed = psu.profile(fit, "k", checkpoint=tmp_path / "k.npz")
    np.testing.assert_array_equal(resumed.values, whole.values)
    np.testing.assert_array_equal(resumed.loss, whole.loss)
    # what was there was not computed again
    assert calls[0] - before < len(whole.values)
    with pytest.raises(psu.PySymUDEError, match="belongs to another profile: name"):
        psu.profile(fit, "A", checkpoint=tmp_path / "k.npz")
    again = psu.profile(fit, ["A", "k"], checkpoint=tmp_path / "both")
    assert sorted(p.name for p in (tmp_path / "both").iterdir()) == ["A.npz", "k.npz"]
    np.testing.assert_array_equal(again["k"].values, whole.values)


def test_a_better_optimum_is_said():
    fit = decayed(0.3)
    from dataclasses import replace

    worse = replace(fit, theta=fit.theta + 0.2)
    found = psu.profile(worse, "k")
    assert any("found a loss of" in sentence for sentence in found.warnings)
    np.testing.assert_allclose(found.interval(), psu.profile(fit, "k").interval(), rtol=1e-2)


def test_the_figure_shows_threshold_and_interval():
    found = psu.profile(decayed(0.3), "k")
    fig = found.plot()
    (axes,) = fig.axes
    assert axes.get_xlabel() == "k"
    heights = [float(line.get_ydata()[0]) for line in axes.get_lines()]
    assert any(h == pytest.approx(stats.chi2.ppf(0.95, 1)) for h in heights)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: psu.profile(f, "q"), "no profile of 'q'; there are A, k"),
        (lambda f: psu.profile(f, x), "x is a prediction, whose profile needs a time: t="),
        (lambda f: psu.profile(f, k * x), "has 'x', which is no parameter"),
        (lambda f: psu.profile(f, x, [1.0, 2.0]), "one time t=, or take='maximum'"),
        (lambda f: psu.profile(f, x, [1.0, 2.0], take="max"), "take must be one of 'maximum'"),
        (lambda f: psu.profile(f, x, -1.0), "not before the experiment's start 0"),
        (lambda f: psu.profile(f, x, 1.0, u0={x: 1.0}, parameters={k: 1.0}), "hangs on nothing"),
        (lambda f: psu.profile(f, k, take="mean"), "take= is about a prediction"),
        (lambda f: psu.profile(f, "k", level=2), "level must lie between 0 and 1"),
        (lambda f: psu.profile({}, "k"), "profile takes a FitResult first"),
        (lambda f: psu.profile(f, "k").interval(0.9999), "followed to the level 0.95; make it again"),
        (lambda f: psu.profile(f, "k", step=1), "profile has no step="),
    ],
)  # fmt: skip
def test_wrong_calls(call: Any, message: str):
    with pytest.raises(psu.PySymUDEError, match=message):
        call(decayed(0.3))
