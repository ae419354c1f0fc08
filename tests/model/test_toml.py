"""Models in TOML files: what they say, and what they may not say."""

from __future__ import annotations

import contextlib
import textwrap

import pytest
import sympy as sp
from hypothesis import example, given, settings
from hypothesis import strategies as st

import pysymude.model.toml as toml
from pysymude.errors import ModelFileError
from pysymude.model.distributions.lognormal import LogNormal
from pysymude.model.distributions.normal import Normal
from pysymude.model.event import Event
from pysymude.model.network import MLP
from pysymude.model.signal import Signal
from pysymude.model.symbols import t
from pysymude.model.system import ODESystem
from pysymude.model.toml import system_from_text, system_from_toml

WHOLE = textwrap.dedent((toml.__doc__ or "").split("::", 1)[1])

DECAY = """
[equations]
x = "-k*x"
[trainable]
k = 1.0
"""


def test_the_file_in_the_documentation_says_all_it_should():
    x, y = sp.symbols("x y", positive=True)
    alpha, gamma, k = sp.symbols("alpha gamma k", real=True)
    w = sp.Function("w")
    nn = MLP("nn", inputs=[x, y], outputs=2, hidden=(5, 5, 5), input_scaling="data")
    T = Signal("T")
    assert system_from_text(WHOLE) == ODESystem(
        {x: alpha * x + nn[0], y: -gamma * y + nn[1] + k * w(t) + T(t)},
        parameters={alpha: 1.3},
        trainable={gamma: 1.0},
        bounds={gamma: (0.0, None)},
        observables={"total": x + y, "excess": sp.Piecewise((x - y, x > y), (0, True))},
        initial={y: 2 * gamma},
        noise={"total": LogNormal(0.1), x: 0.1 + 0.05 * x},
        priors={gamma: LogNormal(0, 1), "nn.W1": Normal(0, 1)},
        signals={T: ([0.0, 10.0], [20.0, 2 * gamma])},
        events=[Event(x - 10, set={x: x / 2}, direction=1, name="harvest")],
        units={x: "mg / l", "t": "h"},
    )


def test_small_models():
    x, k = sp.symbols("x k", real=True)
    assert system_from_text(DECAY) == ODESystem({x: -k * x}, trainable={k: 1.0})
    assert system_from_text("[equations]\nx = 0") == ODESystem({x: sp.Integer(0)})
    assert system_from_text("[equations]\nx = 0.5") == ODESystem({x: sp.Float("0.5")})
    assert system_from_text('[equations]\nx = """\n1 +\n  t^2"""') == ODESystem({x: 1 + t**2})


def test_bounds_and_assumptions():
    system = system_from_text(
        'positive = ["k"]\n[equations]\nx = "-k*x + b"\n[trainable]\n'
        'k = { start = 2 }\nb = { start = 0.5, bounds = ["-inf", 3] }'
    )
    assert {str(s): b for s, b in system.bounds.items()} == {
        "k": (0.0, float("inf")),
        "b": (-float("inf"), 3.0),
    }
    assert system.symbol("k").is_positive
    assert system.symbol("x").is_positive is None


def test_a_network_takes_expressions_and_scalings():
    system = system_from_text(
        '[equations]\nx = "nn[0]*q"\n[parameters]\nq = 2\n'
        '[networks.nn]\ninputs = ["x^2", "t/q"]\noutputs = 1\nhidden = 4\nactivation = "gelu"\n'
        "input_scaling = { shift = [0, 1], scale = [2, 3] }\noutput_scaling = "
        "{ shift = [0.5], scale = [10] }"
    )
    x, q = sp.symbols("x q", real=True)
    assert system.networks == (
        MLP(
            "nn",
            inputs=[x**2, t / q],
            outputs=1,
            hidden=(4,),
            activation="gelu",
            input_scaling=([0, 1], [2, 3]),
            output_scaling=([0.5], [10]),
        ),
    )


def test_a_network_reads_the_outputs_of_those_above_it():
    system = system_from_text(
        '[equations]\nx = "b[0] - b(y, x)[0]"\ny = "1"\n'
        '[networks.a]\ninputs = ["x"]\noutputs = 2\nhidden = 3\n'
        '[networks.b]\ninputs = ["a[0]*a[1]", "a(2*y)[1]"]\noutputs = 1\nhidden = []'
    )
    x, y = sp.symbols("x y", real=True)
    a = MLP("a", inputs=[x], outputs=2, hidden=(3,))
    b = MLP("b", inputs=[a[0] * a[1], a(2 * y)[1]], outputs=1, hidden=())
    assert system == ODESystem({x: b[0] - b(y, x)[0], y: sp.Integer(1)})
    assert system.networks == (a, b)


