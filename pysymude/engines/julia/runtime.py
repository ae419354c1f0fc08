"""Julia inside this process: whether it is set up, its start on first use, calls and their errors.

This is the only file that imports juliacall, and importing juliacall starts Julia.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from ctypes import PYFUNCTYPE, c_char_p, c_int, c_void_p
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pysymude.errors import EngineUnavailableError, JuliaRuntimeError

__all__ = ["check_process", "entry", "package", "package_folder", "problem", "translated"]

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
    if _load.cache_info().currsize:
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


def package() -> Any:
    """The Julia module PySymUDE; the first call starts Julia and loads it.

    Raises
    ------
    EngineUnavailableError
        Julia is not set up, or this process was forked from one that had started it.
    JuliaRuntimeError
        Julia could not load the package.
    """
    check_process()
    return _load()


def check_process() -> None:
    """An error in a process that was forked after Julia had started."""
    if _started_in and _started_in[0] != os.getpid():
        raise EngineUnavailableError(
            "this process was forked after Julia had started, and Julia does not survive a fork; "
            "write multiprocessing.get_context('spawn')",
            engine="julia",
        )


@cache
def entry() -> Any:
    """`PySymUDE.entry` as a Python function: a call costs a microsecond, one of juliacall fifty."""
    # the interpreter's lock is kept, as juliacall keeps it
    return PYFUNCTYPE(c_int, c_int, c_int)(int(package().entry()))


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
    _set_options()
    _started_in.append(os.getpid())
    import juliacall

    main: Any = juliacall.Main  # pyright: ignore[reportAttributeAccessIssue]
    with translated("loading PySymUDE.jl"):
        if not _import_quickly(juliacall, package_folder()):
            find = main.seval("folder -> folder in LOAD_PATH || push!(LOAD_PATH, folder)")
            find(str(package_folder()))
            main.seval("import PySymUDE")
        return main.seval("PySymUDE")


def _import_quickly(juliacall: Any, folder: Path) -> bool:
    """Whether Julia's C interface could load the package.

    The first call of juliacall compiles for 2 s unless the package, which holds it compiled, is there.
    """
    text = str(folder).encode()
    code = (
        f"let folder = String(UInt8[{','.join(map(str, text))}])\n"
        "folder in LOAD_PATH || push!(LOAD_PATH, folder)\nend\nimport PySymUDE\ntrue"
    )
    run = juliacall.CONFIG["lib"].jl_eval_string
    run.argtypes, run.restype = [c_char_p], c_void_p
    # null where Julia threw: then the slow way says what
    return run(code.encode()) is not None


def _set_options() -> None:
    """What juliacall reads from the environment, where the user has not said it."""
    option = os.environ.setdefault
    option("PYTHON_JULIACALL_STARTUP_FILE", "no")
    # more threads than one need signal handlers that take Ctrl-C away from Python
    if option("PYTHON_JULIACALL_THREADS", "1") == "1":
        # juliacall's default, but unsaid it asks Julia for its threads, which compiles for 2 s
        option("PYTHON_JULIACALL_HANDLE_SIGNALS", "no")
    # juliacall would start another Julia to ask for these
    home = Path(_configured()[0]).resolve().parent
    lib = home.parent / "lib" / ("libjulia.dylib" if sys.platform == "darwin" else "libjulia.so")
    if lib.is_file():
        option("PYTHON_JULIACALL_LIB", str(lib))
        option("PYTHON_JULIACALL_BINDIR", str(home))


@contextmanager
def translated(doing: str) -> Generator[None]:
    """Julia's exceptions as `JuliaRuntimeError`, raised from juliacall's."""
    try:
        yield
    except Exception as error:
        # not imported here: that would start Julia before its options are set
        juliacall = sys.modules.get("juliacall")
        if juliacall is None or not isinstance(error, juliacall.JuliaError):
            raise
        # its text is Julia's own report: the message, then the stack
        text, _, stack = str(error).partition("\nStacktrace:\n")
        raise JuliaRuntimeError(
            f"Julia failed while {doing}: {text}", julia_exception=text, julia_backtrace=stack
        ) from error
