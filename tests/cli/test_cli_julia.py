"""`setup-julia` and doctor's rows on Julia, with stand-ins for Julia; the real one has its own tests."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner

import pysymude as psu
from pysymude.cli import app, julia_check
from pysymude.cli.julia_check import CheckFailed, check
from pysymude.engines.julia import sysimage
from pysymude.engines.julia.finding import found, needed

pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="the stand-ins are shell scripts"),
    pytest.mark.usefixtures("no_julia_runs_here"),
]

# answers the question for its version, writes down what it is asked to do, and makes what it should
JULIA = """#!/bin/sh
here=$(dirname "$0")
case "$*" in
  *CPU_NAME*) printf '1.12.0\\0%s\\0%s\\0cpu' "$0" "$here"; exit 0;;
  *--version*) echo "julia version 1.11.5"; exit 0;;
  *dlpath*) printf '%s\\0%s' "$0" "$here"; exit 0;;
  *sysimage.jl*) echo "sysimage $*" >> "$here/log"; . "$here/on_sysimage"; exit $?;;
  *) echo "$*" >> "$here/log"; . "$here/on_other"; exit $?;;
esac
"""
FOUND = {
    "stages": {"start Julia": 1.0, "first gradient": 0.5, "second gradient": 0.001},
    "julia": {"version": "1.12.0", "threads": "1", "depot": "", "image": ""},
}


def run(*arguments):
    return CliRunner().invoke(app, ["setup-julia", *map(str, arguments)])


def told(result):
    return " ".join((result.stdout + result.stderr).split())


@pytest.fixture
def julia(tmp_path, monkeypatch):
    """A stand-in with a project that has all that is needed, and a check that finds all well."""
    exe = tmp_path / "julia"
    exe.write_text(JULIA)
    exe.chmod(0o755)
    (tmp_path / "on_other").write_text("echo precompiling; true\n")
    # the third argument is where the image is to be put
    (tmp_path / "on_sysimage").write_text('echo compiling; echo image > "$4"\n')
    (tmp_path / "log").touch()
    project = tmp_path / "project"
    project.mkdir()
    (project / "Project.toml").write_text("[deps]\n")
    listed = {name: f"{bound}.0" for name, bound in needed().items()}
    write_manifest(project, {**listed, "PythonCall": version("juliacall")})
    monkeypatch.setenv("PYTHON_JULIACALL_EXE", str(exe))
    monkeypatch.setenv("PYTHON_JULIACALL_PROJECT", str(project))
    monkeypatch.setattr(julia_check, "check", lambda env=None, limit=0.0: FOUND)
    return tmp_path


def write_manifest(project, listed):
    blocks = [f'\n[[deps.{name}]]\nversion = "{found}"\n' for name, found in listed.items()]
    (project / "Manifest.toml").write_text('manifest_format = "2.0"\n' + "".join(blocks))


def add_package_compiler(julia):
    with (julia / "project" / "Manifest.toml").open("a") as file:
        file.write('\n[[deps.PackageCompiler]]\nversion = "2.4.0"\n')


def asked(julia):
    return (julia / "log").read_text().splitlines()


# -- setup-julia -------------------------------------------------------------------------------


def test_a_given_project_is_compiled_tried_and_then_left_alone(julia):
    result = run()
    assert result.exit_code == 0, told(result)
    for part in ("precompiling", "first gradient 0.50 s", "import to first gradient 1.50 s"):
        assert part in told(result)
    assert len(asked(julia)) == 1
    assert "SciMLSensitivity" in asked(julia)[0]
    again = run()
    assert "All is up to date" in told(again)
    assert len(asked(julia)) == 1
    assert run("--force").exit_code == 0
    assert len(asked(julia)) == 2
    # another manifest is another project
    add_package_compiler(julia)
    run()
    assert len(asked(julia)) == 3


def test_what_fails_says_so_and_counts_as_not_done(julia, monkeypatch):
    (julia / "on_other").write_text("echo no space left; exit 7\n")
    result = run()
    assert result.exit_code == 2
    assert "no space left" in result.stdout
    assert "precompiling failed with exit code 7" in told(result)
    (julia / "on_other").write_text("true\n")

    def broken(env=None, limit=0.0):
        raise CheckFailed("it is broken")

    monkeypatch.setattr(julia_check, "check", broken)
    result = run()
    assert result.exit_code == 1
    assert "does not work: it is broken" in told(result)
    monkeypatch.setattr(julia_check, "check", lambda env=None, limit=0.0: FOUND)
    assert "up to date" not in told(run())


def test_a_project_that_lacks_something_is_not_touched(julia):
    write_manifest(julia / "project", {"PythonCall": version("juliacall")})
    result = run("--offline")
    assert result.exit_code == 2
    assert "lacks ADTypes" in told(result)
    assert "Nothing was fetched (--offline)" in told(result)
    assert asked(julia) == []
    assert "unset them" in told(run("--project", julia / "other"))


def test_offline_without_julia_says_where_to_get_it(tmp_path, monkeypatch):
    pytest.importorskip("juliapkg")
    for name in ("EXE", "PROJECT"):
        monkeypatch.delenv(f"PYTHON_JULIACALL_{name}", raising=False)
    monkeypatch.setenv("PYTHON_JULIAPKG_PROJECT", "replaced by --project")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("JULIAUP_DEPOT_PATH", str(tmp_path))
    # whatever would go to a network fails
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    result = run("--offline", "--project", tmp_path / "env")
    assert result.exit_code == 2
    assert "could not find Julia" in result.stdout
    text = told(result)
    assert "Nothing was fetched (--offline)" in text
    assert str(tmp_path / "env") in text
    assert "PYTHON_JULIAPKG_EXE=/path/to/julia" in text


def test_juliapkg_finds_julia_on_the_path(julia, monkeypatch):
    pytest.importorskip("juliapkg")
    for name in ("EXE", "PROJECT"):
        monkeypatch.delenv(f"PYTHON_JULIACALL_{name}")
    monkeypatch.setenv("PYTHON_JULIAPKG_PROJECT", "replaced by --project")
    monkeypatch.setenv("PATH", f"{julia}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("JULIAUP_DEPOT_PATH", str(julia))
    result = run("--offline", "--project", julia / "project")
    assert result.exit_code == 0, told(result)
    assert "Locating Julia" in result.stdout
    assert f"Julia {julia}/julia with project {julia}/project (juliapkg)" in result.stdout
    assert f"export PYTHON_JULIAPKG_PROJECT={julia}/project" in result.stdout
    assert len(asked(julia)) == 1
    assert found().source == "juliapkg"
    again = run("--offline", "--project", julia / "project")
    assert "All is up to date" in again.stdout
    assert "Locating" not in again.stdout


def test_ctrl_c_ends_what_runs_and_its_children(julia):
    (julia / "on_other").write_text('sleep 300 & echo $! > "$here/child"; echo begun; wait\n')
    root = str(Path(psu.__file__).parents[1])
    process = subprocess.Popen(
        [sys.executable, "-m", "pysymude.cli", "setup-julia"], text=True,
        env={**os.environ, "PYTHONPATH": root}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        # a shell's background job ignores Ctrl-C, and so would what it starts
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    try:
        lines = []
        while "begun" not in lines:
            line = process.stdout.readline()
            assert line, process.communicate()
            lines.append(line.strip())
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "interrupted" in err
    child = int((julia / "child").read_text())
    until = time.monotonic() + 10
    while _runs(child):
        assert time.monotonic() < until
        time.sleep(0.05)


def _runs(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


# -- the system image --------------------------------------------------------------------------


def test_a_system_image_is_made_once_and_used_while_it_fits(julia):
    add_package_compiler(julia)
    result = run("--sysimage")
    assert result.exit_code == 0, told(result)
    image = sysimage.image_file(str(julia / "project"))
    assert image.read_text() == "image\n"
    assert sysimage.usable(found()) == (image, "")
    assert f"The system image {image} is up to date." in result_lines(run("--sysimage"))
    assert sum(line.startswith("sysimage") for line in asked(julia)) == 1
    with (julia / "project" / "Manifest.toml").open("a") as file:
        file.write('\n[[deps.New]]\nversion = "1.0.0"\n')
    none, why = sysimage.usable(found())
    assert none is None
    assert "is for another packages; run: pysymude setup-julia --sysimage" in why
    assert "out of date" in told(CliRunner().invoke(app, ["doctor"]))


def result_lines(result):
    return "".join(result.stdout.splitlines())


@pytest.mark.parametrize("changed", ["Julia", "libjulia", "processor", "packages", "PySymUDE.jl"])
def test_each_part_of_the_note_counts(julia, changed):
    add_package_compiler(julia)
    run("--sysimage")
    note = sysimage.note_file(str(julia / "project"))
    made_of = json.loads(note.read_text())
    note.write_text(json.dumps({**made_of, changed: "other"}))
    assert sysimage.usable(found())[0] is None
    note.write_text("{")
    assert "was not finished" in sysimage.usable(found())[1]


def test_a_failed_image_leaves_the_old_one(julia, monkeypatch):
    add_package_compiler(julia)
    run("--sysimage")
    image = sysimage.image_file(str(julia / "project"))
    (julia / "on_sysimage").write_text('echo half > "$4"; exit 3\n')
    (julia / "project" / "LocalPreferences.toml").write_text("[LinearSolve]\n")
    result = run("--sysimage")
    assert result.exit_code == 2
    assert "PackageCompiler failed with exit code 3" in told(result)
    assert image.read_text() == "image\n"
    assert sorted(p.name for p in image.parent.iterdir()) == [
        "setup.json", "sysimage.json", image.name,
    ]  # fmt: skip


def test_an_image_needs_package_compiler(julia):
    result = run("--sysimage", "--offline")
    assert result.exit_code == 2
    assert "PackageCompiler, which is not here" in told(result)


# -- doctor ------------------------------------------------------------------------------------


def test_the_check_has_a_time_limit_and_tells_how_it_ended():
    with pytest.raises(CheckFailed, match=r"not there after 0.01 s"):
        check(limit=0.01)
    bare = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON_JULIA")}
    bare["PYTHON_JULIAPKG_PROJECT"] = "/nowhere"
    bare["PYTHONPATH"] = str(Path(psu.__file__).parents[1])
    with pytest.raises(CheckFailed, match="no Julia project is set up"):
        check(bare)
    with pytest.raises(CheckFailed, match="exit code 1"):
        check({**bare, "PYTHONPATH": "", "PYTHONHOME": "/nowhere"})


def test_doctor_shows_what_was_found(julia, monkeypatch):
    monkeypatch.setattr(sys.modules["pysymude.cli.doctor"], "check", lambda limit: FOUND)
    text = told(CliRunner().invoke(app, ["doctor"]))
    assert "julia works (first gradient after 1.5 s)" in text
    assert "takes julia" in text
    assert "Julia 1.12.0" in text
    assert f"PythonCall {version('juliacall')}" in text
    assert "none; pysymude setup-julia --sysimage makes one" in text
    assert "No problems found." in text


def test_doctor_on_a_julia_that_does_not_work(julia, monkeypatch):
    def broken(limit):
        raise CheckFailed("a test gradient ended with signal 11")

    monkeypatch.setattr(sys.modules["pysymude.cli.doctor"], "check", broken)
    monkeypatch.setenv("PYTHON_JULIACALL_THREADS", "4")
    result = CliRunner().invoke(app, ["doctor"])
    text = told(result)
    # the other engine works
    assert result.exit_code == 0
    assert (
        "- engine julia: a test gradient ended with signal 11 pysymude setup-julia --force" in text
    )
    assert "although it does not work" in text
    assert "with 4 threads" in text
    assert "unset PYTHON_JULIACALL_THREADS" in text


def test_doctor_explains_the_cap_by_openssl(julia, monkeypatch):
    monkeypatch.delenv("PYTHON_JULIACALL_EXE")
    monkeypatch.delenv("PYTHON_JULIACALL_PROJECT")
    monkeypatch.setenv("PYTHON_JULIAPKG_PROJECT", str(julia / "none"))
    monkeypatch.setenv("PATH", f"{julia}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr("ssl.OPENSSL_VERSION_INFO", (3, 0, 13, 0, 0))
    monkeypatch.setattr("ssl.OPENSSL_VERSION", "OpenSSL 3.0.13 30 Jan 2024")
    text = told(CliRunner().invoke(app, ["doctor"]))
    assert "OpenSSL 3.0.13: older than 3.5" in text
    assert f"juliapkg will not take {julia}/julia: Julia 1.12.0" in text
    assert "engine julia cannot run: no Julia project is set up pysymude setup-julia" in text
    monkeypatch.setattr("ssl.OPENSSL_VERSION_INFO", (3, 5, 1, 0, 0))
    monkeypatch.setattr("ssl.OPENSSL_VERSION", "OpenSSL 3.5.1 1 Jul 2025")
    assert "will not take" not in told(CliRunner().invoke(app, ["doctor"]))