def test_symbols_and_networks_that_stand_in_the_inputs_of_a_network_only():
    text = (
        'symbolic = ["z"]\n[equations]\nx = "b(x)[0] - b(2*x)[0]"\n'
        '[networks.a]\ninputs = ["z"]\noutputs = 1\nhidden = 3\n'
        '[networks.b]\ninputs = ["a[0] + w(t)"]\noutputs = 1\nhidden = 3\n[functions]\nw = ["t"]'
    )
    system = system_from_text(text)
    assert [nn.name for nn in system.networks] == ["b"]
    assert system.symbolic_parameters == ()
    with pytest.raises(ModelFileError, match=r"symbolic: no expression uses 'z'"):
        system_from_text(
            text.replace("b(x)[0] - b(2*x)[0]", "a(x)[0]").replace('["z"]\no', '["x"]\no')
        )


def test_names_of_functions_are_free():
    system = system_from_text(
        '[equations]\nmax = "pi*max(max, 0) + D"\n[parameters]\npi = 2\nD = 1\n'
        '[observables]\nexp = "exp(max)"'
    )
    x, p, D = sp.symbols("max pi D", real=True)
    assert system == ODESystem(
        {x: p * sp.Max(x, 0) + D}, parameters={p: 2, D: 1}, observables={"exp": sp.exp(x)}
    )


def networks(number, inputs, hidden):
    """`number` networks whose inputs are `inputs` with x, or with the output of the one above."""
    table = "[networks.n{i}]\ninputs = [{inputs}]\noutputs = 1\nhidden = {hidden}"
    above = ["x", *(f"n{i}[0]" for i in range(number))]
    return "\n".join(
        table.format(i=i, inputs=inputs.replace("_", above[i]), hidden=hidden)
        for i in range(number)
    )


TOO_LARGE = {
    "more than 10000000 weights in the networks of the file": networks(5, "'_'", [1600, 1600]),
    "more than 10000 numbers, symbols and operations in all": networks(
        9, "'_', '_', '_', '_', '_'", 1
    ),
    "more than 10 networks inside each other": networks(11, "'_'", 1),
    "nested too deeply": networks(9, f"'{'sin(' * 50}_{')' * 50}'", 1),
}


@pytest.mark.parametrize("message", TOO_LARGE)
def test_networks_that_are_too_large_together(message):
    with pytest.raises(ModelFileError, match=message):
        system_from_text('[equations]\nx = "1"\n' + TOO_LARGE[message])


def test_integers_that_no_message_could_show():
    for number in ("0x" + "f" * 4000, "1" + "0" * 4200):
        with pytest.raises(ModelFileError, match=r"an integer of \d+ bits"):
            system_from_text(DECAY.replace("1.0", f"[{number}]"))


def test_a_file_is_read_with_or_without_a_byte_order_mark(tmp_path):
    path = tmp_path / "decay.toml"
    for mark in ("", "\ufeff"):
        path.write_text(mark + DECAY, encoding="utf-8")
        assert system_from_toml(str(path)) == ODESystem.from_toml(path) == system_from_text(DECAY)


