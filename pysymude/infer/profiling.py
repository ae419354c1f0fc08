"""Following a profile to both sides, with steps that adapt to how the loss rises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pysymude.errors import InvalidInputError
from pysymude.fit.files.fit_key import fit_key
from pysymude.fit.files.save_file import read, understood, write
from pysymude.infer.constrained import Rest, refit
from pysymude.infer.evidence import Evidence
from pysymude.model.theta import Slot

__all__ = ["Profiler", "Side"]

Float = NDArray[np.float64]
Point = tuple[Float, float]

_KIND = "profile"
_WANTED = 0.3  # a step is to take the root of the rise, as a part of that of the threshold, so far
_GROWTH = 3.0
_MOST = 60  # points of a side
_CLOSER, _CLOSE = 3, 1e-4  # so many points next to the crossing, until one is so close
_FAR = 25.0  # natural units from the best: e-foldings, or its own size
_NEAR = 12.0  # between two bounds: a 160,000th of the interval from one of them


@dataclass
class Side:
    """Points from the best one outward; `step` is the next, signed, on the scale that is learned."""

    theta: Float
    loss: Float
    step: float
    is_open: bool = False
    done: bool = False


@dataclass
class Profiler:
    """The profile of one number."""

    evidence: Evidence
    name: str
    threshold: float
    level: float

    def __post_init__(self) -> None:
        self.slot: Slot = self.evidence.slots[self.name]
        self.scale = self.evidence.scale_of(self.slot.offset)
        self.start_loss = self.evidence.evaluate(self.evidence.fit.theta, gradient=False).value

    def run(
        self, checkpoint: str | PathLike[str] | None, tell: Callable[[float], None]
    ) -> tuple[Side, Side]:
        """Both sides, followed to their ends; what a checkpoint holds is not computed again."""
        sides = self._read(checkpoint) or self._begun()
        best = min(float(side.loss[0]) for side in sides)
        for side in sides:
            while not side.done:
                self._advance(side, best)
                tell(float(side.loss[-1]))
                self._write(checkpoint, sides)
        return sides[0], sides[1]

    def _begun(self) -> tuple[Side, Side]:
        """Both sides at the best point, which is looked for once more from the fit."""
        theta = self.evidence.fit.theta
        found = self._refitted(theta, None)
        start, loss = found if found is not None else (theta, self.start_loss)
        step = _WANTED * np.sqrt(self.threshold) * self._error(start)
        return tuple(  # type: ignore[return-value]
            Side(start[None].copy(), np.array([loss]), sign * step) for sign in (-1.0, 1.0)
        )

    def _error(self, theta: Float) -> float:
        """How far the number moves where the loss, divided by its scale, rises by 1, at most a unit."""
        evidence = self.evidence
        at = int(np.searchsorted(evidence.free, self.slot.offset))
        unit = evidence.units[at]
        if evidence.is_open(at):
            return 0.3 * float(unit)
        return float(unit * min(np.sqrt(evidence.covariance[at, at]), 0.3))

    def _limit(self, side: Side) -> float:
        """How far out the number is taken, on the scale that is learned."""
        slot, middle = self.slot, float(side.theta[0, self.slot.offset])
        low, high = np.isfinite(slot.low), np.isfinite(slot.high)
        sign = np.sign(side.step)
        if low and high:
            return float(sign * max(_NEAR, abs(middle) + 1.0))
        at = int(np.searchsorted(self.evidence.free, slot.offset))
        far = _FAR if low or high else 40.0 * _FAR
        return float(middle + sign * far * self.evidence.units[at])

    def _advance(self, side: Side, best: float) -> None:
        """One more point of a side."""
        at, sign = self.slot.offset, np.sign(side.step)
        limit, last = self._limit(side), side.theta[-1]
        where = last[at] + side.step
        ends = sign * where >= sign * limit
        where = limit if ends else where
        found = self._held(side, where)
        if found is None:
            # nothing can be solved there: nearer, until that means nothing
            side.step *= 0.3
            if abs(side.step) < 1e-6 * self._error(last):
                side.done = side.is_open = True
            return
        theta, loss = found
        before, root = self._root(float(side.loss[-1]), best), self._root(loss, best)
        if root - before > 3.0 * _WANTED and abs(side.step) > 1e-3 * self._error(last):
            side.step *= max(_WANTED / (root - before), 0.1)  # too far at once
            return
        points = [(theta, loss)]
        if root >= 1.0:
            side.done = True
            inside, beyond = self._crossed(side, best, (where, root), before)
            points = [*inside, *beyond, *points]
        side.theta = np.vstack([side.theta, *(p[0] for p in points)])
        side.loss = np.append(side.loss, [p[1] for p in points])
        if not side.done and (ends or len(side.loss) > _MOST):
            side.done = side.is_open = True
        rate = max((root - before) / _WANTED, 1.0 / _GROWTH)
        side.step = side.step / rate

    def _crossed(
        self, side: Side, best: float, high: tuple[float, float], before: float
    ) -> tuple[list[Point], list[Point]]:
        """Points close to where the threshold is crossed, below it and above, each in the order outward.

        They lie between the last point and `high`, the next place and its root; `before` is that of the last.
        """
        at, inside, beyond = self.slot.offset, list[Point](), list[Point]()
        low = float(side.theta[-1, at]), before
        for _ in range(_CLOSER):
            part = (1.0 - low[1]) / (high[1] - low[1])
            found = self._held(side, low[0] + part * (high[0] - low[0]))
            root = np.nan if found is None else self._root(found[1], best)
            if found is None or not low[1] < root < high[1]:
                break
            if root < 1.0:
                inside.append(found)
                low = float(found[0][at]), root
            else:
                beyond.insert(0, found)
                high = float(found[0][at]), root
            if abs(root - 1.0) < _CLOSE:
                break
        return inside, beyond

    def _root(self, loss: float, best: float) -> float:
        """The root of a rise, as a part of that of the threshold."""
        rise = max(loss - best, 0.0) / self.scale
        return float(np.sqrt(rise / self.threshold))

    def _held(self, side: Side, where: float) -> tuple[Float, float] | None:
        """The refit with the number at a place, from the last point and the way the others have moved."""
        at, last = self.slot.offset, side.theta[-1]
        guess = last.copy()
        if len(side.loss) > 1:
            before = side.theta[-2]
            along = (where - last[at]) / (last[at] - before[at])
            guess = last + along * (last - before)
        guess[at] = where
        for start in (guess, last):
            begun = start.copy()
            begun[at] = where
            found = self._refitted(begun, at)
            if found is not None:
                return found
        return None

    def _refitted(self, begun: Float, held: int | None) -> Point | None:
        """The better of the refits from a start, and from where numbers that lie on a plateau began.

        A rate that has run to 0 feels no slope any more, though it may be needed again further out.
        """
        evidence = self.evidence
        found = refit(evidence, begun, Rest.around(evidence, begun, held))
        if found is None:
            return None
        flat = Rest.around(evidence, found[0], held).flat
        named = [s.offset for s in evidence.slots.values() if s.offset in flat]
        if not named:
            return found
        again = found[0].copy()
        again[named] = evidence.objective.theta0(evidence.fit.seed)[named]
        other = refit(evidence, again, Rest.around(evidence, again, held))
        return other if other is not None and other[1] < found[1] else found

    # -- files --------------------------------------------------------------------------------

    @property
    def _key(self) -> dict[str, str]:
        obj = self.evidence.objective
        return fit_key(
            {
                "fit": self.evidence.fit.theta,
                "data": obj.data.fingerprint,
                "system": (obj.plan.fingerprint, *obj.plan.default_parameters),
                "name": self.name,
                "level": self.level,
            }
        )

    def _write(self, path: str | PathLike[str] | None, sides: tuple[Side, Side]) -> None:
        if path is None:
            return
        arrays: dict[str, NDArray[Any]] = {}
        meta: list[dict[str, Any]] = []
        for k, side in enumerate(sides):
            arrays |= {f"{k}.theta": side.theta, f"{k}.loss": side.loss}
            meta.append({"step": side.step, "is_open": side.is_open, "done": side.done})
        write(path, _KIND, {"key": self._key, "sides": meta}, arrays)

    def _read(self, path: str | PathLike[str] | None) -> tuple[Side, Side] | None:
        if path is None or not Path(path).exists():
            return None
        meta, arrays = read(path, _KIND)
        with understood(path, _KIND):
            different = [k for k, v in self._key.items() if meta["key"].get(k) != v]
            if different:
                raise InvalidInputError(
                    f"the checkpoint {path} belongs to another profile: {', '.join(different)} differ. "
                    "Choose another checkpoint= path"
                )
            low, high = (
                Side(
                    arrays[f"{k}.theta"], arrays[f"{k}.loss"], float(said["step"]),
                    bool(said["is_open"]), bool(said["done"]),
                )
                for k, said in enumerate(meta["sides"])
            )  # fmt: skip
        return low, high
