"""Products with antiderivatives of what stands in a right-hand side."""

from __future__ import annotations

from collections.abc import Iterator

from pysymude.symbolic.exact.normal_form import NormalForm
from pysymude.symbolic.laws.ansatz import Ansatz
from pysymude.symbolic.laws.families.darboux_products import degrees, with_curves
from pysymude.symbolic.laws.families.family import Candidates, Family
from pysymude.symbolic.laws.found import Found
from pysymude.symbolic.laws.search import SpanSearch

__all__ = ["Antiderivatives"]


class Antiderivatives(Family):
    """Energies: integrals of forces are primitives beside the products."""

    name = "antiderivatives"

    def candidates(
        self, form: NormalForm, found: Found, deadline: float
    ) -> Iterator[Candidates | None]:
        """To degree three, or to the degree that was asked for."""
        # integration is slow, and seldom needed
        if found.kind == "balance" or found.missing_still <= 0 or not found.integrals:
            return
        curves = with_curves(found)
        more = Ansatz(curves.gens, curves.primitives + found.integrals, 0)
        search = SpanSearch(found, time=found.moving, more=more)
        for degree in degrees(found):
            yield search.to_degree(degree)
            if found.missing_still <= 0:
                return
