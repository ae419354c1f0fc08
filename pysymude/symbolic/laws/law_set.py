# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""First integrals and sets of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from typing import Any, cast, overload

import sympy as sp

from pysymude.model.calls import explained
from pysymude.model.formulas_shown import as_mathml
from pysymude.model.html_table import html_table, sentence
from pysymude.symbolic.laws.spans import Span, value_text
from pysymude.symbolic.proof.certificate import Certificate

__all__ = ["FirstIntegral", "LawSet"]


@dataclass(frozen=True, eq=False)
class FirstIntegral:
    """A function of the states (and time) that a system conserves.

    Attributes
    ----------
    expr : SymPy expression
        In the user's symbols; primitive coefficients, leading sign plus.
    kind : str
        ``"structural"``: for every network and every unknown function of time; ``"compatible"``: the
        known part conserves it; ``"balance"``: its rate `rate` contains no network.
    rate : SymPy expression
        d(expr)/dt without networks: 0 except for a balance.
    certificate : Certificate
        ``certificate.check()`` proves it again from the expression alone.
    values : mapping from parameter to number
        Parameter values at which alone it holds; empty for a law that holds at all values.
    """

    expr: sp.Expr
    kind: str
    certificate: Certificate
    rate: sp.Expr = field(default=cast("sp.Expr", sp.S.Zero))
    values: Mapping[sp.Symbol, sp.Expr] = field(default_factory=dict[sp.Symbol, sp.Expr])

    @property
    def domain(self) -> tuple[sp.Expr, ...]:
        """What must be positive (arguments of logarithms and square roots) for the law to be real."""
        found = {log.args[0] for log in self.expr.atoms(sp.log)}
        found |= {
            p.base
            for p in self.expr.atoms(sp.Pow)
            if not p.exp.is_Integer and not (p.exp.is_Rational and p.exp.q % 2)
        }
        found = {cast("sp.Expr", a) for a in found if not a.is_positive and a.free_symbols}
        return tuple(sorted(found, key=sp.default_sort_key))

    def _repr_latex_(self) -> str:
        if self.kind == "balance":
            return (
                f"$\\frac{{d}}{{dt}}\\left({sp.latex(self.expr)}\\right) = {sp.latex(self.rate)}$"
            )
        return f"${sp.latex(self.expr)} = \\mathrm{{const}}$"

    def __repr__(self) -> str:
        return f"FirstIntegral({self.expr})"


@dataclass(frozen=True, eq=False)
class LawSet(Sequence[FirstIntegral]):
    """Independent laws in ascending complexity, and what was searched to find them.

    Laws are those of the flow: the events of a system and doses may break them, each time they act.

    Attributes
    ----------
    searched : tuple of Span
        What was searched, span by span, and how the search of each ended. Spans of one family contain
        the earlier ones. What the budget or a limit kept from being searched is named last.
    complete : bool
        Whether these are provably all independent laws in the spans that are listed as exhausted, and
        the budget ended none. No law in a span does not mean that there is none outside of it.
    """

    laws: tuple[FirstIntegral, ...]
    searched: tuple[Span, ...]
    complete: bool = cast("bool", None)

    def __post_init__(self) -> None:
        if self.complete not in (True, False):
            decided = all(s.complete for s in self.searched if s.ended == "exhausted")
            whole = decided and all(s.ended != "budget" for s in self.searched)
            object.__setattr__(self, "complete", whole)

    @property
    def exhausted(self) -> tuple[Span, ...]:
        """The largest span of each family that was searched to its end."""
        last = {(s.family, *s.values.items()): s for s in self.searched if s.ended == "exhausted"}
        return tuple(last.values())

    @property
    def candidates(self) -> int:
        """The number of candidate functions in these spans."""
        return sum(s.candidates for s in self.exhausted)

    @property
    def degree(self) -> int:
        """The highest degree of the first family that has degrees."""
        return next((s.degree for s in self.exhausted if s.degree is not None), 0)

    @property
    def seconds(self) -> float:
        """The time that the search took."""
        return sum(s.seconds for s in self.searched)

    @overload
    def __getitem__(self, index: int) -> FirstIntegral: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[FirstIntegral, ...]: ...
    def __getitem__(self, index: int | slice) -> Any:
        return self.laws[index]

    def __len__(self) -> int:
        return len(self.laws)

    def __iter__(self) -> Iterator[FirstIntegral]:
        return iter(self.laws)

    def __repr__(self) -> str:
        families = ", ".join(dict.fromkeys(s.family for s in self.exhausted))
        where = (
            f"among {self.candidates} candidate functions to degree {self.degree} "
            f"({families}) in {self.seconds:.2f} s"
        )
        ahead = [s for s in self.searched if s.ended != "exhausted"]
        where += "".join(f"\nnot searched: {s}" for s in ahead)
        where += "".join(f"\nleft out: {s.left_out}" for s in self.exhausted if s.left_out)
        if not self.laws:
            decided = all(s.complete for s in self.exhausted)
            proof = "certified: none in their span" if decided else "not all could be decided"
            return f"no law ({proof}) {where}"
        rows = [f"{i}  {law.expr}{_where(law)}" for i, law in enumerate(self.laws)]
        return "\n".join([*rows, f"{len(self)} independent, {where}"])

    def _repr_html_(self) -> str:
        rows = [
            [str(i), as_mathml(law.expr), law.kind, _where(law).strip()]
            for i, law in enumerate(self.laws)
        ]
        table = html_table(("", "law", "kind", "where"), rows) if rows else ""
        return table + "".join(sentence(line) for line in repr(self).splitlines()[len(rows) :])

    @explained
    def save(self, path: str | PathLike[str]) -> None:
        """Writes the laws with their certificates as JSON text; see `pysymude.symbolic.storage.law_json`.

        Raises
        ------
        SaveFileError
            The folder does not exist or cannot be written.
        EmissionError
            Something in a law cannot be written such that it comes back equal.
        """
        from pysymude.symbolic.storage.law_json import save_laws

        save_laws(self, path)

    @classmethod
    @explained
    def load(cls, path: str | PathLike[str]) -> LawSet:
        """The laws that `save` wrote; nothing in the file is executed.

        Nothing is believed either: ``law.certificate.check()`` proves each law from the text alone.

        Raises
        ------
        SaveFileError
            The file is missing, damaged, none of ours or from a newer version.
        """
        from pysymude.symbolic.storage.law_json import load_laws

        return load_laws(path)

    def __copy__(self) -> LawSet:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> LawSet:
        return self

    def __reduce__(self) -> Any:
        # the text that `save` writes
        from pysymude.symbolic.storage.law_json import laws_from_json, laws_to_json

        return laws_from_json, (laws_to_json(self),)


def _where(law: FirstIntegral) -> str:
    if law.kind == "balance":
        return f"   with rate {law.rate}"
    if law.values:
        return "   at " + ", ".join(f"{p} = {value_text(v)}" for p, v in law.values.items())
    return ""
