"""The march of one experiment: from its start to its last time, step by step.

What a march knows on its way stands in `w.walk` (T, H, ...) and `w.marks` (METHOD, STEP, ...), so that each
part of a step is a function of its own. A step starts at the state w.work[U] and ends at w.work[NEW].
"""

from __future__ import annotations

import math

from pysymude.engines.native import structures as st
from pysymude.engines.native.blocks import spare
from pysymude.engines.native.compiling import inner
from pysymude.engines.native.explicit import dense_explicit, extend_explicit
from pysymude.engines.native.fastest_mode import begin_within_reach, look
from pysymude.engines.native.forcing import next_knot, unseen
from pysymude.engines.native.implicit import dense_implicit
from pysymude.engines.native.landing import AGAIN, land, switch
from pysymude.engines.native.state_jumps import apply_jumps, is_due
from pysymude.engines.native.step_sizes import change_method, first_step, next_size
from pysymude.engines.native.steps import attempt, reject, slope_at, start_step
from pysymude.engines.native.stops import find_stops
from pysymude.engines.native.switching import initial_signs, rests, sign_behind

__all__ = ["march"]

EXPLICIT, IMPLICIT, AUTO = st.EXPLICIT, st.IMPLICIT, st.AUTO
NOTHING, ALL = st.NOTHING, st.ALL
T, END, H, H_BEFORE, E_BEFORE = st.T, st.END, st.H, st.H_BEFORE, st.E_BEFORE
ERROR, STOP, LAST_JUMP = st.ERROR, st.STOP, st.LAST_JUMP
METHOD, STEP, BASE, OUTPUT = st.METHOD, st.STEP, st.BASE, st.OUTPUT
NEXT_STOP, STOPS = st.NEXT_STOP, st.STOPS
FRESH, RESTART, LIVE, ACCEPTED, REJECTED = st.FRESH, st.RESTART, st.LIVE, st.ACCEPTED, st.REJECTED
CHANGES, EXTRA, ARRIVES, ANOTHER = st.CHANGES, st.EXTRA, st.ARRIVES, st.ANOTHER
LANDED = st.LANDED
U, NEW = st.U, st.NEW
SUCCESS, MAX_ITERS, DT_LESS_THAN_MIN = st.SUCCESS, st.MAX_ITERS, st.DT_LESS_THAN_MIN
UNSTABLE, INITIAL = st.UNSTABLE, st.INITIAL
FULL, NEEDS_IMPLICIT, GOES_ON = st.FULL, st.NEEDS_IMPLICIT, st.GOES_ON


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
    w.walk[st.RATE], w.walk[H], w.walk[LAST_JUMP] = 0.0, 0.0, -math.inf
    row = min(e, options.by_experiment.shape[0] - 1)
    for j in range(n):
        w.work[st.FAST, j] = 0.0
        problem.sizes[e, j] = abs(u[j])
        options.abstol[j] = options.by_experiment[row, j]
    marks[METHOD] = IMPLICIT if options.method == IMPLICIT else EXPLICIT
    marks[FRESH], marks[RESTART], marks[LANDED] = 1, 1, -1
    last, doses = problem.ts.shape[1], problem.dose_t.shape[1]
    while marks[OUTPUT] < last and problem.ts[e, marks[OUTPUT]] <= t:
        for j in range(n):
            problem.out[e, marks[OUTPUT], j] = u[j]
        marks[OUTPUT] += 1
    if marks[OUTPUT] == last and doses == 0:
        return GOES_ON
    if not has_room(m, w, x, y, options):
        return FULL
    o = spare(m, w)
    slope_at(m, w, theta, o, t, True, w.first, 0)
    if w.signs.shape[0] > 0:
        initial_signs(m, w, theta, o, t, u, w.first, w.rates)
    if w.signs.shape[0] > 0 or problem.stops.shape[0] > 0 or doses > 0:
        marks[STOPS] = find_stops(m, w, problem, theta, o, e, problem.ts[e, last - 1])
        if marks[STOPS] < 0:
            return FULL
        start_signs(m, w, theta, o, t, u, problem.ts[e, last - 1])
    return start_doses(m, w, problem, options, theta, e)


