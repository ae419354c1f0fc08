"""Laws exp(-s t) t^k P, with P in a space of functions of all coordinates that the field maps to itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sympy as sp

from pysymude.symbolic.exact.normal_form import NormalForm
from pysymude.symbolic.laws.ansatz import Ansatz, factors_of
from pysymude.symbolic.laws.families.exponentials import proposals
from pysymude.symbolic.laws.families.family import Candidates, Family, Proposal
from pysymude.symbolic.laws.families.negative_powers import reciprocals
from pysymude.symbolic.laws.found import Found
from pysymude.symbolic.laws.function_spaces import function_laws, invariant_support

__all__ = ["FunctionSpaces"]

_HIGHEST = 3
_MOST = 130  # functions


class FunctionSpaces(Family):
    """With sines, roots, reciprocals, and with time as a coordinate where the field reads it."""

    name = "exp(-s t) t^k times functions"

    def __init__(self, highest: int = _HIGHEST) -> None:
        self.highest = highest

    def candidates(
        self, form: NormalForm, found: Found, deadline: float
    ) -> Iterator[Candidates | None]:
        """Degree by degree."""
        if not found.with_time or found.kind == "balance":
            return
        negative = reciprocals(found) if found.degree is None else []
        factors = (*factors_of(form, found.field, time=found.moving), *negative)
        if not found.moving and all(f.expr in form.states for f in factors):
            # polynomials have a family of their own
            return
        highest = self.highest if found.degree is None else found.degree
        seen: list[sp.Expr] = []
        for degree in range(1, highest + 1):
            ansatz = Ansatz(factors, (), degree)
            if ansatz.count() > _MOST:
                yield Candidates(ansatz.count(), degree=degree, limit=True)
                return
            functions = [sp.S.One, *(ansatz.expression(term) for term in ansatz.terms())]
            yield Candidates(ansatz.count(), _laws(found, functions, seen), degree)


def _laws(
    found: Found, functions: Sequence[sp.Expr], seen: list[sp.Expr]
) -> Iterator[Proposal | None]:
    support = invariant_support(found.form, functions, found.parameters)
    if len(support) < 2 or support == seen:
        return
    seen[:] = support
    yield from proposals(found.form, found, function_laws(found.form, found.field, support))
