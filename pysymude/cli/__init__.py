"""The command line: `pysymude demo`, `laws`, `fit`, `recover`, `report`, `simulate`, `export-julia`, `doctor`.

One command a file. Whatever is slow to load is imported inside the commands, so that help comes at
once. Exit codes: 0 all is well, 1 a solve or fit failed, 2 wrong input, 130 interrupted.
"""

from __future__ import annotations

from typing import Annotated

import typer

from pysymude import __version__
from pysymude.cli.demo import demo
from pysymude.cli.doctor import doctor
from pysymude.cli.export_julia import export_julia
from pysymude.cli.fit import fit
from pysymude.cli.laws import laws
from pysymude.cli.recover import recover
from pysymude.cli.report import report
from pysymude.cli.setup_julia import setup_julia
from pysymude.cli.simulate import simulate

__all__ = ["app", "main"]

app = typer.Typer(
    name="pysymude",
    help="Universal differential equations: derive laws, fit, recover, simulate, check the installation.",
    no_args_is_help=True,
    add_completion=False,
    # an error that nobody foresaw is shown as Python shows it, ready for a report
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (demo, laws, fit, recover, report, simulate, export_julia, setup_julia, doctor):
    app.command()(command)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"pysymude {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show the version and leave."
        ),
    ] = False,
) -> None:
    """Universal differential equations: derive laws, fit, recover, simulate, check the installation."""


def main() -> None:
    """The console script `pysymude`."""
    app()
