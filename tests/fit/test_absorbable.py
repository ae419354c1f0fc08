"""What networks can make up for is said before training begins, and costs no more than it may."""

from __future__ import annotations

import logging
import time
from typing import Any

import numpy as np
import pytest

import pysymude as psu
from pysymude.fit.long_work.progress_bar import Reporter
from pysymude.fit.problem import absorbable as module
from pysymude.fit.problem.absorbable import absorbable
from pysymude.symbolic.effort import check

x, y = psu.states("x y")
d, k, s = psu.parameters("d k s")
NN = psu.MLP("nn", inputs=[x], outputs=1, hidden=3)
T = np.linspace(0.0, 2.0, 9)
HOW: dict[str, Any] = {"stages": psu.LBFGS(3), "engine": "native"}
SYSTEM = psu.ODESystem({x: NN[0] - d * x}, trainable={d: 1.0})
SENTENCE = "the data do not determine d, whatever they are: network 'nn' can make up for it"


def data(**keywords: Any) -> psu.Dataset:
    given = {"u0": {x: 2.0}, "noise": 0.1, **keywords}
    return psu.Dataset.from_arrays(T, 2.0 * np.exp(-T), states=[x], **given)


def test_a_fit_says_so_before_the_first_step(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    said: list[str] = []
    before: list[tuple[bool, bool]] = []
    monkeypatch.setattr(Reporter, "says", lambda self, sentence: said.append(sentence))

    def step(_: Any) -> None:
        logged = any(r.message.startswith(SENTENCE) for r in caplog.records)
        before.append((logged, any(text.startswith(SENTENCE) for text in said)))

    with caplog.at_level(logging.INFO, logger="pysymude"):
        fit = psu.fit(SYSTEM, data(), callback=step, progress=False, **HOW)
    assert before[0] == (True, True)
    first = fit.log[0]
    assert (first.stage, first.iterations) == ("before", 0)
    assert first.what.startswith(SENTENCE)
    assert any(text.startswith(SENTENCE) for text in fit.warnings)


@pytest.mark.parametrize(
    ("changes", "keywords"),
    [
        ({}, {"frozen": [d]}),
        ({"priors": {d: psu.Normal(1, 1)}}, {}),
        ({"rhs": {x: NN[0] - d}, "initial": {x: 2 * d}}, {}),
        ({"noise": {x: psu.Normal(d)}}, {}),
        ({"events": [psu.Event(x - 1, set={x: x + d})]}, {}),
    ],
    ids=["frozen", "a prior", "in a start", "in noise", "in an event"],
)
def test_a_fit_is_silent_where_the_data_say_it(changes: Any, keywords: Any):
    own = {"initial": {"u0": None}, "noise": {"noise": None}}
    given = data(**{k: v for name in changes for k, v in own.get(name, {}).items()})
    fit = psu.fit(SYSTEM.replace(**changes), given, progress=False, **HOW, **keywords)
    assert not any("whatever they are" in text for text in fit.warnings)
    assert all(row.stage != "before" for row in fit.log)


def test_values_of_an_experiment_count():
    assert absorbable(SYSTEM, data(), ()) == {"d": ("nn",)}
    assert absorbable(SYSTEM, data(parameters={d: 2.0}), ()) == {}
    assert absorbable(SYSTEM, data(u0={x: 2 * d}), ()) == {}
    assert absorbable(SYSTEM, data(doses={x: [(T[2], d)]}), ()) == {}
    assert absorbable(SYSTEM, data(doses={x: [(T[2], 1.0)]}), ()) == {"d": ("nn",)}
    assert absorbable(SYSTEM, data(periods=psu.Period(T[3], set={x: x + d})), ()) == {}


def test_it_ends_in_time(monkeypatch: pytest.MonkeyPatch):
    def endless(*given: Any, **keywords: Any) -> Any:
        while True:
            check()
            time.sleep(1e-3)

    monkeypatch.setattr(module, "absorbed", endless)
    assert absorbable(SYSTEM, data(), (), seconds=0.05) == {}


def test_without_time_nothing_is_said():
    assert absorbable(SYSTEM, data(), (), seconds=1e-9) == {}
