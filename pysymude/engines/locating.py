"""Zeros along a solution: looked for between the solver's steps, closed in on by its dense output."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.base import Crossings, Watch
from pysymude.plan.numeric import NumericModel

__all__ = ["Jumps", "Leg", "locate", "parted"]

Float = NDArray[np.float64]
States = Callable[[Float], Float]

_BETWEEN = 8  # parts of a step at which signs are compared
_POINTS = 31  # to narrow a bracket to a thirtieth
_ROUNDS = 12
_SAME = 1e-9  # of what a jump makes of an expression: such a value before it is a zero

_Found = tuple[float, int, Float]


@dataclass(frozen=True, eq=False)
class Leg:
    """A solution between two jumps: the ends of its steps, its dense output, its first and last state."""

    t: Float
    states: States
    first: Float
    last: Float


@dataclass(frozen=True, eq=False)
class Jumps:
    """The effects of events along a solution: each event's number, the time, and the state before."""

    which: NDArray[np.int64]
    t: Float
    u: Float


def parted(
    t: Float, u: Float, jumps: NDArray[np.bool_], which: NDArray[np.int64], states: States
) -> tuple[list[Leg], Jumps]:
    """Steps, which of them are jumps and of which event (below 0 for none): in legs, and the effects.

    `t` (steps + 1,) and `u` (steps + 1, n) are where steps begin, and where the last one ends.
    """
    legs: list[Leg] = []
    begin = 0
    for end in [*np.flatnonzero(jumps).tolist(), len(jumps)]:
        if end > begin:
            legs.append(Leg(t[begin : end + 1], states, u[begin].copy(), u[end].copy()))
        begin = end + 1
    acted = np.flatnonzero(jumps & (which >= 0))
    return legs, Jumps(which[acted].copy(), t[acted].copy(), u[acted].copy())


def locate(model: NumericModel, watch: Watch, legs: Sequence[Leg], jumps: Jumps) -> Crossings:
    """The zeros along a solution and the effects of events, up to the zero that ends the solve."""
    found, end = _zeros(model, watch, legs) if watch.directions else (list[_Found](), np.inf)
    count = len(watch.directions)
    acted = zip(jumps.t.tolist(), (jumps.which + count).tolist(), jumps.u, strict=True)
    kept = [*(f for f in found if f[0] <= end), *(f for f in acted if f[0] <= end)]
    last = [*watch.terminates, *[False] * len(model.plan.effects)]
    kept.sort(key=lambda f: (f[0], last[f[1]]))
    n = len(model.plan.states)
    return Crossings(
        np.array([i for _, i, _ in kept], dtype=np.int64),
        np.array([zero for zero, _, _ in kept], dtype=np.float64),
        np.array([state for _, _, state in kept], dtype=np.float64).reshape(-1, n),
    )


def _zeros(model: NumericModel, watch: Watch, legs: Sequence[Leg]) -> tuple[list[_Found], float]:
    """The zeros between jumps, and those that jumps pass; the time of the first that ends the solve."""
    found: list[_Found] = []
    time, state, value = np.nan, np.zeros(0), np.zeros(0)
    for number, leg in enumerate(legs):
        first = model.evaluate(watch.tape, leg.t[0], leg.first)
        start = None
        if number:
            jump = np.abs(first - value)
            passed = (np.sign(first) - np.sign(value)) / 2
            passed[np.abs(value) <= _SAME * jump] = 0.0
            # what a jump leaves alone at its zero does not pass it once more
            start = np.where(jump <= _SAME * np.abs(value), 0.0, np.sign(first))
            passed[start == 0.0] = 0.0
            found += [
                (time, i, state)
                for i, direction in enumerate(watch.directions)
                if abs(passed[i]) == 1 and direction in (0, passed[i])
            ]
        here, end = _along(model, watch, leg, start)
        found += here
        ends = [f[0] for f in found if watch.terminates[f[1]]]
        if ends:
            return found, min(end, *ends)
        time, state = float(leg.t[-1]), leg.last
        value = model.evaluate(watch.tape, time, state)
    return found, np.inf


