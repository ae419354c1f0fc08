"""The march of one experiment: from its start to its last time, step by step.

What a march knows on its way stands in `w.walk` (T, H, ...) and `w.marks` (METHOD, STEP, ...), so that each
part of a step is a function of its own. A step starts at the state w.work[U] and ends at w.work[NEW].
"""

from __future__ import annotations

import math

from pysymude.engines.native import structures as st
from pysymude.engines.native.blocks import place, slopes, spare, where
from pysymude.engines.native.compiling import inner
from pysymude.engines.native.explicit import (
    attempt_explicit,
    dense_explicit,
    extend_explicit,
)
from pysymude.engines.native.implicit import (
    attempt_implicit,
    dense_implicit,
    start_implicit,
)
from pysymude.engines.native.step_sizes import change_method, first_step, next_size
from pysymude.engines.native.stops import find_stops
from pysymude.engines.native.switching import (
    any_moves,
    crossing,
    initial_signs,
    leave_zero,
    note,
    settle,
    slides,
    turn_back,
)

__all__ = ["march"]

EXPLICIT, IMPLICIT, AUTO = st.EXPLICIT, st.IMPLICIT, st.AUTO
NOTHING, ALL = st.NOTHING, st.ALL
T, END, H, H_BEFORE, E_BEFORE, ERROR, STOP = (
    st.T,
    st.END,
    st.H,
    st.H_BEFORE,
    st.E_BEFORE,
    st.ERROR,
    st.STOP,
)
METHOD, STEP, BASE, OUTPUT, NEXT_STOP, STOPS = (
    st.METHOD, st.STEP, st.BASE, st.OUTPUT, st.NEXT_STOP, st.STOPS,
)  # fmt: skip
FRESH, RESTART, LIVE, ACCEPTED, REJECTED = st.FRESH, st.RESTART, st.LIVE, st.ACCEPTED, st.REJECTED
CHANGES, EXTRA, ARRIVES, LANDED, ANOTHER = (
    st.CHANGES, st.EXTRA, st.ARRIVES, st.LANDED, st.ANOTHER,
)  # fmt: skip
U, NEW, DIFFERENCE, SCRATCH, INSIDE = st.U, st.NEW, st.DIFFERENCE, st.SCRATCH, st.INSIDE

# positions in `outcomes.CODES`; what only the driver sees; and what nobody else does
SUCCESS, MAX_ITERS, DT_LESS_THAN_MIN, UNSTABLE, INITIAL, CHATTERING = 0, 1, 2, 3, 5, 8
FULL, NEEDS_IMPLICIT, GOES_ON = -1, -2, -3


@inner
def march(m, w, problem, x, y, options, theta, e):
    """Experiment e from its start in w.work[U] to its last time. (code, steps kept)."""
    marks, last = w.marks, problem.ts.shape[1]
    code = begin(m, w, problem, x, y, options, theta, e)
    while code == GOES_ON and marks[OUTPUT] < last:
        if not has_room(m, w, x, y, options):
            code = FULL
        elif marks[ACCEPTED] + marks[REJECTED] >= options.max_steps:
            code = MAX_ITERS
        else:
            code = try_step(m, w, problem, x, y, options, theta, e)
    if code == GOES_ON:
        code = SUCCESS
    if options.keep != NOTHING and code != FULL:
        for j in range(m.n):
            w.u[marks[STEP], j] = w.work[U, j]
    counts = problem.counts
    counts[e, 0] = marks[ACCEPTED] + marks[REJECTED]
    counts[e, 1], counts[e, 2], counts[e, 3] = marks[ACCEPTED], marks[REJECTED], marks[CHANGES]
    return code, marks[STEP]


@inner
def begin(m, w, problem, x, y, options, theta, e):
    """The outputs at the start, the first slope, the signs of conditions, the times where steps end."""
    n, marks, u, t = m.n, w.marks, w.work[U], problem.t0[e]
    for k in range(marks.shape[0]):
        marks[k] = 0
    w.walk[T], w.walk[ERROR], w.counts[1] = t, 0.0, 0
    w.walk[st.RATE] = 0.0
    for j in range(n):
        w.work[st.FAST, j] = 0.0
    marks[METHOD] = IMPLICIT if options.method == IMPLICIT else EXPLICIT
    marks[FRESH], marks[RESTART] = 1, 1
    last = problem.ts.shape[1]
    while marks[OUTPUT] < last and problem.ts[e, marks[OUTPUT]] <= t:
        for j in range(n):
            problem.out[e, marks[OUTPUT], j] = u[j]
        marks[OUTPUT] += 1
    if marks[OUTPUT] == last:
        return GOES_ON
    if not has_room(m, w, x, y, options):
        return FULL
    o = spare(m, w)
    slope_at(m, w, theta, o, t, True, w.first, 0)
    if w.signs.shape[0] > 0:
        initial_signs(m, w, theta, o, t, u, w.first, w.rates)
    if w.signs.shape[0] > 0 or problem.stops.shape[0] > 0:
        marks[STOPS] = find_stops(m, w, problem, theta, o, e, problem.ts[e, last - 1])
        if marks[STOPS] < 0:
            return FULL
    return GOES_ON


