"""`pysymude fit`: what its options and the table [fit] of a model say about data and training."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from pysymude.cli import app
from pysymude.cli.fit_table import parse_columns, parse_noise, read_fit_table
from pysymude.errors import InvalidInputError, ModelFileError
from pysymude.fit.result.fit_result import FitResult
from pysymude.fit.stages.adam import Adam
from pysymude.fit.stages.gradient_matching import GradientMatching
from pysymude.fit.stages.lbfgs import LBFGS
from pysymude.fit.stages.multiple_shooting import MultipleShooting
from pysymude.fit.stages.stage_text import stages_from_text

MODEL = """
positive = ["x"]
[equations]
x = "-k*x"
[trainable]
k = 1.0
"""
T = np.linspace(0, 2, 9)


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture
def files(tmp_path):
    """A model, and a table as a German instrument writes it."""
    rows = "".join(f"{a:.6f};{3 * np.exp(-2 * a):.8f};{0.1 + a:.2f};20,5;gut\n" for a in T)
    text = "Zeit [h];A [mg/l];Fehler;Temperatur;Notiz\n" + rows.replace(".", ",")
    (tmp_path / "data.csv").write_text(text)
    (tmp_path / "model.toml").write_text(MODEL)
    return tmp_path / "model.toml", tmp_path / "data.csv"


def loaded(folder):
    return FitResult.load(folder / "fit.npz"), json.loads((folder / "summary.json").read_text())


def test_options_say_it(files, tmp_path):
    out = tmp_path / "out"
    result = run(
        "fit", *files, "--out", out, "--columns", "A=x", "--u0", "x=3", "--noise", "x=Fehler",
        "--stages", "Adam(5, learning_rate=0.1), LBFGS(30)", "--solver", "Tsit5", "--seed", 3,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    fit, summary = loaded(out)
    assert summary["parameters"]["k"] == pytest.approx(2.0, rel=1e-4)
    assert summary["seed"] == 3
    assert fit.data.columns == ("x",)
    assert dict(fit.data[0].u0) == {"x": 3.0}
    np.testing.assert_allclose(fit.data[0].noise_array()[:, 0], np.round(0.1 + T, 2), rtol=1e-12)
    assert {stage.split()[0] for stage in fit.history["stage"]} == {"Adam", "LBFGS"}


def test_a_table_of_the_model_says_the_same_and_options_come_first(files, tmp_path):
    model, data = files
    model.write_text(
        MODEL
        + '\n[fit]\ncolumns = { "A [mg/l]" = "x" }\nu0 = { x = 3 }\nnoise = { x = "Fehler" }\n'
        'stages = ["LBFGS(2)", "LBFGS(30)"]\nsolver = "Tsit5"\nseed = 4\nlaws = []\nweight_decay = 0.5\n'
    )
    result = run("fit", model, data, "--out", tmp_path / "out", "--seed", 5, "--noise", "0.1")
    assert result.exit_code == 0, result.output
    fit, summary = loaded(tmp_path / "out")
    assert summary["parameters"]["k"] == pytest.approx(2.0, rel=1e-4)
    assert summary["seed"] == 5
    assert fit.data[0].noise == {"x": 0.1}
    assert run("simulate", model, "--u0", "x=1", "--t", "0,1").exit_code == 0


def test_columns_that_the_model_does_not_know_are_left_out_with_a_sentence(files, tmp_path):
    model, data = files
    data.write_text(data.read_text().replace("A [", "x ["))
    result = run("fit", model, data, "--out", tmp_path / "out", "--quick", "--solver", "Tsit5")
    assert result.exit_code == 0, result.output
    assert "left out: Fehler, Temperatur, Notiz (the system has x)" in " ".join(
        result.stderr.split()
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            [],
            "no measured column is left; found A [mg/l], Fehler, Temperatur, Notiz, and the system has x",
        ),
        (["--columns", "B=x"], "states= asks for column 'B'; found columns"),
        (["--columns", "A="], "--columns takes column=state pairs separated by commas; found 'A='"),
        (["--columns", ","], "--columns is empty"),
        (["--columns", "A=x", "--u0", "x"], "--u0 takes name=value pairs"),
        (
            ["--columns", "A=x", "--noise", "x=-1"],
            "noise['x'] must be positive; found -1.0",
        ),
        (["--columns", "A=x", "--noise", "x=Err"], "noise= asks for column 'Err'"),
        (
            ["--columns", "A=x", "--noise", "x="],
            "--noise takes a number, a column, or name=value pairs",
        ),
        (["--columns", "A=x", "--stages", "Adm(3)"], "there is no stage 'Adm'"),
        (["--columns", "A=x", "--stages", "Adam(x)"], "Adam(iterations=) takes numbers; found 'x'"),
    ],
)
def test_wrong_options_say_what_is_wrong(files, tmp_path, arguments, message):
    result = run("fit", *files, "--out", tmp_path / "out", *arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def test_columns_and_noise_as_text():
    assert parse_columns("x, y") == ["x", "y"]
    assert parse_noise("sd") == "sd"
    assert parse_noise("1e-2") == 0.01
    with pytest.raises(InvalidInputError, match="found 'x=2'"):
        parse_noise("x=1,x=2")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[fit]\nsed = 1", "[fit] sed: unknown; did you mean seed?"),
        ("[fit]\nseed = 1.5", "[fit] seed: must be an array of integers; found 1.5"),
        ("[fit]\nu0 = 3", "[fit] u0: cannot be 3"),
        ('[fit]\nu0 = { x = "a" }', "[fit.u0] x: must be a number; found 'a'"),
        ("[fit]\nnoise = [1]", "[fit] noise: must be a number"),
        ("[fit]\nstages = 3", "[fit] stages: must be a string"),
        ("fit = 3", "fit: must be a table"),
        ("t,x\n0,2\n", "this is not TOML"),  # a table of measurements in the model's place
    ],
)
def test_wrong_tables_say_where(tmp_path, text, message):
    (tmp_path / "model.toml").write_text(text)
    with pytest.raises(ModelFileError) as caught:
        read_fit_table(tmp_path / "model.toml")
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path / 'model.toml'}: ")


def test_stages_as_text():
    found = stages_from_text(
        "gradient_matching(50), Adam(300, 0.1,horizon=(0.3, 1)), lbfgs, MultipleShooting(8,rounds=2)"
    )
    assert found == (
        GradientMatching(50), Adam(300, 0.1, (0.3, 1)), LBFGS(), MultipleShooting(8, rounds=2),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no stages are named; write Adam"),
        ("LBGFS(3)", "did you mean LBFGS?"),
        ("Adam(300", "stages are written Adam(300), LBFGS(500); found 'Adam(300'"),
        (
            "Adam(lr=0.1)",
            "Adam takes iterations, learning_rate, horizon, clip, batch, each once; found 'lr'",
        ),
        ("Adam(3, iterations=4)", "each once; found 'iterations'"),
        ("Adam(3, 4, 5, 6, 7, 8)", "each once; found '8'"),
        ("Adam(1e400)", "takes numbers; found '1e400'"),
        ("Adam(-3)", "must be a positive whole number; found -3"),
        ("Adam(__import__('os'))", "found"),
    ],
)
def test_wrong_stages_say_what_is_wrong(text, message):
    with pytest.raises(InvalidInputError) as caught:
        stages_from_text(text)
    assert message in str(caught.value)


DRIVEN = """
[equations]
x = "k*(T(t) - x)"
[trainable]
k = 1.0
[signals.T]
kind = "linear"
"""


def test_measured_inputs(tmp_path):
    """x' = 2 (T - x), T = t: x = t - 1/2 + exp(-2 t)/2."""
    exact = T - 0.5 + 0.5 * np.exp(-2 * T)
    rows = "".join(f"{a},{x!r},{a}\n" for a, x in zip(T.tolist(), exact.tolist(), strict=True))
    (tmp_path / "driven.csv").write_text("t,x,outside\n" + rows)
    model = tmp_path / "driven.toml"
    model.write_text(DRIVEN)
    result = run(
        "fit", model, tmp_path / "driven.csv", "--out", tmp_path / "out", "--columns", "x", "--signals",
        "T=outside", "--u0", "x=0", "--stages", "LBFGS(50)",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    fit, summary = loaded(tmp_path / "out")
    assert summary["parameters"]["k"] == pytest.approx(2.0, rel=1e-4)
    assert fit.data.columns == ("x",)
    # the saved fit knows its own input; another comes from a file
    own = run("simulate", tmp_path / "out" / "fit.npz", "--t", "0:2:3")
    assert float(own.stdout.split(",")[-1]) == pytest.approx(exact[-1], rel=1e-4)
    (tmp_path / "input.csv").write_text("t,T\n0,1\n2,1\n")
    other = run(
        "simulate", model, "--t", "0:2:3", "--u0", "x=0", "--signals", tmp_path / "input.csv",
        "--parameters", "k=2",
    )  # fmt: skip
    assert float(other.stdout.split(",")[-1]) == pytest.approx(1 - np.exp(-4), rel=1e-6)
    missing = run("simulate", model, "--t", "0:2:3", "--u0", "x=0")
    assert missing.exit_code == 2
    assert "signal 'T' has no values" in missing.stderr + missing.output
