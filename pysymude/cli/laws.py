"""`pysymude laws`: what a model conserves, and its symmetries, with proofs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pysymude.cli.common import FAILED, Debug, friendly, print_table, say
from pysymude.cli.files import write_text
from pysymude.errors import InvalidInputError

if TYPE_CHECKING:
    from pysymude.model.system import ODESystem
    from pysymude.symbolic.generator import Generator
    from pysymude.symbolic.laws import FirstIntegral, LawSet

__all__ = ["laws"]


def laws(
    model: Annotated[Path, typer.Argument(help="A model (.toml), with or without networks.")],
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
        from pysymude.model.system import ODESystem
        from pysymude.symbolic.laws import first_integrals

        system = ODESystem.from_toml(model)
        found = first_integrals(system, kind=kind, degree=degree, budget=budget)
        generators = _symmetries(system, budget) if symmetries else None
        proved = [law.certificate.check() for law in found]
        if out is not None:
            write_text(out, _json(found, system, generators))
        if as_json:
            typer.echo(_json(found, system, generators), nl=False)
        elif latex:
            for line in [*map(_law_latex, found), *map(_generator_latex, generators or ())]:
                typer.echo(line)
        else:
            _print_laws(found, proved)
            if generators is not None:
                _print_symmetries(generators)
    if not all(proved):
        wrong = ", ".join(str(i) for i, good in enumerate(proved) if not good)
        say(f"the certificate of law {wrong} does not hold; please report this model", style="red")
        raise typer.Exit(FAILED)


def _symmetries(system: ODESystem, budget: float) -> list[Generator]:
    from pysymude.symbolic.symmetry import symmetries

    return list(symmetries(system, budget=budget))


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
    s = found.searched
    span = f"the span of {s['candidates']} functions to degree {s['degree']}"
    if not found:
        proof = "certified" if found.complete else "not certified: some could not be decided"
        answer = f"none in {span} ({proof})"
    else:
        count = "1 independent law" if len(found) == 1 else f"{len(found)} independent laws"
        answer = f"{count} in {span}{'' if found.complete else ', perhaps not all'}"
    return f"{answer}: {', '.join(s['families'])}; {s['seconds']:.2f} s"


def _print_symmetries(generators: list[Generator]) -> None:
    if not generators:
        typer.echo("no symmetry found")
        return
    rows = [(str(i), _generator(g)) for i, g in enumerate(generators)]
    typer.echo()
    print_table(rows, header=("symmetry", "generator"))


def _generator(generator: Generator) -> str:
    return " + ".join(f"({e})*d/d{z}" for z, e in _parts(generator)) or "0"


def _parts(generator: Generator) -> list[tuple[Any, Any]]:
    """The moving variables and how they move."""
    from pysymude.model.symbols import t

    parts = {t: generator.xi, **generator.eta}
    return [(z, e) for z, e in parts.items() if e != 0]


# -- LaTeX and JSON ----------------------------------------------------------------------------


def _law_latex(law: FirstIntegral) -> str:
    import sympy as sp

    if law.kind == "balance":
        return rf"\frac{{d}}{{dt}}\left({sp.latex(law.expr)}\right) = {sp.latex(law.rate)}"
    return rf"{sp.latex(law.expr)} = \mathrm{{const}}"


def _generator_latex(generator: Generator) -> str:
    import sympy as sp

    parts = (
        rf"\left({sp.latex(e)}\right) \partial_{{{sp.latex(z)}}}" for z, e in _parts(generator)
    )
    return " + ".join(parts) or "0"


def _json(found: LawSet, system: ODESystem, generators: list[Generator] | None) -> str:
    from pysymude.symbolic.files import laws_to_json

    text = laws_to_json(found, system=system)
    if generators is None:
        return text
    from pysymude.model.writing import expression_to_text

    listed = [
        {
            "xi": expression_to_text(g.xi),
            "eta": {x.name: expression_to_text(e) for x, e in g.eta.items()},
        }
        for g in generators
    ]
    return json.dumps(json.loads(text) | {"symmetries": listed}, indent=2) + "\n"
