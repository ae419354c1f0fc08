"""The command line: what it prints, what it writes, and how it answers to what is wrong."""

import csv
import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

import pysymude as psu
from pysymude.cli import app, hudson_bay, petab_demo, simulated
from pysymude.cli.inputs import parse_numbers, parse_times
from pysymude.cli.written_files import write_json, write_text
from pysymude.errors import InvalidInputError
from pysymude.plot import plot_history

DECAY = """
[equations]
x = "-k*x"
[parameters]
k = 2.0
[observables]
double = "2*x"
"""
UNKNOWN = """
positive = ["x"]
[equations]
x = "-k*x + nn[0]"
[trainable]
k = 1.0
[networks.nn]
inputs = ["x"]
outputs = 1
hidden = [3]
"""


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def told(result):
    """What stands on stderr, in one line."""
    return " ".join(result.stderr.split())


@pytest.fixture
def decay(tmp_path):
    path = tmp_path / "decay.toml"
    path.write_text(DECAY)
    return path


@pytest.fixture
def unknown(tmp_path):
    """A model with a network and data for it."""
    t = np.linspace(0, 2, 9)
    rows = "".join(f"{a:.17g},{b:.17g}\n" for a, b in zip(t, np.exp(-t), strict=True))
    (tmp_path / "data.csv").write_text("t,x\n" + rows)
    (tmp_path / "model.toml").write_text(UNKNOWN)
    return tmp_path / "model.toml", tmp_path / "data.csv"


# -- the app ----------------------------------------------------------------------------------


def test_version():
    result = run("--version")
    assert result.exit_code == 0
    assert result.stdout == f"pysymude {psu.__version__}\n"


def test_help_loads_no_engine_and_no_plots():
    code = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from pysymude.cli import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        "print(sorted({'llvmlite', 'matplotlib', 'scipy', 'juliacall'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# -- simulate ---------------------------------------------------------------------------------


def table(text):
    rows = list(csv.reader(io.StringIO(text)))
    return rows[0], np.array([[float(cell) for cell in row] for row in rows[1:]])


def test_simulate_agrees_with_the_exact_solution(decay):
    result = run("simulate", decay, "--u0", "x=3", "--t", "0:1:6", "--parameters", "k=0.5")
    assert result.exit_code == 0, result.stderr
    names, numbers = table(result.stdout)
    exact = 3 * np.exp(-0.5 * numbers[:, 0])
    assert names == ["t", "x", "double"]
    np.testing.assert_allclose(numbers[:, 0], np.linspace(0, 1, 6), rtol=1e-15)
    np.testing.assert_allclose(numbers[:, 1], exact, rtol=1e-6)
    np.testing.assert_allclose(numbers[:, 2], 2 * exact, rtol=1e-6)
    # the file's own value is used where none is given
    names, other = table(run("simulate", decay, "--u0", "x=3", "--t", "0,0.25,1").stdout)
    np.testing.assert_allclose(other[:, 1], 3 * np.exp(-2 * other[:, 0]), rtol=1e-6)


def test_simulate_writes_files(decay, tmp_path):
    out, figure = tmp_path / "out.csv", tmp_path / "out.png"
    result = run("simulate", decay, "--u0", "x=1", "--t", "0:1:3", "--out", out, "--plot", figure)
    assert result.exit_code == 0
    assert result.stdout == ""
    assert out.read_text().startswith("t,x,double\n0.0,1.0,2.0\n")
    assert figure.read_bytes().startswith(b"\x89PNG")
    # permissions are those of any file that the user makes
    (tmp_path / "other").touch()
    assert out.stat().st_mode == (tmp_path / "other").stat().st_mode
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "decay.toml",
        "other",
        "out.csv",
        "out.png",
    ]


