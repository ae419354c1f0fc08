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
    combinations : tuple of SymPy expressions
        Functions of parameters that data determine although they leave these open: products such as ``k*V``,
        sums, other invariants of the directions. A state in one stands for its start.
    absorbed : mapping from str to tuple of str
        Parameters that networks can make up for while no state changes, with the names of those networks.
    rank, size : int or None
        Of the exact derivatives of a simulated experiment at the system's values, by all unknown parameters and
        starts: how many directions it determines, of how many. The rank counts singular values that are larger
        than what the derivatives can be wrong by, so that there may be more. None with networks, whose weights
        are no parameters to be counted, and where nothing could be simulated.
    open_here : set of str
        Parameters, and states by their starts, that the experiment does not determine by that rank.
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
    combinations: tuple[sp.Expr, ...] = ()
    absorbed: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    rank: int | None = None
    size: int | None = None
    open_here: frozenset[str] = frozenset()
    why: str = ""
    seconds: float = 0.0

    def __bool__(self) -> bool:
        return not self.unidentifiable and not self.undecided

    @property
    def agrees(self) -> bool | None:
        """Whether the rank leaves open what the symmetries do; None where one of both says nothing."""
        if self.rank is None or self.why or self.undecided:
            return None
        return self._more == 0 and set(self.open_here) == self.unidentifiable | self.unobservable

    @property
    def _more(self) -> int:
        """Directions that the rank leaves open beyond those of the symmetries."""
        return (self.size or 0) - (self.rank or 0) - len(self.directions)

    @property
    def rank_said(self) -> str:
        """The rank as a sentence; empty where there is none."""
        if self.rank is None:
            return ""
        found = f"numerical rank at a point: {self.rank} of {self.size}"
        names = ", ".join(sorted(self.open_here)) or "nothing"
        if self.agrees is None:
            return f"{found}, which leaves {names} open"
        if self.agrees:
            return f"{found}, as the symmetries say"
        if self._more < 0:
            return f"{found}, which leaves {names} open, and contradicts the symmetries"
        return (
            f"{found}, which leaves {names} open, unlike the symmetries: these values are special, or effects "
            "are too weak to be seen"
        )

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
        if self.combinations:
            found.append(
                html_table(("identifiable together",), [[as_mathml(e)] for e in self.combinations])
            )
        if self.reduction:
            fixed = [[name, as_mathml(value)] for name, value in self.reduction.items()]
            found += [html_table(("without loss", ""), fixed)]
        found += [sentence(text) for text in (self.why, self.rank_said) if text]
        return "".join(found)

    def __str__(self) -> str:
        def row(what: str, names: set[str]) -> list[str]:
            return [f"{what}: {', '.join(sorted(names))}"] if names else []

        lines = [
            *row("identifiable", self.identifiable), *row("not identifiable", self.unidentifiable),
            *row("not decided", self.undecided), *row("starts left open", self.unobservable),
            *(f"nothing changes along {move}" for move in self.directions if move.is_certain),
        ]  # fmt: skip
        if self.combinations:
            lines.append(f"identifiable together: {', '.join(map(str, self.combinations))}")
        lines += [f"{n} is made up for by {', '.join(nns)}" for n, nns in self.absorbed.items()]
        lines += [self.why] if self.why else []
        if self.reduction:
            fixed = ", ".join(f"{n} = {v}" for n, v in self.reduction.items())
            lines.append(f"without loss {fixed}")
        lines += [self.rank_said] if self.rank_said and self.size else []
        return "\n".join(lines) or "nothing is unknown"

    __repr__ = __str__
