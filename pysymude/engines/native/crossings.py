"""Where a condition that reads the state changes first inside a step.

Signs are compared at the ends of eighths of the step; between them a condition may touch 0 and come back, as a
peak does that is a little above a threshold: where values say that this may be, the lowest point is looked for.
"""

from __future__ import annotations

import math

from pysymude.engines.native import structures as st
from pysymude.engines.native.compiling import inner
from pysymude.engines.native.explicit import dense_explicit
from pysymude.engines.native.function_slopes import sign
from pysymude.engines.native.implicit import dense_implicit
from pysymude.engines.native.switching import condition, conditions_at, passes

__all__ = ["NEVER", "crossing", "illinois"]

_PARTS = 8  # of a step, at whose ends signs are compared
_ROUNDS = 60
_GOLDEN = 0.3819660112501051
NEVER = -9.0


@inner
def inside(m, w, x, y, method, base, u, new, h, s, out):
    """The state at the fraction s of a step."""
    if method == st.EXPLICIT:
        dense_explicit(m, w, x, base, u, h, s, out)
    elif y is not None:
        dense_implicit(m, w, y, base, u, new, s, out)


@inner
def crossing(m, w, x, y, method, theta, o, base, t, h, u, new, state, begin):
    """The first crossing of a condition, from `begin` on, inside a step: (fraction, condition); else (2, -1).

    A switch that rests on 0 and leaves it is told by its new sign, negated and less 2; an event that returns
    at once to where it has just acted by NEVER.

    A condition that has just changed counts only after it has been seen on its new side.
    """
    first, which = 2.0, -1
    K, before = w.signs.shape[0], 0.0
    conditions_at(m, w, theta, o, t, u)
    for k in range(K):
        w.now[k] = w.signs[k]
        w.past[k, 0] = math.nan
        w.past[k, 1] = condition(m, w, o, k) * w.now[k] if w.armed[k] == 1 else math.nan
    for j in range(1, _PARTS + 1):
        s = j / _PARTS
        inside(m, w, x, y, method, base, u, new, h, s, state)
        conditions_at(m, w, theta, o, t + s * h, state)
        for k in range(begin, K):
            if m.time_only[k]:
                continue
            value = condition(m, w, o, k)
            g = value * w.now[k]
            if w.now[k] == 0.0 and value != 0.0:
                # it rested on 0 and leaves it
                if k < m.switches:
                    return -2.0 - sign(value), k
                w.now[k], w.armed[k] = sign(value), 1
            elif g > 0.0:
                w.armed[k] = 1
                a, b = w.past[k, 0], w.past[k, 1]
                if m.signal_of[k] < 0 and touches(a, b, g):
                    found = dip(
                        m, w, x, y, method, theta, o, base, t, h, u, new, state, k, before, s, g
                    )
                    if found < first:
                        first, which = found, k
                    inside(m, w, x, y, method, base, u, new, h, s, state)
                    conditions_at(m, w, theta, o, t + s * h, state)
            elif g < 0.0 and k >= m.switches and not passes(m, k, w.now[k]):
                w.now[k], w.armed[k] = sign(value), 1
            elif g < 0.0:
                found = change(
                    m, w, x, y, method, theta, o, base, t, h, u, new, state, k, before, s
                )
                if found == NEVER and w.armed[k] == -1:
                    return NEVER, k
                if found == NEVER:
                    w.now[k], w.armed[k] = -w.now[k], 1
                elif found < first:
                    first, which = found, k
                inside(m, w, x, y, method, base, u, new, h, s, state)
                conditions_at(m, w, theta, o, t + s * h, state)
            w.past[k, 0], w.past[k, 1] = w.past[k, 1], g if g > 0.0 else math.nan
        if which >= 0:
            return first, which
        before = s
    return first, which


@inner
def value_inside(m, w, x, y, method, theta, o, base, t, h, u, new, state, k, s):
    """Condition k at the fraction s of a step, times its sign."""
    inside(m, w, x, y, method, base, u, new, h, s, state)
    conditions_at(m, w, theta, o, t + s * h, state)
    return condition(m, w, o, k) * w.now[k]


@inner
def illinois(r, low, high, a, b):
    """Where to look in round r between points with values a and b: the secant's place, each third time the middle.

    Dowell and Jarratt, BIT 11 (1971), 168.
    """
    middle = (low * b - high * a) / (b - a) if r % 3 < 2 else 0.5 * (low + high)
    if not (low < middle < high):
        middle = 0.5 * (low + high)
    return middle


