"""Arctangents that belong to conjugate factors of laws and curves, as atan(y/x) belongs to x^2 + y^2."""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp

from pysymude.symbolic.exact.normal_form import NormalForm
from pysymude.symbolic.laws.ansatz import Ansatz, Primitive
from pysymude.symbolic.laws.families.family import Candidates, Family
from pysymude.symbolic.laws.found import Found
from pysymude.symbolic.laws.rational_integrals import angles
from pysymude.symbolic.laws.search import SpanSearch

__all__ = ["ConjugateLines"]

_HIGHEST = 3
_MOST = 6  # laws and curves


class ConjugateLines(Family):
    """Products of powers, logarithms, and the angles of quadratic laws and curves."""

    name = "angles of quadratic curves"

    def candidates(
        self, form: NormalForm, found: Found, deadline: float
    ) -> Iterator[Candidates | None]:
        """To degree three, with time where laws may contain it."""
        if found.kind == "balance" or found.degree is not None or found.missing <= 0:
            return
        primitives = _angles(found)
        if not primitives:
            return
        search = SpanSearch(found, time=found.with_time, more=Ansatz((), primitives, 0))
        for degree in range(1, _HIGHEST + 1):
            span = search.to_degree(degree)
            yield span
            if span.limit or found.missing <= 0:
                return


def _angles(found: Found) -> tuple[Primitive, ...]:
    """Of those that are polynomials in the states."""
    states = found.form.states
    curves = [e.args[0] for law in found.laws for e in law.expr.atoms(sp.log)]
    given = [*(law.expr for law in found.laws), *curves, *found.curves][:_MOST]
    polynomials = [e for e in given if e.is_polynomial(*states)]
    exact = found.field
    known = set(exact.gens)
    tops = [exact.fraction(sp.expand(e)).top for e in polynomials if e.free_symbols <= known]
    return tuple(dict.fromkeys(p for f in exact.factors(tops) for p in angles(exact, f, states)))
