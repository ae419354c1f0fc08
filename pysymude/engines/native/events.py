"""Zeros along a solution: looked for between the solver's steps, closed in on by its dense output."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.base import Crossings, Watch
from pysymude.plan.numeric import NumericModel

__all__ = ["locate"]

Float = NDArray[np.float64]
States = Callable[[Float], Float]

_BETWEEN = 8  # parts of a step at which signs are compared
_POINTS = 31  # to narrow a bracket to a thirtieth
_ROUNDS = 12


def locate(model: NumericModel, watch: Watch, t: Float, states: States) -> Crossings:
    """The zeros along steps that end at times `t`, up to the one that ends the solve.

    ``states(times)`` is the dense output, of shape (times, n).
    """
    part = np.arange(_BETWEEN) / _BETWEEN
    times = np.append((t[:-1, None] + np.diff(t)[:, None] * part).ravel(), t[-1])
    signs = np.nan_to_num(np.sign(model.evaluate(watch.tape, times, states(times))))
    candidates = sorted(
        (b, i, a)
        for i, direction in enumerate(watch.directions)
        for a, b in _changes(signs[:, i], direction)
    )
    found: list[tuple[float, int, Float]] = []
    end = np.inf
    for b, i, a in candidates:
        if times[a] > end:
            break
        zero, state = _close_in(model, watch, i, (times[a], times[b]), states)
        found.append((zero, i, state))
        if watch.terminates[i]:
            end = min(end, zero)
    found = sorted((f for f in found if f[0] <= end), key=lambda f: (f[0], watch.terminates[f[1]]))
    n = len(model.plan.states)
    return Crossings(
        np.array([i for _, i, _ in found], dtype=np.int64),
        np.array([zero for zero, _, _ in found], dtype=np.float64),
        np.array([state for _, _, state in found], dtype=np.float64).reshape(-1, n),
    )


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
