"""`pysymude recover`: results that are there stay, whatever becomes of the laws."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

import pysymude as psu
from pysymude.cli import app
from pysymude.errors import InvalidInputError


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def dragged(tmp_path_factory):
    """x' = -|x| x from 2: x = 2/(1 + 2 t)."""
    x, t = psu.states("x"), np.linspace(0, 2, 15)
    nn = psu.MLP("nn", inputs=[x], outputs=1, hidden=4)
    data = psu.Dataset.from_arrays(t, 2 / (1 + 2 * t), states=[x])
    fit = psu.fit(psu.ODESystem({x: nn[0]}), data, stages=psu.LBFGS(60), progress=False)
    path = tmp_path_factory.mktemp("dragged") / "fit.npz"
    fit.save(path)
    return path


def test_laws_that_cannot_be_derived_take_nothing_away(dragged, tmp_path):
    result = run("recover", dragged, "--library", "", "--term", "abs(x)*x", "--out", tmp_path)
    assert result.exit_code == 0, result.stderr
    assert "laws were not derived: Abs(x) is not smooth" in " ".join(result.stderr.split())
    assert "the form uses all candidates that the library has (1)" in " ".join(
        result.stderr.split()
    )
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["laws"] is None
    assert [c["value"] for c in summary["coefficients"].values()] == [pytest.approx(-1, rel=0.01)]
    found = psu.Recovered.load(tmp_path / "recovered.npz")
    assert str(found.coefficients[0].term) == "x*Abs(x)"
    assert psu.ODESystem.from_toml(tmp_path / "recovered.toml").states == found.system.states
    assert (tmp_path / "recovered.png").stat().st_size > 0


def test_files_are_there_before_laws_are_derived(dragged, tmp_path, monkeypatch):
    def stopped(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(psu.Recovered, "laws", stopped)
    result = run("recover", dragged, "--library", "", "--term", "x^2", "--out", tmp_path)
    assert result.exit_code == 130
    assert psu.Recovered.load(tmp_path / "recovered.npz").coefficients
    assert json.loads((tmp_path / "summary.json").read_text())["laws"] is None


def test_a_fit_is_there_before_it_is_judged(dragged, tmp_path, monkeypatch):
    def fails(fit):
        raise InvalidInputError("no rows")

    monkeypatch.setattr(sys.modules["pysymude.cli.fit"], "fit_rows", fails)
    model, table = tmp_path / "m.toml", tmp_path / "d.csv"
    model.write_text('[equations]\nx = "-k*x"\n[trainable]\nk = 1.0\n')
    table.write_text("t,x\n0,1\n1,0.5\n2,0.25\n")
    assert run("fit", model, table, "--out", tmp_path / "out", "--quick").exit_code == 2
    assert psu.FitResult.load(tmp_path / "out" / "fit.npz").success
