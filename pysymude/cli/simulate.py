"""`pysymude simulate`: a model file solved, as a table of numbers."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import replace
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
from pysymude.cli.fit_table import read_fit_table
from pysymude.cli.input_options import Inputs
from pysymude.cli.inputs import parse_numbers, parse_times, read_model
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
    experiment: Annotated[
        str | None, typer.Option(help="Which experiment of a saved fit, or of --data.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="CSV file with the columns of --signals and --doses.")
    ] = None,
    signals: Annotated[
        str | None,
        typer.Option(help="Columns of measured inputs, T,Q or T=column,...; or a CSV file."),
    ] = None,
    doses: Annotated[
        str | None, typer.Option(help="Columns of amounts that are added to states, gut=AMT,...")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="CSV file; by default standard output.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Figure: .png, .pdf or .svg.")] = None,
    solver: Annotated[str, typer.Option(help="'auto' or a name.")] = "auto",
    reltol: Annotated[float, typer.Option(help="Relative tolerance.")] = 1e-8,
    abstol: Annotated[float, typer.Option(help="Absolute tolerance.")] = 1e-10,
    engine: Engine = "auto",
    debug: Debug = False,
) -> None:
    """Solve a model and write a CSV table: time, states, observables.

    A saved fit is solved as it was fitted: from its start, with the doses, periods, signals and parameters of
    the experiment.
    """
    with friendly(debug):
        times = parse_times(t, "--t")
        given: dict[str, Any] = {
            "u0": parse_numbers(u0, "--u0") or None,
            "parameters": parse_numbers(parameters, "--parameters"),
        }
        method = {"solver": solver, "reltol": reltol, "abstol": abstol, "engine": engine}
        if plot is not None:
            check_figure_name(plot)
        inputs = Inputs(data, signals, doses, experiment)
        if model.suffix == ".npz":
            solution = _of_fit(model, times, given, inputs, method)
        else:
            solution = _of_model(model, times, given, inputs, method)
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


def _of_fit(path: Path, t: Any, given: dict[str, Any], inputs: Inputs, method: Any) -> Solution:
    """An experiment of a fit, by the fit's own solver where no other is named."""
    from pysymude.fit.files.save_file import understood
    from pysymude.fit.result.fit_result import FitResult
    from pysymude.fit.result.saved import KIND, SavedFit

    asked = {key: method[key] for key in ("solver", "engine") if method[key] != "auto"}
    tolerances = {key: method[key] for key in ("reltol", "abstol")}
    saved = SavedFit.read(path)
    with understood(path, KIND, by_user=True):
        settings = replace(saved.settings, **tolerances)
        fit = FitResult.from_saved(replace(saved, settings=settings), **asked)
    names = [trajectory.name for trajectory in fit.data]
    if len(names) > 1 and inputs.experiment is None:
        raise InvalidInputError(
            f"{path} holds {len(names)} experiments; say which: --experiment NAME, one of {', '.join(names)}"
        )
    which = 0 if inputs.experiment is None else inputs.experiment
    found = fit.predict(t, **given, experiment=which, **inputs.read(fit.system, {}))
    # a fit watches more than the user's own, such as scales of noise
    own = {name: y for name, y in found.observables.items() if name in fit.system.observables}
    return replace(found, observables=own)


def _of_model(path: Path, t: Any, given: dict[str, Any], inputs: Inputs, method: Any) -> Solution:
    from pysymude.solving.solve import solve

    system = read_model(path)
    if not given["u0"] and not all(x in system.initial for x in system.states):
        example = ",".join(f"{x}=1" for x in system.states)
        raise InvalidInputError(f"--u0 is missing: give the initial state, such as --u0 {example}")
    if system.is_universal:
        raise InvalidInputError(
            f"{path} contains the network {system.networks[0].name!r}, whose weights are unknown; run "
            "`pysymude fit` first, then simulate the fit.npz that it writes"
        )
    if inputs.experiment is not None and inputs.file is None:
        raise InvalidInputError(
            "--experiment names one of a saved fit, or of --data; give such a file"
        )
    reading = read_fit_table(path) if path.suffix == ".toml" else {}
    return solve(system, t=t, **given, **inputs.read(system, reading), **method)


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
