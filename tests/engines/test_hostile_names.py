"""Names that are code, commands of a terminal or line breaks: refused at each door, harmless in each file.

The writers are shown objects that came past the doors, as one saved by an older version might.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
import sympy as sp
from typer.testing import CliRunner

import pysymude as psu
from pysymude.cli import app
from pysymude.cli.common import print_table, say
from pysymude.engines.julia.literals import comment, string
from pysymude.engines.julia.printer import system_source
from pysymude.errors import EmissionError, InvalidInputError, ModelFileError, SaveFileError
from pysymude.export.julia import julia_script
from pysymude.export.julia_formulas import Formulas, Names
from pysymude.fit.loss.objective import Objective
from pysymude.fit.result.saved import SavedFit
from pysymude.model.expression_text import expression_to_text
from pysymude.model.symbols import check_label, escaped
from pysymude.model.toml_text import toml_string
from pysymude.model.writing import system_to_text
from pysymude.plan.compiled import compile_system
from pysymude.plan.law import Law
from tests.engines.julia_syntax import statements, syntax_errors

x, y = psu.states("x y")
k = psu.parameters("k")
T = np.linspace(0.0, 1.0, 4)

HOSTILE = {
    "line feed": "dose\nrun(`touch owned`)",
    "carriage return": "dose\rrun(`touch owned`)",
    "both": "dose\r\nrun(`touch owned`)",
    "NUL": "dose\0run(`touch owned`)",
    "next line": "dose\x85run(`touch owned`)",
    "line separator": "dose\u2028run(`touch owned`)",
    "paragraph separator": "dose\u2029run(`touch owned`)",
    "vertical tab": "dose\vrun(`touch owned`)",
    "form feed": "dose\frun(`touch owned`)",
    "escape sequence": "dose\x1b]0;owned\x07\x1b[2J",
    "C1 escape": "dose\x9b2J",
    "right-to-left override": "dose\u202e(detnuom)",
    "isolate": "dose\u2067 = 1",
    "byte order mark": "dose\ufeff",
    "half a character": "dose\ud800",
    "backspace": "dose\x08\x08\x08\x08evil",
    "delete": "dose\x7f",
}
# nothing a file or a terminal obeys, but much that a string or a comment might
ODD = {
    "interpolation": "$(run(`touch owned`))",
    "end of a string": '"); run(`touch owned`); ("',
    "end of a block": "=# run(`touch owned`) #=",
    "backslash": 'dose\\" $x \\',
    "three quotes": '"""',
    "formula of a figure": "$\\frac{$",
    "languages": "дозa ۲, 剂量, नि‍यम, 🧪",
}
hostile = pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
any_name = pytest.mark.parametrize("name", [*HOSTILE.values(), *ODD.values()], ids=[*HOSTILE, *ODD])


def shows(text: str) -> bool:
    """Whether neither a file nor a terminal obeys a part of it."""
    return text == escaped(text, keep="\n\t")


def function_of(name: str) -> sp.Expr:
    try:
        return sp.Function(name)(psu.t)
    except ValueError:  # Python has no such class
        return sp.Symbol(name)


def trajectory(name: str = "dose") -> psu.Trajectory:
    return psu.Trajectory.from_arrays(
        T, np.exp(-T)[:, None], states=[x], name=name, trainable_u0=True
    )


def past_the_door(name: str) -> psu.Dataset:
    found = trajectory()
    object.__setattr__(found, "name", name)
    data = psu.Dataset([found, trajectory("other")])
    assert data[0].name == name
    return data


def system() -> psu.ODESystem:
    nn = psu.MLP("nn", inputs=[x], outputs=1, hidden=(2,), activation="softplus")
    return psu.ODESystem(
        {x: -k * x + nn[0]},
        trainable={k: 1.0},
        bounds={k: (0.0, 2.0)},
        observables={"total": 2 * x},
    )


def objective(data: psu.Dataset) -> Objective:
    return psu.objective(system(), data, engine="native", solver="Tsit5")


# -- doors -----------------------------------------------------------------------------------------


@any_name
def test_what_a_label_is(name: str):
    if name in ODD.values():
        assert check_label(name, what="it") == name == escaped(name)
        return
    with pytest.raises(
        InvalidInputError, match="must not contain line breaks or other control"
    ) as e:
        check_label(name, what="it")
    assert str(e.value).isascii()
    assert shows(str(e.value))
    assert check_label(escaped(name), what="it")


def frame_of(columns):
    """A data frame whose texts are Python's own: Arrow's cannot hold half a character."""
    pd = pytest.importorskip("pandas")
    own = {
        k: pd.Series(list(v), dtype=object if isinstance(v, list) else None)
        for k, v in columns.items()
    }
    frame = pd.concat(own.values(), axis=1, ignore_index=True)
    frame.columns = pd.Index(list(own), dtype=object)
    return frame


