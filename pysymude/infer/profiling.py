"""Following a profile to both sides, with steps that adapt to how the loss rises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pysymude.errors import InvalidInputError
from pysymude.fit.files.fit_key import fit_key
from pysymude.fit.files.save_file import differing, read, understood, write
from pysymude.infer.elsewhere import Elsewhere
from pysymude.infer.evidence import Evidence
from pysymude.infer.held_number import Held, Point

__all__ = ["Profiler", "Side"]

Float = NDArray[np.float64]
_KIND = "profile"
_WANTED = 0.3  # a step is to take the root of the rise, as a part of that of the threshold, so far
_GROWTH = 3.0
_REACHED = 0.2  # of a step, or the next one is nearer
_MOST = 60  # points of a side
_MATTERS = 0.05  # a root of the rise below which no other valley is looked for
_TRIED = 3  # other starts for one refit, the nearest first
_NEAR = 0.1  # of a step: how close to a place a refit from elsewhere must end
_CLOSER, _CLOSE = 3, 1e-4  # so many points next to the crossing, until one is so close


@dataclass
class Side:
    """Points from the best one outward, `where` on the scale that is learned; `step` is the next, signed."""

    theta: Float
    loss: Float
    where: Float
    step: float
    is_open: bool = False
    done: bool = False

    def add(self, points: list[Point], held: Held) -> None:
        """Further points, in their order outward."""
        self.theta = np.vstack([self.theta, *(p[0] for p in points)])
        self.loss = np.append(self.loss, [p[1] for p in points])
        self.where = np.append(self.where, [held.at(p[0]) for p in points])


@dataclass
class Profiler:
    """The profile of one number."""

    held: Held
    threshold: float
    level: float

    def __post_init__(self) -> None:
        self.scale = self.held.scale
        self.start_loss = self.evidence.evaluate(self.evidence.fit.theta, gradient=False).value
        self.elsewhere = Elsewhere(self.evidence)

    @property
    def evidence(self) -> Evidence:
        """What the data say around the fit."""
        return self.held.evidence

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
        found = self.held.refitted(theta, None)
        start, loss = found if found is not None else (theta, self.start_loss)
        if self.held.doubts:  # a solution that is none is no measure for others
            sound = [p for p in self._valleys if self.held.at(p[0]) >= self.held.sound]
            start, loss = min(sound, key=lambda point: point[1], default=(start, loss))
        step = self._first_step
        where = np.array([self.held.at(start)])
        return tuple(  # type: ignore[return-value]
            Side(start[None].copy(), np.array([loss]), where, sign * step) for sign in (-1.0, 1.0)
        )

    def _advance(self, side: Side, best: float) -> None:
        """One more point of a side."""
        sign, last = float(np.sign(side.step)), float(side.where[-1])
        limit = self.held.limit(float(side.where[0]), sign)
        if sign * last >= sign * limit:
            side.done = side.is_open = True
            return
        where = last + side.step
        ends = sign * where >= sign * limit
        where = limit if ends else where
        found = self._better(side, where, self._held(side, where), best)
        if found is None:
            # nothing can be solved there: nearer, until that means nothing
            side.step *= 0.3
            if abs(side.step) < self.held.least:
                side.done = side.is_open = True
            return
        theta, loss = found
        where = self.held.at(theta)
        before, root = self._root(float(side.loss[-1]), best), self._root(loss, best)
        if root - before > 3.0 * _WANTED and abs(side.step) > 1e-3 * self.held.error:
            side.step *= max(_WANTED / (root - before), 0.1)  # too far at once
            return
        points = [(theta, loss)]
        if root >= 1.0:
            side.done = True
            inside, beyond = self._crossed(side, best, (where, root), before)
            points = [*inside, *beyond, *points]
        side.add(points, self.held)
        if not side.done and (ends or len(side.loss) > _MOST):
            side.done = side.is_open = True
        if side.done and not side.is_open and self._leaps(side, best):
            return
        rate = max((root - before) / _WANTED, 1.0 / _GROWTH)
        side.step = side.step / rate

    def _crossed(
        self, side: Side, best: float, high: tuple[float, float], before: float
    ) -> tuple[list[Point], list[Point]]:
        """Points close to where the threshold is crossed, below it and above, each in the order outward.

        They lie between the last point and `high`, the next place and its root; `before` is that of the last.
        """
        inside, beyond = list[Point](), list[Point]()
        low = float(side.where[-1]), before
        for _ in range(_CLOSER):
            part = (1.0 - low[1]) / (high[1] - low[1])
            where = low[0] + part * (high[0] - low[0])
            found = self._better(side, where, self._held(side, where), best)
            root = np.nan if found is None else self._root(found[1], best)
            if found is None or not low[1] < root < high[1]:
                break
            if root < 1.0:
                inside.append(found)
                low = self.held.at(found[0]), root
            else:
                beyond.insert(0, found)
                high = self.held.at(found[0]), root
            if abs(root - 1.0) < _CLOSE:
                break
        return inside, beyond

    def _root(self, loss: float, best: float) -> float:
        """The root of a rise, as a part of that of the threshold."""
        rise = max(loss - best, 0.0) / self.scale
        return float(np.sqrt(rise / self.threshold))

    def _held(self, side: Side, where: float) -> Point | None:
        """The refit with the number at a place, from the last point and the way the others have moved."""
        last, guess = side.theta[-1], side.theta[-1]
        if len(side.loss) > 1 and side.where[-1] != side.where[-2]:
            along = (where - side.where[-1]) / (side.where[-1] - side.where[-2])
            guess = last + along * (last - side.theta[-2])
        for start in (guess, last):
            found = self.held.refitted(self.held.put(start, where), where)
            if found is None:
                continue
            moved, asked = self.held.at(found[0]) - side.where[-1], where - side.where[-1]
            if moved * np.sign(asked) >= _REACHED * abs(asked):  # else it can go no further
                return found
        return None

    def _better(self, side: Side, where: float, found: Point | None, best: float) -> Point | None:
        """The refit, or a lower one from elsewhere, where the fit's own valley may not be the lowest."""
        if found is not None and self._root(found[1], best) < _MATTERS:
            return found
        asked = where - side.where[-1]
        nearest = sorted(self._starts, key=lambda at: abs(at[0] - where))
        # where a side would end, all of them
        inside = found is not None and self._root(found[1], best) < 1.0
        for _, start in nearest[: _TRIED if inside else None]:
            other = self.held.refitted(self.held.put(start, where), where)
            if other is None or (found is not None and other[1] >= found[1]):
                continue
            if abs(self.held.at(other[0]) - where) <= _NEAR * abs(asked):
                found = other
        return found

    def _leaps(self, side: Side, best: float) -> bool:
        """Whether another valley lies below the threshold beyond the end of a side, which goes on there."""
        sign, last = float(np.sign(side.step)), float(side.where[-1])
        beyond = [
            (sign * self.held.at(theta), theta, loss)
            for theta, loss in self._valleys
            if self._root(loss, best) < 1.0
            and sign * (self.held.at(theta) - last) > self.held.least
        ]
        if not beyond:
            return False
        _, theta, loss = max(beyond, key=lambda point: point[0])
        side.add([(theta, loss)], self.held)
        side.step = sign * self._first_step
        side.done = False
        return True

    @property
    def _first_step(self) -> float:
        return float(_WANTED * np.sqrt(self.threshold) * self.held.error)

    @cached_property
    def _starts(self) -> list[tuple[float, Float]]:
        """Each start elsewhere, behind where the number is there."""
        found = [(self.held.at(start), start) for start in self.elsewhere.starts]
        return [(at, start) for at, start in found if np.isfinite(at)]

    @cached_property
    def _valleys(self) -> list[Point]:
        """The refit from each start elsewhere, and that with the number held where it is there."""
        found: list[Point] = []
        for here, start in self._starts:
            for where in (here, None):
                point = self.held.refitted(start, where)
                if point is not None and np.isfinite(self.held.at(point[0])):
                    found.append(point)
        return found

    # -- files --------------------------------------------------------------------------------

    @property
    def _key(self) -> dict[str, str]:
        obj = self.evidence.objective
        return fit_key(
            {
                "fit": self.evidence.fit.theta,
                "data": obj.data.fingerprint,
                "system": (obj.plan.fingerprint, *obj.plan.default_parameters),
                "name": self.held.key,
                "level": self.level,
            }
        )

    def _write(self, path: str | PathLike[str] | None, sides: tuple[Side, Side]) -> None:
        if path is None:
            return
        arrays: dict[str, NDArray[Any]] = {}
        meta: list[dict[str, Any]] = []
        for k, side in enumerate(sides):
            arrays |= {f"{k}.theta": side.theta, f"{k}.loss": side.loss, f"{k}.where": side.where}
            meta.append({"step": side.step, "is_open": side.is_open, "done": side.done})
        write(path, _KIND, {"key": self._key, "sides": meta}, arrays)

    def _read(self, path: str | PathLike[str] | None) -> tuple[Side, Side] | None:
        if path is None or not Path(path).exists():
            return None
        meta, arrays = read(path, _KIND)
        if different := differing(path, _KIND, meta, self._key):
            raise InvalidInputError(
                f"the checkpoint {path} belongs to another profile: {different} differ. Choose another "
                "checkpoint= path"
            )
        with understood(path, _KIND):
            low, high = (
                Side(
                    arrays[f"{k}.theta"], arrays[f"{k}.loss"], arrays[f"{k}.where"], float(said["step"]),
                    bool(said["is_open"]), bool(said["done"]),
                )
                for k, said in enumerate(meta["sides"])
            )  # fmt: skip
        return low, high
