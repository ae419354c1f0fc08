"""`pysymude laws`: what it prints, what it writes, and how it answers to what is wrong."""

import json
import re
from dataclasses import replace

import pytest
import sympy as sp
from typer.testing import CliRunner

import pysymude as psu
from pysymude.cli import app
from pysymude.model.expressions import parse_expression
from pysymude.symbolic.laws import derivation
from pysymude.symbolic.laws.found import FalseLawWarning
from pysymude.symbolic.proof import certificate
from pysymude.symbolic.storage.law_json import laws_from_json

PREDATION = """
positive = ["x"]
symbolic = ["a"]
[equations]
x = "a*x - x*y"
y = "-2*y + x*y"
"""
EPIDEMIC = """
[equations]
s = "-nn[0]"
i = "nn[0] - g*i"
r = "g*i"
[parameters]
g = 0.25
[networks.nn]
inputs = ["s", "i"]
outputs = 1
hidden = [5]
"""
OSCILLATOR = """
[equations]
x = "y"
y = "(1 - x^2)*y - x"
"""

FALL = """
[equations]
x = "v"
v = "x^2"
"""


def run(*arguments):
    return CliRunner().invoke(app, ["laws", *map(str, arguments)])


def words(text):
    return " ".join(text.split())


@pytest.fixture
def model(tmp_path):
    """A function that writes a model file."""

    def write(text):
        path = tmp_path / "model.toml"
        path.write_text(text)
        return path

    return write


def test_a_table_and_one_line(model):
    path = model(PREDATION)
    result = run(path)
    assert result.exit_code == 0, result.stderr
    table, line = result.stdout.rstrip().rsplit("\n", 1)
    assert words(table).startswith("law kind real where proved again constant")
    assert "0 structural y > 0 yes -a*log(y) + x + y - 2*log(x)" in words(table)
    candidates = psu.first_integrals(psu.ODESystem.from_toml(path)).candidates
    said = f"1 independent law in the span of {candidates} functions to degree 1: "
    assert re.fullmatch(said + r".*logarithms.*; \d+\.\d\d s", line)


def test_a_network(model):
    path = model(EPIDEMIC)
    result = run(path)
    assert result.exit_code == 0, result.stderr
    assert "0 structural everywhere yes i + r + s" in words(result.stdout)
    assert "1 independent law in the span" in result.stdout
    balance = words(run(path, "--kind", "balance").stdout)
    assert "0 balance everywhere yes i + s, with rate -g*i" in balance
    assert "1 balance everywhere yes r, with rate g*i" in balance
    compatible = words(run(path, "--kind", "compatible").stdout)
    assert "2 compatible everywhere yes i*exp(g*t)" in compatible


def test_no_law_is_an_answer(model):
    result = run(model(OSCILLATOR), "--degree", "4")
    assert result.exit_code == 0
    # the monomials of degree 1 to 4 in two variables are among them
    candidates = psu.first_integrals(
        psu.ODESystem.from_toml(model(OSCILLATOR)), degree=4
    ).candidates
    assert candidates >= 14
    assert result.stdout.startswith(
        f"none in the span of {candidates} functions to degree 4 (certified): products of powers"
    )
    assert result.stdout.count("\n") == 1


@pytest.mark.parametrize("text", [PREDATION, EPIDEMIC, OSCILLATOR])
def test_json_stands_alone_and_can_be_loaded(model, text):
    path = model(text)
    result = run(path, "--json")
    assert result.exit_code == 0
    laws = laws_from_json(result.stdout)
    system = psu.ODESystem.from_toml(path)
    assert [law.expr for law in laws] == [law.expr for law in psu.first_integrals(system)]
    assert all(law.certificate.check() for law in laws)
    # the system stands there also where there is no law
    document = json.loads(result.stdout)
    assert list(document["states"]) == [s.name for s in system.states]
    assert set(document["fields"][0]) == {"t", *document["states"]}
    assert list(document["networks"]) == [nn.name for nn in system.networks]
    assert document["complete"] is True


def test_out_is_what_json_prints_and_load_reads(model, tmp_path, monkeypatch):
    out = tmp_path / "laws.json"
    path = model(EPIDEMIC)
    result = run(path, "--out", out)
    assert "proved again" in result.stdout
    laws = psu.LawSet.load(out)
    assert [str(law.expr) for law in laws] == ["i + r + s"]
    assert laws[0].certificate.check()
    assert run(path, "--json", "--out", out).stdout == out.read_text()
    monkeypatch.setattr(derivation, "first_integrals", None)  # nothing is derived first
    missing = run(path, "--out", tmp_path / "no-folder" / "laws.json")
    assert missing.exit_code == 2
    assert "make the folder" in " ".join(missing.output.split())


