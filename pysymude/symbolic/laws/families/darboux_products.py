# SymPy annotates its classes in parts only
# pyright: reportArgumentType=false
"""Products with Darboux polynomials: their logarithms and, where there are few, their reciprocals."""

from __future__ import annotations

from collections.abc import Iterator

from pysymude.symbolic.exact.normal_form import NormalForm
from pysymude.symbolic.laws.ansatz import Ansatz, Factor, Primitive
from pysymude.symbolic.laws.families.family import Candidates, Family
from pysymude.symbolic.laws.found import Found
from pysymude.symbolic.laws.search import SpanSearch

__all__ = ["DarbouxProducts", "degrees", "with_curves"]

_FEW = 6  # states and Darboux polynomials, of which products with reciprocals are tried
_HIGHEST = 3


class DarbouxProducts(Family):
    """Logarithms of curves that the field maps to themselves are laws where cofactors cancel."""

    name = "Darboux polynomials"

    def candidates(
        self, form: NormalForm, found: Found, deadline: float
    ) -> Iterator[Candidates | None]:
        """To degree three, or to the degree that was asked for."""
        if found.missing_still <= 0 or not found.curves:
            return
        search = SpanSearch(found, time=found.moving, more=with_curves(found))
        for degree in degrees(found):
            yield search.to_degree(degree)
            if found.missing_still <= 0:
                return


def with_curves(found: Found) -> Ansatz:
    """Curves as factors and primitives."""
    few = len(found.form.states) + len(found.curves) <= _FEW
    gens = tuple(Factor(1 / curve) for curve in found.curves if few)
    return Ansatz(gens, tuple(Primitive.log(curve) for curve in found.curves), 0)


def degrees(found: Found) -> list[int]:
    """The degrees to which products of many factors are searched."""
    return [*range(1, _HIGHEST + 1)] if found.degree is None else [found.degree]
