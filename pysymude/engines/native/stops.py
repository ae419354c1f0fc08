"""The times at which steps end: those asked for, doses, and where conditions of time alone change.

A condition that knows only time and parameters can change within a step that nobody would take for too long;
so its zeros are found before the march, and a solver lands on each.
"""

from __future__ import annotations

import math

from pysymude.engines.native import structures as st
from pysymude.engines.native.compiling import inner
from pysymude.engines.native.crossings import illinois
from pysymude.engines.native.signal_stops import add_knots
from pysymude.engines.native.switching import (
    condition,
    condition_slopes,
    conditions_at,
    passes,
)

__all__ = ["find_stops"]

INSIDE = st.INSIDE
_GRID = 128


@inner
def find_stops(m, w, problem, theta, o, e, t1):
    """The times at which steps end: those asked for, doses, and where conditions of time alone change.

    Their number, or -1 where memory is too short.
    """
    t0, count = problem.t0[e], 0
    for j in range(problem.stops.shape[0]):
        if t0 < problem.stops[j] < t1:
            if count >= w.stops.shape[0]:
                return -1
            w.stops[count], w.stop_of[count] = problem.stops[j], -1
            count += 1
    for d in range(problem.dose_t.shape[1]):
        if problem.dose_state[e, d] >= 0 and t0 <= problem.dose_t[e, d] <= t1:
            if count >= w.stops.shape[0]:
                return -1
            w.stops[count], w.stop_of[count] = problem.dose_t[e, d], -2 - d
            count += 1
    for k in range(w.signs.shape[0]):
        if m.signal_of[k] >= 0:
            count = add_knots(m, w, theta, o, k, t0, t1, problem.u0[e], count)
        elif m.time_only[k] and t1 > t0:
            count = stops_of(m, w, theta, o, k, t0, t1, problem.u0[e], count)
        if count < 0:
            return -1
    sort_stops(w, count)
    return count


@inner
def sort_stops(w, count):
    """Ascending: Shell's sort. What differs by rounding alone becomes one time."""
    gap = 1 if count < 16 else count // 2
    while gap > 0:
        for i in range(gap, count):
            a, b, j = w.stops[i], w.stop_of[i], i
            while j >= gap and w.stops[j - gap] > a:
                w.stops[j], w.stop_of[j] = w.stops[j - gap], w.stop_of[j - gap]
                j -= gap
            w.stops[j], w.stop_of[j] = a, b
        gap = 0 if gap == 1 else max(1, int(gap / 2.2))
    for i in range(1, count):
        if w.stops[i] - w.stops[i - 1] <= 1e-14 * abs(w.stops[i]):
            w.stops[i] = w.stops[i - 1]


@inner
def at_time(m, w, theta, o, k, t, u):
    """Condition k at time t."""
    conditions_at(m, w, theta, o, t, u)
    return condition(m, w, o, k)


@inner
def stops_of(m, w, theta, o, k, t0, t1, u, count):
    """Adds the zeros of condition k, which knows only time, to `w.stops`; their number, or -1."""
    parts, tiny = grid_of(m, w, theta, o, k, t0, t1, u), 1e-9 * (t1 - t0)
    low, a = t0, at_time(m, w, theta, o, k, t0, u)
    if a == 0.0:
        low, a = t0 + tiny, at_time(m, w, theta, o, k, t0 + tiny, u)
    da = slope_in_time(m, w, theta, o, k)
    for j in range(1, parts + 1):
        high = t0 + (t1 - t0) * j / parts
        b = at_time(m, w, theta, o, k, high, u)
        if b == 0.0 and j < parts:
            # a zero on the grid is one inside the interval that ends a little later
            high += tiny
            b = at_time(m, w, theta, o, k, high, u)
        db = slope_in_time(m, w, theta, o, k)
        if a * b < 0.0:
            count = add_stop(m, w, theta, o, k, low, high, a, u, count)
        elif a * da < 0.0 and b * db > 0.0:
            # it goes towards 0 and comes back: perhaps through it, and again
            middle = beyond(m, w, theta, o, k, low, high, a, u, tiny)
            if middle > low:
                c = -a
                count = add_stop(m, w, theta, o, k, low, middle, a, u, count)
                if count >= 0:
                    count = add_stop(m, w, theta, o, k, middle, high, c, u, count)
        elif b == 0.0 and k >= m.switches:
            # an event may act at the end
            count = add_stop(m, w, theta, o, k, low, high, a, u, count)
        if count < 0:
            return -1
        if b != 0.0:
            low, a, da = high, b, db
    return count


@inner
def slope_in_time(m, w, theta, o, k):
    """How fast condition k changes with time, where `at_time` has just been."""
    for j in range(m.n):
        w.work[INSIDE, j] = 0.0
    condition_slopes(m, w, theta, o, w.work[INSIDE], w.rates)
    return w.rates[k]


@inner
def beyond(m, w, theta, o, k, low, high, a, u, tiny):
    """A time between two at which condition k has the other sign, or `low` where there is none."""
    start = low
    while high - low > 1e-3 * tiny:
        middle = 0.5 * (low + high)
        if not (low < middle < high):
            break
        c = at_time(m, w, theta, o, k, middle, u)
        if c * a < 0.0:
            return middle
        if slope_in_time(m, w, theta, o, k) * a < 0.0:
            low = middle
        else:
            high = middle
    return start


@inner
def add_stop(m, w, theta, o, k, low, high, a, u, count):
    """Adds the zero of condition k between two times; the number of stops, or -1."""
    if k >= m.switches and not passes(m, k, a):
        return count
    if count >= w.stops.shape[0]:
        return -1
    zero = zero_between(m, w, theta, o, k, low, high, a, u)
    w.stops[count], w.stop_of[count] = zero, k
    return count + 1


@inner
def grid_of(m, w, theta, o, k, t0, t1, u):
    """Into how many parts a time span is cut to see every change of a condition.

    A straight line has one zero. Otherwise sixteen parts for each period of an oscillation as fast as the
    steepest slope seen says, and at least 128.
    """
    a, c = at_time(m, w, theta, o, k, t0, u), at_time(m, w, theta, o, k, t1, u)
    size, bend, steep = max(abs(a), abs(c)), 0.0, 0.0
    for j in range(1, _GRID):
        s = j / _GRID
        # a little off the grid, so that a period is not met at one phase alone
        now = at_time(m, w, theta, o, k, t0 + (t1 - t0) * (s + 0.003 * (j % 3)), u)
        straight = a + (c - a) * (s + 0.003 * (j % 3))
        bend = max(bend, abs(now - straight))
        size = max(size, abs(now))
        near = at_time(m, w, theta, o, k, t0 + (t1 - t0) * (s + 0.003 * (j % 3) + 1e-7), u)
        steep = max(steep, abs(near - now) / 1e-7)
    if not bend > 1e-12 * size:
        return 1
    return int(min(max(float(_GRID), 16.0 * steep / (size * 2.0 * math.pi)), 1e6))


@inner
def zero_between(m, w, theta, o, k, low, high, a, u):
    """Where condition k is 0, to the last bit of time."""
    b = at_time(m, w, theta, o, k, high, u)
    for r in range(200):
        middle = illinois(r, low, high, a, b)
        if middle == low or middle == high:
            break
        c = at_time(m, w, theta, o, k, middle, u)
        if c == 0.0:
            return middle
        if c * a > 0.0:
            low, a = middle, c
            b *= 0.5
        else:
            high, b = middle, c
            a *= 0.5
    return high