@inner
def slope_at(m, w, theta, o, t, live, k, ok):
    """The right-hand side at the step's start, run over the block at `o`, into k[ok:]."""
    place(m, w, o, t, live)
    for j in range(m.n):
        w.v[o + w.held.shape[0] + 1 + j] = w.work[U, j]
    slopes(m, w, theta, o, k, ok)


@inner
def has_room(m, w, x, y, options):
    """Whether one more step and its blocks can be kept."""
    most, step, base, K = x.total + 1, w.marks[STEP], w.marks[BASE], w.signs.shape[0]
    if y is not None:
        most = max(most, y.stages + 1)
    if (base + 2 * most) * m.n > w.k.shape[0]:
        return False
    if options.keep == NOTHING:
        return True
    if step + 2 >= w.steps.shape[0] or (K > 0 and w.counts[1] + K >= w.events.shape[0]):
        return False
    if options.keep == ALL:
        blocks = (base + 2 * most + 1) * m.size
        return blocks <= w.v.shape[0] and (step + 1) * m.lu_size <= w.lu.shape[0]
    return True


@inner
def try_step(m, w, problem, x, y, options, theta, e):
    """An attempt, and all that follows from it."""
    walk, marks = w.walk, w.marks
    if marks[FRESH]:
        start_step(m, w, x, y, options, theta)
    end = problem.ts[e, problem.ts.shape[1] - 1]
    if marks[RESTART] and not restart(m, w, options, theta, end - walk[T]):
        return UNSTABLE if marks[ACCEPTED] > 0 else INITIAL
    walk[STOP] = w.stops[marks[NEXT_STOP]] if marks[NEXT_STOP] < marks[STOPS] else end
    walk[H] = min(walk[H], options.dtmax)
    if not walk[T] + walk[H] > walk[T]:
        if math.isfinite(walk[ERROR]):
            return DT_LESS_THAN_MIN
        return UNSTABLE if marks[ACCEPTED] > 0 else INITIAL
    # a sliver that is left over would cost a whole step
    marks[ARRIVES] = 1 if walk[STOP] - walk[T] <= 1.01 * walk[H] else 0
    if marks[ARRIVES]:
        walk[H] = walk[STOP] - walk[T]
    marks[EXTRA] = 0
    error = attempt(m, w, x, y, options, theta)
    walk[ERROR] = error
    if not error <= 1.0:
        reject(w, x, y, error)
        return GOES_ON
    if not land(m, w, x, y, options, theta):
        return GOES_ON
    return accept(m, w, problem, x, y, options, theta, e, error)


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
def restart(m, w, options, theta, span):
    """The first step size, at the start and behind a switch; whether there is one."""
    h = first_step(m, w, theta, options, w.walk[T], span)
    w.walk[H] = w.walk[H_BEFORE] = h
    w.walk[E_BEFORE] = 1e-4 if w.marks[METHOD] == EXPLICIT else 1.0
    w.marks[RESTART] = 0
    return h > 0.0


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


@inner
def land(m, w, x, y, options, theta):
    """Ends the step where a condition changes first; False where it is to be tried again."""
    walk, marks = w.walk, w.marks
    marks[LANDED] = -1
    if marks[LIVE] or not any_moves(m):
        return True
    if marks[METHOD] == EXPLICIT and x.total > x.stages:
        base, live = marks[BASE], False
        extend_explicit(m, w, x, options.keep, theta, base, w.work[U], walk[T], walk[H], live)
        marks[EXTRA] = 1
    s, which = crossing(
        m, w, x, y, marks[METHOD], theta, spare(m, w), marks[BASE], walk[T], walk[H], w.work[U],
        w.work[NEW], w.work[INSIDE],
    )  # fmt: skip
    if s < 0.0:
        # a condition rested on 0 and leaves it: once more with the sign that it takes
        note(w, options.keep != NOTHING, marks[STEP] - 1, which, -2.0 - s, 1)
        marks[FRESH] = 1
        return False
    marks[LANDED] = which
    if which >= 0 and s < 1.0 - 1e-14:
        marks[ARRIVES] = 0
        walk[H] = max(walk[H] * s, math.nextafter(walk[T], math.inf) - walk[T])
        attempt(m, w, x, y, options, theta)
        marks[EXTRA] = 0
    return True


