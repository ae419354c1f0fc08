"""What the commands share: options, messages, the reading of small inputs, the writing of files."""

from __future__ import annotations

import io
import json
import math
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from pysymude import __version__
from pysymude.errors import InvalidInputError, PySymUDEError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from pysymude.fit.result import FitResult
    from pysymude.model.system import ODESystem

__all__ = [
    "Debug",
    "Engine",
    "Seed",
    "end",
    "fit_rows",
    "fit_summary",
    "friendly",
    "make_folder",
    "package_version",
    "parse_numbers",
    "parse_times",
    "print_model",
    "print_table",
    "say",
    "write_figure",
    "write_json",
    "write_text",
]

Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Engine = Annotated[str, typer.Option(help="'auto', or a name that `pysymude doctor` lists.")]
Seed = Annotated[int, typer.Option(min=0, help="Of the network's initial weights.")]

FAILED, WRONG_INPUT, INTERRUPTED = 1, 2, 130  # exit codes beside 0
FIGURES = (".png", ".pdf", ".svg")
_MOST_TIMES = 10_000_000


# -- messages ----------------------------------------------------------------------------------


@contextmanager
def friendly(debug: bool) -> Iterator[None]:
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
    Console(stderr=True).print(Text(text, style=style), soft_wrap=True)


def end(fit: FitResult, *, interrupted: bool) -> None:
    """The exit code of a command that has fitted: nothing happens when all is well."""
    if interrupted:
        say("interrupted: the files hold the best result so far", style="yellow")
        raise typer.Exit(INTERRUPTED)
    if not fit.success:
        say(f"the fit failed: {fit.retcode.name}: {fit.retcode.value}", style="red")
        raise typer.Exit(FAILED)


# -- tables ------------------------------------------------------------------------------------


def print_table(rows: Sequence[Sequence[str]], *, title: str = "", header: Sequence[str] = ()) -> None:
    """A table on stdout; the first column is dimmed and the last one may wrap."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=title or None, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD if header else None,
        show_header=bool(header), pad_edge=False,
    )  # fmt: skip
    width = len(rows[0]) if rows else len(header)
    for k in range(width):
        name = header[k] if header else ""
        # wide terms stay whole; only the last column, which holds sentences, is broken
        table.add_column(name, style="dim" if k == 0 else "", no_wrap=k < width - 1)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)


def print_model(system: ODESystem, title: str) -> None:
    """The equations of a system, its networks and its parameters, on stdout."""
    rows = [(f"d{x}/dt", f"= {f}") for x, f in system.rhs.items()]
    rows += [(name, f"= {g}") for name, g in system.observables.items()]
    for nn in system.networks:
        widths = "-".join(map(str, nn.widths))
        inputs = ", ".join(map(str, nn.inputs))
        rows.append((nn.name, f"network {widths}, {nn.activation}, of {inputs}: {nn.n_weights} weights"))
    for what, values in (("fixed", system.parameters), ("trainable", system.trainable)):
        if values:
            rows.append((what, ", ".join(f"{k} = {v:g}" for k, v in values.items())))
    print_table(rows, title=title)


def fit_rows(fit: FitResult) -> list[tuple[str, str]]:
    """What is worth knowing about every fit, for a table."""
    method = fit.objective.method
    rows = [
        ("data", f"{fit.objective.loss.n_measured} measurements, {len(fit.data)} experiment(s)"),
        ("trainable numbers", str(fit.theta.size)),
        ("loss", f"{fit.loss:.4g}"),
    ]
    if fit.validation_loss is not None:
        rows.append(("loss on held-out data", f"{fit.validation_loss:.4g}"))
    rows += [(name, f"{value:.6g}") for name, value in fit.parameters.items()]
    return [
        *rows,
        ("outcome", f"{fit.retcode.name}, {fit.stopped}"),
        ("training", f"{len(fit.history['stage'])} iterations in {fit.seconds:.1f} s"),
        ("last solve", f"{_steps(fit)} steps, {method.solver} on engine {fit.engine}"),
        ("tolerances", f"reltol {method.reltol:g}, abstol {method.abstol:g}"),
        ("gradient", method.sensealg),
    ]


def fit_summary(fit: FitResult) -> dict[str, Any]:
    """The same for a JSON file."""
    method = fit.objective.method
    packages = ("numpy", "scipy", "sympy", "jax", "jaxlib", "diffrax")
    return {
        "engine": fit.engine,
        "solver": method.solver,
        "sensealg": method.sensealg,
        "reltol": method.reltol,
        "abstol": method.abstol,
        "seconds": fit.seconds,
        "iterations": len(fit.history["stage"]),
        "steps": _steps(fit),
        "loss": fit.loss,
        "validation_loss": fit.validation_loss,
        "parameters": fit.parameters,
        "u0": {
            trajectory.name: dict(zip(map(str, fit.system.states), fit.u0(e), strict=True))
            for e, trajectory in enumerate(fit.data)
        },
        "seed": fit.seed,
        "retcode": fit.retcode.name,
        "stopped": fit.stopped,
        "versions": {
            "pysymude": __version__,
            "python": sys.version.split()[0],
            **{name: package_version(name) or None for name in packages},
        },
    }


def _steps(fit: FitResult) -> int:
    # the value alone: its program is there already, and nothing new is compiled
    return fit.objective.evaluate(fit.theta, gradient=False).steps


def package_version(name: str) -> str:
    """The installed version, without importing anything; empty when it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


