# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""Invariant hyperplanes of polynomial fields with any number of states.

At a point of one, the field and its derivatives along itself span less than elsewhere: a flat that lies in
the hyperplane, and that is all of it where no linear law holds. Such points are the zeros of one polynomial
on a line; flats from several lines span the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from itertools import product as combinations_of
from typing import Any

import flint
import numpy as np
import sympy as sp

from pysymude.symbolic import effort
from pysymude.symbolic.exact.coefficients import null_vector
from pysymude.symbolic.exact.normal_form import NormalForm
from pysymude.symbolic.exact.polynomials import ExactField, Polynomial
from pysymude.symbolic.laws.determinant import determinant

__all__ = ["hyperplanes"]

_MOST_STATES = 10
_MOST_TERMS = 3000  # of a derivative
_MOST_WAYS = 500  # to choose a zero on each line
_SPARE = 5
_FAR = 10**6  # a line that is parallel to a plane by accident does not meet it

Row = list[Any]  # fmpq
Flat = tuple[Row, list[Row]]  # a point, and directions
Kind = tuple[int, int]  # how many directions, and how often the line meets it there


def hyperplanes(form: NormalForm, exact: ExactField) -> list[sp.Expr]:
    """Those with rational coefficients, of a polynomial field without symbols.

    References
    ----------
    .. [1] Christopher, Llibre, Pereira, Multiplicity of invariant algebraic curves in polynomial vector
       fields, Pacific J. Math. 229 (2007), for the extactic polynomial.
    """
    field = _Field.of(form, exact)
    if field is None:
        return []
    lines = [field.flats()]
    found: list[Polynomial] = []
    for kind in lines[0]:
        # flats of one kind may be parallel: each further one adds a dimension
        enough = len(form.states) - kind[0]
        lines += [field.flats() for _ in range(enough - len(lines))]
        chosen = [line.get(kind, []) for line in lines[:enough]]
        for flats in islice(combinations_of(*chosen), _MOST_WAYS):
            effort.check()
            plane = field.plane_through(flats)
            if plane is not None and plane not in found:
                found.append(plane)
    return exact.darboux(found)


class _Field:
    """A field with its derivatives along itself."""

    def __init__(
        self, exact: ExactField, places: Sequence[int], jets: list[list[Polynomial]]
    ) -> None:
        self.exact, self.places, self.jets = exact, places, jets
        self.names = [exact.context.names()[i] for i in places]
        self.rng = np.random.default_rng(4)
        n = len(places)
        rows = [self.at(self.point(), jets[:1])[0] for _ in range(n + _SPARE)]
        reduced, rank = flint.fmpq_mat(rows).rref()
        self.free = [next(j for j in range(n) if reduced[i, j]) for i in range(rank)]

    @classmethod
    def of(cls, form: NormalForm, exact: ExactField) -> _Field | None:
        """None for a field of another kind, or where its derivatives are long."""
        n, places = len(form.states), [exact.symbols.index(x) for x in form.states]
        rates = [exact.fraction(form.coordinates[x].rate) for x in form.states]
        used = {i for r in rates for i, k in enumerate(r.top.degrees()) if k}
        plain = all(r.bottom.is_constant() for r in rates) and used <= set(places)
        if not plain or not 2 <= n <= _MOST_STATES:
            return None
        jets = [[r.top / r.bottom.leading_coefficient() for r in rates]]
        while len(jets) < n:
            effort.check()
            jets.append([exact.flow.slope(entry) for entry in jets[-1]])
            if max(map(len, jets[-1])) > _MOST_TERMS:
                return None
        return cls(exact, places, jets)

    def point(self) -> Row:
        """A random one, as are directions."""
        return [flint.fmpq(int(k)) for k in self.rng.integers(3, _FAR, len(self.names))]

    def at(self, point: Row, jets: list[list[Polynomial]]) -> list[Row]:
        """The values of derivatives."""
        values = dict(zip(self.names, point, strict=True))
        return [[entry.subs(values).leading_coefficient() for entry in row] for row in jets]

    def flats(self) -> dict[Kind, list[Flat]]:
        """Where a random line meets hyperplanes, and what the derivatives span there."""
        found: dict[Kind, list[Flat]] = {}
        start, along = self.point(), self.point()
        every, rank = list(self.exact.context.gens()), len(self.free)
        s = every[self.places[0]]
        for i, a, b in zip(self.places, start, along, strict=True):
            every[i] = a + b * s
        rows = [[self.jets[i][j].compose(*every) for j in self.free] for i in range(rank)]
        top = determinant(rows, self.exact.one)
        for factor, k in top.factor()[1] if not top.is_zero() else ():
            if factor.total_degree() == 1:
                level = factor.subs({self.names[0]: 0}).leading_coefficient()
                zero = -level / factor.leading_coefficient()
                here = [a + b * zero for a, b in zip(start, along, strict=True)]
                spanned, count = flint.fmpq_mat(self.at(here, self.jets[:rank])).rref()
                flat = here, spanned.tolist()[:count]
                found.setdefault((count, int(k)), []).append(flat)
        return found

    def plane_through(self, flats: Sequence[Flat]) -> Polynomial | None:
        """The hyperplane that contains some flats; None where there is not exactly one."""
        first = flats[0][0]
        rows = [row for _, directions in flats for row in directions]
        rows += [[a - b for a, b in zip(point, first, strict=True)] for point, _ in flats[1:]]
        normal = null_vector(rows, len(self.places))
        if normal is None:
            return None
        plane, gens = self.exact.one * 0, self.exact.context.gens()
        for i, c, level in zip(self.places, normal, first, strict=True):
            plane = plane + (gens[i] - level) * c
        return self.exact.factors([plane])[0]
