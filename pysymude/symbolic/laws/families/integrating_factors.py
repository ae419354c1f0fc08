"""Laws of planar subsystems, and of one equation with time, from integrating factors."""

from __future__ import annotations

from collections.abc import Iterator

from pysymude.symbolic import effort
from pysymude.symbolic.exact.normal_form import NormalForm
from pysymude.symbolic.laws.combinations import combined
from pysymude.symbolic.laws.families.family import Candidates, Family
from pysymude.symbolic.laws.found import Found
from pysymude.symbolic.laws.planar import plane_candidates, planes

__all__ = ["IntegratingFactors"]


class IntegratingFactors(Family):
    """(P dy - Q dx) / V with polynomials V, integrated to powers, logarithms and arctangents."""

    name = "integrating factors in the plane"

    def candidates(
        self, form: NormalForm, found: Found, deadline: float
    ) -> Iterator[Candidates | None]:
        """One span for each V."""
        if found.kind == "balance" or found.degree is not None:
            return
        for plane in planes(form, found.field):
            for candidates in plane_candidates(plane, found.parameters):
                effort.check()
                if found.missing <= 0:
                    return
                yield Candidates(len(candidates), combined(found, candidates))
