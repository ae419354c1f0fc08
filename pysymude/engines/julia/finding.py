"""Where Julia is: executable, project, packages, and what is wrong with them. Starts no Julia here.

Two ways lead to a project, as in juliacall: PYTHON_JULIACALL_EXE with PYTHON_JULIACALL_PROJECT, or
what juliapkg has resolved (which ``pysymude setup-julia`` asks it to do).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pysymude.engines.installed import is_installed
from pysymude.engines.julia.literals import string
from pysymude.errors import EngineUnavailableError

__all__ = [
    "SETUP",
    "STARTED",
    "Executable",
    "Julia",
    "add_command",
    "ask",
    "found",
    "juliapkg_project",
    "manifest_file",
    "misfits",
    "needed",
    "option",
    "package_folder",
    "problem",
    "started",
    "versions",
]

SETUP = "run: pysymude setup-julia"
STARTED = "already started"
# an executable that has not answered its version by then hangs; network folders are slow
PATIENCE = 30.0
_MANIFEST = re.compile(r"(Julia)?Manifest(-v[0-9.]+)?\.toml")


@dataclass(frozen=True)
class Julia:
    """A Julia that could be started, and what says so."""

    exe: str
    project: str
    source: str


@dataclass(frozen=True)
class Executable:
    """What an executable says of itself; `problem` is "" when all is well."""

    version: str = ""
    libjulia: str = ""
    bindir: str = ""
    cpu: str = ""
    problem: str = ""


@cache
def package_folder() -> Path:
    """The folder that holds PySymUDE.jl: inside the installed package, or beside it in a checkout."""
    inside = Path(__file__).parents[2]
    for folder in (inside / "_julia", inside.parent / "julia"):
        if (folder / "PySymUDE" / "Project.toml").is_file():
            return folder
    raise EngineUnavailableError(
        f"PySymUDE.jl is missing from {inside}; run: pip install --force-reinstall pysymude",
        engine="julia",
    )


def option(name: str) -> str:
    """An option of juliacall, from ``-X juliacall-name`` or PYTHON_JULIACALL_NAME; "" when not set."""
    given = _flags().get("juliacall-" + name.replace("_", "-"))
    return (
        given if isinstance(given, str) else os.environ.get(f"PYTHON_JULIACALL_{name.upper()}", "")
    )


def _flags() -> dict[str, Any]:
    # what was given as python -X name=value
    return getattr(sys, "_xoptions", {})


def started() -> dict[str, Any]:
    """The settings of the juliacall of this process, where Julia runs; empty where it does not."""
    config = getattr(sys.modules.get("juliacall"), "CONFIG", {})
    # "init" is False where it was Julia that started Python
    return config if config.get("inited") or config.get("init") is False else {}


def found() -> Julia:
    """Executable and project, both "" where there are none."""
    config = started()
    if config:
        return Julia(config.get("exepath") or "", config.get("project") or "", STARTED)
    exe, project = option("exe"), option("project")
    if exe or project:
        return Julia(exe, project, "PYTHON_JULIACALL_EXE and PYTHON_JULIACALL_PROJECT")
    folder = juliapkg_project()
    try:
        meta = json.loads((folder / "pyjuliapkg" / "meta.json").read_text())
        return Julia(str(meta["executable"]), str(folder), "juliapkg")
    except (OSError, ValueError, KeyError, TypeError):
        return Julia("", "", "juliapkg")


def juliapkg_project() -> Path:
    """The folder in which juliapkg keeps its project."""
    given = _flags().get("juliapkg-project") or os.environ.get("PYTHON_JULIAPKG_PROJECT")
    if isinstance(given, str):
        return Path(given)
    prefix = sys.prefix if sys.prefix != sys.base_prefix else os.environ.get("CONDA_PREFIX")
    if prefix:
        return Path(prefix).absolute() / "julia_env"
    depot = os.environ.get("JULIA_DEPOT_PATH", "").split(os.pathsep)[0]
    return Path(depot or Path.home() / ".julia").absolute() / "environments" / "pyjuliapkg"


# -- the executable ----------------------------------------------------------------------------


def ask(exe: str) -> Executable:
    """The version and libraries of an executable, asked once for each file and process."""
    if not Path(exe).is_file():
        return Executable(problem=f"the Julia executable {exe} does not exist")
    if not os.access(exe, os.X_OK):
        return Executable(problem=f"{exe} is not executable; run: chmod +x {exe}")
    return _ask(exe, os.stat(exe).st_mtime_ns)


@lru_cache(maxsize=8)
def _ask(exe: str, changed: int) -> Executable:
    # juliacall asks the same, without a time limit; it is spared that question later
    code = (
        "import Libdl; join(stdout, "
        '(VERSION, abspath(Libdl.dlpath("libjulia")), Sys.BINDIR, Sys.CPU_NAME), "\\0")'
    )
    command = [exe, "--startup-file=no", "-O0", "--compile=min", "-e", code]
    try:
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, timeout=PATIENCE, stdin=subprocess.DEVNULL, check=False
        )
    except subprocess.TimeoutExpired:
        return Executable(problem=f"{exe} gave no answer within {PATIENCE:g} s")
    except OSError as error:
        return Executable(problem=f"{exe} could not be run: {error.strerror}")
    if done.returncode:
        said = _last_line(done.stderr)
        return Executable(problem=f"{exe} failed with exit code {done.returncode}{said}")
    parts = done.stdout.decode(errors="replace").split("\0")
    if len(parts) != 4 or not Path(parts[1]).is_file():
        return Executable(
            problem=f"{exe} is not Julia: asked for its version, it said something else"
        )
    return Executable(*parts)


def _last_line(text: bytes) -> str:
    lines = text.decode(errors="replace").strip().splitlines()
    return f": {lines[-1][:200]}" if lines else ""


# -- the project -------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def needed() -> dict[str, str]:
    """The packages that PySymUDE.jl loads and their bounds, as juliapkg is told."""
    told = json.loads((Path(__file__).parents[2] / "juliapkg.json").read_text())
    return {name: entry["version"] for name, entry in told["packages"].items()}


def manifest_file(project: str) -> Path | None:
    """The manifest of a project, given as a folder or as its Project.toml."""
    folder = Path(project) if Path(project).is_dir() else Path(project).parent
    # Julia prefers one for its own version, and JuliaManifest.toml to Manifest.toml
    files = [f for f in folder.glob("*anifest*.toml") if _MANIFEST.fullmatch(f.name)]
    return max(files, key=lambda f: ("-v" in f.name, f.name), default=None)


def versions(project: str) -> dict[str, str]:
    """Name to version of all packages in the manifest of a project."""
    file = manifest_file(project)
    return _versions(file, file.stat().st_mtime_ns) if file else {}


@lru_cache(maxsize=4)
def _versions(file: Path, changed: int) -> dict[str, str]:
    listed: dict[str, str] = {}
    for block in file.read_text(errors="replace").split("\n[[deps.")[1:]:
        name = block.partition("]]")[0]
        line = re.search(r'^version = "([^"]*)"', block, re.MULTILINE)
        listed[name] = line[1] if line else ""
    return listed


def misfits(project: str) -> list[str]:
    """Needed packages that a project lacks or has in a version outside the bounds, in words."""
    listed = versions(project)
    try:
        bounds = {"PythonCall": "=" + version("juliacall"), **needed()}
    except PackageNotFoundError:
        bounds = needed()
    wrong: list[str] = []
    for name, bound in bounds.items():
        if name not in listed:
            wrong.append(name)
        elif not _within(listed[name], bound):
            wrong.append(f"{name} {bound} (it has {listed[name]})")
    return wrong


def _within(found: str, bound: str) -> bool:
    """Whether a version is in bounds such as "1.2, 2" (Julia's carets) or "=0.9.37"."""
    numbers = _numbers(found)
    for part in bound.split(","):
        low = _numbers(part)
        if part.startswith("=") and numbers == low:
            return True
        # all digits up to the first that is not zero must agree
        fixed = next((k for k, digit in enumerate(low) if digit), len(low) - 1) + 1
        if not part.startswith("=") and numbers[:fixed] == low[:fixed] and numbers >= low:
            return True
    return False


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(digits) for digits in re.findall(r"\d+", text.split("+")[0])[:3])


