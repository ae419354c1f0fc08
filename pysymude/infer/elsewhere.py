"""Other points than the fit, where that lies in a valley in which refits would stay."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pysymude.fit.result.at_ends import at_ends
from pysymude.infer.evidence import Evidence
from pysymude.infer.held_number import HeldNumber

__all__ = ["Elsewhere"]

Float = NDArray[np.float64]

_OPEN = 3.0  # natural units of a standard error: a direction that the data hardly hold
_PART = 0.3  # of a direction: what belongs to it
_AWAY = -6.0, -3.0, 3.0, 6.0  # natural units from the first start, along such a direction
_MOST = 3  # directions that are looked along


@dataclass(frozen=True, eq=False)
class Elsewhere:
    """Where refits may begin beside the fit, if the data hardly hold what was learned.

    A rate that has run away, or two of which the data tell the quotient alone, feel no slope any more. They may be
    needed again where something else is held, and a prediction may hang on them though its derivative is 0.
    """

    evidence: Evidence

    @cached_property
    def loose(self) -> tuple[str, ...]:
        """Names of numbers that lie at an end of what they may be, or that the data do not determine."""
        ends = at_ends(self.evidence.fit)
        parts = np.abs(self._directions[:, self.evidence.inside]).max(axis=0, initial=0.0)
        pairs = zip(self.evidence.slots, parts, strict=True)
        return tuple(n for n, p in pairs if n in ends or p > _PART)

    @cached_property
    def starts(self) -> tuple[Float, ...]:
        """Thetas from which other valleys may be found; none where the data hold everything."""
        if not self.loose:
            return ()
        evidence = self.evidence
        fit, free, units = evidence.fit, evidence.free, evidence.units
        first = evidence.objective.theta0(fit.seed)
        back = fit.theta.copy()
        along = self._directions
        # what the data tell stays, what they leave open is as it was in the beginning
        gap = (first - fit.theta)[free] / units
        back[free] += units * ((along @ gap) @ along)
        moved = fit.theta.copy()
        places = [evidence.slots[name].offset for name in self.loose]
        moved[places] = first[places]
        found = [back, moved, first]
        for direction in along[:_MOST]:
            for away in _AWAY:
                shifted = back.copy()
                shifted[free] += units * away * direction
                found.append(shifted)
        kept: list[Float] = []
        for theta in found:
            if not any(np.allclose(theta, other) for other in (*kept, fit.theta)):
                kept.append(theta)
        return tuple(kept)

    def allowed(self, threshold: float) -> list[Float]:
        """Thetas far from the fit at which the loss, divided by its scale, has risen by no more than that.

        Each has one of the loose numbers where another start has it, and the others fitted to that.
        """
        evidence = self.evidence
        least = evidence.evaluate(evidence.fit.theta, gradient=False).value
        found: list[Float] = []
        for name in self.loose:
            held = HeldNumber(evidence, name)
            for start in self.starts:
                point = held.refitted(start, held.at(start))
                if point is not None and point[1] - least < threshold * evidence.scale:
                    found.append(point[0])
        return found

    @cached_property
    def _directions(self) -> Float:
        """Directions of named numbers along which the loss is flat, (directions, free), in natural units.

        Of weights nobody expects that data determine them.
        """
        evidence = self.evidence
        values, vectors, known = evidence.modes
        flat = ~known | (values < evidence.scale / _OPEN**2)
        named = (vectors[evidence.inside] ** 2).sum(axis=0) > 1.0 - _PART**2
        return vectors[:, flat & named].T
