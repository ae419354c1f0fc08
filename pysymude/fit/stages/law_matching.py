"""`LawMatching`: the unknown coefficients of laws by the data alone."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from pysymude.fit.loss.objective import Objective
from pysymude.fit.optimizers.quasi_newton import LBFGS
from pysymude.fit.problem.law_coefficients import free_scale, unknown_coefficients
from pysymude.fit.stages.stage import Leg, Training
from pysymude.fit.stages.stage_checks import check_counts
from pysymude.fit.stages.task import Task
from pysymude.fit.terms.law_matches import law_matches
from pysymude.fit.terms.sampled_terms import SampledTerm
from pysymude.model.calls import explained_class
from pysymude.plan.law import Law

__all__ = ["LawMatching"]

log = logging.getLogger("pysymude")


@explained_class
@dataclass(frozen=True)
class LawMatching:
    """The unknown coefficients of laws, fitted to the data alone, without any solve.

    What varies least along each experiment's smoothed data: the sum over laws of the variance of I,
    relative to its spread, and for balance laws the weak form of dI/dt = rate. Left out where no
    law has an unknown coefficient, or where the coefficients could all be zero. Afterwards
    `GradientMatching` and stages on a part of the time span leave these coefficients as they are,
    unless an equation contains them too: they know less of them.

    Parameters
    ----------
    iterations : int
        L-BFGS iterations.
    """

    iterations: int = 100

    def __post_init__(self) -> None:
        check_counts(self, "iterations")

    def legs(self, prepared: Training) -> list[Leg]:
        """One leg, on the laws that the data can tell."""
        obj = prepared.objective
        laws = _matched_laws(obj)
        terms = _terms(obj, laws)
        return [
            Leg(
                "LawMatching", self.iterations, LBFGS(), lambda: _task(prepared, terms),
                tells=_told_by_the_data(obj, laws) if terms else (),
            )
        ]  # fmt: skip


def _task(prepared: Training, terms: Sequence[SampledTerm]) -> Task | None:
    if not terms:
        log.info("LawMatching is left out: no law has coefficients that the data alone can tell")
        return None
    return prepared.unsolved(terms)


def _matched_laws(obj: Objective) -> list[Law]:
    """Those whose unknown coefficients the data can tell."""
    laws = [law for law in obj.laws if unknown_coefficients(obj.system, [law])]
    return [law for law in laws if not free_scale(obj.system, law)]


def _terms(obj: Objective, laws: Sequence[Law]) -> list[SampledTerm]:
    """These laws on the smoothed data."""
    if not laws:
        return []
    names = {law.name for law in laws}
    return [term for term in law_matches(obj.prepared) if term.name in names]


def _told_by_the_data(obj: Objective, laws: Sequence[Law]) -> tuple[int, ...]:
    """Places of coefficients that stand in laws alone, which the data have told once.

    Slopes and the first part of the time span know little of them, and a network that is still wrong
    would bend them to its needs: they are free again on the whole span.
    """
    told = unknown_coefficients(obj.system, laws) & obj.system.unread
    return tuple(obj.layout[s.name].offset for s in sorted(told, key=lambda s: s.name))
