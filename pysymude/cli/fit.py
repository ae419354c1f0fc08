"""`pysymude fit`: a model file fitted to a table of measurements."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pysymude.cli.common import (
    Debug,
    Engine,
    Seed,
    end,
    fit_rows,
    fit_summary,
    friendly,
    print_model,
    print_table,
)
from pysymude.cli.files import make_folder, write_figure, write_json

if TYPE_CHECKING:
    from pysymude.fit.result import FitResult
    from pysymude.fit.stages import Stage

__all__ = ["fit"]


def fit(
    model: Annotated[Path, typer.Argument(help="The model, a TOML file.")],
    data: Annotated[Path, typer.Argument(help="Measurements, a CSV file with a header.")],
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("pysymude-fit"),
    time: Annotated[str | None, typer.Option(help="Column of times; by default t or time.")] = None,
    experiment: Annotated[
        str | None, typer.Option(help="Column that tells experiments apart.")
    ] = None,
    trainable_u0: Annotated[
        bool, typer.Option("--trainable-u0", help="Learn the initial states too.")
    ] = False,
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
    weight_decay: Annotated[float, typer.Option(help="Penalty on squared network weights.")] = 0.0,
    seed: Seed = 0,
    engine: Engine = "auto",
    solver: Annotated[str, typer.Option(help="'auto' or a name.")] = "auto",
    reltol: Annotated[float, typer.Option(help="Relative tolerance.")] = 1e-6,
    abstol: Annotated[float, typer.Option(help="Absolute tolerance.")] = 1e-8,
    checkpoint: Annotated[
        Path | None, typer.Option(help="File for the state of training, to resume from.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from --checkpoint.")] = False,
    quick: Annotated[bool, typer.Option("--quick", hidden=True)] = False,
    debug: Debug = False,
) -> None:
    """Fit a model to data; write fit.npz, summary.json, fit.png and history.png."""
    with friendly(debug):
        from pysymude.fit.training import fit as train
        from pysymude.model.dataset import Dataset
        from pysymude.model.system import ODESystem

        system = ODESystem.from_toml(model)
        measured = Dataset.from_csv(
            data, time=time, experiment=experiment, trainable_u0=trainable_u0 or None
        )
        folder = make_folder(out)
        print_model(system, "Model")
        found = train(
            system, measured, laws=law or (), conserve=conserve, engine=engine, solver=solver,
            reltol=reltol, abstol=abstol, seed=seed,
            stages=_quick_stages() if quick else None, weight_decay=weight_decay,
            validation=validation, checkpoint=checkpoint, resume=resume,
        )  # fmt: skip
        print_table(fit_rows(found), title="Result")
        _write(folder, found, validation)
    end(found, interrupted=found.stopped == "interrupted")


def _write(folder: Path, found: FitResult, validation: float | None) -> None:
    from pysymude.plot import plot_fit, plot_history

    found.save(folder / "fit.npz")
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
    from pysymude.fit.stages import LBFGS, GradientMatching

    return [GradientMatching(10), LBFGS(5)]
