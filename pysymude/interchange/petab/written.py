"""`write_petab`: a fit, or a problem that was read, as a folder of PEtab files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pysymude.errors import InvalidInputError, SaveFileError
from pysymude.interchange.petab.fit_out import FitTables
from pysymude.interchange.petab.problem_of import PetabProblem
from pysymude.interchange.petab.tsv import Row, number_in
from pysymude.model.calls import explained
from pysymude.whole import write_whole

if TYPE_CHECKING:
    from pysymude.fit.result.fit_result import FitResult

__all__ = ["write_petab"]


@explained
def write_petab(
    what: FitResult | PetabProblem, folder: str | Path, *, values: Mapping[str, float] | None = None
) -> Path:
    """A folder of PEtab files, which `read_petab` reads back with the same likelihood.

    Parameters
    ----------
    what : FitResult or PetabProblem
        A fit becomes a problem of version 2 whose nominal values are what was learned; noise that was
        nowhere given is written as the fit shows it. A problem is written as it was read.
    folder : str or path
        Is made; files of the same names are replaced.
    values : mapping from id to float, optional
        Nominal values of a problem in place of those it was read with.

    Returns
    -------
    Path
        The YAML file.

    Raises
    ------
    EmissionError
        Something that PEtab has no word for.
    InvalidInputError
        Neither a fit nor a problem, or an id that is not estimated.
    SaveFileError
        The folder cannot be written.
    """
    # results of fits load what draws them
    from pysymude.fit.result.fit_result import FitResult

    target = Path(folder)
    if isinstance(what, PetabProblem):
        files, name = _copied(what, values or {}), what.path.name
    elif isinstance(what, FitResult):
        if values is not None:
            raise InvalidInputError("values= belongs to a problem; a fit has its own")
        files, name = FitTables(what).files(), "problem.yaml"
    else:
        raise InvalidInputError(
            f"write_petab takes a fit, or what read_petab has read; found {type(what).__name__}"
        )
    try:
        for relative, content in files.items():
            path = target / relative
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, content)
    except OSError as error:
        raise SaveFileError(f"cannot be written: {error.strerror}", path=str(target)) from error
    return target / name


def _copied(problem: PetabProblem, values: Mapping[str, float]) -> dict[str, bytes]:
    """The files of a problem, by their place beside the YAML file."""
    described = problem.described
    home = described.file.parent
    paths = {described.file, described.model, *described.arrays}
    paths |= {path for path, _ in described.networks.values()}
    paths |= set(described.tables)
    for key in values:
        if key not in described.parameters or key not in problem.nominal:
            raise InvalidInputError(
                f"values names {key!r}, which is no number that is estimated; there are "
                f"{', '.join(k for k in problem.nominal if k in described.parameters)}"
            )
    found: dict[str, bytes] = {}
    for path in sorted(paths):
        try:
            relative = path.resolve().relative_to(home.resolve())
        except ValueError:
            raise InvalidInputError(f"{path} does not stand beside {described.file}") from None
        found[str(relative)] = path.read_bytes()
    by_file: dict[str, list[tuple[Row, float]]] = {}
    for key, value in values.items():
        row = described.parameters[key].row
        by_file.setdefault(row.file, []).append((row, float(value)))
    for file, changes in by_file.items():
        relative = str(Path(file).resolve().relative_to(home.resolve()))
        found[relative] = _with_nominal(found[relative].decode("utf-8-sig"), changes).encode()
    return found


def _with_nominal(text: str, changes: list[tuple[Row, float]]) -> str:
    lines = text.splitlines()
    header = [cell.strip() for cell in lines[0].split("\t")]
    place = header.index("nominalValue")
    for row, value in changes:
        cells = lines[row.line - 1].split("\t")
        if number_in(cells[place].strip()) is None:
            row.refuse("the cell of nominalValue is no number")
        cells[place] = repr(value)
        lines[row.line - 1] = "\t".join(cells)
    return "\n".join(lines) + "\n"
