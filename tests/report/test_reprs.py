"""What results show of themselves in a notebook: whole HTML, everything escaped."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from html.parser import HTMLParser

import numpy as np
import pytest
import sympy as sp

import pysymude as psu
from pysymude.infer.identifiability import Move
from pysymude.model.formulas_shown import as_mathml, equation
from pysymude.model.html_table import Html, html_table, sentence
from tests.plot import gallery

EVIL = "<script>alert('a & b')</script>"
SAFE = "&lt;script&gt;alert(&#x27;a &amp; b&#x27;)&lt;/script&gt;"
x, y, k, c = (*psu.states("x y", positive=True), *psu.parameters("k c", positive=True))


class Tags(HTMLParser):
    """Complains where a tag does not close the one that is open."""

    def __init__(self):
        super().__init__()
        self.open, self.seen = [], []

    def handle_starttag(self, tag, attrs):
        if tag not in {"br", "progress"}:
            self.open.append(tag)
        self.seen.append(tag)

    def handle_endtag(self, tag):
        if tag != "progress":
            assert self.open.pop() == tag


def tags(text):
    parser = Tags()
    parser.feed(text)
    parser.close()
    assert not parser.open
    return parser.seen


@cache
def laws():
    return psu.first_integrals(psu.ODESystem({x: x - x * y, y: x * y - y}), budget=10)


@cache
def renamed_fit():
    """A fit whose experiment has a name that is HTML."""
    data = psu.Dataset([gallery.subjects().data[0].renamed(EVIL)])
    return psu.fit(gallery.subjects().system, data, stages=psu.LBFGS(5), **gallery.NATIVE)


REPRS = {
    "LawSet": (laws, "<math"),
    "FitResult": (renamed_fit, "standard error"),
    "FitLog": (lambda: renamed_fit().log, "what happened"),
    "Residuals": (lambda: renamed_fit().residuals, "chi2/n"),
    "Covariance": (lambda: gallery.subjects().covariance(), "standard error"),
    "Solution": (gallery.orbit, "161 times"),
    "EnsembleSolution": (gallery.sweep, "median"),
    "Recovered": (gallery.recovered, "<mfrac>"),
    "Dataset": (lambda: renamed_fit().data, SAFE),
    "FitEnsemble": (lambda: replace(gallery.members(), failures={3: EVIL}), SAFE),
    "MultiStart": (lambda: replace(gallery.starts(), failures=(EVIL,)), SAFE),
    "Profile": (
        lambda: replace(psu.profile(gallery.subjects(), "k", progress=False), warnings=(EVIL,)),
        SAFE,
    ),
    "Comparison": (
        lambda: psu.compare({EVIL: gallery.subjects(), "other": gallery.subjects()}),
        SAFE,
    ),
    "Design": (
        lambda: psu.design(gallery.subjects(), candidates={"t": [1.0, 2.0]}, n=1, progress=False),
        "experiment",
    ),
    "Identifiability": (
        lambda: psu.Identifiability(
            {"a"}, {"k", "c"}, set(), {"x"}, {"y"},
            (Move({"k": k, "c": -c}, {}, True, True, True),),
            {"c": sp.Integer(1)}, True,
        ),
        "not identifiable",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", REPRS)
def test_results_show_themselves(kind):
    make, needle = REPRS[kind]
    shown = make()
    assert type(shown).__name__ == kind
    text = shown._repr_html_()
    seen = tags(text)
    assert "script" not in seen
    assert needle in text
    assert "<table" in text


@pytest.mark.parametrize(
    ("make", "needle"),
    [
        (lambda: psu.ODESystem({x: -k * x / 2}), r"\dot{x} &= - \frac{k x}{2}"),
        (lambda: laws()[0], r"\mathrm{const}"),
    ],
)
def test_formulas_are_latex(make, needle):
    text = make()._repr_latex_()
    assert needle in text
    assert text.startswith("$")
    assert text.endswith("$")


def test_all_text_of_a_table_is_escaped():
    text = html_table([EVIL], [[EVIL, 1.5, float("nan"), Html("<b>b</b>")]])
    assert tags(text) == [
        "table", "thead", "tr", "th", "tbody", "tr", "td", "td", "td", "td", "b",
    ]  # fmt: skip
    assert text.count(SAFE) == 2
    assert '<td class="number">1.5</td><td>-</td>' in text
    assert sentence(EVIL, "warning").count(SAFE) == 1


def test_formulas_are_escaped_where_they_are_text():
    odd = sp.Symbol("<i>a</i>")
    assert "i" not in tags(as_mathml(odd**2))
    assert "i" not in tags(as_mathml(sum(odd**n for n in range(300))))
    assert "i" not in tags(equation("<i>b</i>", odd))


def test_a_table_of_one_result_has_its_numbers():
    text = gallery.sweep()._repr_html_()
    last = np.quantile(gallery.sweep()["z"][:, -1], [0.05, 0.5, 0.95])
    for number in last:
        assert f"{number:.6g}" in text
