# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false
"""`pysymude recover`: from a saved fit back to equations."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pysymude.cli.common import Debug, friendly
from pysymude.cli.recovered_output import (
    print_laws,
    print_recovered,
    recovered_summary,
    write_recovered,
)
from pysymude.cli.written_files import make_folder, write_json

if TYPE_CHECKING:
    from pysymude.fit.result.fit_result import FitResult

__all__ = ["recover"]


def recover(
    fit: Annotated[Path, typer.Argument(help="A fit that was saved, such as fit.npz.")],
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("pysymude-recovered"),
    library: Annotated[
        str,
        typer.Option(help="Candidates: poly1 to poly9, sin, cos, trig, exp, log, tanh; by commas."),
    ] = "poly3",
    term: Annotated[
        list[str] | None,
        typer.Option(help="A candidate of your own, such as 'x/(1 + x)'; may be given again."),
    ] = None,
    method: Annotated[str, typer.Option(help="pysindy's optimiser: stlsq or sr3.")] = "stlsq",
    criterion: Annotated[
        str, typer.Option(help="What chooses from the front: ebic, bic or aicc.")
    ] = "ebic",
    max_terms: Annotated[int, typer.Option(min=1, help="Most terms of a model.")] = 8,
    rounded: Annotated[
        bool,
        typer.Option(
            "--rounded", help="Simple rationals where the data cannot tell the difference."
        ),
    ] = False,
    engine: Annotated[
        str | None, typer.Option(help="Another engine than the one that made the fit.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the resamples.")] = 0,
    debug: Debug = False,
) -> None:
    """Replace the networks of a fit by sparse formulas, refitted through the ODE; derive their laws."""
    with friendly(debug):
        from pysymude.fit.result.fit_result import FitResult
        from pysymude.recover.recovery import recover as run

        fitted = FitResult.load(fit, engine=engine)
        candidates = _candidates(fitted, library, term or [])
        folder = make_folder(out)
        found = run(
            fitted, library=candidates, method=method, criterion=criterion, max_terms=max_terms,
            seed=seed,
        )  # fmt: skip
        found = found.rounded() if rounded else found
        # what took long is on disk before laws are derived, which may fail or be stopped
        files = write_recovered(folder, found)
        files.append(write_json(folder / "summary.json", recovered_summary(found)))
        print_recovered(found)
        laws = print_laws(found)
        write_json(folder / "summary.json", recovered_summary(found, laws))
        typer.echo(f"Written: {', '.join(map(str, files))}")


def _candidates(fitted: FitResult, library: str, terms: list[str]) -> list[Any]:
    """Words, and the users' own terms read as expressions of the system's names."""
    from pysymude.model.expressions import parse_expression
    from pysymude.model.symbols import t

    system = fitted.system
    symbols = {s for f in system.rhs.values() for s in f.free_symbols} | set(system.states)
    symbols |= {s for nn in system.networks for z in nn.inputs for s in z.free_symbols}
    names: dict[str, Any] = {str(t): t, **{s.name: s for s in symbols}}
    words = [word.strip() for word in library.split(",") if word.strip()]
    return [*words, *(parse_expression(text, names, where="--term") for text in terms)]
