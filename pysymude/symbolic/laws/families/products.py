"""Products of powers of states and atoms, and logarithms, degree by degree."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from pysymude.symbolic.exact.normal_form import NormalForm
from pysymude.symbolic.laws.families.family import Candidates, Family
from pysymude.symbolic.laws.found import Found
from pysymude.symbolic.laws.search import SpanSearch

__all__ = ["Products"]

_PATIENCE = 3  # degrees without a new law, from degree 4 on, after which others have their turn


class Products(Family):
    """The candidates that the system itself suggests."""

    name = "products of powers and logarithms"

    def candidates(
        self, form: NormalForm, found: Found, deadline: float
    ) -> Iterator[Candidates | None]:
        """Degree by degree; the degree that was asked for holds all lower ones."""
        search = SpanSearch(found, time=found.moving)
        if found.degree is not None:
            yield search.to_degree(found.degree, asked=True)
            return
        last_new, before = 0, len(found.laws)
        for degree in count(1):
            if found.missing_still <= 0:
                return
            span = search.to_degree(degree)
            yield span
            if span.limit:
                return
            if len(found.laws) > before or degree < 4:
                last_new, before = degree, len(found.laws)
            if degree >= 4 and degree - last_new >= _PATIENCE:
                yield None