WRONG_PIECES = [
    # a piece of the whole file, what stands there instead, where it is found, what is said
    ("[observables]", "[observabels]", "observabels", "unknown; did you mean observables"),
    ("positive", "frozen", "frozen", "allowed are name, positive, symbolic, equations"),
    ('name = "', 'name = 3 # "', "name", r"must be a string; found 3 \(int\)"),
    ("[equations]", "[odes]", "odes", "unknown"),
    ("alpha*x", "alhpa*x", "[equations] x", "column 1, 'alhpa': unknown name; did you mean alpha"),
    ("alpha*x", "x.real", "[equations] x", "'x.real': this is not allowed"),
    ("nn[0]", "nn[2]", "[equations] x", r"'nn\[2\]': network 'nn' has 2 outputs"),
    ("x + y", "x + z", "[observables] total", "column 5, 'z': unknown name"),
    ("w(t)", "w(x)", "[equations] y", r"w\(x\) must be w\(t\): a function of time"),
    ("w(t)", "w()", "[equations] y", r"w\(\) must be w\(t\)"),
    ("w(t)", "1", "[functions] w", "no expression uses 'w'; remove it"),
    ('["t"]', '["x"]', "[functions] w", r'a function of time: write w = \["t"\]'),
    ('["t"]', '"t"', "[functions] w", "must be an array of strings; found 't'"),
    ("1.3", "1.3\nbeta = 1", "[parameters] beta", "no expression uses 'beta'; remove it"),
    ('["k"]', '["k", "q"]', "symbolic", "no expression uses 'q'"),
    ('["k"]', '["k", "k"]', "symbolic", "names 'k' twice"),
    ("1.3", "true", "[parameters] alpha", r"must be a number; found True \(bool\)"),
    ("1.3", "'1.3'", "[parameters] alpha", "must be a number; found '1.3'"),
    ("1.3", "nan", "[parameters] alpha", "the value must be finite; found nan"),
    ("1.3", "1" + "0" * 400, "[parameters] alpha", "must be a number; found 1000"),
    ("1.3", "1.3\nx = 1", "[parameters] x", r"'x' already belongs to \[equations\] x"),
    ("1.3", "1.3\nt = 1", "[parameters] t", "already belongs to the language of expressions"),
    ("w = ", "exp = ", "[functions] exp", "already belongs to the language of expressions"),
    ("w = ", "where = ", "[functions] where", "already belongs to the language of expressions"),
    ("total", "nn", "[observables] nn", r"'nn' already belongs to \[networks\] nn"),
    ("1.3", "1.3\nlambda = 1", "[parameters] lambda", "Python keyword .* write lambda_"),
    ("1.3", "1.3\n'a b' = 1", "[parameters] a b", "plain identifier"),
    ('["x", "y"]  ', '["x", "z"]  ', "positive", "'z' is no state or parameter; known are alpha"),
    ('["x", "y"]  ', '["x", 3]  ', "positive", "must be an array of strings; found 3"),
    ("[0.0, inf]", "[2, 3]", "[trainable] gamma", "its bounds exclude its start 1.0"),
    ("[0.0, inf]", "[3, 2]", "[trainable.gamma] bounds", "low must be below high"),
    ("[0.0, inf]", "[0]", "[trainable.gamma] bounds", r"two bounds \[low, high\]; found \[0\]"),
    ("[0.0, inf]", "[0, 'a']", "[trainable.gamma] bounds", "must be a number; found 'a'"),
    ("[0.0, inf]", "[nan, 3]", "[trainable.gamma] bounds", "must be finite; found nan"),
    ("bounds", "bound", "[trainable.gamma] bound", "did you mean bounds"),
    ("start = 1.0, ", "", "[trainable.gamma] start", "is missing"),
    ("{ start", '"a" # ', "[trainable] gamma", "must be a number; found 'a'"),
    ("hidden", "hiden", "[networks.nn] hiden", "did you mean hidden"),
    ("[5, 5, 5]", '"5"', "[networks.nn] hidden", "must be an array of integers; found '5'"),
    ("[5, 5, 5]", "[5, 2.5]", "[networks.nn] hidden", "integers; found 2.5"),
    ("[5, 5, 5]", "[5, 0]", "[networks.nn]", "hidden must be positive integers; found 0"),
    ("[5, 5, 5]", "[1000000000]", "[networks.nn] hidden", "more than 10000000 weights"),
    ("[5, 5, 5]", "[3000, 3400]", "[networks.nn] hidden", "more than 10000000 weights"),
    ("outputs = 2", "outputs = 1000000000", "[networks.nn] outputs", "must be at most 10000"),
    ("outputs = 2", "outputs = [1, 2]", "[networks.nn] outputs", "must be one integer"),
    ('"tanh"', '"tan"', "[networks.nn]", "activation 'tan' is unknown"),
    ('"data"', '"dta"', "[networks.nn] input_scaling", 'must be "data" or { shift'),
    ('"data"', "{ shift = [0, 0] }", "[networks.nn.input_scaling] scale", "is missing"),
    ('"data"', "{ shift = [0], scale = 1 }", "[networks.nn.input_scaling] scale", "an array of"),
    ('inputs = ["x"', 'inputs = ["q"', "[networks.nn] inputs", "column 1, 'q': unknown name"),
    ('inputs = ["x", "y"]', "inputs = []", "[networks.nn]", "name at least one expression"),
    ("[networks.nn]", "[[networks.nn]]", "[networks] nn", "must be a table; found"),
    ("nn[0", "net[0", "[equations] x", "column 11, 'net': unknown name"),
    ('"alpha*x', "alpha*x", "", r"not TOML: .*line \d+.*expressions stand in quotes"),
    ("[parameters]", "[equations]", "", r"not TOML: .*\(at line \d+"),
]


