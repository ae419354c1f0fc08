"""Products of powers of states and atoms, and logarithms, degree by degree."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from pysymude.symbolic.exact.normal_form import NormalForm
from pysymude.symbolic.laws.ansatz import Ansatz
from pysymude.symbolic.laws.families.family import Candidates, Family
from pysymude.symbolic.laws.found import Found
from pysymude.symbolic.laws.search import SpanSearch

__all__ = ["Products"]

_FIRST = 4  # the degree after which others have their turn
_MOST = 4000  # candidates
_MOST_WORK = 2e9  # products in the eliminations of one degree
_PATIENCE = 3  # degrees without a new law, after which they have the next one


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
            span = search.to_degree(degree, asked=_is_small(search, degree))
            yield span
            if span.limit:
                return
            if len(found.laws) > before or degree < _FIRST:
                last_new, before = degree, len(found.laws)
            if degree == _FIRST or (degree > _FIRST and degree - last_new >= _PATIENCE):
                yield None


def _is_small(search: SpanSearch, degree: int) -> bool:
    """Whether the candidates fall apart into groups of equal weight that are eliminated soon."""
    ansatz = Ansatz(search.gens, search.primitives, degree)
    if ansatz.count() > _MOST:
        return False
    groups = search.grading.groups(ansatz.terms())
    return sum(len(group) ** 3 for group in groups) <= _MOST_WORK
