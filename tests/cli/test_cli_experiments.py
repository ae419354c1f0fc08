"""`pysymude fit` with what differs between experiments and changes on the way, and `simulate` with a band."""

import csv
import io
import json

import numpy as np
import pytest
from typer.testing import CliRunner

import pysymude as psu
from pysymude.cli import app

MODEL = """
positive = ["x"]
[equations]
x = "-k*x"
new = "k*x"
seen = "0"
[trainable]
k = 1.0
[initial]
x = 3.0
new = 0
seen = 0
[fit]
engine = "native"
t0 = 0.0
noise = 0.01
experiment = "run"
columns = ["seen"]
"""
PERIODS = """
[[fit.periods]]
times = "measured"
set = { seen = "new", new = 0 }
"""
T = np.linspace(0.25, 2, 8)


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture
def table(tmp_path):
    """What has come since the last time, at two rates."""
    counted = {k: -np.diff(3 * np.exp(-k * np.r_[0.0, T])) for k in (0.5, 2.0)}
    names = {0.5: "slow", 2.0: "fast"}
    rows = "".join(
        f"{names[k]},{t},{n:.10f}\n"
        for k, new in counted.items()
        for t, n in zip(T, new, strict=True)
    )
    (tmp_path / "data.csv").write_text("run,t,seen\n" + rows)
    return tmp_path / "data.csv"


@pytest.mark.parametrize("times", ['"measured"', str(T.tolist())])
def test_counts_since_the_last_measurement_at_two_rates(table, tmp_path, times):
    model = tmp_path / "model.toml"
    model.write_text(MODEL + PERIODS.replace('"measured"', times))
    result = run("fit", model, table, "--out", tmp_path / "out", "--per-experiment", "k")
    assert result.exit_code == 0, result.output
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["parameters"] == pytest.approx({"k_slow": 0.5, "k_fast": 2.0}, rel=1e-4)
    fit = psu.FitResult.load(tmp_path / "out" / "fit.npz")
    assert summary["standard_errors"] == pytest.approx(fit.standard_errors())

    asked = ["simulate", tmp_path / "out" / "fit.npz", "--experiment", "fast", "--t", "0.5,1,2"]
    plain = run(*asked, "--band", 0.9)
    assert plain.exit_code == 0, plain.output
    rows = list(csv.DictReader(io.StringIO(plain.stdout)))
    band = fit.predict([0.5, 1, 2], experiment="fast", band=0.9)["seen"]
    assert [float(r["seen_upper"]) for r in rows] == pytest.approx(band.upper, rel=1e-6)
    further = list(csv.DictReader(io.StringIO(run(*asked, "--band", 0.9, "--prediction").stdout)))
    assert list(further[0]) == ["t", "seen", "seen_lower", "seen_upper"]
    assert float(further[0]["seen_upper"]) > float(rows[0]["seen_upper"])


def test_the_model_says_it_too(table, tmp_path):
    model = tmp_path / "model.toml"
    model.write_text(MODEL + 'per_experiment = ["k"]\n' + PERIODS)
    assert run("fit", model, table, "--out", tmp_path / "out").exit_code == 0
    fit = psu.FitResult.load(tmp_path / "out" / "fit.npz")
    assert set(fit.parameters) == {"k_slow", "k_fast"}
    assert [p.start for p in fit.data[0].periods] == pytest.approx(T)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            PERIODS.replace('"measured"', '"weekly"'),
            "times: are numbers, or 'measured'; found 'weekly'",
        ),
        (PERIODS.replace('"new"', '"old"'), "old"),
        (PERIODS + PERIODS, "two periods begin at 0.25"),
        ("[[fit.periods]]\nset = { new = 0 }\n", "times"),
    ],
)
def test_wrong_periods_are_named(table, tmp_path, text, message):
    model = tmp_path / "model.toml"
    model.write_text(MODEL + text)
    result = run("fit", model, table)
    assert result.exit_code == 2
    assert message in result.output.replace("\n", " ")


@pytest.mark.parametrize(
    ("options", "message"),
    [(["--band", "0.9"], "--band is of a saved fit"), (["--prediction"], "goes with --band")],
)
def test_a_band_needs_a_fit(tmp_path, options, message):
    (tmp_path / "model.toml").write_text(MODEL)
    result = run("simulate", tmp_path / "model.toml", "--t", "0:1:3", *options)
    assert result.exit_code == 2
    assert message in result.output
