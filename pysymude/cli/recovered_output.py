"""What the commands say and write of a recovered form."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from pysymude.cli.common import print_model, print_table, say
from pysymude.cli.written_files import write_figure, write_text

if TYPE_CHECKING:
    from pysymude.recover.recovered import Recovered
    from pysymude.symbolic.laws.law_set import LawSet

__all__ = ["laws_text", "print_laws", "print_recovered", "recovered_summary", "write_recovered"]


def print_recovered(found: Recovered) -> None:
    """The equations, their coefficients, the front, and on stderr what to distrust."""
    from pysymude.recover.recovered import number

    print_model(found.system, "Recovered")
    rows = [
        (c.name, number(c.value, c.error), f"{c.inclusion:.0%}", f"{c.output}: {c.term}"
         + ("" if c.exact is None else f", rounded to {c.exact}"))
        for c in found.coefficients
    ]  # fmt: skip
    print_table(rows, title="Coefficients", header=("", "value", "chosen", "term"))
    front = [
        (str(r.terms), f"{r.error:.3g}", f"{r.criterion:.1f}",
         "; ".join(f"{k} = {v}" for k, v in r.forms.items()))
        for r in found.front
    ]  # fmt: skip
    front.append(("network", f"{found.network_error:.3g}", "", ""))
    header = ("terms", "error", found.criterion.upper(), "form")
    print_table(front, title="Error per measurement", header=header)
    for law in found.imposed:
        typer.echo(f"Imposed in training: {law.expr}")
    for warning in found.warnings:
        say(f"warning: {warning}", style="yellow")


def print_laws(found: Recovered) -> LawSet | None:
    """The laws of a recovered form; where they cannot be derived a sentence on stderr says why."""
    from pysymude.errors import PySymUDEError

    try:
        laws = found.laws()
    except PySymUDEError as error:
        say(f"laws were not derived: {error}", style="yellow")
        return None
    for line in laws_text(laws):
        typer.echo(line)
    return laws


def laws_text(laws: LawSet) -> Sequence[str]:
    """One line a law, with what its proof says now."""
    if not laws:
        return [f"Conserved: {laws!r}"]
    proofs = {True: "proved", False: "the proof FAILS"}
    return [f"Conserved: {law.expr} ({proofs[law.certificate.check()]})" for law in laws]


def recovered_summary(found: Recovered, laws: LawSet | None = None) -> dict[str, Any]:
    """For summary.json; `laws` are null there where they were not derived."""
    return {
        "equations": {str(x): str(f) for x, f in found.system.rhs.items()},
        "forms": {name: str(form) for name, form in found.expressions.items()},
        "coefficients": {
            c.name: {
                "output": c.output, "term": str(c.term), "value": c.value, "error": c.error,
                "inclusion": c.inclusion, "exact": None if c.exact is None else str(c.exact),
            }
            for c in found.coefficients
        },
        "criterion": found.criterion,
        "candidates": found.candidates,
        "error": found.error,
        "network_error": found.network_error,
        "front": [
            {"terms": r.terms, "error": r.error, "criterion": r.criterion, "forms": dict(r.forms)}
            for r in found.front
        ],
        "warnings": list(found.warnings),
        "laws": None if laws is None else [str(law.expr) for law in laws],
        "laws_imposed": [str(law.expr) for law in found.imposed],
    }  # fmt: skip


def write_recovered(folder: Path, found: Recovered) -> list[Path]:
    """recovered.npz, recovered.toml and recovered.png."""
    from pysymude.model.writing import system_to_text
    from pysymude.plot import plot_recovered

    npz = folder / "recovered.npz"
    found.save(npz)
    return [
        npz,
        write_text(folder / "recovered.toml", system_to_text(found.system)),
        write_figure(folder / "recovered.png", plot_recovered(found)),
    ]
