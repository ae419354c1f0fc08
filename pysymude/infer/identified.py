"""What perfect data tell of a system: the answers of `identifiability`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import sympy as sp

from pysymude.model.formulas_shown import as_mathml
from pysymude.model.html_table import html_table, sentence
from pysymude.model.system import ODESystem

__all__ = ["Identifiability", "Move"]


@dataclass(frozen=True)
class Move:
    """A way in which parameters and starts can change together so that nothing that is seen changes.

    Attributes
    ----------
    moves : mapping from name to SymPy expression
        The rate at which each changes: of parameters, and of the starts of states.
    networks : mapping from name to SymPy expression
        How outputs of networks change along, such as ``nn[0]``.
    is_scaling : bool
        Whether each is multiplied by a power of one number.
    is_proven : bool
        Whether it holds exactly, not only with overwhelming probability.
    is_certain : bool
        Whether it is known that networks can change like that; without networks always.
    """

    moves: Mapping[str, sp.Expr]
    networks: Mapping[str, sp.Expr]
    is_scaling: bool
    is_proven: bool
    is_certain: bool

    def __str__(self) -> str:
        if not self.moves:
            return "something that has no closed form"
        parts = [f"{name}' = {rate}" for name, rate in {**self.moves, **self.networks}.items()]
        return ", ".join(parts)


@dataclass(frozen=True)
class Identifiability:
    """What perfect data can tell of a system; made by `identifiability`.

    Attributes
    ----------
    identifiable, unidentifiable, undecided : set of str
        Parameters: those of which data leave isolated values alone, those that data leave open, and those
        of which that could not be settled.
    observable, unobservable : set of str
        States, by their starts; states with known starts are left out.
    directions : tuple of Move
        In which data leave parameters and starts open.
    reduction : mapping from name to SymPy expression
        What may be set without loss, so that the rest is identifiable; empty where none was found.
    is_proven : bool
        Whether the answer holds exactly, not only with overwhelming probability.
    reduced : ODESystem or None
        The system with what `reduction` sets as fixed values, of which data determine the rest; None where
        nothing is open, or where what may be set is no number of a parameter.
    absorbed : mapping from str to tuple of str
        Parameters that networks can make up for while no state changes, with the names of those networks.
    why : str
        Why nothing was decided, where nothing was.
    seconds : float
        How long it took.
    """

    identifiable: set[str]
    unidentifiable: set[str]
    undecided: set[str]
    observable: set[str]
    unobservable: set[str]
    directions: tuple[Move, ...]
    reduction: Mapping[str, sp.Expr]
    is_proven: bool
    reduced: ODESystem | None = None
    absorbed: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    why: str = ""
    seconds: float = 0.0

    def __bool__(self) -> bool:
        return not self.unidentifiable and not self.undecided

    def _repr_html_(self) -> str:
        answers = [
            ("identifiable", self.identifiable), ("not identifiable", self.unidentifiable),
            ("not decided", self.undecided), ("starts left open", self.unobservable),
        ]  # fmt: skip
        found = [html_table(("", ""), [[what, ", ".join(sorted(n))] for what, n in answers if n])]
        for move in (move for move in self.directions if move.is_certain and move.moves):
            rows = [
                [name, as_mathml(rate)] for name, rate in {**move.moves, **move.networks}.items()
            ]
            found += [
                sentence("nothing that is seen changes along"),
                html_table(("", "rate"), rows),
            ]
        if self.reduction:
            fixed = [[name, as_mathml(value)] for name, value in self.reduction.items()]
            found += [html_table(("without loss", ""), fixed)]
        return "".join(found)

    def __str__(self) -> str:
        def row(what: str, names: set[str]) -> list[str]:
            return [f"{what}: {', '.join(sorted(names))}"] if names else []

        lines = [
            *row("identifiable", self.identifiable), *row("not identifiable", self.unidentifiable),
            *row("not decided", self.undecided), *row("starts left open", self.unobservable),
            *(f"nothing changes along {move}" for move in self.directions if move.is_certain),
        ]  # fmt: skip
        lines += [f"{n} is made up for by {', '.join(nns)}" for n, nns in self.absorbed.items()]
        lines += [self.why] if self.why else []
        if self.reduction:
            fixed = ", ".join(f"{n} = {v}" for n, v in self.reduction.items())
            lines.append(f"without loss {fixed}")
        return "\n".join(lines) or "nothing is unknown"

    __repr__ = __str__
