"""What happens when something is wrong with Julia: a message that says what to run, no crash, no hang.

Each case runs in a process of its own, with a time limit. Those without the fixture `julia` need none.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

import pysymude as psu
from pysymude.engines.julia.finding import needed

ROOT = str(Path(psu.__file__).parents[1])
ADVICE = "pysymude setup-julia"
# a first use may have to compile PySymUDE.jl
LONG = 500.0

SOLVE = """
import pysymude as psu
x = psu.states("x")
k = psu.parameters("k")
system = psu.ODESystem({x: -k*x}, parameters={k: 1.0})
def solve(engine):
    return psu.solve(system, u0={x: 1.0}, t=[0.0, 1.0], engine=engine)
def attempt(engine):
    try:
        print("solved by", solve(engine).engine)
    except psu.PySymUDEError as error:
        print(f"{type(error).__name__}: {error}")
"""


def python(code, *, limit=60.0, **environment):
    """A finished process; variables given as None are not set in it."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([ROOT, os.environ.get("PYTHONPATH", "")])}
    for name, value in environment.items():
        env.pop(name, None)
        if value is not None:
            env[name] = str(value)
    return subprocess.run(
        [sys.executable, "-c", SOLVE + textwrap.dedent(code)],
        env=env, capture_output=True, text=True, timeout=limit, check=False,
    )  # fmt: skip


def script(folder, text, mode=0o755):
    path = folder / "julia"
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.fixture
def project(tmp_path):
    """A project whose manifest lists all that is needed."""
    return _project(tmp_path / "project", _all_versions())


def _all_versions():
    from importlib.metadata import version

    return {"PythonCall": version("juliacall"), **needed()}


def _project(folder, versions):
    folder.mkdir()
    (folder / "Project.toml").write_text("[deps]\n")
    blocks = [
        f'[[deps.{n}]]\nversion = "{v}.0"\n' for n, v in versions.items() if n != "PythonCall"
    ]
    if "PythonCall" in versions:
        blocks.append(f'[[deps.PythonCall]]\nversion = "{versions["PythonCall"]}"\n')
    (folder / "Manifest.toml").write_text('manifest_format = "2.0"\n\n' + "\n".join(blocks))
    return folder


# -- without Julia -----------------------------------------------------------------------------


def test_without_julia_auto_works_and_an_explicit_engine_says_what_to_run(tmp_path):
    done = python(
        'attempt("auto"); attempt("julia")',
        PYTHON_JULIACALL_EXE=None, PYTHON_JULIACALL_PROJECT=None,
        PYTHON_JULIAPKG_PROJECT=tmp_path,
    )  # fmt: skip
    assert done.stdout.splitlines() == [
        "solved by native",
        f"EngineUnavailableError: engine 'julia' cannot run here: no Julia project is set up; "
        f"run: {ADVICE}",
    ]