@any_name
def test_experiments(name: str, tmp_path: Path):
    data = tmp_path / "data.csv"
    cell = name.replace('"', '""')
    rows = "".join(f'{t},{1 - t},"{cell}"\n' for t in (0.0, 0.5, 1.0))
    # as a spreadsheet would write it: other separators of lines stay what they are
    data.write_bytes(f"t,x,experiment\n{rows}".encode(errors="surrogatepass"))
    frame = frame_of({"t": T, "x": T, "experiment": [name] * 4})
    doors = {
        "trajectory": lambda: trajectory(name),
        "renamed": lambda: trajectory().renamed(name),
        "replace": lambda: replace(trajectory(), name=name),
        "constructor": lambda: psu.Trajectory(
            T, T[:, None], ("x",), {}, 0.0, False, {}, {}, name=name
        ),
        "arrays": lambda: psu.Dataset.from_arrays([T], [T[:, None]], states=["x"], name=[name]),
        "CSV": lambda: psu.Dataset.from_csv(data, experiment="experiment"),
        "data frame": lambda: psu.Dataset.from_dataframe(frame, experiment="experiment"),
    }
    for door, enter in doors.items():
        if name in ODD.values():
            enter()
            continue
        with pytest.raises(InvalidInputError) as e:
            enter()
        # a file that is no UTF-8 is refused for that
        assert "control characters" in str(e.value) or "UTF-8" in str(e.value), door
        assert shows(str(e.value)), door


@hostile
def test_columns(name: str, tmp_path: Path):
    data = tmp_path / "data.csv"
    data.write_bytes(f'"{name}",t,x\n1,0,1\n1,1,1\n'.encode(errors="surrogatepass"))
    frame = frame_of({name: T, "t": T, "x": T})
    for enter in (
        lambda: psu.Dataset.from_csv(data, states=["x"]),
        lambda: psu.Dataset.from_dataframe(frame, states=["x"]),
        lambda: psu.Dataset.from_arrays(T, T[:, None], states=[name]),
        lambda: psu.Dataset.from_arrays(T, T[:, None], states=["x"], noise={name: 1.0}),
        lambda: psu.Dataset.from_arrays(T, T[:, None], states=["x"], u0={name: 1.0}),
        lambda: psu.Dataset.from_arrays(T, T[:, None], states=["x"], parameters={name: 1.0}),
        lambda: psu.Dataset.from_arrays(T, T[:, None], states=["x"], trainable_u0=[name]),
        *(
            lambda change=change: replace(trajectory(), **change)
            for change in (
                {"columns": (name,)},
                {"u0": {name: 1.0}},
                {"parameters": {name: 1.0}},
                {"noise": {name: 1.0}},
                {"trainable_u0": (name,)},
            )
        ),
    ):
        with pytest.raises(InvalidInputError) as e:
            enter()
        assert shows(str(e.value))


@any_name
def test_names_of_a_system(name: str):
    symbol = sp.Symbol(name, real=True)
    for enter in (
        lambda: psu.states(name),
        lambda: psu.ODESystem({symbol: -symbol}),
        lambda: psu.ODESystem({x: -symbol * x}),
        lambda: psu.ODESystem({x: -x}, trainable={symbol: 1.0}),
        lambda: psu.ODESystem({x: -x}, observables={name: x}),
        lambda: psu.ODESystem({x: function_of(name)}),
        lambda: psu.MLP(name, inputs=[x], outputs=1, hidden=(2,)),
        lambda: psu.MLP("nn", inputs=[x], outputs=1, hidden=(2,), activation=name),
        lambda: psu.ODESystem.from_equations(sp.Eq(function_of(name).diff(psu.t), 1)),
    ):
        with pytest.raises(InvalidInputError):
            enter()


@hostile
def test_labels_of_events_and_laws(name: str):
    for enter in (lambda: psu.Event(x, name=name), lambda: Law(name, x)):
        with pytest.raises(InvalidInputError, match="control characters"):
            enter()
    with pytest.raises(InvalidInputError, match="must be a string"):
        psu.Event(x, name=3)  # type: ignore[arg-type]


@any_name
def test_model_files(name: str, tmp_path: Path):
    model = tmp_path / "model.toml"
    for text in (
        f"[equations]\n{toml_string(name)} = '-1'\n",
        f"[equations]\nx = '-w(t)'\n[functions]\n{toml_string(name)} = ['t']\n",
        f"[equations]\nx = '-x'\n[networks.{toml_string(name)}]\nhidden = 1\n",
        f"positive = [{toml_string(name)}]\n[equations]\nx = '-x'\n",
    ):
        model.write_text(text)
        with pytest.raises(ModelFileError) as e:
            psu.ODESystem.from_toml(model)
        assert shows(str(e.value))


# -- writers ---------------------------------------------------------------------------------------


