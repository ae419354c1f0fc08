"""Logarithms of invariant sums of states: Lotka-Volterra fields with any number of species."""

from __future__ import annotations

from collections.abc import Iterator

from pysymude.model.symbols import t
from pysymude.symbolic.exact.normal_form import NormalForm
from pysymude.symbolic.laws.ansatz import Primitive
from pysymude.symbolic.laws.combinations import combined
from pysymude.symbolic.laws.families.family import Candidates, Family
from pysymude.symbolic.laws.found import Found
from pysymude.symbolic.laws.linear_curves import invariant_sums

__all__ = ["InvariantSums"]


class InvariantSums(Family):
    """Sums of logarithms, of states, and of states times time."""

    name = "invariant sums"

    def candidates(
        self, form: NormalForm, found: Found, deadline: float
    ) -> Iterator[Candidates | None]:
        """One span."""
        if found.kind == "balance" or found.moving or found.degree is not None:
            return
        sums = invariant_sums(form, found.field)
        if not sums:
            return
        states = form.states
        candidates = [*map(Primitive.of, states), *map(Primitive.log, (*states, *sums))]
        if found.with_time:
            candidates += [Primitive.of(t), *(Primitive.of(t * x) for x in states)]
        yield Candidates(len(candidates), combined(found, candidates))