@inner
def start_signs(m, w, theta, o, t, u, end):
    """The signs of conditions of time alone that are 0 at the start, and so is their slope."""
    for q in range(w.marks[STOPS]):
        if w.stops[q] > t:
            end = min(end, w.stops[q])
    for k in range(m.switches):
        if rests(m, w, k):
            w.signs[k] = sign_behind(m, w, theta, o, k, t, u, end - t)


@inner
def start_doses(m, w, problem, options, theta, e):
    """What is given at the start."""
    marks, walk = w.marks, w.walk
    while marks[NEXT_STOP] < marks[STOPS] and w.stops[marks[NEXT_STOP]] <= walk[T]:
        marks[NEXT_STOP] += 1
    if marks[NEXT_STOP] == 0:
        return GOES_ON
    is_due(m, w, theta)
    return apply_jumps(m, w, problem, options, theta, e)


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
    knot = next_knot(m, w, x, options.keep != NOTHING)
    if marks[FRESH]:
        start_step(m, w, x, y, options, theta)
    end = problem.ts[e, problem.ts.shape[1] - 1]
    if marks[RESTART] and not restart(m, w, x, options, theta, end - walk[T]):
        return UNSTABLE if marks[ACCEPTED] > 0 else INITIAL
    walk[STOP] = w.stops[marks[NEXT_STOP]] if marks[NEXT_STOP] < marks[STOPS] else end
    walk[STOP] = min(walk[STOP], knot)
    walk[H] = as_told(walk[T], min(walk[H], options.dtmax))
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
    if error <= 1.0:
        error = max(error, unseen(m, w, x, y, options, theta))
    walk[ERROR] = error
    if not error <= 1.0:
        reject(w, x, y, error)
        return GOES_ON
    landed = land(m, w, x, y, options, theta)
    if landed == AGAIN:
        return GOES_ON
    if landed != GOES_ON:
        return landed
    return accept(m, w, problem, x, y, options, theta, e, error)


@inner
def as_told(t, h):
    """The step h from t, but for what numbers as large as t do not tell: it ends where its clock says."""
    end = t + h
    if end - t > h:
        end = math.nextafter(end, -math.inf)
    return end - t


@inner
def restart(m, w, x, options, theta, span):
    """The first step size, at the start and behind a switch; whether there is one."""
    h = first_step(m, w, theta, options, w.walk[T], span)
    w.walk[E_BEFORE] = 1e-4 if w.marks[METHOD] == EXPLICIT else 1.0
    w.walk[st.REACH], w.walk[st.MOST], w.marks[st.BEGUN] = math.inf, 0.0, w.marks[ACCEPTED]
    w.marks[RESTART] = 0
    if w.marks[METHOD] == EXPLICIT:
        look(m, w, x, options, theta)
        h = begin_within_reach(w, h)
    w.walk[H] = w.walk[H_BEFORE] = h
    return h > 0.0


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
    if method == EXPLICIT:
        look(m, w, x, options, theta)
    h = next_size(w, x, y, error)
    marks[ANOTHER] = 0
    if options.method == AUTO and change_method(m, w, x, y):
        return NEEDS_IMPLICIT
    for j in range(m.n):
        w.work[U, j] = w.work[NEW, j]
        problem.sizes[e, j] = max(problem.sizes[e, j], abs(w.work[U, j]))
    walk[T] = walk[END]
    code = switch(m, w, options, theta)
    due = code == GOES_ON and is_due(m, w, theta)
    if due:
        marks[FRESH] = 1
    advance(m, w, x, y, options, method)
    if due:
        code = apply_jumps(m, w, problem, options, theta, e)
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
