"""`pysymude laws`: what a model conserves, and its symmetries, with proofs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pysymude.cli.common import FAILED, Debug, friendly, print_table, say
from pysymude.cli.inputs import read_model
from pysymude.cli.written_files import check_place, write_text
from pysymude.errors import InvalidInputError

if TYPE_CHECKING:
    from pysymude.model.system import ODESystem
    from pysymude.symbolic.laws.law_set import FirstIntegral, LawSet
    from pysymude.symbolic.symmetries.symmetry import Symmetries

__all__ = ["laws"]


def laws(
    model: Annotated[Path, typer.Argument(help="A model (.toml, or .xml for SBML).")],
    kind: Annotated[
        str,
        typer.Option(
            help="'structural': holds for every network; 'compatible': the known part conserves it; "
            "'balance': its rate contains no network."
        ),
    ] = "structural",
    degree: Annotated[
        int | None, typer.Option(min=1, help="Of the candidates; by default it rises by itself.")
    ] = None,
    budget: Annotated[
        float, typer.Option(min=0, help="Seconds after which no further degree is begun.")
    ] = 10.0,
    symmetries: Annotated[bool, typer.Option("--symmetries", help="List symmetries too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
    latex: Annotated[bool, typer.Option("--latex", help="Print lines of LaTeX.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="JSON file with the proofs, for LawSet.load.")
    ] = None,
    debug: Debug = False,
) -> None:
    """Derive exact conservation laws of a model, and prove each one again."""
    with friendly(debug):
        if as_json and latex:
            raise InvalidInputError("--json and --latex exclude each other; leave one of them out")
        if out is not None:
            check_place(out)
        from pysymude.symbolic.laws.derivation import first_integrals

        system = read_model(model)
        found = first_integrals(system, kind=kind, degree=degree, budget=budget)
        proved = [law.certificate.check() for law in found]
        generators, moving = _symmetries(system, budget) if symmetries else (None, [])
        text = _json(found, system, generators) if as_json or out is not None else ""
        if out is not None:
            write_text(out, text)
        if as_json:
            typer.echo(text, nl=False)
        elif latex:
            for line in map(_law_latex, found):
                typer.echo(line)
            for line in _generator_latex(generators) if generators is not None else ():
                typer.echo(line)
        else:
            _print_laws(found, proved)
            if generators is not None:
                _print_symmetries(generators, moving)
    _all_proved("law", proved)
    _all_proved("symmetry", moving)


def _symmetries(system: ODESystem, budget: float) -> tuple[Symmetries, list[bool]]:
    """The symmetries of a system, and whether each is proved again."""
    from pysymude.symbolic.symmetries.symmetry import is_symmetry, symmetries

    found = symmetries(system, budget=budget)
    return found, [is_symmetry(system, X) for X in found]


def _all_proved(what: str, proved: list[bool]) -> None:
    """The exit code where a proof does not hold when it is repeated."""
    wrong = ", ".join(str(i) for i, good in enumerate(proved) if not good)
    if wrong:
        say(f"the proof of {what} {wrong} does not hold; please report this model", style="red")
        raise typer.Exit(FAILED)


# -- tables ------------------------------------------------------------------------------------


def _print_laws(found: LawSet, proved: list[bool]) -> None:
    if found:
        rows = [
            (str(i), law.kind, _domain(law), "yes" if good else "NO", _law(law))
            for i, (law, good) in enumerate(zip(found, proved, strict=True))
        ]
        header = ("law", "kind", "real where", "proved again", "constant")
        print_table(rows, header=header)
    typer.echo(_searched(found))


def _law(law: FirstIntegral) -> str:
    return f"{law.expr}, with rate {law.rate}" if law.kind == "balance" else str(law.expr)


def _domain(law: FirstIntegral) -> str:
    return ", ".join(f"{e} > 0" for e in law.domain) or "everywhere"


def _searched(found: LawSet) -> str:
    """One line: how many laws, and the span that they were looked for in."""
    span = f"the span of {found.candidates} functions to degree {found.degree}"
    decided = all(s.complete for s in found.exhausted)
    if not found:
        proof = "certified" if decided else "not certified: some could not be decided"
        answer = f"none in {span} ({proof})"
    else:
        count = "1 independent law" if len(found) == 1 else f"{len(found)} independent laws"
        answer = f"{count} in {span}{'' if decided else ', perhaps not all'}"
    families = ", ".join(dict.fromkeys(s.family for s in found.exhausted))
    return f"{answer}: {families}; {found.seconds:.2f} s"


def _print_symmetries(found: Symmetries, proved: list[bool]) -> None:
    typer.echo()
    if found:
        rows = [
            (str(i), "yes" if good else "NO", str(X.restricted(found.positions)))
            for i, (X, good) in enumerate(zip(found, proved, strict=True))
        ]
        print_table(rows, header=("symmetry", "proved again", "generator"))
    s = found.searched
    span = f"to degree {s['degree']} ({s['unknowns']} unknowns); {s['seconds']:.2f} s"
    what = f"{found.kind} {'symmetry' if len(found) == 1 else 'symmetries'}"
    doubt = "" if found.complete else ", perhaps not all,"
    typer.echo(f"{len(found) or 'no'} {what}{doubt} {span}")


# -- LaTeX and JSON ----------------------------------------------------------------------------


def _law_latex(law: FirstIntegral) -> str:
    import sympy as sp

    if law.kind == "balance":
        return rf"\frac{{d}}{{dt}}\left({sp.latex(law.expr)}\right) = {sp.latex(law.rate)}"
    return rf"{sp.latex(law.expr)} = \mathrm{{const}}"


def _generator_latex(found: Symmetries) -> list[str]:
    import sympy as sp

    return [sp.latex(X.restricted(found.positions)) for X in found]


def _json(found: LawSet, system: ODESystem, generators: Symmetries | None) -> str:
    from pysymude.symbolic.storage.law_json import laws_to_json

    text = laws_to_json(found, system=system)
    if generators is None:
        return text
    from pysymude.model.expression_text import expression_to_text

    listed = [
        {
            "xi": expression_to_text(X.xi),
            "eta": {x.name: expression_to_text(e) for x, e in X.eta.items()},
        }
        for X in generators
    ]
    return json.dumps(json.loads(text) | {"symmetries": listed}, indent=2) + "\n"
