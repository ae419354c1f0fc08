"""Zeros along a solution: looked for between the solver's steps, closed in on by solving a step again."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.base import Crossings, Watch
from pysymude.plan.numeric import NumericModel

__all__ = ["POINTS", "locate"]

Float = NDArray[np.float64]
Again = Callable[[float, Float, Float], Float]

_BETWEEN = 8  # parts of a step at which signs are compared
POINTS = 31  # times at which a step is solved again, to narrow a bracket to a thirtieth
_ROUNDS = 12


def locate(model: NumericModel, watch: Watch, t: Float, u: Float, again: Again) -> Crossings:
    """The zeros along steps that end at times `t` with states `u`, up to the one that ends the solve.

    Between the ends of a step a cubic says whether a sign changes. `again(t0, u0, ts)` are the states
    at `ts` (`POINTS` times and one behind them) by the solver itself: its accuracy is that of the zeros.
    """
    times, step = _samples(t)
    signs = np.nan_to_num(
        np.sign(model.evaluate(watch.tape, times, _cubic(model, t, u, times, step)))
    )
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
        zero, state = _close_in(model, watch, i, (t, u), (times[a], times[b]), again)
        found.append((zero, i, state))
        if watch.terminates[i]:
            end = min(end, zero)
    found = sorted((f for f in found if f[0] <= end), key=lambda f: (f[0], watch.terminates[f[1]]))
    n = u.shape[1]
    return Crossings(
        np.array([i for _, i, _ in found], dtype=np.int64),
        np.array([zero for zero, _, _ in found], dtype=np.float64),
        np.array([state for _, _, state in found], dtype=np.float64).reshape(-1, n),
    )


def _samples(t: Float) -> tuple[Float, NDArray[np.int64]]:
    """Times between the ends of each step and at them, and the step that each lies in."""
    part = np.arange(_BETWEEN) / _BETWEEN
    inner = t[:-1, None] + np.diff(t)[:, None] * part
    step = np.repeat(np.arange(len(t) - 1), _BETWEEN)
    return np.append(inner.ravel(), t[-1]), np.append(step, max(len(t) - 2, 0))


def _cubic(model: NumericModel, t: Float, u: Float, times: Float, step: NDArray[np.int64]) -> Float:
    """Hermite's cubic through states and slopes at both ends of each step."""
    if len(t) < 2:
        return u
    slope = model.rhs(t, u)
    h = np.diff(t)[step][:, None]
    s = (times - t[step])[:, None] / h
    left, right = u[step], u[step + 1]
    return (
        (1 + 2 * s) * (1 - s) ** 2 * left
        + s * (1 - s) ** 2 * h * slope[step]
        + s**2 * (3 - 2 * s) * right
        + s**2 * (s - 1) * h * slope[step + 1]
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
    model: NumericModel,
    watch: Watch,
    i: int,
    path: tuple[Float, Float],
    bracket: tuple[float, float],
    again: Again,
) -> tuple[float, Float]:
    """Time and state of the zero in a bracket."""
    t, u = path
    low, high = bracket
    first = int(np.clip(np.searchsorted(t, low, side="right") - 1, 0, len(t) - 2))
    stop = t[int(np.clip(np.searchsorted(t, high), first + 1, len(t) - 1))]

    def values(ts: Float) -> tuple[Float, Float]:
        states = again(t[first], u[first], np.append(ts, stop))[:-1]
        return states, model.evaluate(watch.tape, ts, states)[:, i]

    ts = np.linspace(low, high, POINTS)
    states, g = values(ts)
    for _ in range(_ROUNDS):
        side = np.sign(g)
        after = np.flatnonzero(side[1:] != side[0])
        if not after.size or g[0] == 0:
            break
        k = int(after[0])
        low, high = ts[k], ts[k + 1]
        if high - low <= 4 * np.spacing(max(abs(low), abs(high))):
            break
        ts = np.linspace(low, high, POINTS)
        states, g = values(ts)
    best = int(np.argmin(np.abs(g)))
    return float(ts[best]), states[best]
