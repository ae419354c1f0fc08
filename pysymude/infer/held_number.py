"""What a profile holds: a learned number, with the refits of everything else."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pysymude.infer.constrained import ENOUGH, Rest, refit
from pysymude.infer.evidence import Evidence
from pysymude.model.theta import Slot

__all__ = ["Held", "HeldNumber"]

Float = NDArray[np.float64]
Point = tuple[Float, float]

_FAR = 25.0  # natural units from the best: e-foldings, or its own size
_REMEMBERED = 64  # refits
_NEAR = 12.0  # between two bounds: a 160,000th of the interval from one of them


@dataclass(frozen=True, eq=False)
class Held(ABC):
    """One number that depends on theta, whose profile is followed on a scale of its own.

    Attributes
    ----------
    evidence : Evidence
    name : str
    """

    evidence: Evidence
    name: str

    @property
    @abstractmethod
    def bounds(self) -> tuple[float, float]:
        """What it may be, in its natural unit."""

    @property
    @abstractmethod
    def key(self) -> str:
        """What tells it from others of the same fit, for checkpoints."""

    @property
    def sound(self) -> float:
        """The least that it can be where the system is solved as it is meant."""
        return -np.inf

    @property
    def doubts(self) -> tuple[str, ...]:
        """Sentences on its value at the fit."""
        return ()

    @cached_property
    @abstractmethod
    def scale(self) -> float:
        """What the loss is divided by."""

    @cached_property
    @abstractmethod
    def error(self) -> float:
        """How far it moves where the loss, divided by its scale, rises by 1; less than a natural unit."""

    @property
    def least(self) -> float:
        """The shortest step that is tried before a side is taken to end."""
        return 1e-6 * self.error

    @abstractmethod
    def at(self, theta: Float) -> float:
        """Where it is, on the scale on which it is followed."""

    @abstractmethod
    def natural(self, where: float) -> float:
        """Its natural value there."""

    @abstractmethod
    def limit(self, middle: float, sign: float) -> float:
        """How far out it is taken to one side."""

    @abstractmethod
    def put(self, theta: Float, where: float) -> Float:
        """Theta moved to where it is `where`, about."""

    @abstractmethod
    def refitted(self, begun: Float, where: float | None) -> Point | None:
        """The refit from `begun` with it held; None where that cannot be solved, or not be reached."""


@dataclass(frozen=True, eq=False)
class HeldNumber(Held):
    """A parameter or a learned start."""

    @cached_property
    def slot(self) -> Slot:
        """Its place in theta."""
        return self.evidence.slots[self.name]

    @property
    def bounds(self) -> tuple[float, float]:
        """See `Held.bounds`."""
        return self.slot.low, self.slot.high

    @property
    def key(self) -> str:
        """See `Held.key`."""
        return self.name

    @cached_property
    def scale(self) -> float:
        """See `Held.scale`."""
        return self.evidence.scale_of(self.slot.offset)

    @cached_property
    def error(self) -> float:
        """See `Held.error`."""
        unit = self.evidence.units[self._inside]
        if self.evidence.is_open(self._inside):
            return 0.3 * float(unit)
        variance = self.evidence.covariance[self._inside, self._inside]
        return float(unit * min(np.sqrt(variance), 0.3))

    @cached_property
    def _first(self) -> Float:
        """Where the fit began."""
        return self.evidence.objective.theta0(self.evidence.fit.seed)

    @property
    def _inside(self) -> int:
        return int(np.searchsorted(self.evidence.free, self.slot.offset))

    def at(self, theta: Float) -> float:
        """See `Held.at`."""
        return float(theta[self.slot.offset])

    def natural(self, where: float) -> float:
        """See `Held.natural`."""
        return float(self.slot.natural(where))

    def limit(self, middle: float, sign: float) -> float:
        """See `Held.limit`."""
        low, high = np.isfinite(self.slot.low), np.isfinite(self.slot.high)
        if low and high:
            return float(sign * max(_NEAR, abs(middle) + 1.0))
        far = (_FAR if low or high else 40.0 * _FAR) * self.evidence.units[self._inside]
        # what has run to 0 is far from where it means something
        start = self._first[self.slot.offset]
        return float(sign * max(sign * middle, sign * start) + sign * far)

    def put(self, theta: Float, where: float) -> Float:
        """See `Held.put`."""
        found = theta.copy()
        found[self.slot.offset] = where
        return found

    def refitted(self, begun: Float, where: float | None) -> Point | None:
        """The better of the refits from a start, and from where numbers that lie on a plateau began.

        A rate that has run to 0 feels no slope any more, though it may be needed again further out.
        """
        evidence, held = self.evidence, None if where is None else self.slot.offset
        found = self._refit(begun, held)
        if found is None:
            return None
        flat = Rest.around(evidence, found[0], held).flat
        named = [s.offset for s in evidence.slots.values() if s.offset in flat]
        if not named:
            return found
        again = found[0].copy()
        again[named] = self._first[named]
        other = self._refit(again, held)
        # lower by less is rounding, and may be further out on the plateau
        least = found[1] - ENOUGH * evidence.scale
        return other if other is not None and other[1] < least else found

    def _refit(self, begun: Float, held: int | None) -> Point | None:
        """The refit from a start, looked up where it was among the last: many come to one plateau."""
        known, key = self._refits, (begun.tobytes(), held)
        if key not in known:
            if len(known) >= _REMEMBERED:
                del known[next(iter(known))]
            known[key] = refit(self.evidence, begun, Rest.around(self.evidence, begun, held))
        return known[key]

    @cached_property
    def _refits(self) -> dict[tuple[bytes, int | None], Point | None]:
        return {}
