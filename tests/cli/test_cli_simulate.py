"""`pysymude simulate` of saved fits, and with inputs from tables."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from typer.testing import CliRunner

import pysymude as psu
from pysymude.cli import app

T = np.linspace(0.5, 6.0, 12)
AT = np.linspace(0.0, 8.0, 9)
K = 0.4


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def told(result):
    return " ".join((result.stderr + result.output).split())


def columns(result):
    assert result.exit_code == 0, result.stderr
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    return {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}


def after(doses, t, k=K):
    """Amounts that decay at rate k, each from its time on."""
    return sum(a * np.where(t >= at, np.exp(-k * (t - at)), 0.0) for at, a in doses)


@pytest.fixture(scope="module")
def dosed(tmp_path_factory):
    """One experiment with doses, and one with a period in which k is twice as large."""
    x, k = psu.states("x"), psu.parameters("k")
    doses = [(0.0, 10.0), (3.0, 5.0)]
    faster = [psu.Period(2.0, parameters={k: 2 * k}), psu.Period(4.0, set={x: x})]
    area = K * T + K * (np.clip(T, 2.0, 4.0) - 2.0)
    trajectories = [
        psu.Trajectory.from_arrays(
            T, after(doses, T), states=[x], u0={x: 0.0}, t0=0.0, doses={x: doses}, name="dosed"
        ),
        psu.Trajectory.from_arrays(
            T, 7 * np.exp(-area), states=[x], u0={x: 7.0}, t0=0.0, periods=faster, name="warm"
        ),
    ]
    system = psu.ODESystem({x: -k * x}, trainable={k: 0.3}, observables={"double": 2 * x})
    fit = psu.fit(system, psu.Dataset(trajectories), stages=psu.LBFGS(50), progress=False)
    assert fit.parameters["k"] == pytest.approx(K, rel=1e-4)
    path = tmp_path_factory.mktemp("fits") / "fit.npz"
    fit.save(path)
    return path


def test_a_fit_is_solved_with_its_doses_and_periods(dosed):
    found = columns(run("simulate", dosed, "--t", "0:8:9", "--experiment", "dosed"))
    assert list(found) == ["t", "x", "double"]
    # a time that is a dose's comes after it
    np.testing.assert_allclose(found["x"], after([(0, 10), (3, 5)], AT), rtol=1e-3)
    area = K * AT + K * (np.clip(AT, 2.0, 4.0) - 2.0)
    found = columns(run("simulate", dosed, "--t", "0:8:9", "--experiment", "warm"))
    np.testing.assert_allclose(found["x"], 7 * np.exp(-area), rtol=1e-3)


def test_of_several_experiments_one_is_chosen(dosed):
    result = run("simulate", dosed, "--t", "0:8:9")
    assert result.exit_code == 2
    assert "holds 2 experiments; say which: --experiment NAME, one of dosed, warm" in told(result)
    result = run("simulate", dosed, "--t", "0:8:9", "--experiment", "cold")
    assert result.exit_code == 2
    assert "there is no experiment 'cold'" in told(result)


def test_other_doses_take_the_place_of_all(dosed, tmp_path):
    (tmp_path / "other.csv").write_text("t,AMT [mg]\n1,4\n")
    options = ("--data", tmp_path / "other.csv", "--doses", "x=AMT")
    found = columns(run("simulate", dosed, "--t", "0:8:9", "--experiment", "dosed", *options))
    np.testing.assert_allclose(found["x"], after([(1, 4)], AT), rtol=1e-3, atol=1e-8)
    fit = psu.FitResult.load(dosed)
    none = fit.predict(AT, {"x": 1.0}, experiment="dosed", doses={})
    np.testing.assert_allclose(none["x"], np.exp(-K * AT), rtol=1e-3)


ROOM = """
[equations]
x = "k*(T(t) - x)"
[parameters]
k = 2.0
[signals.T]
kind = "linear"
[fit]
signals = { T = "outside" }
doses = { x = "AMT" }
"""


@pytest.fixture
def room(tmp_path):
    (tmp_path / "room.toml").write_text(ROOM)
    (tmp_path / "weather.csv").write_text("run,t,outside,AMT\na,0,1,\na,2,1,\nb,0,5,\nb,2,5,1\n")
    return tmp_path / "room.toml", tmp_path / "weather.csv"


def test_the_table_of_a_model_says_which_columns(room):
    model, table = room
    options = ("--t", "0:2:3", "--u0", "x=0", "--experiment", "a", "--data", table)
    found = columns(run("simulate", model, *options))
    assert found["x"][-1] == pytest.approx(1 - np.exp(-4), rel=1e-6)
    options = ("--t", "0:2:3", "--u0", "x=0", "--experiment", "b", "--signals", table)
    # a file of signals gives nothing else
    assert columns(run("simulate", model, *options))["x"][-1] == pytest.approx(
        5 * (1 - np.exp(-4)), rel=1e-6
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--signals", "weather.csv"), "no column is called like a signal of the model, T; found"),
        (("--signals", "weather.csv"), "--data weather.csv --signals T=COLUMN"),
        (("--data", "weather.csv", "--signals", "T=outsid"), "--signals asks for column 'outsid'"),
        (("--data", "weather.csv", "--doses", "x=dose"), "--doses asks for column 'dose'"),
        (("--data", "weather.csv", "--signals", "T=outside"), "say which: --experiment NAME, one of a, b"),
        (("--data", "weather.csv"), "say which columns, --signals or --doses"),
        (("--doses", "x=AMT"), "Add --data FILE.csv"),
        (("--experiment", "a"), "--experiment names one of a saved fit, or of --data"),
    ],
)  # fmt: skip
def test_messages_speak_of_options(room, monkeypatch, options, message):
    model, _ = room
    monkeypatch.chdir(model.parent)
    model.write_text(ROOM[: ROOM.index("[fit]")])
    result = run("simulate", model, "--t", "0:2:3", "--u0", "x=0", *options)
    assert result.exit_code == 2
    assert message in told(result)
    assert "states=" not in told(result)
