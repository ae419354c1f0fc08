"""Reports: one page that holds everything, escaped, with nothing fetched."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest
from typer.testing import CliRunner

import pysymude as psu
from pysymude.cli import app
from pysymude.errors import SaveFileError

x, y = psu.states("x y")
k, F = psu.parameters("k F", positive=True)
nn = psu.MLP("nn", inputs=[x], outputs=1, hidden=2)
T = np.linspace(0.0, 3.0, 9)


class Page(HTMLParser):
    """Titles of sections, and whether all that opens is closed."""

    VOID = ("meta", "br", "path", "use", "rect", "circle")

    def __init__(self, text):
        super().__init__()
        self.open, self.titles, self.tags = [], [], set()
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        for name, value in attrs:
            if name in ("href", "src", "xlink:href"):
                assert value.startswith("#"), value
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.add(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "h2":
            self.titles.append(data)


def fitted(**more):
    system = psu.ODESystem(
        {x: k * y + 0 * F, y: -k * x + 0.01 * nn[0]}, trainable={k: 1.0, F: 1.0}, noise={"x": F},
        priors={k: psu.LogNormal(0, 1)}, observables={"energy": x**2 + y**2},
    )  # fmt: skip
    u = np.stack([np.cos(T), -np.sin(T)], 1)
    data = psu.Dataset.from_arrays(
        T, u, states=[x, y], u0={x: 1, y: 0}, name="<b>one</b>", doses={x: [(1.5, 0.1)]}
    )
    return psu.fit(system, data, engine="native", progress=False, stages=psu.LBFGS(5), **more)


def test_a_page_holds_everything(tmp_path):
    fit = fitted(laws=["energy"])
    path = fit.report(tmp_path / "new" / "folder", title="A & B <i>")
    text = path.read_text()
    page = Page(text)
    assert page.titles == [
        "Fit", "Model", "Parameters", "Residuals", "Laws", "Data", "How it was computed", "Again",
    ]  # fmt: skip
    assert {"math", "svg", "table"} <= page.tags
    assert not {"script", "img", "link", "iframe"} & page.tags
    assert "A &amp; B &lt;i&gt;" in text
    assert "<b>one" not in text
    assert "1 doses of x" in text
    assert "LogNormal(0, 1)" in text
    assert f"{fit.parameters['k']:.6g}" in text
    for sentence in fit.warnings:
        assert sentence[:20].replace("'", "&#x27;") in text
    again = psu.FitResult.load(path.parent / "fit.npz")
    assert again.loss == fit.loss
    assert len(re.findall("<svg", text)) == 3


def test_the_code_that_does_it_again_knows_the_weight_decay(tmp_path):
    text = fitted(weight_decay=0.25, seed=3).report(tmp_path).read_text()
    assert "seed=3, engine=&#x27;native&#x27;, weight_decay=0.25)" in text


def test_a_failed_fit_has_a_page(tmp_path):
    system = psu.ODESystem({x: k * x**2}, trainable={k: 5.0})
    data = psu.Dataset.from_arrays(T, np.ones(9), states=[x], u0={x: 10.0})
    fit = psu.fit(system, data, engine="native", progress=False, stages=psu.LBFGS(1), frozen=())
    text = fit.report(tmp_path).read_text()
    Page(text)
    assert ("failed" in text) == (not fit.success)


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SaveFileError, match="cannot be written"):
        fitted().report(tmp_path / "file" / "folder")


def test_the_command_line_writes_it(tmp_path):
    fitted().save(tmp_path / "fit.npz")
    done = CliRunner().invoke(
        app,
        ["report", str(tmp_path / "fit.npz"), "--out", str(tmp_path / "page"), "--title", "Mine"],
    )
    assert done.exit_code == 0, done.output
    assert "<h1>Mine</h1>" in (tmp_path / "page" / "report.html").read_text()


def test_notebooks_show_tables():
    fit = fitted()
    for text in (fit._repr_html_(), fit.data._repr_html_(), fit.predictions[0]._repr_html_()):
        Page(text)
        assert "<table>" in text
        assert "<b>one" not in text
    assert "math" in fit._repr_html_()
    assert "9 times; Success" in fit.predictions[0]._repr_html_()
