"""`pysymude fit`: a model file fitted to a table of measurements."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pysymude.cli.common import (
    Debug,
    end,
    fit_rows,
    fit_summary,
    friendly,
    print_model,
    print_table,
    say,
)
from pysymude.cli.fit_table import (
    parse_columns,
    parse_doses,
    parse_noise,
    parse_signals,
    read_fit_table,
)
from pysymude.cli.inputs import parse_numbers, read_model
from pysymude.cli.period_table import with_periods
from pysymude.cli.written_files import make_folder, write_figure, write_json
from pysymude.errors import InvalidInputError, TableWarning
from pysymude.fit.result.stopped import INTERRUPTED

if TYPE_CHECKING:
    from pysymude.fit.result.fit_result import FitResult
    from pysymude.fit.stages.stage import Stage
    from pysymude.model.dataset import Dataset
    from pysymude.model.system import ODESystem

__all__ = ["fit"]

_OF_TABLE = (
    "time", "experiment", "variable", "value", "loq", "time_unit", "delimiter", "decimal", "u0", "noise",
    "trainable_u0", "t0", "signals", "doses",
)  # fmt: skip


def fit(
    model: Annotated[
        Path,
        typer.Argument(
            help="The model, a TOML file; its table 'fit' may hold all options. Or a PEtab problem (.yaml)."
        ),
    ],
    data: Annotated[
        Path | None,
        typer.Argument(help="Measurements, a CSV file with a header. A problem has its own."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("pysymude-fit"),
    time: Annotated[str | None, typer.Option(help="Column of times; by default t or time.")] = None,
    columns: Annotated[
        str | None, typer.Option(help="Measured columns, x,y or column=state,...")
    ] = None,
    experiment: Annotated[
        str | None, typer.Option(help="Column that tells experiments apart.")
    ] = None,
    u0: Annotated[str | None, typer.Option("--u0", help="Known initial states, x=1,y=2.")] = None,
    t0: Annotated[
        float | None, typer.Option("--t0", help="When states start; by default at the first row.")
    ] = None,
    trainable_u0: Annotated[
        bool, typer.Option("--trainable-u0", help="Learn all initial states.")
    ] = False,
    noise: Annotated[
        str | None, typer.Option(help="Standard deviation: a number, a column, or x=0.1,y=sd_y.")
    ] = None,
    signals: Annotated[
        str | None, typer.Option(help="Columns of measured inputs, T,Q or T=column,...")
    ] = None,
    doses: Annotated[
        str | None, typer.Option(help="Columns of amounts that are added to states, gut=AMT,...")
    ] = None,
    per_experiment: Annotated[
        str | None,
        typer.Option(help="Parameters with a value of their own in each experiment, k,d."),
    ] = None,
    validation: Annotated[
        float | None, typer.Option(help="Part of the time span at the end to hold out, as 0.2.")
    ] = None,
    law: Annotated[
        list[str] | None,
        typer.Option(help="An observable of the model that is conserved; may be given again."),
    ] = None,
    conserve: Annotated[
        str | None, typer.Option(help="How laws are used: report, penalty, project, eliminate.")
    ] = None,
    stages: Annotated[
        str | None, typer.Option(help="Stages of training, 'Adam(300), LBFGS(500)'.")
    ] = None,
    weight_decay: Annotated[
        float | None, typer.Option(help="Penalty on squared network weights; 0 by default.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Of the network's initial weights; 0 by default.")
    ] = None,
    engine: Annotated[
        str | None, typer.Option(help="'auto', or a name that `pysymude doctor` lists.")
    ] = None,
    solver: Annotated[str | None, typer.Option(help="'auto' or a name.")] = None,
    reltol: Annotated[
        float | None, typer.Option(help="Relative tolerance; 1e-6 by default.")
    ] = None,
    abstol: Annotated[
        float | None, typer.Option(help="Absolute tolerance; by default 1e-8 of each state.")
    ] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="File for the state of training, to resume from.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from --checkpoint.")] = False,
    quick: Annotated[bool, typer.Option("--quick", hidden=True)] = False,
    debug: Debug = False,
) -> None:
    """Fit a model to data; write fit.npz, summary.json, fit.png and history.png."""
    with friendly(debug):
        from pysymude.fit.stages.stage_text import stages_from_text
        from pysymude.fit.training.fitting import fit as train

        is_problem = model.suffix.lower() in (".yaml", ".yml") or model.is_dir()
        options = {} if is_problem else read_fit_table(model)
        said: dict[str, Any] = {
            "time": time, "experiment": experiment, "validation": validation, "laws": law,
            "conserve": conserve, "stages": stages, "weight_decay": weight_decay, "seed": seed,
            "engine": engine, "solver": solver, "reltol": reltol, "abstol": abstol,
            "columns": columns and parse_columns(columns), "noise": noise and parse_noise(noise),
            "u0": u0 and parse_numbers(u0, "--u0"), "trainable_u0": trainable_u0 or None,
            "t0": t0, "signals": signals and parse_signals(signals),
            "doses": doses and parse_doses(doses),
            "per_experiment": per_experiment and [p.strip() for p in per_experiment.split(",")],
        }  # fmt: skip
        options |= {key: value for key, value in said.items() if value not in (None, [])}
        if "stages" in options:
            options["stages"] = stages_from_text(options["stages"])
        if quick:
            options["stages"] = _quick_stages()
        if is_problem:
            system, measured, options = _problem(model, data, options)
        else:
            system, measured = _model_and_table(model, data, options)
        folder = make_folder(out)
        print_model(system, "Model")
        found = train(system, measured, checkpoint=checkpoint, resume=resume, **options)
        # before anything is made of it that may fail
        found.save(folder / "fit.npz")
        print_table(fit_rows(found), title="Result")
        if found.success:
            say(str(found.residuals))
        for sentence in found.warnings:
            say(f"warning: {sentence}", style="yellow")
        _write(folder, found, options.get("validation"))
    end(found, interrupted=found.stopped == INTERRUPTED)


def _model_and_table(
    model: Path, data: Path | None, options: dict[str, Any]
) -> tuple[ODESystem, Dataset]:
    if data is None:
        raise InvalidInputError(f"which measurements? Write: pysymude fit {model} DATA.csv")
    system = read_model(model)
    return system, _measured(data, system, options)


def _problem(
    path: Path, data: Path | None, options: dict[str, Any]
) -> tuple[ODESystem, Dataset, dict[str, Any]]:
    """The system and data of a PEtab problem, and options with its start and solver."""
    from pysymude.interchange.petab.problem_of import read_petab

    of_table = [key for key in (*_OF_TABLE, "columns") if key in options]
    if data is not None or of_table:
        named = str(data) if data is not None else f"--{of_table[0].replace('_', '-')}"
        raise InvalidInputError(f"{path} has its own measurements; leave out {named}")
    problem = read_petab(path)
    return problem.system, problem.data, problem.options | options


def _measured(path: Path, system: ODESystem, options: dict[str, Any]) -> Dataset:
    """The table, read as its part of the options says, which is taken out; what is not sure is said."""
    from pysymude.model.dataset import Dataset

    given = {key: options.pop(key) for key in _OF_TABLE if key in options}
    changes = options.pop("periods", ())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", TableWarning)
        found = Dataset.from_csv(path, states=options.pop("columns", system), **given)
    for warning in caught:
        say(str(warning.message), style="yellow")
    return with_periods(found, system, changes) if changes else found


def _write(folder: Path, found: FitResult, validation: float | None) -> None:
    from pysymude.plot import plot_fit, plot_history

    figure = plot_fit(found, held_out=_cut(found, validation))
    files = [
        folder / "fit.npz",
        write_json(folder / "summary.json", fit_summary(found)),
        write_figure(folder / "fit.png", figure),
        write_figure(folder / "history.png", plot_history(found)),
    ]
    typer.echo(f"Written: {', '.join(map(str, files))}")


def _cut(found: FitResult, validation: float | None) -> float | None:
    """The time from which data were held out, where it is the same in all experiments."""
    if validation is None:
        return None
    cuts = {float(tr.t0 + (1 - validation) * (tr.t[-1] - tr.t0)) for tr in found.data}
    return cuts.pop() if len(cuts) == 1 else None


def _quick_stages() -> list[Stage]:
    from pysymude.fit.stages.gradient_matching import GradientMatching
    from pysymude.fit.stages.lbfgs import LBFGS

    return [GradientMatching(10), LBFGS(5)]