@inner
def accept(m, w, problem, x, y, options, theta, e, error):
    """Keeps a step and goes on to the next."""
    walk, marks = w.walk, w.marks
    marks[ACCEPTED] += 1
    walk[END] = walk[STOP] if marks[ARRIVES] else walk[T] + walk[H]
    write_outputs(m, w, problem, x, y, options, theta, e)
    method = marks[METHOD]
    if options.keep != NOTHING:
        keep_step(m, w)
    h = next_size(w, x, y, error)
    marks[ANOTHER] = 0
    if options.method == AUTO and change_method(m, w, x, y, options, theta):
        return NEEDS_IMPLICIT
    for j in range(m.n):
        w.work[U, j] = w.work[NEW, j]
    walk[T] = walk[END]
    code = switch(m, w, options, theta)
    advance(m, w, x, y, options, method)
    walk[H] = h
    return code


@inner
def keep_step(m, w):
    """What the way back reads of a step."""
    walk, marks, step = w.walk, w.marks, w.marks[STEP]
    row, times = w.steps[step], w.times[step]
    row[0], row[1], row[2], row[3] = marks[METHOD], marks[BASE], marks[EXTRA], marks[LIVE]
    times[0], times[1], times[2] = walk[T], walk[H], walk[END]
    for j in range(m.n):
        w.u[step, j] = w.work[U, j]


@inner
def switch(m, w, options, theta):
    """The signs behind the end of a step; a code where that is no end."""
    walk, marks, keep = w.walk, w.marks, options.keep != NOTHING
    if marks[LIVE]:
        marks[LIVE], marks[FRESH] = 0, 1
        settle(m, w, theta, spare(m, w), walk[T], w.work[U], keep, marks[STEP])
    while marks[NEXT_STOP] < marks[STOPS] and w.stops[marks[NEXT_STOP]] <= walk[T]:
        k = w.stop_of[marks[NEXT_STOP]]
        if k >= 0:
            note(w, keep, marks[STEP], k, -w.signs[k], 0)
            marks[FRESH], marks[RESTART] = 1, 1
            leave_zero(m, w, theta, spare(m, w), walk[T], w.work[U], keep, marks[STEP])
        marks[NEXT_STOP] += 1
    k = marks[LANDED]
    if any_moves(m) and turn_back(
        m, w, theta, spare(m, w), walk[T], w.work[U], keep, marks[STEP], k
    ):
        marks[FRESH] = 1
    if k >= 0:
        marks[FRESH], marks[RESTART] = 1, 1
        u, f = w.work[U], w.work[SCRATCH]
        if slides(m, w, theta, spare(m, w), walk[T], u, k, f, keep, marks[STEP]):
            return CHATTERING
    return GOES_ON


@inner
def advance(m, w, x, y, options, method):
    """To the blocks of the next step, which takes over the last slope where that is its first."""
    marks, n, base = w.marks, m.n, w.marks[BASE]
    shared = method == EXPLICIT and x.fsal and not (marks[FRESH] or marks[ANOTHER])
    if options.keep == NOTHING:
        if shared:
            for j in range(n):
                w.k[j] = w.k[x.last * n + j]
    else:
        used = x.total
        if y is not None and method == IMPLICIT:
            used = y.stages
        marks[BASE] = base + x.last if shared else base + used
        marks[STEP] += 1
    if shared:
        for j in range(n):
            w.first[j] = w.k[marks[BASE] * n + j]
    else:
        marks[FRESH] = 1


@inner
def write_outputs(m, w, problem, x, y, options, theta, e):
    """The states at the outputs of a step."""
    walk, marks, ts = w.walk, w.marks, problem.ts
    t, h, end, base = walk[T], walk[H], walk[END], marks[BASE]
    u, new, live = w.work[U], w.work[NEW], marks[LIVE] != 0
    last = ts.shape[1]
    while marks[OUTPUT] < last and ts[e, marks[OUTPUT]] <= end:
        s = (ts[e, marks[OUTPUT]] - t) / h
        out = problem.out[e, marks[OUTPUT]]
        if s >= 1.0:
            for j in range(m.n):
                out[j] = new[j]
        elif marks[METHOD] == EXPLICIT:
            if marks[EXTRA] == 0 and x.total > x.stages:
                extend_explicit(m, w, x, options.keep, theta, base, u, t, h, live)
            marks[EXTRA] = 1
            dense_explicit(m, w, x, base, u, h, s, out)
        elif y is not None:
            dense_implicit(m, w, y, base, u, new, s, out)
        marks[OUTPUT] += 1
