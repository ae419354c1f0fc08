"""`pysymude simulate`: a model file solved, as a table of numbers."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass, replace
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
from pysymude.cli.written_files import check_figure_name, check_place, write_figure, write_text
from pysymude.errors import InvalidInputError
from pysymude.infer.bands import Band

if TYPE_CHECKING:
    from pysymude.fit.result.fit_result import FitResult
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
    band: Annotated[
        float | None, typer.Option(help="Of a fit: columns of a band too; the level, as 0.95.")
    ] = None,
    prediction: Annotated[
        bool,
        typer.Option("--prediction", help="The band of a further measurement, with its noise."),
    ] = False,
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
        if out is not None:
            check_place(out)
        inputs = Inputs(data, signals, doses, experiment)
        if (band is not None and model.suffix != ".npz") or (prediction and band is None):
            wrong = "--prediction goes with --band" if band is None else "--band is of a saved fit"
            raise InvalidInputError(
                f"{wrong}; write: pysymude simulate fit.npz --t ... --band 0.95"
            )
        wanted = Wanted(band, "prediction" if prediction else "confidence")
        if model.suffix == ".npz":
            solution = _of_fit(model, times, given, inputs, method, wanted)
        else:
            solution = _of_model(model, times, given, inputs, method)
        if out is None:
            typer.echo(_table(solution), nl=False)
        else:
            write_text(out, _table(solution))
        if plot is not None:
            write_figure(plot, solution.plot())
        if isinstance(solution, Band):
            for sentence in solution.warnings:
                say(f"warning: {sentence}", style="yellow")
            return
    if not solution.success:
        say(f"{solution.retcode.name}: {solution.message}", style="red")
        raise typer.Exit(FAILED)


@dataclass(frozen=True)
class Wanted:
    """The options --band and --prediction."""

    level: float | None
    interval: str

    def keywords(self, fit: FitResult) -> dict[str, Any]:
        """Of a prediction; a measurement is foretold where something was measured."""
        if self.level is None:
            return {}
        columns = [*(x.name for x in fit.system.states), *fit.system.observables]
        if self.interval == "prediction":
            columns = list(fit.data.columns)
        return {"band": self.level, "interval": self.interval, "observe": columns}


def _of_fit(
    path: Path, t: Any, given: dict[str, Any], inputs: Inputs, method: Any, wanted: Wanted
) -> Solution | Band:
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
    read = inputs.read(fit.system, {})
    found = fit.predict(t, **given, experiment=which, **read, **wanted.keywords(fit))
    if isinstance(found, Band):
        return found
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


def _columns(found: Solution | Band) -> dict[str, Any]:
    if not isinstance(found, Band):
        return {"t": found.t, **{name: found[name] for name in found.states}, **found.observables}
    columns: dict[str, Any] = {"t": found.t}
    for name in found.columns:
        own = found[name]
        columns |= {name: own.value, f"{name}_lower": own.lower, f"{name}_upper": own.upper}
    return columns


def _table(found: Solution | Band) -> str:
    """CSV text; what a failed solve did not reach stays empty, and floats are exact."""
    columns = _columns(found)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    for row in zip(*(column.tolist() for column in columns.values()), strict=True):
        writer.writerow("" if math.isnan(value) else repr(value) for value in row)
    return buffer.getvalue()
