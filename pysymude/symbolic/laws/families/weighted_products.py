"""Products of powers in ascending weight, where the leading part of the field is homogeneous in weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pysymude.symbolic.exact.normal_form import NormalForm
from pysymude.symbolic.laws.ansatz import Ansatz
from pysymude.symbolic.laws.dominant_weights import dominant_weights, highest_weight
from pysymude.symbolic.laws.families.family import Candidates, Family
from pysymude.symbolic.laws.found import Found
from pysymude.symbolic.laws.search import SpanSearch

__all__ = ["WeightedProducts"]

_GROWTH = 1.4  # candidates from one step to the next


class WeightedProducts(Family):
    """One weighted degree is small where the total degree is large."""

    name = "products of powers by weight"

    def candidates(
        self, form: NormalForm, found: Found, deadline: float
    ) -> Iterator[Candidates | None]:
        """Ascending weights, each with clearly more candidates, as far as an energy goes."""
        if found.degree is not None or found.missing_still <= 0:
            return
        weights = dominant_weights(form, found.field)
        if len(set(weights.values())) <= 1:
            return
        by_factor: dict[Any, int] = {**weights}
        search = SpanSearch(found, time=found.moving)
        search.gens = tuple(replace(g, weight=by_factor.get(g.expr, g.weight)) for g in search.gens)
        highest, before = highest_weight(form, found.field, weights), 1
        for weight in range(2, highest + 1):
            count = Ansatz(search.gens, search.primitives, weight).count()
            if weight < highest and count < _GROWTH * before:
                continue
            before = count
            yield replace(search.to_degree(weight), weights=weights)
            if found.missing_still <= 0:
                return
