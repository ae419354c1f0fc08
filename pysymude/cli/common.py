"""What the commands share: options, messages, tables."""

from __future__ import annotations

import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from pysymude import __version__
from pysymude.errors import PySymUDEError
from pysymude.model.symbols import escaped
from pysymude.model.units import with_unit

if TYPE_CHECKING:
    from pysymude.fit.result.fit_result import FitResult
    from pysymude.model.system import ODESystem

__all__ = [
    "FAILED",
    "INTERRUPTED",
    "Debug",
    "Engine",
    "Seed",
    "end",
    "fit_rows",
    "fit_summary",
    "friendly",
    "package_version",
    "print_model",
    "print_table",
    "say",
]

Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Engine = Annotated[str, typer.Option(help="'auto', or a name that `pysymude doctor` lists.")]
Seed = Annotated[int, typer.Option(min=0, help="Of the network's initial weights.")]

FAILED, WRONG_INPUT, INTERRUPTED = 1, 2, 130  # exit codes beside 0


# -- messages ----------------------------------------------------------------------------------


@contextmanager
def friendly(debug: bool) -> Generator[None]:
    """Turns what the user can mend into one paragraph on stderr and exit code 2.

    With `debug`, the exception itself is shown. Errors that nobody foresaw are never hidden.
    """
    try:
        yield
    except KeyboardInterrupt:
        say("interrupted", style="yellow")
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:
        # the reader of a pipe has seen enough, which is no error of anybody
        raise
    except (PySymUDEError, OSError) as error:
        if debug:
            raise
        known = isinstance(error, PySymUDEError)
        text = str(error) if known else f"{error.filename}: {error.strerror}"
        say(f"error: {text}", style="red")
        raise typer.Exit(WRONG_INPUT) from None


def say(text: str, *, style: str = "") -> None:
    """One message on stderr; brackets in it are text, not markup."""
    from rich.console import Console
    from rich.text import Text

    # soft_wrap: a terminal breaks the line by itself, and a log file keeps it whole
    Console(stderr=True).print(Text(_shown(text), style=style), soft_wrap=True)


def end(fit: FitResult, *, interrupted: bool) -> None:
    """The exit code of a command that has fitted: nothing happens when all is well."""
    if interrupted:
        say("interrupted: the files hold the best result so far", style="yellow")
        raise typer.Exit(INTERRUPTED)
    if not fit.success:
        say(f"the fit failed: {fit.retcode.name}: {fit.retcode.value}", style="red")
        raise typer.Exit(FAILED)


def _shown(text: str) -> str:
    """`text` without what a terminal would obey instead of showing it."""
    return escaped(text, keep="\n\t")


# -- tables ------------------------------------------------------------------------------------


def print_table(
    rows: Sequence[Sequence[str]], *, title: str = "", header: Sequence[str] = ()
) -> None:
    """A table on stdout; the first column is dimmed and the last one may wrap."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=title or None, title_justify="left", title_style="bold", pad_edge=False,
        show_header=bool(header), box=box.SIMPLE_HEAD if header else None,
    )  # fmt: skip
    width = len(rows[0]) if rows else len(header)
    for k in range(width):
        name = header[k] if header else ""
        # wide terms stay whole; only the last column, which holds sentences, is broken
        table.add_column(name, style="dim" if k == 0 else "", no_wrap=k < width - 1)
    for row in rows:
        table.add_row(*(Text(_shown(cell)) for cell in row))
    Console().print(table, "")


def print_model(system: ODESystem, title: str) -> None:
    """The equations of a system, its networks and its parameters, on stdout."""
    rows = [(f"d{x}/dt", f"= {f}") for x, f in system.rhs.items()]
    rows += [(name, f"= {g}") for name, g in system.observables.items()]
    for nn in system.networks:
        widths = "-".join(map(str, nn.widths))
        inputs = ", ".join(map(str, nn.inputs))
        rows.append(
            (nn.name, f"network {widths}, {nn.activation}, of {inputs}: {nn.n_weights} weights")
        )
    for what, values in (("fixed", system.parameters), ("trainable", system.trainable)):
        if values:
            rows.append((what, ", ".join(f"{k} = {v:g}" for k, v in values.items())))
    print_table(rows, title=title)


def fit_rows(fit: FitResult) -> list[tuple[str, str]]:
    """What is worth knowing about every fit, for a table."""
    method = fit.objective.method
    rows = [
        ("data", f"{fit.objective.n_measured} measurements, {len(fit.data)} experiment(s)"),
        ("trainable numbers", str(fit.theta.size)),
        ("loss", f"{fit.loss:.4g}"),
    ]
    if fit.validation_loss is not None:
        rows.append(("loss on held-out data", f"{fit.validation_loss:.4g}"))
    learned = fit.objective.plan.trainable
    rows += [
        (with_unit(name, fit.system.units), f"{value:.6g}{'' if name in learned else ' (fixed)'}")
        for name, value in fit.parameters.items()
    ]
    return [
        *rows,
        ("outcome", f"{fit.retcode.name}, {'converged' if fit.converged else fit.stopped}"),
        ("training", f"{len(fit.history['stage'])} iterations in {fit.seconds:.1f} s"),
        ("solve", f"{_steps(fit)} steps, {fit.solver} on engine {fit.engine}"),
        ("tolerances", f"reltol {method.reltol:g}, abstol {method.abstol_text}"),
        ("gradient", method.sensealg),
    ]


def fit_summary(fit: FitResult) -> dict[str, Any]:
    """The same for a JSON file."""
    method = fit.objective.method
    packages = ("numpy", "scipy", "sympy", "llvmlite")
    return {
        "engine": fit.engine,
        "solver": fit.solver,
        "sensealg": method.sensealg,
        "reltol": method.reltol,
        "abstol": method.abstol,
        "seconds": fit.seconds,
        "iterations": len(fit.history["stage"]),
        "steps": _steps(fit),
        "loss": fit.loss,
        "validation_loss": fit.validation_loss,
        "parameters": fit.parameters,
        "standard_errors": _errors(fit),
        "u0": {
            trajectory.name: dict(zip(map(str, fit.system.states), fit.u0(e), strict=True))
            for e, trajectory in enumerate(fit.data)
        },
        "seed": fit.seed,
        "retcode": fit.retcode.name,
        "stopped": fit.stopped,
        "converged": fit.converged,
        "warnings": list(fit.warnings),
        "residuals": [
            {"column": c.name, "count": c.count, "rms": c.rms, "r2": c.r2, "noise": c.noise}
            for c in (fit.residuals.table if fit.success else ())
        ],
        "versions": {
            "pysymude": __version__,
            "python": sys.version.split()[0],
            **{name: package_version(name) or None for name in packages},
        },
    }


def _errors(fit: FitResult) -> dict[str, float]:
    """Where they are known: a loss of one's own, and laws that are enforced, may have none."""
    try:
        return fit.standard_errors()
    except (PySymUDEError, np.linalg.LinAlgError):
        return {}


def _steps(fit: FitResult) -> int:
    return fit.objective.evaluate(fit.theta, gradient=False).steps


def package_version(name: str) -> str:
    """The installed version, without importing anything; empty when it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
