"""`pysymude demo`: a complete fit, on simulated or on real data."""

from __future__ import annotations

import time
from enum import StrEnum
from functools import partial
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
    print_table,
)
from pysymude.cli.recovered_output import (
    print_laws,
    print_recovered,
    recovered_summary,
    write_recovered,
)
from pysymude.cli.written_files import make_folder, write_figure, write_json
from pysymude.errors import InvalidInputError

if TYPE_CHECKING:
    from pysymude.cli.showcase import Showcase
    from pysymude.symbolic.laws.law_set import LawSet

__all__ = ["demo"]


class Data(StrEnum):
    """What is fitted."""

    simulated = "simulated"
    hudson_bay = "hudson-bay"


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("pysymude-demo"),
    data: Annotated[
        Data, typer.Option(help="A known system with noise, or hare and lynx, 1900-1920.")
    ] = Data.simulated,
    petab: Annotated[
        bool,
        typer.Option("--petab", help="Files instead: a PEtab problem is made, read and fitted."),
    ] = False,
    seed: Seed = 0,
    engine: Engine = "auto",
    quick: Annotated[bool, typer.Option("--quick", hidden=True)] = False,
    debug: Debug = False,
) -> None:
    """From data to equations: fit a Lotka-Volterra system whose interaction is a network, recover it.

    On simulated data the interaction is recovered as a formula, and the laws of the result are derived.
    With --petab the files of a PEtab problem are made, read back and fitted. Figures and a summary are written.
    """
    begin = time.perf_counter()
    with friendly(debug):
        if petab and data is not Data.simulated:
            raise InvalidInputError(f"--petab makes data of its own; leave out --data {data}")
        folder = make_folder(out)
        if petab:
            from pysymude.cli import petab_demo

            show = partial(petab_demo.show, folder=folder)
        elif data is Data.simulated:
            from pysymude.cli.simulated import show
        else:
            from pysymude.cli.hudson_bay import show
        found = show(seed=seed, engine=engine, quick=quick)
        print_table([*found.rows, *fit_rows(found.fit)], title="Result")
        for line in found.remarks:
            typer.echo(line)
        laws = None
        if found.recovered is not None:
            print_recovered(found.recovered)
            laws = print_laws(found.recovered)
        files = _write(folder, found, laws, begin)
        typer.echo(f"Written: {', '.join(map(str, files))}")
    end(found.fit, interrupted=found.interrupted)


def _write(folder: Path, found: Showcase, laws: LawSet | None, begin: float) -> list[Path]:
    npz = folder / "fit.npz"
    found.fit.save(npz)
    figures = [write_figure(folder / name, figure) for name, figure in found.figures.items()]
    summary = fit_summary(found.fit) | dict(found.summary)
    more: list[Path] = []
    if found.recovered is not None:
        more = write_recovered(folder, found.recovered)
        summary["recovered"] = recovered_summary(found.recovered, laws)
    # last, and with everything in it: who finds it knows that all other files are there
    summary["seconds_in_all"] = time.perf_counter() - begin
    return [npz, *figures, *more, write_json(folder / "summary.json", summary)]
