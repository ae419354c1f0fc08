"""`pysymude report`: a saved fit as one page of HTML."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pysymude.cli.common import Debug, friendly

__all__ = ["report"]


def report(
    fit: Annotated[Path, typer.Argument(help="A fit that was saved, such as fit.npz.")],
    out: Annotated[Path, typer.Option(help="Folder for the page.")] = Path("pysymude-report"),
    title: Annotated[str, typer.Option(help="Title of the page.")] = "Fit",
    engine: Annotated[
        str | None, typer.Option(help="Another engine than the one that made the fit.")
    ] = None,
    debug: Debug = False,
) -> None:
    """Write a fit as one page: model, data, curves, residuals, parameters with errors, laws, versions."""
    with friendly(debug):
        from pysymude.fit.result.fit_result import FitResult

        made = FitResult.load(fit, engine=engine).report(out, title=title)
    typer.echo(f"Written: {made}")
