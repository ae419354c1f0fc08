"""Conditions: their frozen signs, when they change, and where a trajectory crosses them.

During a step the sign of each condition is what it was at the step's start, so that the step sees a smooth
right-hand side; the step ends where a condition changes, and the next begins with the other sign. When
those that know only time change is found before the march.
"""

from __future__ import annotations

import math

from pysymude.engines.native import structures as st
from pysymude.engines.native.blocks import place, run, run_tangents, slopes
from pysymude.engines.native.compiling import inner
from pysymude.engines.native.explicit import dense_explicit
from pysymude.engines.native.functions import sign
from pysymude.engines.native.implicit import dense_implicit

__all__ = [
    "any_moves",
    "condition_slopes",
    "conditions_at",
    "crossing",
    "find_stops",
    "initial_signs",
    "note",
    "settle",
    "slides",
    "turn_back",
]

CONDITIONS = st.CONDITIONS
_PARTS = 8  # of a step, at whose ends signs are compared
_ROUNDS = 60
_GRID = 128


@inner
def conditions_at(m, w, theta, o, t, u):
    """The conditions at a state, live; condition k is then `condition(m, w, o, k)`."""
    place(m, w, o, t, True)
    for i in range(m.n):
        w.v[o + w.held.shape[0] + 1 + i] = u[i]
    run(m, w, CONDITIONS, theta, o)


@inner
def condition(m, w, o, k):
    """The value of condition k."""
    return m.g_factors[k] * w.v[o + m.g_slots[k]]


@inner
def condition_slopes(m, w, theta, o, f, out):
    """How fast each condition changes when the state moves by f a unit of time, into out."""
    d, H = w.other, w.held.shape[0]
    for s in range(m.size):
        d[s] = 0.0
    d[H] = 1.0
    for i in range(m.n):
        d[H + 1 + i] = f[i]
    run_tangents(m, w, CONDITIONS, theta, w.zeros_of_theta, o, d)
    for k in range(out.shape[0]):
        out[k] = m.g_factors[k] * d[m.g_slots[k]]


@inner
def initial_signs(m, w, theta, o, t, u, f, scratch):
    """The signs of the conditions at a start; of one that is 0 there, that of its slope."""
    conditions_at(m, w, theta, o, t, u)
    condition_slopes(m, w, theta, o, f, scratch)
    for k in range(w.signs.shape[0]):
        w.signs[k] = sign(condition(m, w, o, k))
        w.armed[k] = 1
        if w.signs[k] == 0.0:
            w.signs[k] = sign(scratch[k])


@inner
def note(w, keep, step, k, sign_behind, silent):
    """Condition k has another sign from the end of `step` on; the way back reads of it."""
    if keep:
        row = w.events[w.counts[1]]
        row[0], row[1], row[2], row[3], row[4] = step, k, int(w.signs[k]), silent, int(sign_behind)
        w.counts[1] += 1
    w.signs[k] = sign_behind


@inner
def settle(m, w, theta, o, t, u, keep, step):
    """The signs as they are at a state, where they were not frozen up to it."""
    conditions_at(m, w, theta, o, t, u)
    for k in range(w.signs.shape[0]):
        found = sign(condition(m, w, o, k))
        if found != 0.0 and found != w.signs[k]:
            note(w, keep, step, k, found, 1)
        w.armed[k] = 1


@inner
def any_moves(m):
    """Whether a condition depends on states: then it is known only along the way when it changes."""
    for k in range(m.time_only.shape[0]):
        if not m.time_only[k]:
            return True
    return False


@inner
def turn_back(m, w, theta, o, t, u, keep, step, landed):
    """Whether a condition that had changed was back on its old side before it was seen on the new one."""
    turned = False
    for k in range(w.signs.shape[0]):
        if w.armed[k] == 0 and k != landed:
            conditions_at(m, w, theta, o, t, u)
            if condition(m, w, o, k) * w.signs[k] < 0.0:
                note(w, keep, step, k, -w.signs[k], 1)
                w.armed[k] = 1
                turned = True
    return turned


@inner
def inside(m, w, x, y, method, base, u, new, h, s, out):
    """The state at the fraction s of a step."""
    if method == st.EXPLICIT:
        dense_explicit(m, w, x, base, u, h, s, out)
    elif y is not None:
        dense_implicit(m, w, y, base, u, new, s, out)


@inner
def crossing(m, w, x, y, method, theta, o, base, t, h, u, new, state):
    """The first crossing of a condition inside a step: (fraction, condition); (2, -1) where there is none.

    A condition that rests on 0 and leaves it is told by its new sign, negated and less 2.

    A condition that has just changed counts only after it has been seen on its new side.
    """
    first, which = 2.0, -1
    K, before = w.signs.shape[0], 0.0
    for j in range(1, _PARTS + 1):
        s = j / _PARTS
        inside(m, w, x, y, method, base, u, new, h, s, state)
        conditions_at(m, w, theta, o, t + s * h, state)
        for k in range(K):
            if m.time_only[k]:
                continue
            g = condition(m, w, o, k) * w.signs[k]
            if w.signs[k] == 0.0 and condition(m, w, o, k) != 0.0:
                # it rested on 0 and leaves it
                return -2.0 - sign(condition(m, w, o, k)), k
            if g > 0.0:
                w.armed[k] = 1
            elif g < 0.0 and w.armed[k]:
                found = close_in(
                    m, w, x, y, method, theta, o, base, t, h, u, new, state, k, before, s
                )
                if found < first:
                    first, which = found, k
                inside(m, w, x, y, method, base, u, new, h, s, state)
                conditions_at(m, w, theta, o, t + s * h, state)
        if which >= 0:
            return first, which
        before = s
    return first, which


