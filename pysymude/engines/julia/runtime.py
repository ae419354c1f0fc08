"""Julia inside this process: whether it is set up, its start on first use, calls and their errors.

This is the only file that imports juliacall, and importing juliacall starts Julia.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pysymude.errors import EngineUnavailableError, JuliaRuntimeError

__all__ = ["package", "package_folder", "problem", "translated"]

# what PySymUDE.jl loads; the bridge's own Julia half comes first
NEEDED = ("PythonCall", "SciMLSensitivity", "OrdinaryDiffEqTsit5", "OrdinaryDiffEqRosenbrock")


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


def problem() -> str:
    """Why Julia cannot be used here and what would change that, or ""; starts nothing."""
    if _loaded_as == [_settings()]:
        # it runs already; files are not looked at again on every solve
        return ""
    if find_spec("juliacall") is None:
        return "juliacall is not installed; run: pip install juliacall"
    try:
        folder = package_folder()
    except EngineUnavailableError as error:
        return str(error)
    exe, project = _configured()
    if not exe or not project:
        return f"no Julia project is set up. {_advice(folder)}"
    if not Path(exe).is_file():
        return f"the Julia executable {exe} does not exist. {_advice(folder)}"
    manifest = _manifest(Path(project))
    if manifest is None:
        return f"the Julia project {project} has no Manifest.toml. {_advice(folder)}"
    missing = [name for name in NEEDED if f"[[deps.{name}]]" not in manifest]
    if missing:
        return f"the Julia project {project} lacks {', '.join(missing)}. {_advice(folder)}"
    return ""


def _advice(folder: Path) -> str:
    return (
        "Run: julia --project=DIR -e 'using Pkg; "
        f'Pkg.develop(path="{folder / "PySymUDE"}"); Pkg.add("PythonCall"); Pkg.precompile()\' '
        "and set PYTHON_JULIACALL_EXE to the path of julia and PYTHON_JULIACALL_PROJECT to DIR"
    )


def _configured() -> tuple[str, str]:
    """Executable and project: from the environment, else those that juliapkg has resolved."""
    exe = os.environ.get("PYTHON_JULIACALL_EXE", "")
    project = os.environ.get("PYTHON_JULIACALL_PROJECT", "")
    if exe or project:
        return exe, project
    folder = Path(os.environ.get("PYTHON_JULIAPKG_PROJECT") or Path(sys.prefix) / "julia_env")
    try:
        meta = json.loads((folder / "pyjuliapkg" / "meta.json").read_text())
        return str(meta["executable"]), str(folder)
    except (OSError, ValueError, KeyError, TypeError):
        return "", ""


def _manifest(project: Path) -> str | None:
    folder = project if project.is_dir() else project.parent
    for path in sorted(folder.glob("Manifest*.toml")):
        return path.read_text(errors="replace")
    return None


_started_in: list[int] = []
_loaded_as: list[tuple[str | None, ...]] = []


def _settings() -> tuple[str | None, ...]:
    """The environment that decides which Julia is meant."""
    return tuple(os.environ.get(f"PYTHON_JULIACALL_{name}") for name in ("EXE", "PROJECT"))


def package() -> Any:
    """The Julia module PySymUDE; the first call starts Julia and loads it.

    Raises
    ------
    EngineUnavailableError
        Julia is not set up, or this process was forked from one that had started it.
    JuliaRuntimeError
        Julia could not load the package.
    """
    if _started_in and _started_in[0] != os.getpid():
        raise EngineUnavailableError(
            "this process was forked after Julia had started, and Julia does not survive a fork; "
            "write multiprocessing.get_context('spawn')",
            engine="julia",
        )
    return _load()


@cache
def _load() -> Any:
    reason = problem()
    if reason:
        raise EngineUnavailableError(f"engine 'julia' cannot run here: {reason}", engine="julia")
    if "torch" in sys.modules and "juliacall" not in sys.modules:
        raise EngineUnavailableError(
            "torch was imported before Julia started, which can crash both; put this first: "
            "import juliacall",
            engine="julia",
        )
    # more threads than one need signal handlers that take Ctrl-C away from Python
    os.environ.setdefault("PYTHON_JULIACALL_THREADS", "1")
    os.environ.setdefault("PYTHON_JULIACALL_STARTUP_FILE", "no")
    _started_in.append(os.getpid())
    import juliacall

    with translated("loading PySymUDE.jl"):
        main: Any = juliacall.Main  # pyright: ignore[reportAttributeAccessIssue]
        main.seval("folder -> folder in LOAD_PATH || push!(LOAD_PATH, folder)")(
            str(package_folder())
        )
        main.seval("import PySymUDE")
        _loaded_as.append(_settings())
        return main.seval("PySymUDE")


@contextmanager
def translated(doing: str) -> Generator[None]:
    """Julia's exceptions as `JuliaRuntimeError`, raised from juliacall's."""
    import juliacall

    try:
        yield
    except juliacall.JuliaError as error:
        # its text is Julia's own report: the message, then the stack
        text, _, stack = str(error).partition("\nStacktrace:\n")
        raise JuliaRuntimeError(
            f"Julia failed while {doing}: {text}", julia_exception=text, julia_backtrace=stack
        ) from error
