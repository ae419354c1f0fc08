"""`pysymude setup-julia`: Julia and its packages installed, compiled and tried."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pysymude.cli.common import FAILED, Debug, friendly, print_table, say
from pysymude.errors import EngineUnavailableError, InvalidInputError

if TYPE_CHECKING:
    from pysymude.engines.julia.finding import Julia

__all__ = ["setup_julia"]


def setup_julia(
    offline: Annotated[
        bool, typer.Option("--offline", help="Touch no network; say what is missing.")
    ] = False,
    sysimage: Annotated[
        bool, typer.Option("--sysimage", help="Make a system image too: minutes, then fast starts.")
    ] = False,
    project: Annotated[
        Path | None, typer.Option(help="Folder of the Julia project, instead of juliapkg's own.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Do it again, although all seems up to date.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Install what the Julia engine needs, compile it, and compute one real gradient.

    Julia and its packages are found or installed by juliapkg. With PYTHON_JULIACALL_EXE and
    PYTHON_JULIACALL_PROJECT both set, that project is checked and compiled, and nothing is installed.

    Scripts of export-julia name the packages that they need in their first lines; where erf stands in a
    model, SpecialFunctions is one that is not installed here.
    """
    with friendly(debug):
        env = _environment(offline, project)
        julia = _project(env, offline=offline)
        _compile_and_try(julia, env, force=force)
        if sysimage:
            _sysimage(julia, env, offline=offline, force=force)
        if project is not None:
            typer.echo(f"To use it: export PYTHON_JULIAPKG_PROJECT={julia.project}")


def _environment(offline: bool, project: Path | None) -> dict[str, str]:
    from pysymude.engines.julia.finding import option
    from pysymude.engines.julia.setup import environment

    if project is None:
        return environment(offline=offline)
    if option("exe") or option("project"):
        raise InvalidInputError(
            "--project is for juliapkg, which PYTHON_JULIACALL_EXE and PYTHON_JULIACALL_PROJECT "
            "switch off; unset them, or leave --project out"
        )
    folder = project.absolute()
    # this process looks there too
    os.environ["PYTHON_JULIAPKG_PROJECT"] = str(folder)
    return environment(offline=offline, project=folder)


def _project(env: Mapping[str, str], *, offline: bool) -> Julia:
    """A Julia and a project that has all that is needed."""
    from pysymude.engines.julia.finding import found, option, problem
    from pysymude.engines.julia.setup import resolve

    if not option("exe") and not option("project"):
        try:
            resolve(typer.echo, env)
        except EngineUnavailableError as error:
            raise EngineUnavailableError(f"{error}{_elsewhere(offline)}", engine="julia") from error
    wrong = problem()
    if wrong:
        raise EngineUnavailableError(f"{wrong}{_elsewhere(offline)}", engine="julia")
    julia = found()
    typer.echo(f"Julia {julia.exe} with project {julia.project} ({julia.source})")
    return julia


def _elsewhere(offline: bool) -> str:
    """Where to get without a network what is missing."""
    if not offline:
        return ""
    from pysymude.engines.julia.finding import juliapkg_project

    depot = os.environ.get("JULIA_DEPOT_PATH", "").split(os.pathsep)[0] or "~/.julia"
    return (
        ".\nNothing was fetched (--offline). Either run pysymude setup-julia once where there is a "
        f"network and the same folders are seen (a login node), or copy {juliapkg_project()} and the "
        f"Julia depot {depot} from such a machine to the same places here. A Julia that is installed "
        "already is found on PATH or named by PYTHON_JULIAPKG_EXE=/path/to/julia"
    )


def _compile_and_try(julia: Julia, env: Mapping[str, str], *, force: bool) -> None:
    from pysymude.engines.julia.setup import mark, precompile, up_to_date

    if not force and up_to_date(julia):
        typer.echo("All is up to date; --force does it again.")
        return
    typer.echo("Compiling the Julia packages: minutes the first time, Ctrl-C ends it.")
    precompile(julia, typer.echo, env)
    _try(env)
    mark(julia)


def _try(env: Mapping[str, str]) -> dict[str, Any]:
    from pysymude.cli.julia_check import CheckFailed, check

    typer.echo("One gradient in a fresh process:")
    try:
        found = check(env)
    except CheckFailed as error:
        say(f"the Julia engine does not work: {error}", style="red")
        raise typer.Exit(FAILED) from None
    rows = [(name, f"{seconds:.2f} s") for name, seconds in found["stages"].items()]
    first = sum(seconds for name, seconds in found["stages"].items() if name != "second gradient")
    print_table([*rows, ("import to first gradient", f"{first:.2f} s")])
    return found


def _sysimage(julia: Julia, env: Mapping[str, str], *, offline: bool, force: bool) -> None:
    from pysymude.engines.julia.setup import build_sysimage
    from pysymude.engines.julia.sysimage import note_file, usable

    image, refused = usable(julia)
    if image is not None and not force:
        typer.echo(f"The system image {image} is up to date.")
        return
    if refused:
        typer.echo(refused.partition(";")[0])
    typer.echo("Making a system image: many minutes, Ctrl-C ends it and leaves all as it was.")
    with tempfile.TemporaryDirectory() as place:
        statements = Path(place) / "statements.jl"
        # what is still compiled in a first run is to be in the image
        _try({**env, "PYTHON_JULIACALL_TRACE_COMPILE": str(statements)})
        image = build_sysimage(julia, statements, typer.echo, env, offline=offline)
    typer.echo(f"Made {image}, {image.stat().st_size / 1e6:.0f} MB")
    try:
        found = _try(env)
    except typer.Exit:
        # an image that does not work is worse than none
        note_file(julia.project).unlink(missing_ok=True)
        image.unlink(missing_ok=True)
        raise
    if found["julia"]["image"] != str(image):
        say(f"another image was used: {found['julia']['image']}", style="yellow")
