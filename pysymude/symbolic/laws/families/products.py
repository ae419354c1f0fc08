"""Products of powers of states and atoms, and logarithms, degree by degree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count

from pysymude.symbolic.exact.normal_form import NormalForm
from pysymude.symbolic.laws.ansatz import Ansatz
from pysymude.symbolic.laws.families.family import Candidates, Family
from pysymude.symbolic.laws.found import Found
from pysymude.symbolic.laws.search import SpanSearch

__all__ = ["Products"]

_FIRST = 4  # the degree after which others have their turn
_MOST = 4000  # candidates
_MOST_WORK = 1e9  # products in the eliminations of all degrees: about half a second
_EACH = 1e5  # as many products as a candidate costs that is small in the elimination
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
        last_new, before, work = 0, len(found.laws), 0.0
        for degree in count(1):
            if found.missing_still <= 0:
                return
            work += _work(search, degree)
            small = work <= _MOST_WORK
            span = search.to_degree(degree, asked=small)
            yield span if small else replace(span, limit=True)
            if not small:
                return
            if len(found.laws) > before or degree < _FIRST:
                last_new, before = degree, len(found.laws)
            if degree == _FIRST or (degree > _FIRST and degree - last_new >= _PATIENCE):
                yield None


def _work(search: SpanSearch, degree: int) -> float:
    """Products in the elimination, which falls apart into groups, and what candidates cost one by one."""
    ansatz = Ansatz(search.gens, search.primitives, degree)
    if ansatz.count() > _MOST:
        return float("inf")
    groups = search.grading.groups(ansatz.terms())
    return float(sum(len(group) ** 3 + _EACH * len(group) for group in groups))