def test_latex_is_one_line_a_law(model):
    path = model(EPIDEMIC)
    assert run(path, "--latex").stdout == "i + r + s = \\mathrm{const}\n"
    assert run(path, "--latex", "--kind", "balance").stdout.splitlines() == [
        r"\frac{d}{dt}\left(i + s\right) = - g i",
        r"\frac{d}{dt}\left(r\right) = g i",
    ]


def test_a_law_that_cannot_be_proved_is_dropped(monkeypatch):
    monkeypatch.setattr(certificate, "vanishes", lambda expr: sp.Integer(0) == 1)
    p, v = psu.states("p v")
    with pytest.warns(FalseLawWarning, match="is dropped: its certificate fails"):
        laws = psu.first_integrals(psu.ODESystem({p: v, v: -p}), degree=2, time_dependent=False)
    assert len(laws) == 0
    assert not laws.complete


def test_a_proof_that_fails_is_said(model, monkeypatch):
    path = model(PREDATION)
    found = psu.first_integrals(psu.ODESystem.from_toml(path))
    monkeypatch.setattr(certificate, "vanishes", lambda expr: sp.Integer(0) == 1)
    monkeypatch.setattr("pysymude.symbolic.laws.derivation.first_integrals", lambda *a, **k: found)
    result = run(path)
    assert result.exit_code == 1
    assert "0 structural y > 0 NO" in words(result.stdout)
    assert "the proof of law 0 does not hold" in words(result.stderr)


def test_symmetries_are_listed(model):
    path = model(FALL)
    result = run(path, "--symmetries")
    assert result.exit_code == 0, result.stderr
    listed = words(result.stdout).split("generator")[1]
    # x'' = x^2 is autonomous, and invariant where time shrinks as x grows to the power -2
    assert "0 yes d/dt 1 yes t*d/dt - 2*x*d/dx" in listed
    assert re.search(r"2 point symmetries to degree \d+ \(\d+ unknowns\); ", listed)
    assert run(path, "--symmetries", "--latex").stdout.splitlines()[-2:] == [
        sp.latex(X.restricted([sp.Symbol("x", real=True)]))
        for X in psu.symmetries(psu.ODESystem.from_toml(path))
    ]


def test_symmetries_in_json_satisfy_the_determining_equations(model):
    path = model(FALL)
    text = run(path, "--symmetries", "--json").stdout
    system = psu.ODESystem.from_toml(path)
    names = {"t": psu.t, **{s.name: s for s in system.states}}
    total = {psu.t: 1, **system.rhs}
    listed = json.loads(text)["symmetries"]
    assert len(listed) == 2
    for one in listed:
        xi = parse_expression(one["xi"], names)
        eta = {s: parse_expression(one["eta"][s.name], names) for s in system.states}

        def rate(expr):
            return sum(expr.diff(s) * f for s, f in total.items())

        def moved(expr, xi=xi, eta=eta):
            return xi * expr.diff(psu.t) + sum(e * expr.diff(s) for s, e in eta.items())

        for s, f in system.rhs.items():
            assert sp.expand(rate(eta[s]) - f * rate(xi) - moved(f)) == 0
    # the laws beside them are read as always
    assert [law.certificate.check() for law in laws_from_json(text)] == [True]


def test_what_is_not_complete_is_said(model, monkeypatch):
    whole = psu.first_integrals(psu.ODESystem.from_toml(model(OSCILLATOR)), degree=2)
    partly = psu.LawSet((), tuple(replace(s, complete=False) for s in whole.searched))
    monkeypatch.setattr("pysymude.symbolic.laws.derivation.first_integrals", lambda *a, **k: partly)
    assert "(not certified: some could not be decided)" in run(model(OSCILLATOR)).stdout


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ('[equations]\nx = "-k*x"\n', [], "[equations] x: column 2, 'k': unknown name"),
        ('[equations]\nx = "__import__(x)"\n', [], "unknown function __import__"),
        ('[equations]\nx = "abs(x)"\n', [], "is not smooth, so laws cannot be derived exactly"),
        ("x = ", [], "this is not TOML"),
        (
            PREDATION,
            ["--kind", "eternal"],
            "kind must be one of 'structural', 'compatible', 'balance'",
        ),
        (PREDATION, ["--kind", "balance"], "the system contains none"),
        (PREDATION, ["--json", "--latex"], "--json and --latex exclude each other"),
    ],
)
def test_wrong_input_is_one_line(model, text, options, message):
    result = run(model(text), *options)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert message in words(result.stderr)


def test_a_missing_file_and_a_wrong_option(tmp_path):
    result = run(tmp_path / "none.toml")
    assert result.exit_code == 2
    assert "no such file" in result.stderr
    for wrong in (["--degree", "0"], ["--degree", "two"], ["--budget", "-1"]):
        assert run(tmp_path / "none.toml", *wrong).exit_code == 2
