# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""Products with reciprocals of states, and logarithms of a state plus a root."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import sympy as sp

from pysymude.symbolic.exact.normal_form import NormalForm
from pysymude.symbolic.laws.ansatz import Ansatz, Factor, Primitive
from pysymude.symbolic.laws.families.family import Candidates, Family
from pysymude.symbolic.laws.found import Found
from pysymude.symbolic.laws.search import SpanSearch

__all__ = ["NegativePowers", "reciprocals"]

_HIGHEST = 4


class NegativePowers(Family):
    """For states that divide their own rates, and for roots of sums of squares."""

    name = "negative powers"

    def candidates(
        self, form: NormalForm, found: Found, deadline: float
    ) -> Iterator[Candidates | None]:
        """To degree four."""
        if found.kind == "balance" or found.degree is not None or found.missing_still <= 0:
            return
        more = Ansatz(tuple(reciprocals(found)), tuple(_logarithms(form)), 0)
        if not more.gens:
            return
        search = SpanSearch(found, time=found.moving, more=more)
        for degree in range(1, _HIGHEST + 1):
            span = search.to_degree(degree)
            yield span
            if span.limit or found.missing_still <= 0:
                return


def reciprocals(found: Found) -> list[Factor]:
    """Negative powers of the states that divide their own rates."""
    exact = found.field
    return [
        Factor(1 / c.symbol)
        for c in found.form.of_kind("state")
        if c.symbol not in exact.denominators
        and divmod(exact.fraction(c.rate).top, exact.gens[c.symbol])[1].is_zero()
    ]


def _logarithms(form: NormalForm) -> Iterator[Primitive]:
    """log(x + r) for roots r^2 = x^2 + rest, the integral of 1 / r."""
    for c in form.of_kind("root"):
        for x in form.states:
            base = cast("sp.Expr", c.of)
            rest = sp.expand(base - x**2)
            if c.order == 2 and x in base.free_symbols and x not in rest.free_symbols:
                yield Primitive.log(cast("sp.Expr", x + c.symbol))