@pytest.mark.parametrize(
    ("piece", "instead", "where", "message"), WRONG_PIECES, ids=[p[1] for p in WRONG_PIECES]
)
def test_a_wrong_piece_is_named_with_its_place(piece, instead, where, message):
    assert piece in WHOLE
    with pytest.raises(ModelFileError, match=message) as caught:
        system_from_text(WHOLE.replace(piece, instead))
    assert caught.value.where == where


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "equations: is missing"),
        ("[equations]", r"\[equations\]: needs one equation per state"),
        ("equations = 3", r"equations: must be a table; found 3"),
        ("[equations]\nx = true", 'must be an expression in quotes, such as "2\\*x"; found True'),
        ("[equations]\nx = nan", "must be finite"),
        ("[equations]\nx = 'nn[0]'\n[networks]\nnn = 3", r"\[networks\] nn: must be a table"),
        (
            '[equations]\nx="1"\n[networks.nn]\ninputs=["x"]\noutputs=1\nhidden=1',
            r"\[networks\] nn: no expression uses 'nn'",
        ),
        ('[equations]\nt = "1"', r"\[equations\] t: 't' already belongs"),
        ("a = " + "[" * 5000, "this is not TOML"),
        ("a = " + "1" * 5000, "this is not TOML"),
        ("a = 1\x00", "this is not TOML"),
    ],
    ids=lambda v: v[:20],
)
def test_wrong_texts(text, message):
    with pytest.raises(ModelFileError, match=message):
        system_from_text(text)


def test_code_in_an_expression_does_not_run(tmp_path):
    mark = tmp_path / "ran"
    code = f"__import__('pathlib').Path('{mark}').touch()"
    with pytest.raises(ModelFileError, match=r"\[equations\] x: .* is not allowed"):
        system_from_text(f'[equations]\nx = "{code}"')
    assert not mark.exists()


def test_files_that_are_no_models(tmp_path):
    path = tmp_path / "m.toml"
    with pytest.raises(ModelFileError, match=r"m\.toml: no such file, seen from"):
        system_from_toml(path)
    with pytest.raises(ModelFileError, match="cannot be read: Is a directory"):
        system_from_toml(tmp_path)
    path.write_bytes(b'name = "\xff"')
    with pytest.raises(ModelFileError, match="not UTF-8 text"):
        system_from_toml(path)
    path.write_bytes(b"#" * 1_000_001)
    with pytest.raises(ModelFileError, match="larger than 1 MB"):
        system_from_toml(path)


def test_an_error_in_a_file_names_file_table_and_key_once(tmp_path):
    path = tmp_path / "m.toml"
    path.write_text(DECAY.replace("-k", "-c"))
    with pytest.raises(ModelFileError) as caught:
        system_from_toml(path)
    assert caught.value.where == f"{path}: [equations] x"
    assert str(caught.value) == (
        f"{path}: [equations] x: column 2, 'c': unknown name; known are k, t, x"
    )


@settings(max_examples=150, deadline=None)
@given(
    at=st.integers(0, len(WHOLE)),
    cut=st.integers(0, 12),
    put=st.one_of(
        st.text(max_size=8), st.sampled_from(['"', "[", "]", "=", "3", "nn", "inf", "{"])
    ),
)
@example(at=0, cut=len(WHOLE), put="")
@example(at=0, cut=0, put="\ud800")
def test_a_damaged_file_is_a_model_or_is_refused(at, cut, put):
    with contextlib.suppress(ModelFileError):
        assert isinstance(system_from_text(WHOLE[:at] + put + WHOLE[at + cut :]), ODESystem)


def test_activations_that_need_several_networks_are_refused():
    text = """
        [equations]
        x = "nn[0]"
        [networks.nn]
        inputs = ["x"]
        outputs = 1
        hidden = [3]
        activation = "elu"
    """
    with pytest.raises(ModelFileError, match=r"'elu' is no activation of one network.*tanh"):
        system_from_text(text)


@pytest.mark.parametrize(
    ("table", "text", "message"),
    [
        ("noise", "Lognormal(k)", "[noise] x: there is no distribution 'Lognormal'; did you mean LogNormal?"),
        ("noise", "normal(k)", "[noise] x: there is no distribution 'normal'; did you mean Normal?"),
        ("priors", "Student(3, 0, 1)", "[priors] k: there is no distribution 'Student'; did you mean StudentT?"),
    ],
)  # fmt: skip
def test_a_distribution_that_is_none(table, text, message):
    key = "x" if table == "noise" else "k"
    model = f'[equations]\nx = "-k*x"\n[trainable]\nk = 1.0\n[{table}]\n{key} = "{text}"\n'
    with pytest.raises(ModelFileError) as caught:
        system_from_text(model)
    assert str(caught.value) == message


def test_a_place_is_named_once():
    model = '[equations]\nx = "-k*x"\n[trainable]\nk = 1.0\n[noise]\nx = "LogNormal(other)"\n'
    with pytest.raises(ModelFileError, match=r"^\[noise\] x: (?!\[noise\])"):
        system_from_text(model)