# -- input -------------------------------------------------------------------------------------


def parse_numbers(text: str, option: str) -> dict[str, float]:
    """``"x=1, y=2.5"`` as a dict; `option` is named in errors.

    Raises
    ------
    InvalidInputError
        A part is no pair, has no name, comes twice, or its value is no finite number.

    Examples
    --------
    >>> parse_numbers("x=1, y=2e-3", "--u0")
    {'x': 1.0, 'y': 0.002}
    """
    found: dict[str, float] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, equals, value = (p.strip() for p in part.partition("="))
        if not equals or not name:
            raise InvalidInputError(
                f"{option} takes name=value pairs separated by commas, such as x=1,y=2.5; "
                f"found {part!r}"
            )
        if name in found:
            raise InvalidInputError(f"{option} gives {name!r} twice: {text!r}")
        found[name] = _number(value, f"{option} {name}=")
    return found


def parse_times(text: str, option: str) -> NDArray[np.float64]:
    """``"0:10:101"`` (start:stop:count) or ``"0,1,5"`` as float64, shape (times,).

    Raises
    ------
    InvalidInputError
        Neither form; stop is not after start; the count is no whole number from 2 on.

    Examples
    --------
    >>> parse_times("0:1:5", "--t")
    array([0.  , 0.25, 0.5 , 0.75, 1.  ])
    """
    if ":" not in text:
        return np.array([_number(p.strip(), option) for p in text.split(",")])
    parts = [p.strip() for p in text.split(":")]
    if len(parts) != 3:
        raise InvalidInputError(
            f"{option} takes start:stop:count, such as 0:10:101, or a list of times, such as 0,1,5; "
            f"found {text!r}"
        )
    start, stop = (_number(p, option) for p in parts[:2])
    if not stop > start:
        raise InvalidInputError(f"{option}: stop must come after start; found {text!r}")
    if not (parts[2].isascii() and parts[2].isdigit() and 2 <= int(parts[2]) <= _MOST_TIMES):
        raise InvalidInputError(
            f"{option}: the count of times is a whole number from 2 to {_MOST_TIMES}; found "
            f"{parts[2]!r} in {text!r}"
        )
    return np.linspace(start, stop, int(parts[2]))


def _number(text: str, what: str) -> float:
    try:
        # float() reads 1_000 as 1000, which here is more likely a slip
        number = math.nan if "_" in text else float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InvalidInputError(f"{what} takes a finite number; found {text!r}")
    return number


# -- files -------------------------------------------------------------------------------------


def make_folder(path: Path) -> Path:
    """The folder, made if need be, and proven writable before any work goes into its files."""
    path.mkdir(parents=True, exist_ok=True)
    if not os.access(path, os.W_OK):
        raise InvalidInputError(f"--out {path}: no permission to write there; choose another folder")
    return path


def write_json(path: Path, content: Mapping[str, Any]) -> Path:
    """Sorted and indented JSON, written atomically; NaN and infinities become null."""
    text = json.dumps(_plain(content), indent=2, sort_keys=True, allow_nan=False)
    return write_text(path, text + "\n")


def write_figure(path: Path, figure: Figure) -> Path:
    """A figure in the format of the suffix, written atomically.

    Raises
    ------
    InvalidInputError
        The suffix is not one of .png, .pdf, .svg.
    """
    check_figure_name(path)
    buffer = io.BytesIO()
    figure.savefig(buffer, format=path.suffix[1:].lower())
    return _write(path, buffer.getvalue())


def check_figure_name(path: Path) -> None:
    """An error unless figures can be written in the format of the suffix."""
    if path.suffix.lower() not in FIGURES:
        raise InvalidInputError(f"a figure ends in {', '.join(FIGURES)}; found {str(path)!r}")


def write_text(path: Path, text: str) -> Path:
    """UTF-8 text, written atomically."""
    return _write(path, text.encode())


def _write(path: Path, content: bytes) -> Path:
    """A reader sees the old file or the new one, never a part; the path."""
    # opened by name, unlike a temporary file, so that the user's file permissions apply
    workshop = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        with workshop.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        workshop.replace(path)
    except BaseException:
        workshop.unlink(missing_ok=True)
        raise
    return path


def _plain(value: Any) -> Any:
    """`value` in the types of JSON."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, np.ndarray | list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, np.integer):
        return int(value)
    return value
