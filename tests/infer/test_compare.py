"""Models beside each other: criteria by hand, and which one data prefer that were made by it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

import pysymude as psu

x = psu.states("x", positive=True)
A, k, b, s = psu.parameters("A k b s", positive=True)
T = np.linspace(0.0, 4.0, 21)
TIGHT: dict[str, Any] = {"reltol": 1e-9, "progress": False, "engine": "native"}


def measured(noise: float | None) -> psu.Dataset:
    values = 3.0 / (1.0 + 2.0 * np.exp(-1.5 * T))
    values = values + 0.05 * np.random.default_rng(2).normal(size=T.size)
    given = None if noise is None else {x: noise}
    return psu.Dataset.from_arrays(T, values[:, None], states=[x], u0={x: 1.0}, noise=given)


def fits(noise: float | None) -> dict[str, psu.FitResult]:
    data = measured(noise)
    logistic = psu.ODESystem({x: k * x * (1 - x / b)}, trainable={k: 1.0, b: 2.0})
    straight = psu.ODESystem({x: k}, trainable={k: 1.0})
    return {
        "straight": psu.fit(straight, data, **TIGHT),
        "logistic": psu.fit(logistic, data, **TIGHT),
    }


@pytest.mark.parametrize("noise", [0.05, None])
def test_criteria_by_hand(noise: float | None):
    found = fits(noise)
    table = psu.compare(found)
    assert table.best == "logistic"
    n = T.size
    for name, fit in found.items():
        r = fit.residuals.values[0][:, 0]
        sigma = noise or np.sqrt(np.mean(r**2))
        likelihood = stats.norm.logpdf(r, scale=sigma).sum()
        numbers = {"straight": 1, "logistic": 2}[name] + (noise is None)
        row = table[name]
        assert row.log_likelihood == pytest.approx(likelihood, rel=1e-9)
        assert row.numbers == numbers
        assert row.aic == pytest.approx(2 * numbers - 2 * likelihood)
        assert row.aicc == pytest.approx(row.aic + 2 * numbers * (numbers + 1) / (n - numbers - 1))
        assert row.bic == pytest.approx(numbers * np.log(n) - 2 * likelihood)
    assert sum(row.weight for row in table.table) == pytest.approx(1.0)
    assert table["logistic"].weight > 0.999


def test_tables():
    table = psu.compare(list(fits(0.05).values()))
    assert table.best == "fit 1"
    frame = table.to_dataframe()
    assert list(frame.index) == ["fit 1", "fit 0"]
    assert frame.loc["fit 0", "aic"] == table["fit 0"].aic
    assert str(table).splitlines()[1].startswith("fit 1")


def test_learned_noise_and_frozen_numbers_count_once():
    data = measured(None)
    system = psu.ODESystem(
        {x: k * x * (1 - x / b)}, trainable={k: 1.0, b: 3.0, s: 0.1}, noise={x: psu.Normal(s)}
    )
    free = psu.fit(system, data, **TIGHT)
    held = psu.fit(system, data, frozen=[b], **TIGHT)
    table = psu.compare({"free": free, "held": held, "plain": fits(None)["logistic"]})
    assert [table[n].numbers for n in ("free", "held", "plain")] == [3, 2, 3]
    # noise that is learned is the likeliest one
    assert table["free"].log_likelihood == pytest.approx(table["plain"].log_likelihood, rel=1e-6)


@pytest.mark.parametrize("noise", [0.05, None])
def test_the_future_by_hand(noise: float | None):
    """x' = k: the slope of the past, and what it foretells of the next block."""
    rng = np.random.default_rng(1)
    values = 0.7 * T + 0.05 * rng.normal(size=T.size)
    given = None if noise is None else {x: noise}
    data = psu.Dataset.from_arrays(
        T[1:], values[1:, None], states=[x], u0={x: 0.0}, t0=0.0, noise=given
    )
    line = psu.ODESystem({x: k}, trainable={k: 1.0})
    bent = psu.ODESystem({x: k - b * x}, trainable={k: 1.0, b: 0.1})
    named = {"line": psu.fit(line, data, **TIGHT), "bent": psu.fit(bent, data, **TIGHT)}
    table = psu.compare(named, leave_future_out=3)
    t, y, total = T[1:], values[1:], 0.0
    blocks = np.array_split(np.arange(10, 20), 3)
    for block in blocks:
        past = np.arange(block[0])
        slope = (t[past] @ y[past]) / (t[past] @ t[past])
        r = y[past] - slope * t[past]
        sigma = noise or np.sqrt(r @ r / (past.size - 1))
        total += stats.norm.logpdf(y[block], slope * t[block], sigma).sum()
    assert table["line"].elpd == pytest.approx(total, abs=1e-3)
    assert table["line"].elpd_gap == 0.0 or table["bent"].elpd_gap == 0.0
    gap = max(table["line"].elpd_gap or 0.0, table["bent"].elpd_gap or 0.0)
    assert gap == pytest.approx(abs((table["line"].elpd or 0.0) - (table["bent"].elpd or 0.0)))
    assert list(table.to_dataframe().columns[-3:]) == ["elpd", "elpd_gap", "gap_error"]
    assert "elpd" in str(table)
    assert table.warnings == ()


