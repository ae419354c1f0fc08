"""What long work says while it runs, and the record that stays."""

from __future__ import annotations

import inspect
import io
import json
import re

import numpy as np
import pytest
from rich.console import Console

import pysymude as psu
from pysymude.fit.long_work import progress_bar as module
from pysymude.fit.long_work.progress_bar import Reporter
from pysymude.fit.result.fit_log import FitLog, LogRow

x, k = psu.states("x", positive=True), psu.parameters("k", positive=True)
T = np.linspace(0.0, 2.0, 9)
NOISY = 2 * np.exp(-0.7 * T) * (1 + 0.02 * np.cos(9 * T))
DATA = psu.Dataset.from_arrays(T, NOISY, states=[x], u0={x: 2.0}, noise=0.05)
SYSTEM = psu.ODESystem({x: -k * x}, trainable={k: 1.0})
HOW = {"stages": psu.LBFGS(30), "engine": "native"}


class Line:
    """Remembers what it is told."""

    def __init__(self):
        self.texts, self.sentences, self.counts = [], [], []

    def draw(self, text, done, total):
        self.texts.append(text)
        self.counts.append((done, total))

    def says(self, sentence):
        self.sentences.append(sentence)

    def stop(self, text):
        self.texts.append(text)


@pytest.fixture
def lines(monkeypatch):
    made = []

    def line():
        made.append(Line())
        return made[-1]

    monkeypatch.setattr(module, "_line", line)
    return made


@pytest.fixture(scope="module")
def fitted():
    return psu.fit(SYSTEM, DATA, progress=False, **HOW)


def test_a_fit_says_stage_count_time_and_loss(lines):
    found = psu.fit(SYSTEM, DATA, **HOW)
    (line,) = lines
    assert line.counts[-1] == (len(found.history["stage"]), 30)
    # a first iteration tells how long the others may take
    assert any(
        re.match(r"LBFGS  1/30  [\d:]+, at most [\d:]+ more  loss", text) for text in line.texts
    )
    assert f"loss {found.history['value'][-1]:.4g}" in line.texts[-1]
    assert "at most" not in line.texts[-1]


def test_the_log_of_a_fit_comes_back_from_its_file(fitted, tmp_path):
    (row,) = fitted.log
    assert (row.stage, row.what) == ("LBFGS", "converged")
    assert row.iterations == len(fitted.history["stage"])
    assert row.loss == pytest.approx(fitted.loss, rel=1e-6)
    assert 0 < row.seconds <= fitted.seconds + 1e-3
    fitted.save(tmp_path / "fit.npz")
    assert psu.FitResult.load(tmp_path / "fit.npz").log == fitted.log
    assert "converged" in str(fitted.log)
    assert "<td>converged</td>" in fitted.log._repr_html_()


def test_the_log_says_what_used_all_iterations_and_what_was_left_out():
    # three times are too few for a curve through the data
    few = psu.Dataset.from_arrays(T[:3], NOISY[:3], states=[x], u0={x: 2.0})
    stages = [psu.GradientMatching(5), psu.LBFGS(1)]
    found = psu.fit(SYSTEM, few, stages=stages, engine="native", progress=False)
    assert [row.stage for row in found.log] == ["GradientMatching", "LBFGS"]
    assert found.log[0].what.startswith("left out")
    assert np.isnan(found.log[0].loss)
    assert found.log[1].what == "all iterations used"


def test_a_log_is_json(fitted):
    log = FitLog((LogRow("A", 3, float("nan"), 0.5, "left out"), *fitted.log))
    again = FitLog.from_list(json.loads(json.dumps(log.to_list(), allow_nan=False)))
    assert str(again) == str(log)


def test_a_resumed_fit_says_where_it_stands(lines, tmp_path):
    how = {"checkpoint": tmp_path / "fit.ckpt", "checkpoint_every": 1, "engine": "native"}
    stages = psu.Adam(20)
    psu.fit(SYSTEM, DATA, stages=stages, callback=lambda step: step.iteration == 7, **how)
    found = psu.fit(SYSTEM, DATA, stages=stages, resume=True, **how)
    first, second = lines
    assert not first.sentences
    (sentence,) = second.sentences
    assert sentence.startswith("resumed at stage 1 of 1, Adam, iteration 7, loss ")
    assert second.counts[1] == (7, 20)
    whats = [row.what for row in found.log]
    assert whats == ["resumed at stage 1 of 1, Adam, iteration 7", "all iterations used"]
    psu.fit(SYSTEM, DATA, stages=stages, resume=True, **how)
    assert lines[2].sentences == ["resumed: this training was finished already"]


