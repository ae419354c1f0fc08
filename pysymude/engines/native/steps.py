"""One step of a march: what it starts from, an attempt, a smaller one."""

from __future__ import annotations

import math

from pysymude.engines.native import structures as st
from pysymude.engines.native.blocks import place, slopes, where
from pysymude.engines.native.compiling import inner
from pysymude.engines.native.explicit import attempt_explicit
from pysymude.engines.native.implicit import attempt_implicit, start_implicit

__all__ = ["attempt", "reject", "slope_at", "start_step"]

EXPLICIT, T, H = st.EXPLICIT, st.T, st.H
METHOD, STEP, BASE, FRESH, LIVE = st.METHOD, st.STEP, st.BASE, st.FRESH, st.LIVE
ACCEPTED, REJECTED = st.ACCEPTED, st.REJECTED
U, NEW, DIFFERENCE = st.U, st.NEW, st.DIFFERENCE


@inner
def slope_at(m, w, theta, o, t, live, k, ok):
    """The right-hand side at the step's start, run over the block at `o`, into k[ok:]."""
    place(m, w, o, t, live)
    for j in range(m.n):
        w.v[o + w.held.shape[0] + 1 + j] = w.work[U, j]
    slopes(m, w, theta, o, k, ok)


@inner
def start_step(m, w, x, y, options, theta):
    """What a step starts from: its first slope; for an implicit one the derivatives too."""
    marks, base = w.marks, w.marks[BASE]
    if marks[METHOD] == EXPLICIT:
        o, n = where(m, options.keep, base), m.n
        slope_at(m, w, theta, o, w.walk[T], marks[LIVE] != 0, w.k, base * n)
        for j in range(n):
            w.first[j] = w.k[base * n + j]
    elif y is not None:
        start_implicit(m, w, theta, options.keep, base, w.work[U], w.walk[T], marks[LIVE] != 0)
    marks[FRESH] = 0


@inner
def attempt(m, w, x, y, options, theta):
    """One step of the size w.walk[H]; its error."""
    walk, marks, base, live = w.walk, w.marks, w.marks[BASE], w.marks[LIVE] != 0
    u, new, difference = w.work[U], w.work[NEW], w.work[DIFFERENCE]
    error = 0.0
    if marks[METHOD] == EXPLICIT:
        error = attempt_explicit(
            m, w, x, options, theta, base, u, new, difference, walk[T], walk[H], live
        )
    elif y is not None:
        error = attempt_implicit(
            m, w, y, options, theta, marks[STEP], base, u, new, difference, walk[T], walk[H], live
        )
    return error


@inner
def reject(w, x, y, error):
    """A smaller step next."""
    walk, marks = w.walk, w.marks
    marks[REJECTED] += 1
    if not math.isfinite(error):
        walk[H] *= 0.1
        if w.signs.shape[0] > 0 and not marks[LIVE]:
            # a frozen condition may have led out of where the right-hand side means something
            marks[LIVE], marks[FRESH] = 1, 1
    elif marks[METHOD] == EXPLICIT:
        walk[H] /= min(5.0, error**x.beta / 0.9)
    elif y is not None:
        walk[H] /= 10.0 if marks[ACCEPTED] == 0 else min(5.0, error**y.exponent / 0.9)