@inner
def close_in(m, w, x, y, method, theta, o, base, t, h, u, new, state, k, low, high):
    """Where condition k changes between two fractions of a step: bisection with the secant's help."""
    # Illinois: Dowell and Jarratt, BIT 11 (1971), 168
    inside(m, w, x, y, method, base, u, new, h, low, state)
    conditions_at(m, w, theta, o, t + low * h, state)
    a = condition(m, w, o, k) * w.signs[k]
    inside(m, w, x, y, method, base, u, new, h, high, state)
    conditions_at(m, w, theta, o, t + high * h, state)
    b = condition(m, w, o, k) * w.signs[k]
    if not a > 0.0:
        return low
    for r in range(_ROUNDS):
        middle = (low * b - high * a) / (b - a) if r % 3 < 2 else 0.5 * (low + high)
        if not (low < middle < high):
            middle = 0.5 * (low + high)
        inside(m, w, x, y, method, base, u, new, h, middle, state)
        conditions_at(m, w, theta, o, t + middle * h, state)
        c = condition(m, w, o, k) * w.signs[k]
        if c > 0.0:
            low, a = middle, c
            b *= 0.5
        else:
            high, b = middle, c
            a *= 0.5
        if high - low <= 1e-15 or c == 0.0:
            break
    return high


@inner
def find_stops(m, w, problem, theta, o, e, t1):
    """The times at which steps end: those asked for, and where conditions of time alone change.

    Their number, or -1 where memory is too short.
    """
    t0, count = problem.t0[e], 0
    for j in range(problem.stops.shape[0]):
        if t0 < problem.stops[j] < t1:
            if count >= w.stops.shape[0]:
                return -1
            w.stops[count], w.stop_of[count] = problem.stops[j], -1
            count += 1
    for k in range(w.signs.shape[0]):
        if m.time_only[k]:
            count = stops_of(m, w, theta, o, k, t0, t1, problem.u0[e], count)
            if count < 0:
                return -1
    for i in range(1, count):
        # few, and nearly sorted
        a, b, j = w.stops[i], w.stop_of[i], i
        while j > 0 and w.stops[j - 1] > a:
            w.stops[j], w.stop_of[j] = w.stops[j - 1], w.stop_of[j - 1]
            j -= 1
        w.stops[j], w.stop_of[j] = a, b
    return count


@inner
def at_time(m, w, theta, o, k, t, u):
    """Condition k at time t."""
    conditions_at(m, w, theta, o, t, u)
    return condition(m, w, o, k)


@inner
def stops_of(m, w, theta, o, k, t0, t1, u, count):
    """Adds the zeros of condition k, which knows only time, to `w.stops`; their number, or -1."""
    parts = grid_of(m, w, theta, o, k, t0, t1, u)
    low, a = t0, at_time(m, w, theta, o, k, t0, u)
    for j in range(1, parts + 1):
        high = t0 + (t1 - t0) * j / parts
        b = at_time(m, w, theta, o, k, high, u)
        if a == 0.0:
            low, a = high, b
            continue
        if a * b < 0.0 or (b == 0.0 and j < parts):
            zero = zero_between(m, w, theta, o, k, low, high, a, u)
            if t0 < zero < t1 and changes(m, w, theta, o, k, zero, (high - low) / 64, a, u):
                if count >= w.stops.shape[0]:
                    return -1
                w.stops[count], w.stop_of[count] = zero, k
                count += 1
        low, a = high, b if b != 0.0 else -a
    return count


@inner
def changes(m, w, theta, o, k, zero, step, a, u):
    """Whether condition k has another sign behind a zero than before."""
    return at_time(m, w, theta, o, k, zero + step, u) * a <= 0.0


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
        middle = (low * b - high * a) / (b - a) if r % 3 < 2 else 0.5 * (low + high)
        if not (low < middle < high):
            middle = 0.5 * (low + high)
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


@inner
def rate(m, w, theta, o, t, u, k, f):
    """How fast condition k changes with the signs as they are; f becomes the right-hand side."""
    place(m, w, o, t, False)
    for i in range(m.n):
        w.v[o + w.held.shape[0] + 1 + i] = u[i]
    slopes(m, w, theta, o, f, 0)
    conditions_at(m, w, theta, o, t, u)
    condition_slopes(m, w, theta, o, f, w.rates)
    return w.rates[k]


@inner
def slides(m, w, theta, o, t, u, k, f, keep, step):
    """Changes the sign of a condition that was reached; whether both sides lead back to it."""
    before = rate(m, w, theta, o, t, u, k, f)
    note(w, keep, step, k, -w.signs[k], 0)
    w.armed[k] = 0
    after = rate(m, w, theta, o, t, u, k, f)
    return before * w.signs[k] > 0.0 and after * w.signs[k] < 0.0