def _along(
    model: NumericModel, watch: Watch, leg: Leg, start: Float | None
) -> tuple[list[_Found], float]:
    """The zeros of one leg, up to the one that ends the solve; `start`: the signs where it begins."""
    part, t = np.arange(_BETWEEN) / _BETWEEN, leg.t
    found: list[_Found] = []
    end = np.inf
    if len(t) < 2:
        return found, end
    times = np.append((t[:-1, None] + np.diff(t)[:, None] * part).ravel(), t[-1])
    values = model.evaluate(watch.tape, times, leg.states(times))
    values[-1] = model.evaluate(watch.tape, t[-1], leg.last)
    times, values = _with_dips(model, watch, leg, times, values)
    signs = np.nan_to_num(np.sign(values))
    if start is not None:
        signs[0] = np.nan_to_num(start)
    candidates = sorted(
        (b, i, a)
        for i, direction in enumerate(watch.directions)
        for a, b in _changes(signs[:, i], direction)
    )
    for b, i, a in candidates:
        if times[a] > end:
            break
        zero, state = _close_in(model, watch, i, (times[a], times[b]), leg.states)
        found.append((zero, i, state))
        if watch.terminates[i]:
            end = min(end, zero)
    return found, end


def _with_dips(
    model: NumericModel, watch: Watch, leg: Leg, times: Float, values: Float
) -> tuple[Float, Float]:
    """The samples, and those between them where an expression has another sign than on both sides.

    Looked at are three samples of one step whose parabola comes near to 0, as curvature goes.
    """
    a, b, c = (np.abs(values[i : len(values) - 2 + i]) for i in range(3))
    signs = np.sign(values)
    alike = (signs[:-2] == signs[1:-1]) & (signs[1:-1] == signs[2:]) & (signs[1:-1] != 0)
    # behind the end of a step distances are others
    alike[_BETWEEN - 1 :: _BETWEEN] = False
    bend = a - 2 * b + c
    with np.errstate(divide="ignore", invalid="ignore"):
        near = (np.abs(a - c) <= 2.5 * bend) & (b - (a - c) ** 2 / (8 * bend) < 0.5 * bend)
    more: list[float] = []
    for j, i in np.argwhere(alike & near & (bend > 0)):
        low, high = times[j], times[j + 2]
        for _ in range(_ROUNDS // 2):
            ts = np.linspace(low, high, _POINTS)
            g = model.evaluate(watch.tape, ts, leg.states(ts))[:, i] * signs[j, i]
            least = int(np.argmin(g))
            if g[least] < 0:
                more.append(float(ts[least]))
                break
            low, high = ts[max(least - 1, 0)], ts[min(least + 1, _POINTS - 1)]
    if not more:
        return times, values
    added = np.unique(more)
    at = np.searchsorted(times, added)
    found = model.evaluate(watch.tape, added, leg.states(added))
    return np.insert(times, at, added), np.insert(values, at, found, axis=0)


def _changes(signs: Float, direction: int) -> list[tuple[int, int]]:
    """Pairs of samples between which a sign changes in this direction; a zero at the end is one."""
    known = np.flatnonzero(signs)
    last = len(signs) - 1
    if not known.size:
        return []
    if known[-1] < last:
        # it ends on zero: taken as if it went on
        signs = signs.copy()
        signs[last] = -signs[known[-1]]
        known = np.append(known, last)
    change = np.diff(signs[known]) / 2
    wanted = change != 0 if direction == 0 else change == direction
    return [(int(a), int(b)) for a, b in zip(known[:-1][wanted], known[1:][wanted], strict=True)]


def _close_in(
    model: NumericModel, watch: Watch, i: int, bracket: tuple[float, float], states: States
) -> tuple[float, Float]:
    """Time and state of the zero in a bracket."""
    low, high = bracket
    ts = np.linspace(low, high, _POINTS)
    for _ in range(_ROUNDS):
        g = model.evaluate(watch.tape, ts, states(ts))[:, i]
        side = np.sign(g)
        after = np.flatnonzero(side[1:] != side[0])
        if not after.size or g[0] == 0:
            break
        k = int(after[0])
        low, high = ts[k], ts[k + 1]
        if high - low <= 4 * np.spacing(max(abs(low), abs(high))):
            break
        ts = np.linspace(low, high, _POINTS)
    g = model.evaluate(watch.tape, ts, states(ts))[:, i]
    best = int(np.argmin(np.abs(g)))
    return float(ts[best]), states(ts[best : best + 1])[0]
