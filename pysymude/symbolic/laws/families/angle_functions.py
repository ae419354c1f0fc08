"""Sines and cosines of angles on which the field does not depend, and of half of those on which it does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import sympy as sp

from pysymude.model.symbols import t
from pysymude.symbolic.exact.normal_form import NormalForm
from pysymude.symbolic.laws.angles import angle_forms, half_differences
from pysymude.symbolic.laws.ansatz import Primitive
from pysymude.symbolic.laws.combinations import combined
from pysymude.symbolic.laws.families.family import Candidates, Family
from pysymude.symbolic.laws.found import Found
from pysymude.symbolic.laws.search import SpanSearch

__all__ = ["Angles"]

_HIGHEST = 4


class Angles(Family):
    """Kepler's problem in polar coordinates: the axis of the ellipse is a law, with cos(phi) in it."""

    name = "functions of angles"

    def candidates(
        self, form: NormalForm, found: Found, deadline: float
    ) -> Iterator[Candidates | None]:
        """To degree four; and logarithms of sines of half the differences."""
        if found.kind == "balance":
            return
        for wider in angle_forms(form):
            inner = Found(found.system, found.kind, found.degree, found.with_time, deadline)
            inner.form = wider
            logs = [] if found.degree else half_differences(wider)
            if logs:
                candidates = [*map(Primitive.of, wider.states), *logs]
                candidates += [Primitive.of(t)] if found.with_time else []
                span = Candidates(len(candidates), combined(inner, candidates))
                yield replace(span, laws=_offered(inner, span))
            search = SpanSearch(inner, time=found.moving)
            for degree in range(1, _HIGHEST + 1) if found.degree is None else (found.degree,):
                if found.missing_still <= 0:
                    return
                span = search.to_degree(degree)
                yield replace(span, laws=_offered(inner, span))
                if span.limit:
                    break


def _offered(inner: Found, span: Candidates) -> Iterator[sp.Expr | None]:
    for law in span.laws:
        before = len(inner.laws)
        if law is None or not inner.offer(law):
            yield None
        yield from (one.expr for one in inner.laws[before:])
