"""Where steps end for signals: the times at which their arguments meet their points."""

from __future__ import annotations

import math

from pysymude.engines.native import codes
from pysymude.engines.native import structures as st
from pysymude.engines.native.compiling import inner
from pysymude.engines.native.signal_tables import number_at, piece_of, time_of
from pysymude.engines.native.switching import condition, condition_slopes, conditions_at, note

__all__ = ["add_knots", "pass_knot"]

LIVE, PIECE = codes.LIVE, codes.PIECE
INSIDE, STEP, FRESH, RESTART = st.INSIDE, st.STEP, st.FRESH, st.RESTART
REJECTED, ACCEPTED = st.REJECTED, st.ACCEPTED
FEW = 256  # points within a solve at which steps end in any case
SHORTEST = 4  # pieces that are taken one by one where a step over several has failed
_PARTS = 256  # of a solve, in which an argument goes one way


@inner
def address_of(m, w, k):
    """The table of the signal whose argument condition k is."""
    return int(w.held[m.signal_of[k]])


@inner
def argument(m, w, theta, o, k, t):
    """The argument at time t."""
    conditions_at(m, w, theta, o, t, w.work[INSIDE])
    return condition(m, w, o, k)


@inner
def pass_knot(m, w, keep, stop):
    """The signal of a stop goes on to its next piece; with a step of another size where f jumps."""
    K, marks = w.signs.shape[0], w.marks
    k, piece = stop % K, stop // K
    note(w, keep, marks[STEP], k, PIECE + piece, 1 - m.jumps[k])
    # where f is continuous its derivatives are not
    marks[FRESH] = 1
    if m.jumps[k]:
        marks[RESTART] = 1


@inner
def add_knots(m, w, theta, o, k, t0, t1, u, count):
    """Adds the points of a signal to `w.stops`, each as ``k + K piece``; their number, or -1.

    Where they are many and nothing jumps, none: then steps run through them.
    """
    for j in range(m.n):
        w.work[INSIDE, j] = u[j]
    if m.affine[k]:
        a, b = argument(m, w, theta, o, k, t0), argument(m, w, theta, o, k, t1)
        conditions_at(m, w, theta, o, t0, w.work[INSIDE])
        return add_straight(m, w, theta, o, k, t0, t1, a, b, count)
    low, a = t0, argument(m, w, theta, o, k, t0)
    for j in range(1, _PARTS + 1):
        high = t0 + (t1 - t0) * j / _PARTS
        b = argument(m, w, theta, o, k, high)
        count = add_bent(m, w, theta, o, k, low, high, a, b, t1, count)
        if count < 0:
            return -1
        low, a = high, b
    return count


@inner
def add_straight(m, w, theta, o, k, t0, t1, a, b, count):
    """The points of an argument that goes straight from a to b; its rate is known at the block."""
    address = address_of(m, w, k)
    n = int(number_at(address, 0))
    if not (math.isfinite(a) and math.isfinite(b)) or a == b:
        return count
    first, last = piece_of(address, n, min(a, b)), piece_of(address, n, max(a, b))
    condition_slopes(m, w, theta, o, w.work[st.SCRATCH], w.rates)
    rate = w.rates[k]
    if last - first > FEW and m.each[k] == 0:
        w.signs[k], w.through[k, 0], w.through[k, 1] = LIVE, 1, SHORTEST
        w.line[k, 0], w.line[k, 1] = rate, a - rate * t0
        w.through[k, 2], w.through[k, 3] = w.marks[REJECTED], w.marks[ACCEPTED]
        return count
    if count + last - first > w.stops.shape[0]:
        return -1
    for i in range(first, last):
        at = i if rate > 0.0 else last - 1 - (i - first)
        # exact where the argument is time, or time and a shift
        knot = time_of(address, at)
        t = knot + (t0 - a) if rate == 1.0 else t0 + (knot - a) / rate
        if t0 < t < t1:
            piece = at + 1 if rate > 0.0 else at
            w.stops[count], w.stop_of[count] = t, k + w.signs.shape[0] * piece
            count += 1
    return count


@inner
def add_bent(m, w, theta, o, k, low, high, a, b, t1, count):
    """The points of an argument that goes from a to b in one direction, though not straight."""
    address = address_of(m, w, k)
    n = int(number_at(address, 0))
    if not (math.isfinite(a) and math.isfinite(b)) or a == b:
        return count
    first, last = piece_of(address, n, min(a, b)), piece_of(address, n, max(a, b))
    if count + last - first > w.stops.shape[0]:
        return -1
    up = 1.0 if b > a else -1.0
    for i in range(first, last):
        at = i if up > 0.0 else last - 1 - (i - first)
        t = meeting(m, w, theta, o, k, low, high, up, time_of(address, at))
        if t < t1:
            piece = at + 1 if up > 0.0 else at
            w.stops[count], w.stop_of[count] = t, k + w.signs.shape[0] * piece
            count += 1
    return count


@inner
def meeting(m, w, theta, o, k, low, high, up, knot):
    """When an argument that goes up, or down, meets a point between two times."""
    while True:
        middle = 0.5 * (low + high)
        if not (low < middle < high):
            return high
        if (argument(m, w, theta, o, k, middle) - knot) * up < 0.0:
            low = middle
        else:
            high = middle
