"""Laws and certificates as text: what comes back is equal, proves itself, and is never executed."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import pysymude as psu
from pysymude.errors import EmissionError, SaveFileError
from pysymude.model.expression_text import expression_to_text
from pysymude.model.expressions import parse_expression
from pysymude.symbolic.laws.law_set import FirstIntegral, LawSet
from pysymude.symbolic.laws.spans import Span
from pysymude.symbolic.proof.certificate import Certificate
from pysymude.symbolic.storage.law_json import laws_from_json, laws_to_json
from tests.symbolic.searched import Searched

x, y, z = psu.states("x y z")
u, v = psu.states("u v", positive=True)
a, b, c, d = psu.parameters("a b c d")
k = psu.parameters("k", positive=True)
plain, whole = sp.Symbol("plain"), sp.Symbol("whole", integer=True, nonnegative=True)
t = psu.t
w = sp.Function("w")
force = sp.Function("force", real=True)
R = sp.Rational
nn = psu.MLP("nn", inputs=[x, y], outputs=2, hidden=(3, 2), activation="gelu")
inner = psu.MLP("inner", inputs=[x], outputs=1, hidden=2, input_scaling="data")
outer = psu.MLP(
    "outer", inputs=[inner[0], 3 * a], outputs=1, hidden=(),
    input_scaling=([0.1, 0.0], [1e-7, 3.0]), output_scaling=(np.pi, 2.0),
)  # fmt: skip
distance = sp.sqrt(x**2 + y**2)
px, py = psu.states("px py")

SYSTEMS = {
    "logarithms": ({u: a * u - b * u * v, v: -c * v + d * u * v}, {}),
    "logarithms-of-what-may-be-negative": ({x: a * x - b * x * y, y: -c * y + d * x * y}, {}),
    "rational-numbers": ({x: 1.3 * x - R(2, 7) * x * y, y: -1.8 * y + 0.8 * x * y}, {}),
    "square-roots": (
        {x: px, y: py, px: -k * x / distance**3, py: -k * y / distance**3}, {}),
    "sine": ({x: y, y: -sp.sin(x)}, {}),
    "time": ({x: x * sp.cos(t)}, {}),
    "exponential-of-time": ({x: 10 * (y - x), y: 28 * x - y - x * z, z: x * y - 20 * z}, {}),
    "irrational-eigenvalues": ({x: y, y: x + y}, {}),
    "symbolic-eigenvalues": ({x: y, y: -d * x - c * y}, {}),
    "symbolic-exponent": ({x: y, y: -(u**whole), u: 0}, {"degree": 2}),
    "network": ({x: -nn[0], y: nn[0] - b * y, z: b * y}, {}),
    "balance": ({x: nn[0] - 2 * x * (a + 1), y: -nn[0] - 2 * y * (a + 1)}, {"kind": "balance"}),
    "compatible": ({x: a * x + nn[0], y: -b * y + nn[1]}, {"kind": "compatible"}),
    "network-at-other-inputs": ({x: nn(y, 2 * x)[1], y: -nn(y, 2 * x)[1]}, {}),
    "nested-networks": ({x: outer[0] * plain, y: -outer[0] * plain}, {}),
    "functions": ({x: y + w(t) * force(t), y: -w(t) * force(t) - y}, {}),
    "assumptions": ({x: plain * whole * k * y, y: -plain * whole * k * x}, {}),
    "none": ({x: y, y: (1 - x**2) * y - x}, {"degree": 5}),
}  # fmt: skip


@pytest.fixture(scope="module")
def derived():
    """Laws by name; each system is searched once."""

    def search(name):
        rhs, keywords = SYSTEMS[name]
        return psu.first_integrals(psu.ODESystem(rhs), **keywords)

    return Searched(search)


def parts(law):
    return law.expr, law.kind, law.rate, law.domain, law.certificate


@pytest.mark.parametrize("name", SYSTEMS)
def test_laws_come_back_equal_and_prove_themselves(derived, name, tmp_path):
    laws, path = derived[name], tmp_path / "laws.json"
    assert bool(laws) == (name != "none")
    laws.save(path)
    loaded = LawSet.load(path)
    assert list(map(parts, loaded)) == list(map(parts, laws))
    assert (loaded.searched, loaded.complete) == (laws.searched, laws.complete)
    assert repr(loaded) == repr(laws)
    assert all(law.certificate.check() for law in loaded)
    assert laws_to_json(loaded) == path.read_text()


@pytest.mark.parametrize("name", SYSTEMS)
def test_certificates_come_back_equal(derived, name):
    for law in derived[name]:
        loaded = Certificate.from_json(law.certificate.to_json())
        assert loaded == law.certificate
        assert loaded.check()


def test_networks_come_back_with_all_that_they_are(derived):
    loaded = laws_from_json(laws_to_json(derived["nested-networks"]))
    [found] = loaded[0].certificate.fields[0][x].atoms(type(outer)) - {inner}
    assert found == outer
    assert found.fixed_scaling().output_shift.tolist() == [np.pi]
    assert found.inputs[0].network.needs_data
    assert found != psu.MLP("outer", inputs=[inner[0], 3 * a], outputs=1, hidden=())


def test_a_loaded_law_belongs_to_the_same_symbols(derived):
    [law] = laws_from_json(laws_to_json(derived["logarithms"]))
    assert law.expr.free_symbols == {u, v, a, b, c, d}
    assert law.domain == ()
    # without the assumption it is another law
    assert law.expr != derived["logarithms-of-what-may-be-negative"][0].expr


def test_another_process_proves_what_was_saved(derived, tmp_path):
    for name in ("square-roots", "network"):
        derived[name].save(tmp_path / f"{name}.json")
    code = (
        "import sys, pysymude as psu\n"
        "for path in sys.argv[1:]:\n"
        "    laws = psu.LawSet.load(path)\n"
        "    print(len(laws), all(law.certificate.check() for law in laws))"
    )
    files = sorted(map(str, tmp_path.iterdir()))
    done = subprocess.run(
        [sys.executable, "-c", code, *files], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["1", "True", "3", "True"]


def test_a_set_without_laws_can_name_its_system(derived):
    system = psu.ODESystem(SYSTEMS["none"][0])
    document = json.loads(laws_to_json(derived["none"], system=system))
    assert document["laws"] == []
    assert document["fields"] == [{"t": "1", "x": "y", "y": "-x + y*(1 - x^2)"}]
    assert "fields" in json.loads(laws_to_json(derived["none"]))
    assert len(laws_from_json(json.dumps(document))) == 0


# -- the text -----------------------------------------------------------------------------------


def test_the_text_is_readable(derived):
    lines = laws_to_json(derived["logarithms"]).splitlines()
    assert lines[1:3] == ['  "format": "pysymude-laws",', '  "version": 1,']
    assert '  "states": {"u": {"positive": true}, "v": {"positive": true}},' in lines
    assert any('"expr": "b*v + d*u - a*log(v) - c*log(u)"' in line for line in lines)
    assert '  "fields": [{"t": "1", "u": "a*u - b*u*v", "v": "-c*v + d*u*v"}],' in lines


def test_the_text_does_not_depend_on_the_process():
    code = (
        "import pysymude as psu\n"
        "x, y, z, q = psu.states('x y z q'); a, b, c, d, e = psu.parameters('a b c d e')\n"
        "nn = psu.MLP('nn', inputs=[x], outputs=2, hidden=2)\n"
        "laws = psu.first_integrals(psu.ODESystem("
        "{x: a*nn[0] + b*y, y: c*nn[1] - b*y, z: d*q - a*nn[0], q: e*q - c*nn[1] - d*q}), budget=60)\n"
        "from dataclasses import replace\n"
        "laws = replace(laws, searched=tuple(replace(s, seconds=0.0) for s in laws.searched))\n"
        "from pysymude.symbolic.storage.law_json import laws_to_json\n"
        "print(laws_to_json(laws))"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(texts) == 1


def test_a_number_before_a_sum_stays_there_if_taken_literally():
    names = {"x": x, "y": y, "a": a}
    for expr in (
        sp.factor(2 * x + 2 * y),
        sp.factor(-3 * x - 3 * y),
        sp.factor(x / 3 + y / 3),
        sp.exp(sp.factor(2 * x + 2 * y)) + sp.factor(2 * x + 2 * a),
    ):
        text = expression_to_text(expr)
        assert parse_expression(text, names, literal=True) == expr
        assert parse_expression(text, names) != expr
        assert sp.expand(parse_expression(text, names) - expr) == 0
    assert parse_expression("0*(x + y) + 1*(x + y)*2.0/3.0", names, literal=True) == 2.0 * (
        x + y
    ) / sp.Float(3.0)


ATOMS = st.sampled_from(
    [x, y, u, v, k, plain, whole, t, w(t), nn[0], R(-2, 3), sp.pi, sp.Integer(7)]
)


def grown(smaller):
    two = st.tuples(smaller, smaller)
    return st.one_of(
        two.map(lambda p: p[0] + p[1]),
        two.map(lambda p: p[0] * p[1]),
        two.map(lambda p: sp.factor(2 * p[0] + 2 * p[1])),
        smaller.map(lambda e: e**2),
        st.tuples(smaller, st.sampled_from([u, k])).map(lambda p: p[1] ** R(1, 2) * p[0]),
        st.tuples(smaller, st.sampled_from([u, k])).map(lambda p: sp.log(p[1]) * p[0]),
        smaller.map(sp.sin),
        st.sampled_from([x, -20 * t, a * t, 2 * (x + y), u]).map(sp.exp),
        st.sampled_from([x + 1, y, u - v]).map(lambda e: 1 / e),
        st.sampled_from([x**2 + 1, u]).map(lambda e: e ** R(-3, 2)),
        st.sampled_from([u**whole, k**a, sp.atan(x), sp.cosh(y)]),
    )


@settings(max_examples=150, deadline=None)
@given(st.recursive(ATOMS, grown, max_leaves=8), st.recursive(ATOMS, grown, max_leaves=5))
def test_any_law_comes_back_equal(law, rate):
    certificate = Certificate(law + x, ({t: sp.S.One, x: rate, y: -rate, u: u, v: rate * v},))
    if law + x == 0 or not (law + x).free_symbols & {x, y, u, v}:
        return
    assert Certificate.from_json(certificate.to_json()) == certificate


# -- what is wrong ------------------------------------------------------------------------------


def document_of(laws):
    return json.loads(laws_to_json(laws))


def load(document):
    return laws_from_json(json.dumps(document))


@pytest.mark.parametrize(
    ("name", "place", "old", "new"),
    [
        ("logarithms", ("laws", 0, "expr"), "b*v", "2*b*v"),
        ("logarithms", ("fields", 0, "u"), "a*u", "a*u^2"),
        ("square-roots", ("fields", 0, "px"), "k", "2*k"),
        ("network", ("fields", 0, "z"), "b*y", "b*y + nn[1]"),
        ("functions", ("fields", 0, "y"), "-y", "-2*y"),
        ("exponential-of-time", ("laws", 0, "expr"), "20*t", "21*t"),
    ],
)
def test_what_was_changed_is_not_proved(derived, name, place, old, new):
    document = document_of(derived[name])
    entry = document
    for key in place[:-1]:
        entry = entry[key]
    assert all(law.certificate.check() for law in load(document))
    assert old in entry[place[-1]]
    entry[place[-1]] = entry[place[-1]].replace(old, new)
    assert not all(law.certificate.check() for law in load(document))


ATTACK = '__import__("os").system("touch executed")'


@pytest.mark.parametrize("attack", [ATTACK, "x.__class__", "open(x)", "lambda: x", "x if x else y"])
@pytest.mark.parametrize("place", ["expr", "rate", "domain", "field", "input"])
def test_code_is_refused(derived, tmp_path, monkeypatch, place, attack):
    monkeypatch.chdir(tmp_path)
    document = document_of(derived["network"])
    law = document["laws"][0]
    match place:
        case "domain":
            law["domain"] = [attack]
        case "field":
            document["fields"][0]["x"] = attack
        case "input":
            document["networks"]["nn"]["inputs"][0] = attack
        case _:
            law[place] = attack
    with pytest.raises(SaveFileError, match="column"):
        load(document)
    assert list(tmp_path.iterdir()) == []


def changed(**changes):
    return lambda document: document | changes


def in_law(**changes):
    return lambda document: document | {"laws": [document["laws"][0] | changes]}


def without(key):
    return lambda document: {k: v for k, v in document.items() if k != key}


def network(**changes):
    return lambda d: d | {"networks": {"nn": d["networks"]["nn"] | changes}}


WRONG = {
    "format": (changed(format="other"), 'no file of format "pysymude-laws"; found format \'other\''),
    "certificate": (changed(format="pysymude-certificate"), "pysymude-certificate"),
    "newer": (changed(version=2), "newer pysymude"),
    "version": (changed(version="1"), "its version is '1'"),
    "no-version": (without("version"), "its version is None"),
    "key": (changed(lows=[]), "lows: unknown; did you mean laws"),
    "missing": (without("complete"), "complete: is missing"),
    "complete": (changed(complete=1), "complete: must be true or false; found 1"),
    "laws": (changed(laws={}), "laws: must be an array of tables"),
    "law": (changed(laws=["x"]), "laws: must be an array of tables"),
    "law-key": (in_law(degree=2), r"\[laws 0\] degree: unknown"),
    "kind": (in_law(kind="eternal"), "kind: must be one of structural, compatible, balance"),
    "function": (in_law(expr="besselj(0, x) + y"), "unknown function besselj"),
    "name": (in_law(expr="x + y + z + q"), "'q': unknown name"),
    "no-text": (in_law(expr=None), "must be an expression in quotes"),
    "no-state": (in_law(expr="b^2"), r"b\*\*2 contains no state"),
    "no-field": (in_law(fields=[]), "names no field"),
    "which-field": (in_law(fields=[1]), "must be numbers of the 1 fields"),
    "last-field": (in_law(fields=[-1]), "must be numbers of the 1 fields"),
    "domain": (in_law(domain=["x"]), "belongs to another law"),
    "no-rate": (changed(fields=[{"t": "1", "x": "0", "y": "0"}]), "contains z, which has no rate"),
    "rate-of-what": (changed(fields=[{"b": "1"}]), r"\[fields 0\] b: unknown"),
    "assumption": (changed(states={"x": {"funny": True}}), r"\[states.x\] funny: unknown"),
    "assumed": (changed(states={"x": {"real": "yes"}}), "must be true or false; found 'yes'"),
    "exclusive": (
        changed(states={"x": {"positive": True, "negative": True}}), "positive, negative exclude each other"),
    "state-name": (changed(states={"x y": {}}), "plain identifier"),
    "twice": (changed(parameters={"b": {}, "x": {}}), "'x' stands for two different things"),
    "time": (changed(parameters={"b": {}, "t": {}}), "'t' stands for two different things"),
    "searched": (changed(searched=[{"degree": 1}]), r"\[searched 0\] family: is missing"),
    "outputs": (network(outputs=10**9), "at most 10000"),
    "hidden": (network(hidden=[10**6, 10**6]), "weights"),
    "activation": (network(activation="sin"), "activation 'sin' is unknown"),
    "inputs": (network(inputs=["q", "x"]), r"\[networks.nn\] inputs: .*unknown name"),
    "scaling": (network(input_scaling=3), "input_scaling must be None"),
    "itself": (network(inputs=["nn[0]", "x"]), "unknown name"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_named(derived, tmp_path, name):
    change, message = WRONG[name]
    path = tmp_path / "laws.json"
    path.write_text(json.dumps(change(document_of(derived["network"]))))
    with pytest.raises(SaveFileError, match=message) as caught:
        LawSet.load(path)
    assert caught.value.path == str(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "damaged or no law file"),
        (b'{"format": "pysymude-laws", "vers', "damaged or no law file"),
        (b"[1, 2]", "found format None"),
        (b"\xff\xfe", "no UTF-8"),
        (b'{"format": "pysymude-laws", "format": "pysymude-laws"}', "a key stands twice"),
        (b'{"format": "pysymude-laws", "version": NaN}', "NaN is no finite number"),
        (b"[" * 100_000, "damaged or no law file"),
        (b"1" * 5000, "damaged or no law file"),
    ],
)
def test_damaged_files_are_refused(tmp_path, content, message):
    path = tmp_path / "laws.json"
    path.write_bytes(content)
    with pytest.raises(SaveFileError, match=message):
        LawSet.load(path)


def test_every_truncation_is_refused(derived):
    text = laws_to_json(derived["network"]).rstrip()
    for stop in range(0, len(text), 11):
        with pytest.raises(SaveFileError, match="damaged"):
            laws_from_json(text[:stop])


def test_a_missing_file_and_folder_are_named(derived, tmp_path):
    with pytest.raises(SaveFileError, match=r"none.json: cannot be read: No such file"):
        LawSet.load(tmp_path / "none.json")
    with pytest.raises(SaveFileError, match=r"laws.json: cannot be written"):
        derived["none"].save(tmp_path / "no-folder" / "laws.json")
    with pytest.raises(SaveFileError, match="found format 'pysymude-laws'"):
        Certificate.from_json(laws_to_json(derived["network"]))


def test_a_save_that_fails_leaves_the_old_file(derived, tmp_path, monkeypatch):
    path = tmp_path / "laws.json"
    derived["sine"].save(path)
    before = path.read_text()

    def full(handle):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(SaveFileError, match="No space left"):
            derived["network"].save(path)
    assert path.read_text() == before
    assert [p.name for p in tmp_path.iterdir()] == ["laws.json"]
    derived["network"].save(path)
    (tmp_path / "other").touch()
    assert path.stat().st_mode == (tmp_path / "other").stat().st_mode


@pytest.mark.parametrize(
    ("law", "message"),
    [
        (x + sp.Dummy("q"), "Dummy"),
        (sp.Add(x, x, evaluate=False), "comes back from its text as"),
        (x + sp.besselj(0, y), "besselj"),
        (x + sp.Symbol("x", positive=True), "'x' stands for two"),
        (x + sp.Symbol("two words"), "plain identifier"),
        (sp.Add(*(y**i * sp.Symbol(f"{'n' * 90}{i}") for i in range(101))), "characters"),
    ],
)
def test_what_cannot_be_written_is_refused_before_a_file_is_made(tmp_path, law, message):
    certificate = Certificate(law, ({t: sp.S.One, x: sp.S.Zero, y: sp.S.Zero},))
    with pytest.raises(EmissionError, match=message):
        certificate.to_json()
    searched = (Span("sums", 1, "exhausted", 1),)
    laws = LawSet((FirstIntegral(law, "structural", certificate),), searched, True)
    with pytest.raises(EmissionError, match=message):
        laws.save(tmp_path / "laws.json")
    assert list(tmp_path.iterdir()) == []


def test_a_certificate_of_another_law_is_not_saved(derived):
    [law] = derived["sine"]
    other = Certificate(law.expr + x, law.certificate.fields)
    searched = derived["sine"].searched
    with pytest.raises(EmissionError, match="comes back"):
        laws_to_json(LawSet((FirstIntegral(law.expr, "structural", other),), searched, True))
