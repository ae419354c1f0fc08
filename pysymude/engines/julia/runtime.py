"""Julia inside this process: its start on first use, calls and their errors.

This is the only file that imports juliacall, and importing juliacall starts Julia.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from ctypes import PYFUNCTYPE, c_char_p, c_int, c_void_p
from functools import cache
from pathlib import Path
from typing import Any

from pysymude.engines.julia.finding import ask, found, option, package_folder, started
from pysymude.engines.julia.finding import problem as setup_problem
from pysymude.engines.julia.sysimage import usable
from pysymude.errors import EngineUnavailableError, JuliaRuntimeError

__all__ = [
    "check_process",
    "entry",
    "facts",
    "is_julia_object",
    "package",
    "problem",
    "start",
    "translated",
]

log = logging.getLogger("pysymude")

# why this process can never have Julia, once that is so
_lost: list[str] = []


def _note_fork() -> None:
    if "juliacall" in sys.modules:
        _lost[:] = [
            "this process was forked after Julia had started, and Julia does not survive a fork; "
            "write multiprocessing.get_context('spawn')"
        ]
        # juliacall ends Julia when Python ends, which crashes where there are only remains of it
        library = started().get("lib")
        if library is not None:
            library.jl_atexit_hook = lambda code: None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)


def problem() -> str:
    """Why Julia cannot be used in this process and what would change that, or ""; starts nothing."""
    if _lost:
        return _lost[0]
    if _load.cache_info().currsize:
        # it runs already; files are not looked at again on every solve
        return ""
    reason = setup_problem()
    if not reason and "torch" in sys.modules and "juliacall" not in sys.modules:
        return (
            "torch was imported before Julia started, which can crash both; put this first: "
            "import juliacall"
        )
    return reason


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
    """An error in a process that can never have Julia, such as one forked after Julia had started."""
    if _lost:
        raise EngineUnavailableError(f"engine 'julia' cannot run here: {_lost[0]}", engine="julia")


@cache
def entry() -> Any:
    """`PySymUDE.entry` as a Python function: a call costs a microsecond, one of juliacall fifty."""
    # the interpreter's lock is kept, as juliacall keeps it
    return PYFUNCTYPE(c_int, c_int, c_int)(int(package().entry()))


@cache
def _load() -> Any:
    start()
    with translated("loading PySymUDE.jl; what mends its installation: pysymude setup-julia"):
        main = _main()
        if not _import_quickly(package_folder()):
            find = main.seval("folder -> folder in LOAD_PATH || push!(LOAD_PATH, folder)")
            find(str(package_folder()))
            main.seval("import PySymUDE")
        return main.seval("PySymUDE")


def _import_quickly(folder: Path) -> bool:
    """Whether Julia's C interface could load the package.

    The first call of juliacall compiles for 2 s unless the package, which holds it compiled, is there.
    """
    library = started().get("lib")
    if library is None:
        return False
    text = str(folder).encode()
    code = (
        f"let folder = String(UInt8[{','.join(map(str, text))}])\n"
        "folder in LOAD_PATH || push!(LOAD_PATH, folder)\nend\nimport PySymUDE\ntrue"
    )
    run = library.jl_eval_string
    run.argtypes, run.restype = [c_char_p], c_void_p
    # null where Julia threw: then the slow way says what
    return run(code.encode()) is not None


def _main() -> Any:
    import juliacall

    return juliacall.Main  # pyright: ignore[reportAttributeAccessIssue]


def start() -> None:
    """Starts Julia with what was found, so that juliacall neither asks nor installs anything.

    Raises
    ------
    EngineUnavailableError
        Julia is not set up, or does not start.
    """
    reason = problem()
    if reason:
        raise EngineUnavailableError(f"engine 'julia' cannot run here: {reason}", engine="julia")
    if started():
        return
    with _environment(_options()):
        try:
            import juliacall  # noqa: F401 # pyright: ignore[reportUnusedImport]
        except Exception as error:
            # Julia cannot be started twice in a process, and this try may have left half of one
            _lost[:] = [
                f"juliacall could not start it: {type(error).__name__}: {error}; see what is wrong "
                "with: pysymude doctor, and start a new Python after that"
            ]
            raise EngineUnavailableError(
                f"engine 'julia' cannot run here: {_lost[0]}", engine="julia"
            ) from error


def _options() -> dict[str, str]:
    """Settings of juliacall: the user's own, and what was found for the rest."""
    julia = found()
    executable = ask(julia.exe)
    options = {
        "EXE": julia.exe,
        "PROJECT": julia.project,
        "LIB": option("lib") or executable.libjulia,
        "BINDIR": option("bindir") or executable.bindir,
        # more threads than one need signal handlers that take Ctrl-C away from Python
        "THREADS": option("threads") or "1",
        "STARTUP_FILE": option("startup_file") or "no",
    }
    # unsaid, juliacall would ask Julia for its threads, which compiles for 2 s; several hang without
    several = options["THREADS"] != "1"
    options["HANDLE_SIGNALS"] = option("handle_signals") or ("yes" if several else "no")
    if not option("sysimage"):
        image, refused = usable(julia)
        if refused:
            log.warning("%s", refused)
        if image is not None:
            options["SYSIMAGE"] = str(image)
    return {f"PYTHON_JULIACALL_{name}": value for name, value in options.items()}


def facts() -> dict[str, str]:
    """What the Julia of this process says of itself."""
    asked = {
        "version": "string(VERSION)",
        "threads": "string(Threads.nthreads())",
        "depot": 'join(DEPOT_PATH, ", ")',
        "image": "unsafe_string(Base.JLOptions().image_file)",
    }
    return {name: str(_main().seval(code)) for name, code in asked.items()}


@contextmanager
def _environment(given: dict[str, str]) -> Generator[None]:
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def is_julia_object(value: Any) -> bool:
    """Whether `value` lives in Julia; starts nothing."""
    juliacall = sys.modules.get("juliacall")
    return juliacall is not None and isinstance(value, juliacall.AnyValue)


@contextmanager
def translated(doing: str) -> Generator[None]:
    """Julia's exceptions as `JuliaRuntimeError`, raised from juliacall's."""
    try:
        yield
    except Exception as error:
        # nothing is imported here: that would start Julia past all that `start` looks at
        juliacall = sys.modules.get("juliacall")
        if juliacall is None or not isinstance(error, juliacall.JuliaError):
            raise
        # its text is Julia's own report: the message, then the stack
        text, _, stack = str(error).partition("\nStacktrace:\n")
        raise JuliaRuntimeError(
            f"Julia failed while {doing}: {text}", julia_exception=text, julia_backtrace=stack
        ) from error
