"""Products with time, curves and antiderivatives: t minus the integral of du/f, and the like."""

from __future__ import annotations

from collections.abc import Iterator

from pysymude.symbolic.exact.normal_form import NormalForm
from pysymude.symbolic.laws.ansatz import Ansatz
from pysymude.symbolic.laws.families.darboux_products import degrees, with_curves
from pysymude.symbolic.laws.families.family import Candidates, Family
from pysymude.symbolic.laws.found import Found
from pysymude.symbolic.laws.search import SpanSearch

__all__ = ["ProductsWithTime"]


class ProductsWithTime(Family):
    """For a system that does not contain time, after all that need it less."""

    name = "products with time"

    def candidates(
        self, form: NormalForm, found: Found, deadline: float
    ) -> Iterator[Candidates | None]:
        """Without antiderivatives first."""
        if not found.with_time or found.moving:
            return
        curves = with_curves(found)
        integrals = () if found.kind == "balance" else found.integrals
        wider = Ansatz(curves.gens, curves.primitives + integrals, 0)
        for more in (curves, wider) if integrals else (curves,):
            search = SpanSearch(found, time=True, more=more)
            for degree in degrees(found):
                # polynomials alone were all among those of `Exponentials`
                if degree > found.timed_degree or not search.is_polynomial:
                    yield search.to_degree(degree)
