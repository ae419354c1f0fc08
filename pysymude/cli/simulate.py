"""`pysymude simulate`: a model file solved, as a table of numbers."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pysymude.cli.common import (
    FAILED,
    Debug,
    Engine,
    friendly,
    say,
)
from pysymude.cli.inputs import parse_numbers, parse_times, read_model
from pysymude.cli.signal_files import read_signal_file
from pysymude.cli.written_files import check_figure_name, write_figure, write_text
from pysymude.errors import InvalidInputError

if TYPE_CHECKING:
    from pysymude.solving.solution import Solution

__all__ = ["simulate"]


def simulate(
    model: Annotated[Path, typer.Argument(help="A model (.toml, .xml), or a saved fit (.npz).")],
    t: Annotated[str, typer.Option("--t", help="start:stop:count, or a list of times.")],
    u0: Annotated[
        str, typer.Option("--u0", help="Initial state, x=1,y=2. A saved fit has its own.")
    ] = "",
    parameters: Annotated[str, typer.Option(help="Values of parameters, a=1,b=2.")] = "",
    signals: Annotated[
        Path | None, typer.Option(help="CSV file with the times and values of measured inputs.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="CSV file; by default standard output.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Figure: .png, .pdf or .svg.")] = None,
    solver: Annotated[str, typer.Option(help="'auto' or a name.")] = "auto",
    reltol: Annotated[float, typer.Option(help="Relative tolerance.")] = 1e-8,
    abstol: Annotated[float, typer.Option(help="Absolute tolerance.")] = 1e-10,
    engine: Engine = "auto",
    debug: Debug = False,
) -> None:
    """Solve a model and write a CSV table: time, states, observables."""
    with friendly(debug):
        times = parse_times(t, "--t")
        start, values = parse_numbers(u0, "--u0"), parse_numbers(parameters, "--parameters")
        if plot is not None:
            check_figure_name(plot)
        from pysymude.solving.solve import solve

        given = _model(model, start, values)
        if signals is not None:
            given["signals"] = read_signal_file(signals, given["system"])
        solution = solve(
            given.pop("system"), **given, t=times, solver=solver, reltol=reltol, abstol=abstol,
            engine=engine,
        )  # fmt: skip
        if out is None:
            typer.echo(_table(solution), nl=False)
        else:
            write_text(out, _table(solution))
        if plot is not None:
            from pysymude.plot import plot_solution

            write_figure(plot, plot_solution(solution))
    if not solution.success:
        say(f"{solution.retcode.name}: {solution.message}", style="red")
        raise typer.Exit(FAILED)


def _model(path: Path, u0: dict[str, float], parameters: dict[str, float]) -> dict[str, Any]:
    """System, u0, parameters and theta, as `solve` takes them."""
    if path.suffix == ".npz":
        from pysymude.fit.result.fit_result import FitResult

        fit = FitResult.load(path)
        own = dict(fit.data[0].parameters)
        return {
            "system": fit.objective.enforced.model,
            "u0": u0 or fit.u0(),
            "parameters": own | parameters,
            "signals": dict(fit.data[0].signals),
            # behind the system's own numbers stand the learned initial states
            "theta": fit.theta[: fit.system.layout.size],
        }
    system = read_model(path)
    if not u0 and not all(x in system.initial for x in system.states):
        example = ",".join(f"{x}=1" for x in system.states)
        raise InvalidInputError(f"--u0 is missing: give the initial state, such as --u0 {example}")
    if system.is_universal:
        raise InvalidInputError(
            f"{path} contains the network {system.networks[0].name!r}, whose weights are unknown; run "
            "`pysymude fit` first, then simulate the fit.npz that it writes"
        )
    return {"system": system, "u0": u0 or None, "parameters": parameters}


def _table(solution: Solution) -> str:
    """CSV text; what a failed solve did not reach stays empty, and floats are exact."""
    columns = {
        "t": solution.t,
        **{name: solution[name] for name in solution.states},
        **solution.observables,
    }
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    for row in zip(*(column.tolist() for column in columns.values()), strict=True):
        writer.writerow("" if math.isnan(value) else repr(value) for value in row)
    return buffer.getvalue()
