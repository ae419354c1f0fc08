"""`pysymude export-julia`: a saved fit as a standalone Julia script."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pysymude.cli.common import Debug, friendly

__all__ = ["export_julia"]


def export_julia(
    fit: Annotated[Path, typer.Argument(help="A fit that was saved, such as fit.npz.")],
    out: Annotated[Path, typer.Argument(help="The Julia script, such as fit.jl.")],
    sensealg: Annotated[
        str, typer.Option(help="How it takes gradients: auto, forward or adjoint.")
    ] = "auto",
    debug: Debug = False,
) -> None:
    """Write a fit as one Julia script: data, right-hand side, loss and gradient in plain SciML."""
    with friendly(debug):
        from pysymude.export.julia import export_julia as export

        export(fit, out, sensealg=sensealg)
    typer.echo(f"Written: {out}")