def test_what_fits_the_past_alone_foretells_badly():
    """Growth without an end, from the first half of a logistic curve."""
    values = 3.0 / (1.0 + 11.0 * np.exp(-1.5 * T))
    values = values + 0.03 * np.random.default_rng(2).normal(size=T.size)
    data = psu.Dataset.from_arrays(T, values[:, None], states=[x], u0={x: 0.25}, noise={x: 0.03})
    logistic = psu.ODESystem({x: k * x * (1 - x / b)}, trainable={k: 1.0, b: 2.0})
    exponential = psu.ODESystem({x: k * x**s}, trainable={k: 1.0, s: 1.0})
    fits = {
        "logistic": psu.fit(logistic, data, **TIGHT),
        "power": psu.fit(exponential, data, **TIGHT),
    }
    table = psu.compare(fits, leave_future_out=4)
    assert table.best_at_foretelling == "logistic"
    assert (table["power"].elpd_gap or 0.0) > 2.0 * (table["power"].gap_error or 0.0) > 0.0


def test_several_experiments_and_learned_starts_have_a_future():
    data = psu.Dataset.from_arrays(
        [T, T[:12]], [2.0 * np.exp(-0.5 * T)[:, None], 1.0 * np.exp(-0.5 * T[:12])[:, None]], states=[x],
        noise=0.05, trainable_u0=True,
    )  # fmt: skip
    fit = psu.fit(psu.ODESystem({x: -k * x}, trainable={k: 1.0}), data, **TIGHT)
    found = psu.compare({"decay": fit}, leave_future_out=2)
    count = int((T[10] < T).sum() + (T[:12] > T[10]).sum())
    best = count * float(stats.norm.logpdf(0.0, 0.0, 0.05))
    assert found["decay"].elpd == pytest.approx(best, rel=1e-3)


def test_wrong_calls():
    found = fits(0.05)
    other = psu.fit(found["straight"].system, measured(0.05)[0].__class__.from_arrays(
        T, np.ones((21, 1)), states=[x], u0={x: 1.0}), **TIGHT)  # fmt: skip
    cases: list[tuple[Any, str]] = [
        (found["straight"], "compare takes several fits"),
        ([], "compare needs fits"),
        ({"a": 3}, "'a' is a int"),
        ({"a": found["straight"], "b": other}, "'b' was fitted to other measurements than 'a'"),
    ]
    for given, message in cases:
        with pytest.raises(psu.PySymUDEError, match=message):
            psu.compare(given)
    with pytest.raises(
        psu.PySymUDEError, match="leave_future_out=30 needs as many different times"
    ):
        psu.compare(found, leave_future_out=30)
    with pytest.raises(psu.PySymUDEError, match="nothing was foretold"):
        _ = psu.compare(found).best_at_foretelling
    with pytest.raises(psu.PySymUDEError, match="no fit 'cubic' here"):
        psu.compare(found)["cubic"]
