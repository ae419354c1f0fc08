"""`pysymude doctor`: what is installed, which engines run, and what would mend the rest."""

from __future__ import annotations

import os
import platform
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from pysymude import __version__
from pysymude.cli.common import FAILED, Debug, friendly, package_version, print_table, say
from pysymude.cli.doctor_julia import julia_rows
from pysymude.cli.julia_check import CheckFailed, check

__all__ = ["doctor"]

# compiling is for setup-julia; whoever asks the doctor wants an answer
_LIMIT = 300.0

PACKAGES = (
    "numpy", "scipy", "sympy", "llvmlite", "matplotlib", "juliacall", "diffeqpy",
)  # fmt: skip


def doctor(
    clear_cache: Annotated[
        bool, typer.Option("--clear-cache", help="Remove all compiled solvers first.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Check the installation: versions, engines, cache. Each problem comes with its cure."""
    with friendly(debug):
        problems: list[tuple[str, str]] = []
        if clear_cache:
            _clear()
        print_table(_versions(problems), title="Versions")
        # looked at before the engines run, which writes there
        cache = _cache(problems)
        rows, works = _engines(problems)
        print_table(rows, title="Engines", header=("engine", "state", "solvers"))
        print_table(julia_rows(problems), title="Julia")
        print_table([_auto(works, problems), *cache, ("cores", _cores())], title="Machine")
        typer.echo("Problems:" if problems else "No problems found.")
        for problem, cure in problems:
            # not a table: a command that is to be copied must not be broken into lines
            typer.echo(f"- {problem}\n    {cure}")
    if not works:
        say("no engine works here", style="red")
        raise typer.Exit(FAILED)


def _versions(problems: list[tuple[str, str]]) -> list[tuple[str, str]]:
    rows = [
        ("pysymude", __version__),
        ("Python", f"{platform.python_version()} on {platform.platform()}"),
    ]
    for name in PACKAGES:
        found = package_version(name)
        rows.append((name, found or "not installed"))
        if not found:
            problems.append((f"{name} is not installed", f"pip install {name}"))
    return rows


def _engines(problems: list[tuple[str, str]]) -> tuple[list[tuple[str, str, str]], list[str]]:
    """Rows for the table, and the names of the engines that have solved a small problem."""
    from pysymude.engines.registry import engines

    rows: list[tuple[str, str, str]] = []
    works: list[str] = []
    for engine in engines():
        name, solvers = engine["name"], ", ".join(engine["solvers"])
        if not engine["available"]:
            rows.append((name, "not usable", solvers))
            what, _, cure = engine["reason"].rpartition("; ")
            told = f"engine {name} cannot run" + (f": {what}" if what else "")
            problems.append((told, cure.removeprefix("run: ")))
            continue
        state, cure = _julia_trial() if name == "julia" else _trial(name)
        # what went wrong may be long, and stands below
        rows.append((name, "does not work" if cure else state, solvers))
        if cure:
            problems.append((f"engine {name}: {_without_doctor(state)}", cure))
        else:
            works.append(name)
    return rows, works


def _without_doctor(told: str) -> str:
    """An engine's message, less the advice to ask the doctor."""
    return told.replace("; see what is wrong with: pysymude doctor, and start", "; start")


def _trial(engine: str) -> tuple[str, str]:
    """One small problem solved for real: what came out, and the cure, empty when all is well."""
    from pysymude.model.symbols import states
    from pysymude.model.system import ODESystem
    from pysymude.solving.solve import solve

    x = states("x")
    begin = time.perf_counter()
    try:
        solution = solve(ODESystem({x: -x}), u0=[1.0], t=[0.0, 1.0], engine=engine)
    except Exception as error:  # whatever is wrong with an engine, the other rows are still wanted
        return (
            f"{type(error).__name__}: {error}",
            "pip install --upgrade --force-reinstall pysymude",
        )
    wrong = abs(float(solution.u[-1, 0]) - 0.36787944117144233)
    if not wrong < 1e-5:
        return f"wrong result ({solution.retcode.name})", "pysymude doctor --clear-cache"
    return f"works (test solve in {time.perf_counter() - begin:.1f} s)", ""


def _julia_trial() -> tuple[str, str]:
    """The same for Julia, in a process of its own: a broken Julia may crash or hang."""
    try:
        stages = check(limit=_LIMIT)["stages"]
    except CheckFailed as error:
        return str(error), "pysymude setup-julia --force"
    first = sum(seconds for name, seconds in stages.items() if name != "second gradient")
    return f"works (first gradient after {first:.1f} s)", ""


def _auto(works: list[str], problems: list[tuple[str, str]]) -> tuple[str, str]:
    from pysymude.engines.base import Capability
    from pysymude.engines.registry import select_engine
    from pysymude.errors import EngineError

    try:
        taken = select_engine("auto", Capability.SOLVE, Capability.GRADIENT).name
    except EngineError as error:
        return "engine 'auto'", f"none: {error}"
    doubt = "" if taken in works else ", although it does not work"
    if doubt and works:
        problems.append(
            (f"engine 'auto' takes {taken}, which does not work", f"engine='{works[0]}'")
        )
    return "engine 'auto'", f"takes {taken}: the first usable one of the table above{doubt}"


def _cache(problems: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The folder of compiled solvers: place, content, whether it can be used."""
    from pysymude.engines.native.keeping import cache_folder, kept_files

    folder = cache_folder()
    if folder is None and os.environ.get("PYSYMUDE_CACHE", "on") != "on":
        problems.append(("the cache is switched off", "unset PYSYMUDE_CACHE"))
        return [("cache", "off: every process compiles the solvers anew")]
    can = folder is not None and _writable(folder)
    if not can:
        place = folder or os.environ.get("PYSYMUDE_CACHE_DIR", "the cache folder")
        cure = "export PYSYMUDE_CACHE_DIR=$HOME/pysymude-cache"
        problems.append((f"{place} cannot be written, or others may write there", cure))
    if folder is None:
        return [("cache", "not used: every process compiles the solvers anew")]
    files = kept_files()
    return [
        ("cache", str(folder)),
        (
            "compiled solvers",
            f"{len(files)} files, {sum(f.stat().st_size for f in files) / 1e6:.1f} MB",
        ),
        ("writable", "yes" if can else "no"),
    ]


def _clear() -> None:
    from pysymude.engines.native.keeping import clear_cache

    typer.echo(f"{clear_cache()} files of compiled solvers removed.")


def _writable(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _cores() -> str:
    every = os.cpu_count() or 1
    # containers and job schedulers may allow fewer
    allowed: Any = getattr(os, "sched_getaffinity", None)
    return f"{len(allowed(0)) if allowed else every} usable of {every}"