@inner
def close_in(m, w, x, y, method, theta, o, base, t, h, u, new, state, k, low, high):
    """Where condition k changes between two fractions of a step: bisection with the secant's help."""
    a = value_inside(m, w, x, y, method, theta, o, base, t, h, u, new, state, k, low)
    b = value_inside(m, w, x, y, method, theta, o, base, t, h, u, new, state, k, high)
    if not a > 0.0 and k < m.switches:
        return low
    if not a > 0.0:
        # it begins on 0, and was on its side only between there and `high`
        middle = high
        for _ in range(_ROUNDS):
            middle = low + 0.5 * (high - low)
            a = value_inside(m, w, x, y, method, theta, o, base, t, h, u, new, state, k, middle)
            if a > 0.0:
                break
            high, b = middle, a
        if not a > 0.0:
            return NEVER
        low = middle
        w.armed[k] = 1
    for r in range(_ROUNDS):
        middle = illinois(r, low, high, a, b)
        c = value_inside(m, w, x, y, method, theta, o, base, t, h, u, new, state, k, middle)
        if c > 0.0:
            low, a = middle, c
            b *= 0.5
        else:
            high, b = middle, c
            a *= 0.5
        if high - low <= 1e-15 * high or c == 0.0:
            break
    return high


@inner
def change(m, w, x, y, method, theta, o, base, t, h, u, new, state, k, low, high):
    """Where condition k changes up to `high`, where it has; 2 for one that did not reach its new side."""
    if k < m.switches and w.armed[k] != 1:
        # it has just changed, and is back: it counts where it was on its new side between
        if m.signal_of[k] >= 0:
            return 2.0
        begin, low, a = low, high, -1.0
        for _ in range(_ROUNDS // 2):
            low = begin + 0.5 * (low - begin)
            a = value_inside(m, w, x, y, method, theta, o, base, t, h, u, new, state, k, low)
            if a > 0.0:
                break
            high = low
        if not a > 0.0:
            return 2.0
        w.armed[k] = 1
    return close_in(m, w, x, y, method, theta, o, base, t, h, u, new, state, k, low, high)


@inner
def touches(a, b, c):
    """Whether a condition may be 0 between points where it is a, b and c > 0, at equal distances.

    The parabola through them has its lowest point between, or nearly so, and that is near 0, as curvature goes.
    """
    bend = a - 2.0 * b + c
    if not bend > 0.0 or not abs(a - c) <= 2.5 * bend:
        return False
    return b - (a - c) ** 2 / (8.0 * bend) < 0.5 * bend


@inner
def dip(m, w, x, y, method, theta, o, base, t, h, u, new, state, k, middle, high, c):
    """Where condition k first changes between two parts' ends where it has one sign; 2 where it does not."""
    a, b, part = w.past[k, 0], w.past[k, 1], high - middle
    bend, begin = a - 2.0 * b + c, middle - part
    lowest = middle + min(max((a - c) / (2.0 * bend), -1.0), 1.0) * part
    left, right = max(begin, lowest - 0.5 * part), min(high, lowest + 0.5 * part)
    p, q = left + _GOLDEN * (right - left), right - _GOLDEN * (right - left)
    at_p = value_inside(m, w, x, y, method, theta, o, base, t, h, u, new, state, k, p)
    at_q = value_inside(m, w, x, y, method, theta, o, base, t, h, u, new, state, k, q)
    for _ in range(_ROUNDS):
        least = min(at_p, at_q)
        # what is left of the bracket cannot bring it down to 0
        if not least >= 0.0 or least > bend * ((right - left) / part) ** 2:
            break
        if at_p < at_q:
            right, q, at_q = q, p, at_p
            p = left + _GOLDEN * (right - left)
            at_p = value_inside(m, w, x, y, method, theta, o, base, t, h, u, new, state, k, p)
        else:
            left, p, at_p = p, q, at_q
            q = right - _GOLDEN * (right - left)
            at_q = value_inside(m, w, x, y, method, theta, o, base, t, h, u, new, state, k, q)
    lowest = p if at_p < at_q else q
    if not min(at_p, at_q) < 0.0:
        return 2.0
    if k >= m.switches and not passes(m, k, w.now[k]):
        # the way back counts
        w.now[k] = -w.now[k]
        return close_in(m, w, x, y, method, theta, o, base, t, h, u, new, state, k, lowest, high)
    low = middle if lowest > middle else begin
    return close_in(m, w, x, y, method, theta, o, base, t, h, u, new, state, k, low, lowest)
