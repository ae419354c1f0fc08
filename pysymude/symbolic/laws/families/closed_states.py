"""Quadratures of states that are closed subsystems, and of what follows them."""

from __future__ import annotations

from collections.abc import Iterator

from pysymude.symbolic.exact.normal_form import NormalForm
from pysymude.symbolic.laws.combinations import combined
from pysymude.symbolic.laws.families.family import Candidates, Family
from pysymude.symbolic.laws.found import Found
from pysymude.symbolic.laws.one_variable import quadratures

__all__ = ["ClosedStates"]


class ClosedStates(Family):
    """Time as the integral of du / f for u' = f(u), and the like."""

    name = "quadratures of closed states"

    def candidates(
        self, form: NormalForm, found: Found, deadline: float
    ) -> Iterator[Candidates | None]:
        """One span for each such state."""
        if found.kind == "balance" or found.degree is not None:
            return
        for candidates in quadratures(form, found.field, time=found.with_time):
            if found.missing <= 0:
                return
            yield Candidates(len(candidates), combined(found, candidates))
