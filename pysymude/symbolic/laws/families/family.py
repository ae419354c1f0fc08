"""What a family of candidate laws is, and what it finds out.

A family proposes; `Found` disposes: whatever it is offered is proved before it becomes a law.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import sympy as sp

from pysymude.symbolic.null_space.modular import Residues

if TYPE_CHECKING:
    from pysymude.symbolic.laws.found import Found

__all__ = ["Candidates", "Family", "Proposal"]


@dataclass(frozen=True)
class Proposal:
    """An expression in the user's symbols that is conserved, as its family believes.

    Attributes
    ----------
    expr : SymPy expression
    row : int64 array, optional
        Its gradient with respect to the states modulo `Found.independent.prime`, at that point, up to a
        factor. Independence is found out in 60 digits where it is not given.
    new : bool
        Whether the family vouches for its independence of all laws found before.
    """

    expr: sp.Expr
    row: Residues | None = None
    new: bool = False


@dataclass(frozen=True)
class Candidates:
    """One span of candidate functions, and those in it that are conserved.

    Attributes
    ----------
    count : int
        The number of candidate functions.
    laws : iterable of SymPy expressions or Proposals
        In ascending complexity; made while they are asked for. None stands for one that could not be made
        exact. What raises `EffortEndedError` on the way ends the span, which then says so.
    degree : int, optional
        Up to which degree, where the family has degrees.
    weights : mapping from symbol to int
        Which weights make up the degree; empty where each factor counts as one.
    limit : bool
        Whether this span is beyond the family's limits: it is named, and not searched.
    proved : bool
        Whether a function of the span that is not among the laws is proved to be none.
    left_out : list of str
        What of the span is no law only because it cannot be written, in words; filled while laws are made.
    """

    count: int
    laws: Iterable[sp.Expr | Proposal | None] = ()
    degree: int | None = None
    weights: Mapping[sp.Symbol, int] = field(default_factory=dict[sp.Symbol, int])
    limit: bool = False
    proved: bool = True
    left_out: list[str] = field(default_factory=list[str])


class Family(ABC):
    """Candidate laws of one kind.

    A new one is a file with a class, a line in `registry.FAMILIES` and a system in the test that plants
    one law for each.

    Attributes
    ----------
    name : str
        What `laws.searched` calls it.
    sparse : bool
        Whether it reads the system alone, and is asked whatever the number of states. Only such a family
        is given None as a normal form.
    """

    name: ClassVar[str]
    sparse: ClassVar[bool] = False

    @abstractmethod
    def candidates(self, form: Any, found: Found, deadline: float) -> Iterator[Candidates | None]:
        """Spans in ascending complexity.

        Parameters
        ----------
        form : NormalForm
            The system.
        found : Found
            What is asked for, and the laws so far. The search ends by itself once they are enough.
        deadline : float
            The value of `time.perf_counter` at which the budget ends. Long loops call `effort.check`.

        Yields
        ------
        Candidates or None
            None gives way to the other families; the rest follows when these have had their turn.
        """
