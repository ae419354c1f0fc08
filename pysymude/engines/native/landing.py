"""Steps that end where a condition changes, and what is another behind that."""

from __future__ import annotations

import math

from pysymude.engines.native import structures as st
from pysymude.engines.native.blocks import spare
from pysymude.engines.native.compiling import inner
from pysymude.engines.native.crossings import NEVER, crossing
from pysymude.engines.native.explicit import extend_explicit
from pysymude.engines.native.signal_stops import pass_knot
from pysymude.engines.native.steps import attempt
from pysymude.engines.native.switching import (
    any_moves,
    condition,
    conditions_at,
    leave_zero,
    note,
    rate,
    settle,
    slides,
    turn_back,
)

__all__ = ["AGAIN", "land", "switch"]

EXPLICIT, NOTHING = st.EXPLICIT, st.NOTHING
T, H = st.T, st.H
METHOD, STEP, BASE, NEXT_STOP, STOPS = st.METHOD, st.STEP, st.BASE, st.NEXT_STOP, st.STOPS
FRESH, RESTART, LIVE, DUE = st.FRESH, st.RESTART, st.LIVE, st.DUE
EXTRA, ARRIVES, LANDED = st.EXTRA, st.ARRIVES, st.LANDED
U, NEW, SCRATCH, INSIDE = st.U, st.NEW, st.SCRATCH, st.INSIDE
CHATTERING, GOES_ON = st.CHATTERING, st.GOES_ON

AGAIN = 1  # beside the codes of marches
_ROUNDS = 8


@inner
def land(m, w, x, y, options, theta):
    """Ends the step where a condition changes first; AGAIN where it is to be tried again."""
    walk, marks = w.walk, w.marks
    marks[LANDED] = -1
    # while the right-hand side follows its switches by itself, events are still looked for
    begin = m.switches if marks[LIVE] else 0
    if not any_moves(m, begin):
        return GOES_ON
    if marks[METHOD] == EXPLICIT and x.total > x.stages:
        base, live = marks[BASE], marks[LIVE] != 0
        extend_explicit(m, w, x, options.keep, theta, base, w.work[U], walk[T], walk[H], live)
        marks[EXTRA] = 1
    s, which = crossing(
        m, w, x, y, marks[METHOD], theta, spare(m, w), marks[BASE], walk[T], walk[H], w.work[U],
        w.work[NEW], w.work[INSIDE], begin,
    )  # fmt: skip
    if s == NEVER:
        return CHATTERING
    if s < 0.0:
        # a condition rested on 0 and leaves it: once more with the sign that it takes
        note(w, options.keep != NOTHING, marks[STEP] - 1, which, -2.0 - s, 1)
        marks[FRESH] = 1
        return AGAIN
    marks[LANDED] = which
    if which >= 0:
        if s < 1.0 - 1e-14:
            marks[ARRIVES] = 0
            end = max(walk[T] + walk[H] * s, math.nextafter(walk[T], math.inf))
            walk[H] = end - walk[T]
            attempt(m, w, x, y, options, theta)
            marks[EXTRA] = 0
        if which >= m.switches:
            refine(m, w, x, y, options, theta, which)
        pass_over(m, w, x, y, options, theta, which)
    return GOES_ON


@inner
def refine(m, w, x, y, options, theta, k):
    """Ends the step where condition k is 0 by the step itself, not by its dense output: one step of Newton."""
    walk, new, o = w.walk, w.work[NEW], spare(m, w)
    end = walk[T] + walk[H]
    changes = rate(m, w, theta, o, end, new, k, w.work[SCRATCH])
    g = condition(m, w, o, k)
    h = walk[H] - g / changes if changes != 0.0 else walk[H]
    if changes * w.now[k] < 0.0 and 0.5 * walk[H] < h <= 1.5 * walk[H] and walk[T] + h > walk[T]:
        walk[H] = h
        w.marks[ARRIVES], w.marks[EXTRA] = 0, 0
        attempt(m, w, x, y, options, theta)


@inner
def pass_over(m, w, x, y, options, theta, k):
    """Lengthens a step that ends where condition k changes until it ends on the new side.

    The dense output's zero is that of the step but for an error, and what is defined on the new side only
    must not be asked for on the old one, nor between the two.
    """
    walk, marks, new, o = w.walk, w.marks, w.work[NEW], spare(m, w)
    h, arrives, more = walk[H], marks[ARRIVES], 1.0
    for _ in range(_ROUNDS):
        end = walk[T] + walk[H]
        conditions_at(m, w, theta, o, end, new)
        g = condition(m, w, o, k) * w.now[k]
        if not g >= 0.0:
            return
        falls = -rate(m, w, theta, o, end, new, k, w.work[SCRATCH]) * w.now[k]
        if not falls > 0.0:
            return
        # Newton's step first; where rounding leaves a little, more than that
        walk[H] += max(more * g / falls, more * (math.nextafter(end, math.inf) - end))
        marks[ARRIVES], marks[EXTRA] = 0, 0
        if walk[H] > 1.5 * h or not attempt(m, w, x, y, options, theta) <= 1.0:
            # it only comes nearer and nearer, as a decay does: the step is good where it was
            walk[H], marks[ARRIVES] = h, arrives
            attempt(m, w, x, y, options, theta)
            return
        more *= 4.0


@inner
def switch(m, w, options, theta):
    """The signs behind the end of a step; a code where that is no end."""
    walk, marks, keep = w.walk, w.marks, options.keep != NOTHING
    if marks[LIVE]:
        marks[LIVE], marks[FRESH] = 0, 1
        settle(m, w, theta, spare(m, w), walk[T], w.work[U], keep, marks[STEP])
    marks[DUE], K, jumped = marks[NEXT_STOP], w.signs.shape[0], False
    while marks[NEXT_STOP] < marks[STOPS] and w.stops[marks[NEXT_STOP]] <= walk[T]:
        k = w.stop_of[marks[NEXT_STOP]]
        if k >= 0 and m.signal_of[k % K] >= 0:
            pass_knot(m, w, keep, k)
            jumped = jumped or m.jumps[k % K] != 0
        elif k >= m.switches:
            w.pending[k] = 1  # an event of time alone
        elif k >= 0:
            note(w, keep, marks[STEP], k, -w.signs[k], 0)
            marks[FRESH], marks[RESTART] = 1, 1
            span = walk[H]
            if marks[NEXT_STOP] + 1 < marks[STOPS] and w.stops[marks[NEXT_STOP] + 1] > walk[T]:
                span = min(span, w.stops[marks[NEXT_STOP] + 1] - walk[T])
            leave_zero(m, w, theta, spare(m, w), walk[T], w.work[U], span, keep, marks[STEP])
        marks[NEXT_STOP] += 1
    k = marks[LANDED]
    if jumped and k < m.switches:
        # what a jump of an input brings over a switch has not crossed it
        settle(m, w, theta, spare(m, w), walk[T], w.work[U], keep, marks[STEP])
        k = marks[LANDED] = -1
    if any_moves(m, 0) and turn_back(
        m, w, theta, spare(m, w), walk[T], w.work[U], keep, marks[STEP], k
    ):
        marks[FRESH] = 1
    if 0 <= k < m.switches:
        marks[FRESH], marks[RESTART] = 1, 1
        u, f = w.work[U], w.work[SCRATCH]
        if slides(m, w, theta, spare(m, w), walk[T], u, k, f, keep, marks[STEP]):
            return CHATTERING
    return GOES_ON
