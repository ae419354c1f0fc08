"""Laws exp(-s t) t^k P, with P in a space of functions of all coordinates that the field maps to itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import sympy as sp

from pysymude.symbolic.exact.normal_form import NormalForm
from pysymude.symbolic.laws.ansatz import Ansatz, factors_of
from pysymude.symbolic.laws.dominant_weights import dominant_weights
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
        """Degree by degree; then by weight, where the leading part of the field has weights."""
        if not found.with_time or found.kind == "balance":
            return
        negative = reciprocals(found) if found.degree is None else []
        factors = (*factors_of(form, found.field, time=found.moving), *negative)
        seen: list[sp.Expr] = []
        # polynomials have a family of their own
        if found.moving or any(f.expr not in form.states for f in factors):
            highest = self.highest if found.degree is None else found.degree
            yield from _spans(found, Ansatz(factors, (), highest), seen)
        weights = {} if found.degree else dominant_weights(form, found.field)
        by_factor: dict[Any, int] = {**weights}
        if len(set(weights.values())) > 1:
            weighed = tuple(replace(f, weight=by_factor.get(f.expr, f.weight)) for f in factors)
            highest = max(weights.values())
            for span in _spans(found, Ansatz(weighed, (), highest), seen):
                yield replace(span, weights=weights)


def _spans(found: Found, widest: Ansatz, seen: list[sp.Expr]) -> Iterator[Candidates]:
    """Each degree that has more candidates than the one before."""
    before = 0
    for degree in range(1, widest.degree + 1):
        ansatz = replace(widest, degree=degree)
        count = ansatz.count()
        if count > _MOST:
            yield Candidates(count, degree=degree, limit=True)
            return
        if count > before:
            functions = [sp.S.One, *(ansatz.expression(term) for term in ansatz.terms())]
            left: list[str] = []
            yield Candidates(count, _laws(found, functions, seen, left), degree, left_out=left)
        before = count


def _laws(
    found: Found, functions: Sequence[sp.Expr], seen: list[sp.Expr], left: list[str]
) -> Iterator[Proposal | None]:
    support = invariant_support(found.form, functions, found.parameters)
    if len(support) < 2 or support == seen:
        return
    seen[:] = support
    yield from proposals(found.form, found, function_laws(found.form, found.field, support), left)