# -- all of it ---------------------------------------------------------------------------------


def problem() -> str:
    """Why Julia cannot be used here and what would change that, or ""; no Julia starts here."""
    if not is_installed("juliacall"):
        return "juliacall is not installed; run: pip install juliacall"
    try:
        package_folder()
    except EngineUnavailableError as error:
        return str(error)
    julia = found()
    if julia.source == STARTED:
        return _project_problem(julia) if julia.project else ""
    if not julia.exe and not julia.project:
        return f"no Julia project is set up; {SETUP}"
    if not julia.exe or not julia.project:
        lacking = "PYTHON_JULIACALL_PROJECT" if julia.exe else "PYTHON_JULIACALL_EXE"
        return f"of {julia.source} the second half is missing; set {lacking} too, or unset both"
    return _executable_problem(julia) or _project_problem(julia)


def _executable_problem(julia: Julia) -> str:
    wrong = ask(julia.exe).problem
    if not wrong:
        return ""
    cure = SETUP if julia.source == "juliapkg" else "set PYTHON_JULIACALL_EXE to a julia that runs"
    return f"{wrong}; {cure}"


def _project_problem(julia: Julia) -> str:
    if manifest_file(julia.project) is None:
        return f"the Julia project {julia.project} has no Manifest.toml; {_cure(julia)}"
    wrong = misfits(julia.project)
    if wrong:
        return f"the Julia project {julia.project} lacks {', '.join(wrong)}; {_cure(julia)}"
    return ""


def _cure(julia: Julia) -> str:
    """What to run for a project that lacks something: juliapkg's is ours to mend, others are not."""
    if julia.source == "juliapkg":
        return SETUP
    return (
        "run: pysymude setup-julia, after unset PYTHON_JULIACALL_EXE PYTHON_JULIACALL_PROJECT; or "
        f"add to the project: julia --project={julia.project} -e 'using Pkg; {add_command()}'"
    )


def add_command() -> str:
    """Julia code that adds to a project whatever PySymUDE.jl and juliacall need."""
    folder = string(str(package_folder() / "PySymUDE"))
    try:
        own = f", version={string(version('juliacall'))}"
    except PackageNotFoundError:
        own = ""
    return f'Pkg.develop(path={folder}); Pkg.add(name="PythonCall"{own})'