def test_a_solve_that_fails_gives_what_it_reached(tmp_path):
    model = tmp_path / "blow.toml"
    model.write_text('[equations]\nx = "x**2"\n')
    result = run("simulate", model, "--u0", "x=1", "--t", "0,0.5,2")
    assert result.exit_code == 1
    first, half, two = result.stdout.splitlines()[1:]
    assert float(half.split(",")[1]) == pytest.approx(2, rel=1e-6)
    assert (first, two) == ("0.0,1.0", "2.0,")
    assert "before the end" in told(result)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--u0", "x:1"], "--u0 takes name=value pairs separated by commas.*found 'x:1'"),
        (["--u0", "=1"], "--u0 takes name=value pairs"),
        (["--u0", "x=one"], "--u0 x= takes a finite number; found 'one'"),
        (["--u0", "x=1_0"], "takes a finite number; found '1_0'"),
        (["--u0", "x=nan"], "takes a finite number; found 'nan'"),
        (["--u0", "x=1,x=2"], "--u0 gives 'x' twice"),
        (["--u0", "y=1"], "u0 names 'y', which is no state"),
        (["--u0", "x=__import__('os')"], "takes a finite number"),
        ([], "--u0 is missing: give the initial state, such as --u0 x=1"),
        (["--u0", "x=1", "--parameters", "q=1"], "'q'"),
        (["--u0", "x=1", "--t", "0:10"], "--t takes start:stop:count"),
        (["--u0", "x=1", "--t", "0:10:1"], "whole number from 2 to 10000000; found '1'"),
        (["--u0", "x=1", "--t", "0:10:2.5"], "whole number from 2"),
        (["--u0", "x=1", "--t", "0:1:1000000000"], "whole number from 2"),
        (["--u0", "x=1", "--t", "5:1:10"], "stop must come after start"),
        (["--u0", "x=1", "--t", "0,2,1"], "strictly ascending"),
        (["--u0", "x=1", "--t", "0,,1"], "takes a finite number; found ''"),
        (["--u0", "x=1", "--solver", "Tsit6"], "solver 'Tsit6' is unknown.*Tsit5"),
        (["--u0", "x=1", "--engine", "fortran"], "engine 'fortran' is unknown"),
        (["--u0", "x=1", "--reltol", "2"], "reltol must be a number between"),
        (["--u0", "x=1", "--plot", "a.bmp"], r"a figure ends in .png, .pdf, .svg; found 'a.bmp'"),
        (["--u0", "x=1", "--out", "/nowhere/a.csv"], "/nowhere/a.csv cannot be written: No such"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_wrong_input_to_simulate(decay, arguments, message):
    times = [] if "--t" in arguments else ["--t", "0:1:3"]
    result = run("simulate", decay, *times, *arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(told(result))
    assert told(result).startswith("error: ")


def test_a_network_without_weights_cannot_be_simulated(unknown):
    result = run("simulate", unknown[0], "--u0", "x=1", "--t", "0:1:3")
    assert result.exit_code == 2
    assert "network 'nn', whose weights are unknown; run `pysymude fit` first" in told(result)


def test_errors_are_shown_in_full_when_asked(decay):
    result = run("simulate", decay, "--u0", "x:1", "--t", "0:1:3", "--debug")
    assert isinstance(result.exception, InvalidInputError)


def test_an_error_is_text_and_not_markup(tmp_path):
    model = tmp_path / "model.toml"
    model.write_text('[equations]\nx = "x +"\n[red]\n')
    result = run("simulate", model, "--u0", "x=1", "--t", "0:1:3")
    assert result.exit_code == 2
    assert "model.toml" in told(result)
    assert "red" in told(result)


# -- fit --------------------------------------------------------------------------------------


def test_fit_writes_its_files(unknown, tmp_path):
    out = tmp_path / "a" / "b"
    result = run(
        "fit", *unknown, "--out", out, "--quick", "--validation", "0.25", "--solver", "Tsit5"
    )
    assert result.exit_code == 0, result.stderr
    assert "= -k*x + nn[0]" in result.stdout
    assert "Success, finished" in result.stdout
    names = sorted(path.name for path in out.iterdir())
    assert names == ["fit.npz", "fit.png", "history.png", "summary.json"]
    summary = json.loads((out / "summary.json").read_text())
    found = psu.FitResult.load(out / "fit.npz")
    assert summary["loss"] == found.loss
    assert summary["validation_loss"] == found.validation_loss
    assert summary["parameters"] == found.parameters
    assert summary["solver"] == "Tsit5"
    assert summary["versions"]["pysymude"] == psu.__version__
    # what was fitted can be simulated, from its own start or from another
    names, numbers = table(run("simulate", out / "fit.npz", "--t", "0:2:9").stdout)
    np.testing.assert_allclose(numbers[:, 1], found.predictions[0]["x"], rtol=1e-4)
    names, numbers = table(run("simulate", out / "fit.npz", "--t", "0,1", "--u0", "x=0.5").stdout)
    assert numbers[0, 1] == 0.5


def test_fit_resumes(unknown, tmp_path):
    given = ["--quick", "--solver", "Tsit5", "--checkpoint", tmp_path / "state.npz"]
    assert run("fit", *unknown, "--out", tmp_path / "one", *given).exit_code == 0
    result = run("fit", *unknown, "--out", tmp_path / "two", *given, "--resume")
    assert result.exit_code == 0
    one, two = (psu.FitResult.load(tmp_path / name / "fit.npz") for name in ("one", "two"))
    np.testing.assert_array_equal(one.theta, two.theta)
    result = run("fit", *unknown, "--out", tmp_path / "two", *given, "--resume", "--seed", 7)
    assert result.exit_code == 2
    assert "belongs to another fit" in told(result)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--validation", "1.5"], "between 0 and 1"),
        (["--resume"], "resume=True needs checkpoint="),
        (["--weight-decay", "-1"], "weight_decay must not be negative"),
        (["--time", "when"], "asks for column 'when'; found columns t, x"),
        (["--experiment", "who"], "asks for column 'who'"),
        (["--out", "/proc/nowhere"], "/proc/nowhere"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_input_to_fit(unknown, tmp_path, arguments, message):
    out = [] if "--out" in arguments else ["--out", tmp_path / "out"]
    result = run("fit", *unknown, *out, *arguments)
    assert result.exit_code == 2
    assert message in told(result)


def test_files_that_are_not_there(unknown, tmp_path):
    result = run("fit", tmp_path / "no.toml", unknown[1])
    assert (result.exit_code, "no such file" in told(result)) == (2, True)
    result = run("fit", unknown[0], tmp_path / "no.csv")
    assert (result.exit_code, "no such file" in told(result)) == (2, True)


def test_an_interrupted_fit_writes_its_files(unknown, tmp_path, monkeypatch):
    interrupt_at(monkeypatch, 3)
    result = run("fit", *unknown, "--out", tmp_path, "--quick", "--solver", "Tsit5")
    assert result.exit_code == 130
    assert "the files hold the best result so far" in told(result)
    assert json.loads((tmp_path / "summary.json").read_text())["stopped"] == "interrupted"
    assert (tmp_path / "fit.png").exists()
    assert psu.FitResult.load(tmp_path / "fit.npz").stopped == "interrupted"


def interrupt_at(monkeypatch, iteration):
    """Ctrl-C after so many iterations of training."""
    from pysymude.fit.long_work.progress_bar import Reporter

    calls = []

    def advance(self, stage, value):
        calls.append(stage)
        if len(calls) == iteration:
            raise KeyboardInterrupt

    monkeypatch.setattr(Reporter, "advance", advance)


def test_ctrl_c_outside_training(unknown, tmp_path, monkeypatch):
    def interrupted(*args, **keywords):
        raise KeyboardInterrupt

    monkeypatch.setattr(psu.Dataset, "from_csv", interrupted)
    result = run("fit", *unknown, "--out", tmp_path / "out")
    assert result.exit_code == 130
    assert told(result) == "interrupted"
    assert not (tmp_path / "out").exists()


# -- demo -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_demo_on_simulated_data(tmp_path):
    result = run("demo", "--out", tmp_path, "--quick")
    assert result.exit_code == 0, result.stderr
    assert "network 2-5-5-5-2, tanh, of x, y: 87 weights" in result.stdout
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [
        "fit.npz", "fit.png", "history.png", "missing_term.png", "recovered.npz", "recovered.png",
        "recovered.toml", "summary.json",
    ]  # fmt: skip
    text = (tmp_path / "summary.json").read_text()
    summary = json.loads(text)
    assert {
        "engine", "seconds", "loss", "relative_error_missing_term", "parameters", "solver",
        "sensealg", "seed", "versions", "retcode", "stopped",
    } <= set(summary)  # fmt: skip
    assert summary["parameters"] == {"alpha": 1.3, "gamma": 1.8}
    assert text == json.dumps(summary, indent=2, sort_keys=True) + "\n"
    found = psu.FitResult.load(tmp_path / "fit.npz")
    along = simulated._simulate(0, "auto")[1]
    error = found.unknown_term(along) - simulated.missing_term(along)
    size = np.linalg.norm(simulated.missing_term(along))
    assert summary["relative_error_missing_term"] == pytest.approx(np.linalg.norm(error) / size)
    _check_recovered(summary["recovered"], tmp_path, result)
    # the same from the saved fit, with candidates of one's own
    given = ("--library", "poly1", "--term", "x*y", "--term", "x^2", "--term", "y*y", "--rounded")
    result = run("recover", tmp_path / "fit.npz", "--out", tmp_path / "again", *given)
    assert result.exit_code == 0, result.stderr
    summary = json.loads((tmp_path / "again" / "summary.json").read_text())
    _check_recovered(summary, tmp_path / "again", result)
    assert summary["equations"] == {"x": "alpha*x - 9*x*y/10", "y": "-gamma*y + 4*x*y/5"}
    result = run("recover", tmp_path / "fit.npz", "--term", "x*z", "--out", tmp_path / "again")
    assert result.exit_code == 2
    assert "--term" in told(result)


def _check_recovered(summary, folder, result):
    coefficients = {c["output"]: c for c in summary["coefficients"].values()}
    assert {name: c["term"] for name, c in coefficients.items()} == {"nn[0]": "x*y", "nn[1]": "x*y"}
    assert coefficients["nn[0]"]["value"] == pytest.approx(-0.9, rel=0.05)
    assert len(summary["laws"]) == 1
    assert f"Conserved: {summary['laws'][0]} (proved)" in result.stdout
    found = psu.Recovered.load(folder / "recovered.npz")
    again = psu.ODESystem.from_toml(folder / "recovered.toml")
    assert {str(x): str(f) for x, f in again.rhs.items()} == summary["equations"]
    assert [c.value for c in found.coefficients] == [
        c["value"] for c in summary["coefficients"].values()
    ]


def test_the_simulated_data_are_the_published_ones():
    data, true = simulated._simulate(3, "auto")
    assert data[0].t == pytest.approx(np.arange(31) / 10)
    assert true[0] == pytest.approx([0.44249296, 4.6280594])
    noise = (data[0].u - true) / true.mean(axis=0)
    assert 3e-3 < noise.std() < 7e-3
    again, _ = simulated._simulate(3, "auto")
    other, _ = simulated._simulate(4, "auto")
    np.testing.assert_array_equal(data[0].u, again[0].u)
    assert not np.allclose(data[0].u, other[0].u)


@pytest.mark.slow
def test_demo_on_real_data_holds_the_tail_out(tmp_path):
    result = run("demo", "--data", "hudson-bay", "--out", tmp_path, "--quick")
    assert result.exit_code == 0, result.stderr
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["relative_error_missing_term"] is None
    assert set(summary["held_out_error"]) == {"universal", "lotka_volterra"}
    found = psu.FitResult.load(tmp_path / "fit.npz")
    assert found.data[0].t[-1] == 15
    # the error by hand, from the series and the saved fit alone
    series = psu.Dataset.hudson_bay()[0]
    wrong = found.predict(series.t).u[16:] - series.u[16:]
    expected = np.sqrt((wrong**2).sum(axis=0) / (series.u[16:] ** 2).sum(axis=0))
    error = summary["held_out_error"]["universal"]
    assert [error["hare"], error["lynx"]] == pytest.approx(expected.tolist())


def test_what_is_held_out_has_no_influence():
    """Noise scales, scalings and starts must not come from the years to be forecast."""
    whole = psu.Dataset.hudson_bay()
    changed = whole[0].u.copy()
    changed[16:] *= 100
    other = psu.Dataset.from_arrays(whole[0].t, changed, states=whole.columns, name=whole[0].name)
    assert hudson_bay._training(other).fingerprint == hudson_bay._training(whole).fingerprint
    assert len(hudson_bay._training(whole)[0]) == 16


@pytest.mark.parametrize(("ours", "theirs", "winner"), [(0.1, 0.2, "network"), (0.3, 0.2, "plain")])
def test_the_better_forecast_is_named(ours, theirs, winner):
    errors = {"universal": {"hare": ours}, "lotka_volterra": {"hare": theirs}}
    assert (
        f"hare: {'the ' if winner == 'network' else ''}{winner}" in hudson_bay._remarks(errors)[1]
    )


def test_demo_on_files(tmp_path):
    result = run("demo", "--petab", "--out", tmp_path)
    assert result.exit_code == 0, result.stderr
    problem = psu.read_petab(tmp_path / "petab" / "problem.yaml")
    assert dict(problem.nominal) == petab_demo.TRUE
    # the data scatter about the truth as the tables say
    off = problem.simulations() - [row.value for row in problem.described.measurements]
    total = np.array([row.observable == "obs_total" for row in problem.described.measurements])
    assert 0.025 < off[total].std() < 0.1
    assert 0.01 < off[~total].std() < 0.04
    summary = json.loads((tmp_path / "summary.json").read_text())
    logs = summary["log_likelihood"]
    assert logs["nominal"] == pytest.approx(problem.log_likelihood(), abs=1e-6)
    assert logs["nominal"] < logs["fitted"] < logs["nominal"] + 20
    assert summary["parameters"]["k_phos"] == pytest.approx(1.5, rel=0.3)
    assert f"pysymude fit {tmp_path / 'petab' / 'problem.yaml'}" in result.stdout
    assert f"{logs['nominal']:.3f}" in result.stdout
    # negative losses stand in the figure of the history
    found = psu.FitResult.load(tmp_path / "fit.npz")
    (axes,) = plot_history(found).axes
    assert found.loss < 0
    assert axes.get_ylim()[0] < found.loss
    assert np.nanmin(axes.get_lines()[0].get_ydata()) == pytest.approx(found.loss, rel=1e-3)


def test_demo_of_two_kinds(tmp_path):
    result = run("demo", "--petab", "--data", "hudson-bay", "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "leave out --data hudson-bay" in told(result)
    assert not (tmp_path / "out").exists()


def test_demo_of_an_unknown_kind(tmp_path):
    result = run("demo", "--data", "pendulum", "--out", tmp_path)
    assert result.exit_code == 2
    assert "hudson-bay" in told(result)


# -- doctor -----------------------------------------------------------------------------------


def test_doctor(no_julia_runs_here, tmp_path, monkeypatch):
    for name in ("EXE", "PROJECT"):
        monkeypatch.delenv(f"PYTHON_JULIACALL_{name}", raising=False)
    monkeypatch.setenv("PYTHON_JULIAPKG_PROJECT", str(tmp_path / "none"))
    monkeypatch.setenv("PYSYMUDE_CACHE_DIR", str(tmp_path / "cache"))
    result = run("doctor")
    assert result.exit_code == 0, result.stderr
    for name in ("pysymude", "Python", "numpy", "sympy", "llvmlite", "juliacall", "cores"):
        assert f"{name} " in result.stdout
    assert "works (test solve in" in result.stdout
    assert "takes native" in " ".join(result.stdout.split())
    assert "writable yes" in " ".join(result.stdout.split())


def test_doctor_counts_what_the_cache_holds(tmp_path, monkeypatch):
    monkeypatch.setenv("PYSYMUDE_CACHE_DIR", str(tmp_path))
    kept = tmp_path / "kernels-0"
    kept.mkdir()
    (kept / "one.kernel").write_bytes(bytes(300_000))
    rows = dict(sys.modules["pysymude.cli.doctor"]._cache([]))
    assert rows["compiled solvers"] == "1 files, 0.3 MB"


def test_doctor_clears_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PYSYMUDE_CACHE_DIR", str(tmp_path))
    (tmp_path / "kernels-0").mkdir()
    for name in ("one.kernel", "two.kernel"):
        (tmp_path / "kernels-0" / name).touch()
    (tmp_path / "mine.txt").touch()
    result = run("doctor", "--clear-cache")
    assert "2 files of compiled solvers removed." in result.stdout
    assert list((tmp_path / "kernels-0").iterdir()) == []
    assert (tmp_path / "mine.txt").exists()


def test_doctor_names_problems_and_their_cure(tmp_path, monkeypatch):
    from pysymude.engines.native.native_engine import NativeEngine

    module = sys.modules["pysymude.cli.doctor"]
    blocked = tmp_path / "file"
    blocked.touch()
    monkeypatch.setenv("PYSYMUDE_CACHE_DIR", str(blocked / "below"))
    monkeypatch.setattr(NativeEngine, "availability", lambda self: "pip install llvmlite")
    monkeypatch.setattr(module, "package_version", lambda name: "" if name == "llvmlite" else "1.0")
    result = run("doctor")
    text = " ".join(result.stdout.split())
    assert result.exit_code == 1
    assert "no engine works here" in told(result)
    assert "- llvmlite is not installed pip install llvmlite" in text
    assert "- engine native cannot run pip install llvmlite" in text
    assert f"- {blocked / 'below'} cannot be written, or others may write there export" in text


def test_doctor_with_the_cache_switched_off(monkeypatch):
    monkeypatch.setenv("PYSYMUDE_CACHE", "off")
    assert "unset PYSYMUDE_CACHE" in run("doctor").stdout


def test_an_engine_that_computes_nonsense_does_not_pass(monkeypatch):
    import pysymude.solving.solve  # noqa: F401

    module = sys.modules["pysymude.solving.solve"]
    honest = module.solve

    def wrong(system, **keywords):
        solution = honest(system, **keywords)
        solution.u[-1, 0] *= 1.01
        return solution

    monkeypatch.setattr(module, "solve", wrong)
    result = run("doctor")
    assert result.exit_code == 1
    assert "wrong result" in " ".join(result.stdout.split())


# -- small parts ------------------------------------------------------------------------------


def test_pairs_and_times():
    assert parse_numbers(" x = 1 ,y=-2e3, ", "--u0") == {"x": 1.0, "y": -2000.0}
    assert parse_numbers("", "--u0") == {}
    np.testing.assert_array_equal(parse_times("-1:1:3", "--t"), [-1.0, 0.0, 1.0])
    np.testing.assert_array_equal(parse_times("0, 0.5,4", "--t"), [0.0, 0.5, 4.0])


def test_json_is_plain_and_sorted(tmp_path):
    content = {"b": np.float64("nan"), "a": [np.inf, 1.5], "c": {"d": np.array([1, 2])}, "e": True}
    path = write_json(tmp_path / "a.json", content)
    assert json.loads(path.read_text()) == {
        "a": [None, 1.5],
        "b": None,
        "c": {"d": [1, 2]},
        "e": True,
    }
    assert path.read_text().index('"a"') < path.read_text().index('"b"')


def test_a_file_is_replaced_as_a_whole_or_not_at_all(tmp_path, monkeypatch):
    path = write_text(tmp_path / "a.txt", "old")

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InvalidInputError, match=r"a.txt cannot be written: No space left"):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
