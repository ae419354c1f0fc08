"""Steps that run through the points of a signal: whether they saw what the signal did.

The stages of a step look at a signal a few times only. So a step counts where the solver's own quadrature of the
signal, and of its square, agrees with the exact integral as far as the tolerances ask.
"""

from __future__ import annotations

import math

from pysymude.engines.native import codes
from pysymude.engines.native import structures as st
from pysymude.engines.native.blocks import place, slopes, spare
from pysymude.engines.native.compiling import inner
from pysymude.engines.native.signal_stops import SHORTEST
from pysymude.engines.native.signal_tables import (
    AREA,
    SQUARE,
    integral_at,
    number_at,
    piece_of,
    signal_at,
    time_of,
)
from pysymude.engines.native.switching import note

__all__ = ["next_knot", "unseen"]

LIVE, PIECE, LEAST, GREATEST = codes.LIVE, codes.PIECE, codes.LEAST, codes.GREATEST
EXPLICIT, METHOD, STEP, FRESH, T, H = st.EXPLICIT, st.METHOD, st.STEP, st.FRESH, st.T, st.H
BASE = st.BASE
REJECTED, ACCEPTED = st.REJECTED, st.ACCEPTED
U, NEW, SCRATCH = st.U, st.NEW, st.SCRATCH
SAFETY = 4.0  # what is not seen is no error that a longer way averages out
LONGEST = 64


@inner
def next_knot(m, w, x, keep):
    """Where the step that is tried has to end for the signals that it could run through; else infinity.

    Steps of the length of a few pieces lose more at kinks than they gain: each piece is then a step, up to
    `LONGEST` of them before the next try of a longer one. `through` is 1 and how many of these are left, the
    length of the last such row, and the steps rejected and accepted when it was last looked at.
    """
    end = math.inf
    for k in range(w.signs.shape[0]):
        if w.through[k, 0] > 0:
            end = min(end, next_knot_of(m, w, x, keep, k))
    return end


@inner
def next_knot_of(m, w, x, keep, k):
    """That of one signal; the piece on which it is, or LIVE, becomes known."""
    state, address = w.through[k], int(w.held[m.signal_of[k]])
    n, t, h, rate, shift = (
        int(number_at(address, 0)), w.walk[T], w.walk[H], w.line[k, 0], w.line[k, 1],
    )  # fmt: skip
    z = rate * t + shift
    piece = piece_of(address, n, z)
    # rounding may have left it an ulp before the point
    if rate > 0.0 and piece < n and time_of(address, piece) - z <= 1e-13 * abs(z):
        piece += 1
    elif rate < 0.0 and piece > 0 and z - time_of(address, piece - 1) <= 1e-13 * abs(z):
        piece -= 1
    at = piece if rate > 0.0 else piece - 1  # the next point
    end = math.inf
    if 0 <= at < n:
        end = (time_of(address, at) - shift) / rate
    length = max(end - t, 0.0)
    if w.signs[k] == LIVE and w.marks[REJECTED] > state[2] and h < 4.0 * length:
        state[0], state[1] = 1 + state[1], min(2 * state[1], LONGEST)
    elif w.signs[k] == LIVE and w.marks[ACCEPTED] > state[3]:
        state[1] = SHORTEST
    if state[0] > 1 and w.marks[ACCEPTED] > state[3]:
        state[0] -= 1
    state[2], state[3] = w.marks[REJECTED], w.marks[ACCEPTED]
    single = state[0] > 1 or h < 1.5 * length
    wanted = PIECE + piece if single else LIVE
    if wanted != w.signs[k]:
        note(w, keep, w.marks[STEP] - 1, k, wanted, 1)
        part(w, x, keep)
    return end if single else math.inf


@inner
def part(w, x, keep):
    """A step gets a first slope of its own, where it had that of the step before."""
    marks, step = w.marks, w.marks[STEP]
    marks[FRESH] = 1
    if keep and step > 0 and x.fsal and marks[METHOD] == EXPLICIT:
        before = w.steps[step - 1]
        if before[st.STEP_METHOD] == EXPLICIT and marks[BASE] == before[st.STEP_BASE] + x.last:
            marks[BASE] += x.total - x.last


@inner
def unseen(m, w, x, y, options, theta):
    """The largest error that a step may have made for what it did not see of signals; 1 is admitted."""
    most = 0.0
    for k in range(w.signs.shape[0]):
        if w.through[k, 0] > 0 and w.signs[k] == LIVE:
            most = max(most, unseen_of(m, w, x, y, options, theta, k))
    return most


@inner
def unseen_of(m, w, x, y, options, theta, k):
    """That of the signal whose argument condition k is; the argument is of degree 1 in time."""
    o, t, h, address = spare(m, w), w.walk[T], w.walk[H], int(w.held[m.signal_of[k]])
    rate, least, greatest = w.line[k, 0], number_at(address, 3), number_at(address, 4)
    start = rate * t + w.line[k, 1]
    width, middle = greatest - least, 0.5 * (least + greatest)
    if width == 0.0 or rate == 0.0:
        return 0.0
    area, square = 0.0, 0.0
    if w.marks[METHOD] == EXPLICIT:
        for q in range(x.stages):
            v = signal_at(address, start + rate * x.c[q] * h, LIVE, 0.0) - middle
            area += x.b[q] * v
            square += x.b[q] * v * v
    elif y is not None:
        for q in range(y.stages):
            v = signal_at(address, start + rate * y.c[q] * h, LIVE, 0.0) - middle
            area += y.weights[q] * v
            square += y.weights[q] * v * v
        v = signal_at(address, start, LIVE, 0.0) - middle
        slope = h * rate * signal_at(address, start, LIVE, 1.0) * y.weights[y.stages]
        area += slope
        square += 2.0 * v * slope
    end = start + rate * h
    exact = integral_at(address, end, AREA, middle) - integral_at(address, start, AREA, middle)
    missed = abs(h * area - exact / rate)
    exact = integral_at(address, end, SQUARE, middle) - integral_at(address, start, SQUARE, middle)
    missed = max(missed, abs(h * square - exact / rate) / width)
    value = signal_at(address, start, LIVE, 0.0)
    return SAFETY * missed * reaction(m, w, options, theta, o, k, t, value, least, greatest)


@inner
def reaction(m, w, options, theta, o, k, t, value, least, greatest):
    """How much the right-hand side depends on a signal, relative to what the tolerances admit."""
    f, n, total = w.work[SCRATCH], m.n, 0.0
    u, new = w.work[U], w.work[NEW]
    for side in range(2):
        w.signs[k] = LEAST if side == 0 else GREATEST
        distance = abs((least if side == 0 else greatest) - value)
        if distance < 0.1 * (greatest - least):
            continue
        place(m, w, o, t, False)
        for i in range(n):
            w.v[o + w.held.shape[0] + 1 + i] = u[i]
        slopes(m, w, theta, o, f, 0)
        size = 0.0
        for i in range(n):
            e = (f[i] - w.first[i]) / distance
            e /= options.abstol[i] + options.reltol * max(abs(u[i]), abs(new[i]))
            size += e * e
        total = max(total, size)
    w.signs[k] = LIVE
    return math.sqrt(total / n)
