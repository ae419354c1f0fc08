"""Potentials of exact one-forms O f: energies of any degree and with any function."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pysymude.symbolic import effort
from pysymude.symbolic.exact.normal_form import NormalForm
from pysymude.symbolic.laws.combinations import combined
from pysymude.symbolic.laws.families.family import Candidates, Family, Proposal
from pysymude.symbolic.laws.found import Found
from pysymude.symbolic.laws.integrals import integral_candidates
from pysymude.symbolic.laws.one_forms import Entry, closed_forms, entry_layers, slopes

__all__ = ["ExactOneForms"]

_MOST = 1000  # unknown entries of a matrix


class ExactOneForms(Family):
    """Antisymmetric matrices O for which O f is a gradient, whatever the force is."""

    name = "exact one-forms"

    def candidates(
        self, form: NormalForm, found: Found, deadline: float
    ) -> Iterator[Candidates | None]:
        """Constant matrices, linear ones, and reciprocals of products of two states."""
        if found.kind == "balance" or found.moving or found.degree is not None:
            return
        for entries in entry_layers(form):
            if found.missing_still <= 0 or not entries:
                return
            if len(entries) > _MOST:
                yield Candidates(len(entries), limit=True)
                continue
            yield Candidates(len(entries), _potentials(found, entries))


def _potentials(found: Found, entries: Sequence[Entry]) -> Iterator[Proposal | None]:
    form, independent = found.form, found.independent
    for used, row in closed_forms(form, entries, found.parameters, independent.point):
        effort.check()
        if not independent.raised_by(row):
            continue
        before = len(found.laws)
        yield from combined(found, integral_candidates(form, found.field, slopes(form, used)))
        if len(found.laws) == before:
            # there is a potential, and its parts were not among the candidates
            yield None
