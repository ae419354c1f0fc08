"""Sines and cosines of angles on which the field does not depend, and of half of those on which it does."""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp

from pysymude.symbolic.exact.normal_form import NormalForm
from pysymude.symbolic.laws.angles import with_angles
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
        """To degree four."""
        wider = with_angles(form)
        if wider is None or found.missing_still <= 0 or found.kind == "balance":
            return
        inner = Found(found.system, found.kind, found.degree, found.with_time, deadline)
        inner.form = wider
        search = SpanSearch(inner, time=found.moving)
        for degree in range(1, _HIGHEST + 1) if found.degree is None else (found.degree,):
            span = search.to_degree(degree)
            if span.limit:
                yield span
                return
            yield Candidates(span.count, _offered(inner, span), degree)
            if found.missing_still <= 0:
                return


def _offered(inner: Found, span: Candidates) -> Iterator[sp.Expr | None]:
    for law in span.laws:
        before = len(inner.laws)
        if law is None or not inner.offer(law):
            yield None
        yield from (one.expr for one in inner.laws[before:])