BROKEN = {
    "exits with 1": (
        "#!/bin/sh\necho no such library >&2\nexit 1\n",
        "exit code 1: no such library",
    ),
    "prints garbage": ("#!/bin/sh\necho hello\n", "is not Julia"),
    "hangs": ("#!/bin/sh\nexec sleep 600\n", "gave no answer within 1 s"),
    "is no program": ("\x7fELF nonsense", "could not be run: Exec format error"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_executable(tmp_path, project, case):
    text, told = BROKEN[case]
    exe = script(tmp_path, text)
    begin = time.monotonic()
    done = python(
        """
        from pysymude.engines.julia import finding
        finding.PATIENCE = 1.0
        attempt("julia"); attempt("auto")
        """,
        PYTHON_JULIACALL_EXE=exe, PYTHON_JULIACALL_PROJECT=project,
    )  # fmt: skip
    first, second = done.stdout.splitlines()
    assert told in first
    assert "set PYTHON_JULIACALL_EXE to a julia that runs" in first
    assert second == "solved by native"
    assert time.monotonic() - begin < 40


def test_an_executable_without_permission_or_that_is_not_there(tmp_path, project):
    exe = script(tmp_path, "#!/bin/sh\n", mode=0o644)
    for path, told in ((exe, f"run: chmod +x {exe}"), (tmp_path / "none", "does not exist")):
        done = python(
            'attempt("julia")', PYTHON_JULIACALL_EXE=path, PYTHON_JULIACALL_PROJECT=project
        )
        assert told in done.stdout


def test_the_executable_of_juliapkg_is_mended_by_setup(tmp_path):
    _project(tmp_path / "env", _all_versions())
    (tmp_path / "env" / "pyjuliapkg").mkdir()
    meta = tmp_path / "env" / "pyjuliapkg" / "meta.json"
    meta.write_text(json.dumps({"executable": str(script(tmp_path, "#!/bin/sh\nexit 3\n"))}))
    done = python(
        'attempt("julia")', PYTHON_JULIACALL_EXE=None, PYTHON_JULIACALL_PROJECT=None,
        PYTHON_JULIAPKG_PROJECT=tmp_path / "env",
    )  # fmt: skip
    assert f"exit code 3; run: {ADVICE}" in done.stdout
    meta.write_text("not json")
    done = python(
        'attempt("julia")', PYTHON_JULIACALL_EXE=None, PYTHON_JULIACALL_PROJECT=None,
        PYTHON_JULIAPKG_PROJECT=tmp_path / "env",
    )  # fmt: skip
    assert f"no Julia project is set up; run: {ADVICE}" in done.stdout


GOOD = '#!/bin/sh\nprintf "1.12.0\\0%s\\0%s\\0cpu" "$0" "$0"\n'


def _told(tmp_path, folder):
    done = python(
        'attempt("julia")', PYTHON_JULIACALL_EXE=script(tmp_path, GOOD),
        PYTHON_JULIACALL_PROJECT=folder,
    )  # fmt: skip
    return done.stdout


def test_a_project_without_manifest_or_packages(tmp_path):
    (tmp_path / "empty").mkdir()
    told = _told(tmp_path, tmp_path / "empty")
    assert "has no Manifest.toml" in told
    assert ADVICE in told
    rest = _all_versions()
    del rest["SciMLSensitivity"]
    told = _told(tmp_path, _project(tmp_path / "less", rest))
    assert "lacks SciMLSensitivity; " in told
    assert "Pkg.develop" in told
    old = {**_all_versions(), "SciMLSensitivity": "7.80"}
    told = _told(tmp_path, _project(tmp_path / "old", old))
    assert f"lacks SciMLSensitivity {needed()['SciMLSensitivity']} (it has 7.80.0)" in told
    other = {**_all_versions(), "PythonCall": "0.9.20"}
    assert "PythonCall =" in _told(tmp_path, _project(tmp_path / "other", other))


def test_one_of_two_variables(tmp_path, project):
    done = python('attempt("julia")', PYTHON_JULIACALL_EXE=None, PYTHON_JULIACALL_PROJECT=project)
    assert "set PYTHON_JULIACALL_EXE too, or unset both" in done.stdout


def test_a_julia_that_does_not_start_is_not_started_twice(tmp_path, project):
    done = python(
        """
        attempt("julia"); attempt("julia"); attempt("auto")
        """,
        PYTHON_JULIACALL_EXE=script(tmp_path, GOOD), PYTHON_JULIACALL_PROJECT=project,
    )  # fmt: skip
    first, again, auto = done.stdout.splitlines()
    assert "juliacall could not start it: OSError" in first
    assert "pysymude doctor" in first
    assert again == first
    assert auto == "solved by native"


def test_torch_before_julia(tmp_path, project):
    done = python(
        """
        import sys, types
        sys.modules["torch"] = types.ModuleType("torch")
        attempt("julia"); attempt("auto")
        """,
        PYTHON_JULIACALL_EXE=script(tmp_path, GOOD), PYTHON_JULIACALL_PROJECT=project,
    )  # fmt: skip
    first, auto = done.stdout.splitlines()
    assert "put this first: import juliacall" in first
    assert auto == "solved by native"


def test_the_project_is_where_juliapkg_keeps_it(tmp_path):
    pytest.importorskip("juliapkg")
    code = """
        from juliapkg.state import STATE
        from pysymude.engines.julia.finding import juliapkg_project
        print(STATE["project"] == str(juliapkg_project()), STATE["project"])
    """
    for given in (None, tmp_path / "chosen"):
        done = python(code, PYTHON_JULIAPKG_PROJECT=given)
        assert done.stdout.startswith("True "), done.stdout


# -- with Julia --------------------------------------------------------------------------------


def test_a_juliacall_of_one_s_own_is_used_as_it_is(julia):
    code = """
        import juliacall, sys, types
        sys.modules["torch"] = types.ModuleType("torch")
        print(juliacall.Main.seval("Threads.nthreads()"), juliacall.CONFIG["opt_optimize"])
        attempt("julia")
    """
    done = python(
        code, limit=LONG, PYTHON_JULIACALL_THREADS="2", PYTHON_JULIACALL_HANDLE_SIGNALS="yes",
        PYTHON_JULIACALL_OPTIMIZE="2",
    )  # fmt: skip
    assert done.stdout.splitlines() == ["2 2", "solved by julia"], done.stderr


def test_failures_of_a_julia_that_runs(julia):
    code = """
        import os, sys, traceback, warnings
        from pysymude.engines.julia.runtime import package, translated
        warnings.simplefilter("ignore")
        before = dict(os.environ)
        attempt("julia")
        # of what juliacall is given nothing is left for other processes
        print([name for name in os.environ if os.environ[name] != before.get(name)])
        y = psu.states("y")
        blows = psu.ODESystem({y: y**2})
        found = psu.solve(blows, u0={y: 1.0}, t=[0.0, 0.5, 2.0], engine="julia")
        print(found.success, abs(found.u[1, 0] - 2.0) < 1e-3)
        def asked():
            with translated("loading a model"):
                package().load_model("this is not Julia(")
        try:
            asked()
        except psu.PySymUDEError as error:
            traceback.print_exc()
        sys.stdout.flush()
        if os.fork() == 0:
            attempt("julia")
            # Python's ordinary end, which runs the exit hooks
            sys.exit(5)
        print(os.waitstatus_to_exitcode(os.wait()[1]))
    """
    done = python(code, limit=LONG)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "solved by julia"
    assert lines[1] in ("[]", "['JULIA_PYTHONCALL_EXE']")
    assert lines[2] == "False True"
    assert "get_context('spawn')" in lines[3]
    assert lines[4] == "5"
    assert "in asked" in done.stderr
    assert "Stacktrace:" in done.stderr
    assert "JuliaRuntimeError: Julia failed while loading a model" in done.stderr


def test_fork_and_spawn(julia, tmp_path):
    worker = tmp_path / "worker.py"
    worker.write_text(
        SOLVE
        + textwrap.dedent(
            """
            import multiprocessing, sys, warnings
            def work(engine, queue):
                try:
                    queue.put(solve(engine).engine)
                except psu.PySymUDEError as error:
                    queue.put(str(error))
            if __name__ == "__main__":
                warnings.simplefilter("ignore")
                attempt("julia")
                for how in ("fork", "spawn"):
                    context = multiprocessing.get_context(how)
                    queue = context.Queue()
                    child = context.Process(target=work, args=("julia", queue))
                    child.start()
                    print(how, queue.get(timeout=300))
                    child.join(60)
                    print(child.exitcode)
            """
        )
    )
    env = {**os.environ, "PYTHONPATH": ROOT}
    done = subprocess.run(
        [sys.executable, str(worker)],
        env=env,
        capture_output=True,
        text=True,
        timeout=LONG,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert lines[0] == "solved by julia"
    assert "write multiprocessing.get_context('spawn')" in lines[1]
    assert lines[2:] == ["0", "spawn julia", "0"]


def test_a_package_that_does_not_load(julia, tmp_path):
    # a copy of the package folder that fails, in place of the real one
    broken = tmp_path / "PySymUDE" / "src"
    broken.mkdir(parents=True)
    own = Path(ROOT) / "julia" / "PySymUDE" / "Project.toml"
    (tmp_path / "PySymUDE" / "Project.toml").write_text(own.read_text())
    (broken / "PySymUDE.jl").write_text('module PySymUDE\nerror("out of order")\nend\n')
    code = f"""
        from pathlib import Path
        from pysymude.engines.julia import runtime
        runtime.package_folder = lambda: Path({str(tmp_path)!r})
        attempt("julia"); attempt("julia")
    """
    done = python(code, limit=LONG)
    for line in done.stdout.split("JuliaRuntimeError: ")[1:]:
        assert "Julia failed while loading PySymUDE.jl" in line
        assert ADVICE in line
    assert done.stdout.count("JuliaRuntimeError: ") == 2
    assert "out of order" in done.stdout + done.stderr


def test_ctrl_c_ends_a_fit_with_its_checkpoint(julia, tmp_path):
    import signal

    (tmp_path / "model.toml").write_text(
        '[equations]\nx = "-x + nn[0]"\n[networks.nn]\ninputs = ["x"]\noutputs = 1\nhidden = [3]\n'
    )
    rows = [f"{k / 20},{1 / (1 + k / 20)}" for k in range(21)]
    (tmp_path / "data.csv").write_text("t,x\n" + "\n".join(rows) + "\n")
    env = {**os.environ, "PYTHONPATH": ROOT}
    code = (
        # many iterations, and a file that says that training has begun
        "import sys\n"
        "from pathlib import Path\n"
        "import pysymude.cli\n"
        "fit = sys.modules['pysymude.cli.fit']\n"
        "from pysymude.fit.stages.adam import Adam\n"
        "fit._quick_stages = lambda: [Adam(10**7)]\n"
        "pysymude.cli.main()\n"
    )
    command = [
        sys.executable, "-c", code, "fit", "model.toml", "data.csv", "--engine", "julia",
        "--checkpoint", "state.npz", "--quick", "--out", "out",
    ]  # fmt: skip
    process = subprocess.Popen(
        command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        end = time.monotonic() + LONG
        while not (tmp_path / "state.npz").exists():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < end
            time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 130, told
    assert "interrupted" in told
    assert (tmp_path / "out" / "fit.npz").exists()
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["engine"] == "julia"
