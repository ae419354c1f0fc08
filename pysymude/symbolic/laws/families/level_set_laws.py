# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""Laws on the level sets of laws: a law found before is a parameter there, and there is one state less."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

import sympy as sp

from pysymude.errors import DerivationError
from pysymude.symbolic import effort
from pysymude.symbolic.exact.normal_form import NormalForm
from pysymude.symbolic.laws.families.closed_states import ClosedStates
from pysymude.symbolic.laws.families.family import Candidates, Family, Proposal
from pysymude.symbolic.laws.families.function_space_laws import FunctionSpaces
from pysymude.symbolic.laws.families.integrating_factors import IntegratingFactors
from pysymude.symbolic.laws.found import Found
from pysymude.symbolic.laws.known_part import is_unknown
from pysymude.symbolic.laws.level_sets import LevelSet, level_sets

__all__ = ["LevelSets"]

_WAYS = 2  # states that a law is solved for
_MOST = 4  # laws
_SMALLER: tuple[Family, ...] = (ClosedStates(), IntegratingFactors(), FunctionSpaces(highest=2))


class LevelSets(Family):
    """Coefficients that are functions of laws, and quadratures after a reduction."""

    name = "level sets of laws"

    def candidates(
        self, form: NormalForm, found: Found, deadline: float
    ) -> Iterator[Candidates | None]:
        """Law by law, and for each the spans of the smaller system."""
        unknown = any(is_unknown(f) for f in found.system.rhs.values())
        if found.kind == "balance" or found.degree is not None or unknown:
            return
        for law in found.laws[:_MOST]:
            if law.expr.free_symbols.isdisjoint(found.system.states):
                continue
            for smaller in islice(level_sets(found.system, law.expr), _WAYS):
                effort.check()
                yield from _spans(found, smaller, deadline)


def _spans(found: Found, smaller: LevelSet, deadline: float) -> Iterator[Candidates]:
    inner = Found(smaller.system, found.kind, None, found.with_time, deadline)
    try:
        form = inner.form
    except DerivationError:
        # an inverse sine in a law has no exact treatment in a rate
        return
    for family in _SMALLER:
        for span in family.candidates(form, inner, deadline):
            if found.missing <= 0:
                return
            if span is not None and not span.limit:
                yield Candidates(span.count, _restored(inner, smaller, span.laws))


def _restored(
    inner: Found, smaller: LevelSet, laws: Iterable[sp.Expr | Proposal | None]
) -> Iterator[Proposal | None]:
    for law in laws:
        before = len(inner.laws)
        if law is not None and inner.offer(law):
            yield from (Proposal(smaller.restored(one.expr)) for one in inner.laws[before:])