LONG = {
    "fit": lambda f, **o: psu.fit(SYSTEM, DATA, **HOW, **o),
    "fit_ensemble": lambda f, **o: psu.fit_ensemble(SYSTEM, DATA, 2, **HOW, **o),
    "multistart": lambda f, **o: psu.multistart(SYSTEM, DATA, n=2, **HOW, **o),
    "profile": lambda f, **o: psu.profile(f, "k", **o),
    "sample": lambda f, **o: psu.sample(f, draws=10, warmup=20, chains=1, **o),
    "design": lambda f, **o: psu.design(f, candidates={"t": T}, n=2, **o),
    "compare": lambda f, **o: psu.compare([f, f], leave_future_out=2, stages=psu.LBFGS(2), **o),
    "recover": None,  # below: it needs a network
}


def test_all_long_work_has_one_switch():
    """Whatever takes a `progress` is in the list above, with the same default."""
    functions = {name: getattr(psu, name) for name in psu.__all__ if name.islower()}
    given = {
        name: inspect.signature(function).parameters["progress"].default
        for name, function in functions.items()
        if callable(function) and "progress" in inspect.signature(function).parameters
    }
    assert given == dict.fromkeys(LONG, True)


@pytest.mark.parametrize("name", [name for name, call in LONG.items() if call])
@pytest.mark.filterwarnings("ignore")
def test_the_switch_is_quiet(name, fitted, lines):
    if name == "sample":
        pytest.importorskip("nutpie")
    LONG[name](fitted, progress=False)
    assert not lines
    LONG[name](fitted)
    assert len(lines) == 1  # one line, whatever is fitted inside
    assert lines[0].texts[-1]


def test_a_recovery_tells_of_its_refits(lines):
    nn = psu.MLP("nn", inputs=[x], outputs=1, hidden=4)
    data = psu.Dataset.from_arrays(T, 2 / (1 + 3 * np.exp(-1.5 * T)), states=[x])
    fit = psu.fit(psu.ODESystem({x: 1.5 * x + nn[0]}), data, progress=False, **HOW)
    psu.recover(fit, library="poly2", max_terms=2, resamples=2, progress=False)
    assert not lines
    psu.recover(fit, library="poly2", max_terms=2, resamples=2)
    (line,) = lines
    assert any(text.startswith("refits of sparse models, 2 terms") for text in line.texts)


def test_an_ensemble_says_how_many_members_are_there_already(lines, tmp_path):
    psu.fit_ensemble(SYSTEM, DATA, 2, folder=tmp_path / "e", **HOW)
    psu.fit_ensemble(SYSTEM, DATA, 2, folder=tmp_path / "e", resume=True, **HOW)
    assert [line.sentences for line in lines] == [
        [],
        ["resumed: 2 of 2 members were finished already"],
    ]


def test_a_terminal_has_a_bar_with_the_text_beside_it():
    stream = io.StringIO()
    line = module._Terminal(Console(file=stream, force_terminal=True, width=100))
    line.says("resumed [here]")  # rich would take brackets for its own
    line.draw("LBFGS [2]  3/10", 3, 10)
    line.stop("LBFGS [2]  4/10")
    shown = stream.getvalue()
    assert "resumed [here]" in shown
    assert "LBFGS [2]  4/10" in shown
    assert "━" in shown


def test_a_notebook_has_a_line_that_is_written_over():
    shown = []

    class Handle:
        def update(self, html):
            shown.append(html)

    line = module._Notebook(lambda html, display_id: Handle(), str)
    line.draw("Adam  1/10 <x>", 1, 10)
    line.says("resumed & so on")
    line.draw("Adam  2/10", 2, 10)
    line.stop("Adam  10/10")
    assert "&lt;x&gt;" in shown[0]
    assert "resumed &amp; so on" in shown[-1]
    assert 'value="2" max="10"' in shown[-1]
    assert "Adam  10/10" in shown[-1]


def test_nothing_is_shown_where_nobody_looks(capsys):
    with Reporter(True, 3) as reporter:
        reporter.advance("piece", 1.0)
        reporter.says("a sentence")
    seen = capsys.readouterr()
    assert seen.out + seen.err == ""


def test_hours_and_minutes():
    assert [module._clock(s) for s in (7, 725, 11045)] == ["0:07", "12:05", "3:04:05"]