@any_name
@pytest.mark.parametrize("sensealg", ["forward", "adjoint"])
def test_a_script_has_the_same_statements_whatever_experiments_are_called(name: str, sensealg: str):
    expected = julia_script(objective(past_the_door("dose")), sensealg=sensealg)
    script = julia_script(objective(past_the_door(name)), sensealg=sensealg)
    assert syntax_errors(script) == []
    assert statements(script) == statements(expected)
    assert len(script.splitlines()) == len(expected.splitlines())
    assert comment(name) in script
    assert script.encode().decode() == script


def test_the_check_sees_what_a_raw_name_would_do():
    script = julia_script(objective(past_the_door("dose")))
    for name in ("dose\nrun(`touch owned`)", "dose\nx"):
        assert statements(script.replace("# dose\n", f"# {name}\n")) != statements(script)


@any_name
def test_columns_stand_in_comments_of_a_script(name: str):
    obj = objective(past_the_door("dose"))
    expected = statements(julia_script(obj))
    columns = replace(obj, spec=replace(obj.spec, columns=(name,)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(obj.plan), "column", lambda self, column: x)
        script = julia_script(columns)
    assert syntax_errors(script) == []
    assert statements(script) == expected


@any_name
def test_words_of_source_are_identifiers(name: str):
    nn = psu.MLP("nn", inputs=[x], outputs=1, hidden=(2,))
    nn.name = name
    for expr in (
        sp.Symbol(name),
        sp.Dummy(name),
        sp.Wild(name),
        sp.MatrixSymbol(name, 2, 2)[0, 0],
        function_of(name),
        nn[0],
    ):
        with pytest.raises(EmissionError):
            Formulas(Names())(expr)
        with pytest.raises(EmissionError):
            expression_to_text(expr)


def _with(**changes: object) -> psu.ODESystem:
    """A system whose parts were exchanged behind its back."""
    found = system()
    for part, value in changes.items():
        setattr(found, part, MappingProxyType(value))
    return found


@any_name
def test_model_files_are_written_with_checked_names(name: str):
    symbol = sp.Symbol(name, real=True)
    for bad in (
        _with(_rhs={symbol: -k * x}),
        _with(_observables={name: x}),
        _with(_parameters={symbol: 1.0}),
        _with(_trainable={symbol: 1.0}, _bounds={symbol: (0.0, 2.0)}),
        _with(_rhs={x: function_of(name)}),
    ):
        with pytest.raises(EmissionError):
            system_to_text(bad)
    if name != HOSTILE["half a character"]:
        assert tomllib.loads(f"a = {toml_string(name)}") == {"a": name}


@any_name
def test_activations_are_no_source(name: str):
    found = system()
    nn = found.networks[0]
    nn.activation = name
    with pytest.raises(EmissionError):
        system_source(compile_system(found))
    with pytest.raises(EmissionError):
        system_to_text(found)
    script = objective(past_the_door("dose"))
    script.plan.networks[0].activation = name
    with pytest.raises(EmissionError):
        julia_script(script)


@any_name
def test_strings_and_comments_of_julia(name: str):
    for text in (f"a = {string(name)}\nb = 1\n", f"a = 1 {comment(name)}\nb = 1\n"):
        assert syntax_errors(text) == []
        assert len(text.splitlines()) == 2
        assert shows(text)
    words = statements(f"a = {string(name)}\nb = 1\n")
    assert words[:2] == ["a", "="]
    assert words[-3:] == ["b", "=", "1"]
    assert "run" not in words
    assert "$" not in string(name).replace("\\$", "")


@any_name
def test_a_saved_fit_with_such_a_name(name: str, tmp_path: Path):
    data = past_the_door(name)
    fit = psu.fit(system(), data, engine="native", stages=[psu.LBFGS(1)], progress=False)
    saved, script = tmp_path / "fit.npz", tmp_path / "fit.jl"
    fit.save(saved)
    done = CliRunner().invoke(app, ["export-julia", str(saved), str(script)])
    if name in ODD.values():
        assert SavedFit.read(saved).data[0].name == name
        assert done.exit_code == 0
        assert statements(script.read_text()) == statements(julia_script(fit, theta=fit.theta))
        return
    with pytest.raises(SaveFileError, match="control characters"):
        SavedFit.read(saved)
    assert done.exit_code == 2
    assert not script.exists()


@any_name
@pytest.mark.filterwarnings("ignore:Glyph")
def test_what_the_commands_write(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    from pysymude.cli.common import fit_summary
    from pysymude.cli.written_files import write_figure, write_json
    from pysymude.plot import plot_fit

    data = past_the_door(name)
    fit = psu.fit(system(), data, engine="native", stages=[psu.LBFGS(1)], progress=False)
    found = write_json(tmp_path / "summary.json", fit_summary(fit)).read_text()
    assert found.isascii()
    assert name in json.loads(found)["u0"]
    figure = write_figure(tmp_path / "fit.svg", plot_fit(fit)).read_text()
    assert shows(figure)
    say(f"error: {name}")
    print_table([("experiment", name)], title="Data")
    shown = "".join(capsys.readouterr())
    assert shows(shown)
