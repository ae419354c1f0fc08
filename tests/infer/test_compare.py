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
    with pytest.raises(psu.PySymUDEError, match="no fit 'cubic' here"):
        psu.compare(found)["cubic"]
