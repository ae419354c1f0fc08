"""How long steps are, and by which method: the first size, the next one, signs of stiffness."""

from __future__ import annotations

import math

from pysymude.engines.native import structures as st
from pysymude.engines.native.blocks import place, slopes, spare
from pysymude.engines.native.compiling import inner
from pysymude.engines.native.explicit import stiffness
from pysymude.engines.native.fastest_mode import held_by_decay, unmoved_growth, within_reach
from pysymude.engines.native.implicit import reach

__all__ = ["change_method", "first_step", "next_size"]

EXPLICIT, IMPLICIT = st.EXPLICIT, st.IMPLICIT
RATE = st.RATE
H, H_BEFORE, E_BEFORE = st.H, st.H_BEFORE, st.E_BEFORE
METHOD, BASE, LIVE, STIFF, MILD = st.METHOD, st.BASE, st.LIVE, st.STIFF, st.MILD
ACCEPTED, CHANGES, ANOTHER = st.ACCEPTED, st.CHANGES, st.ANOTHER
U, SCRATCH, INSIDE = st.U, st.SCRATCH, st.INSIDE

_STIFF_STEPS = 12  # so many steps at the limit of stability make a problem stiff
_MILD_STEPS = 4  # so many away from it, not
_AT_LIMIT, _WITHIN = 0.8, 0.5  # of the stability region
_ERROR_ORDER = 4.0
_NEAR = 1e-4  # of a first step, where a second look at the right-hand side is taken
_SHARP = 1e-12  # of a first step, where a derivative is infinite


@inner
def first_step(m, w, theta, options, t, span):
    """Hairer's first step; 0 where the right-hand side is not finite."""
    # Hairer, Norsett, Wanner, Solving ODEs I, 2nd ed., sec. II.4
    n, u, f0, scratch, o = m.n, w.work[U], w.first, w.work[SCRATCH], spare(m, w)
    d0, d1, d2 = 0.0, 0.0, 0.0
    for i in range(n):
        size = options.abstol[i] + options.reltol * abs(u[i])
        d0 += (u[i] / size) ** 2
        d1 += (f0[i] / size) ** 2
    d0, d1 = math.sqrt(d0 / n), math.sqrt(d1 / n)
    if not math.isfinite(d1):
        return 0.0
    h0, least = (
        0.01 * d0 / d1 if d1 > 0.0 else 0.0,
        16.0 * (math.nextafter(abs(t), math.inf) - abs(t)),
    )
    # behind a switch or a jump a state may be 0 but for rounding: that is no length of time
    h0 = min(max(least, 1e-6 if d0 < 1e-5 or d1 < 1e-5 or h0 < least else h0), span)
    place(m, w, o, t + h0, w.marks[LIVE] != 0)
    for i in range(n):
        w.v[o + w.held.shape[0] + 1 + i] = u[i] + h0 * f0[i]
    slopes(m, w, theta, o, scratch, 0)
    for i in range(n):
        d2 += ((scratch[i] - f0[i]) / (options.abstol[i] + options.reltol * abs(u[i]))) ** 2
    bend = max(d1, math.sqrt(d2 / n) / h0)
    h1 = max(1e-6, 1e-3 * h0)
    if w.marks[ACCEPTED] > 0 and bends_at_once(m, w, theta, t, h0):
        return max(_SHARP * h0, least)
    if bend > 1e-15:
        h1 = (0.01 / bend) ** (1.0 / (_ERROR_ORDER + 1.0))
    return min(max(least, min(100.0 * h0, h1)), span) if math.isfinite(h1) else h0


@inner
def bends_at_once(m, w, theta, t, h):
    """Whether a derivative is infinite, or nearly so, where a step begins behind a switch.

    The right-hand side at the fraction 1e-4 of the step h, along its slope, is compared with that at h, in
    w.work[SCRATCH]: near a square root's edge it has changed by a hundredth, not a ten-thousandth. Values
    would allow a long step there; derivatives by the state and by theta are as wrong as its square root.
    """
    f0, far, near, o = w.first, w.work[SCRATCH], w.work[INSIDE], spare(m, w)
    place(m, w, o, t + _NEAR * h, w.marks[LIVE] != 0)
    for i in range(m.n):
        w.v[o + w.held.shape[0] + 1 + i] = w.work[U, i] + _NEAR * h * f0[i]
    slopes(m, w, theta, o, near, 0)
    for i in range(m.n):
        change = abs(near[i] - f0[i])
        straight = _NEAR * abs(far[i] - f0[i])
        # less is rounding
        if change > 5.0 * straight and change > 1e-10 * max(abs(f0[i]), abs(far[i])):
            return True
    return False


@inner
def next_size(w, x, y, error):
    """The size of the step that follows, from the errors of this one and the one before."""
    walk, marks, q, least = w.walk, w.marks, 1.0, 1.0 / unmoved_growth(w, error)
    if marks[METHOD] == EXPLICIT:
        # proportional and integral: Hairer and Wanner, Solving ODEs II, 2nd ed., sec. IV.2
        q = error**x.beta / walk[E_BEFORE] ** x.beta_before / 0.9
        walk[E_BEFORE] = max(error, 1e-4)
        q = min(max(q, 0.1, least), 5.0)
        return within_reach(w, walk[H] / q)
    if y is not None:
        # Gustafsson, ACM Trans. Math. Softw. 20 (1994), 496
        q = error**y.exponent / 0.9
        if marks[ACCEPTED] > 1:
            change = error * error / walk[E_BEFORE]
            q = max(q, walk[H_BEFORE] / walk[H] * change**y.exponent / 0.9)
        walk[H_BEFORE], walk[E_BEFORE] = walk[H], max(1e-2, error)
        q = min(max(q, 1e-4 if marks[ACCEPTED] == 1 else 1.0 / 6.0, least), 5.0)
    return walk[H] / q


@inner
def change_method(m, w, x, y):
    """Another method where steps show that it does better; whether one is needed that is not there."""
    walk, marks = w.walk, w.marks
    if marks[METHOD] == EXPLICIT:
        seen = walk[H] * walk[RATE] / x.stability
        seen = max(seen, stiffness(m, w, x, marks[BASE], walk[H]))
        if seen > _AT_LIMIT or held_by_decay(w, x):
            marks[STIFF] += 1
            marks[MILD] = 0
        else:
            marks[MILD] += 1
            if marks[MILD] >= _MILD_STEPS:
                marks[STIFF] = 0
        if marks[STIFF] >= _STIFF_STEPS:
            if y is None:
                return True
            take_method(w, IMPLICIT)
    elif y is not None:
        within = walk[H] * reach(m, w, w.work[SCRATCH]) < _WITHIN * x.stability
        marks[MILD] = marks[MILD] + 1 if within else 0
        if marks[MILD] >= 2 * _MILD_STEPS:
            take_method(w, EXPLICIT)
    return False


@inner
def take_method(w, method):
    """The next step is by another method."""
    marks = w.marks
    marks[METHOD], marks[STIFF], marks[MILD], marks[ANOTHER] = method, 0, 0, 1
    marks[CHANGES] += 1
    w.walk[E_BEFORE] = 1e-4 if method == EXPLICIT else 1.0
