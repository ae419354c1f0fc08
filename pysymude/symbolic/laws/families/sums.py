"""Sums of states: the linear laws of systems with many states, by sparse elimination."""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp

from pysymude.symbolic.exact.normal_form import NormalForm, exact, refuse
from pysymude.symbolic.laws.families.family import Candidates, Family, Proposal
from pysymude.symbolic.laws.found import Found
from pysymude.symbolic.laws.known_part import is_unknown
from pysymude.symbolic.laws.written_alike import are_independent, written_alike
from pysymude.symbolic.null_space.linear_laws import linear_laws

__all__ = ["Sums"]


class Sums(Family):
    """Of many states the sums come first: they need no normal form."""

    name = "sums of states"
    sparse = True

    def candidates(
        self, form: NormalForm | None, found: Found, deadline: float
    ) -> Iterator[Candidates | None]:
        """One span."""
        if len(found.system.states) <= found.MANY:
            return
        rhs = {x: written_alike(exact(f)) for x, f in found.system.rhs.items()}
        for f in rhs.values():
            refuse(f, opaque=True)
        keep = is_unknown if found.kind == "balance" else None
        laws = (Proposal(law, new=True) for law in linear_laws(rhs, keep=keep))
        terms = [a for f in rhs.values() for a in sp.Add.make_args(f)]
        yield Candidates(len(rhs), laws, 1, proved=are_independent(terms))
