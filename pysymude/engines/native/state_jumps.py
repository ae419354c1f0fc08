"""Where a state becomes another at once: doses at known times, and the effects of events.

An event is a condition with a direction and a program. Its sign is followed as that of a switch, but reads
into no formula; where it passes zero in its direction the solver lands, the state is set, all signs are settled
anew, and the march begins again. Each jump is kept as a step of no length, of the method JUMP.
"""

from __future__ import annotations

import math

from pysymude.engines.native import structures as st
from pysymude.engines.native.blocks import place, run, slopes, spare
from pysymude.engines.native.compiling import inner
from pysymude.engines.native.function_slopes import sign
from pysymude.engines.native.switching import (
    condition,
    condition_slopes,
    conditions_at,
    note,
    passes,
)

__all__ = ["apply_jumps", "is_due", "set_values", "slope_there"]

T, H, LAST_JUMP, U = st.T, st.H, st.LAST_JUMP, st.U
STEP, BASE, OUTPUT, NEXT_STOP, DUE = st.STEP, st.BASE, st.OUTPUT, st.NEXT_STOP, st.DUE
FRESH, RESTART, LANDED, CLOSE = st.FRESH, st.RESTART, st.LANDED, st.CLOSE
NOTHING, JUMP, EFFECTS = st.NOTHING, st.JUMP, st.EFFECTS
UNSTABLE, CHATTERING, FULL, GOES_ON = st.UNSTABLE, st.CHATTERING, st.FULL, st.GOES_ON
BEFORE, BEHIND = st.BEFORE, st.BEHIND

_SAME = 1e-13  # of the time: events so near to each other are at one time
_MOST = 100  # jumps at one time, or so near to each other
# `pending`: due now; called by a jump, for the next round; called, and due now
_DUE, _CALLED, _FOLLOWS = 1, 2, 3


@inner
def set_values(m, w, theta, o, t, u, event):
    """Runs what an event sets over the block at o, for the state u."""
    place(m, w, o, t, True)
    for j in range(m.n):
        w.v[o + w.held.shape[0] + 1 + j] = u[j]
    run(m, w, EFFECTS + event, theta, o)


@inner
def slope_there(m, w, theta, t, u, f):
    """The right-hand side with the signs as they are."""
    o = spare(m, w)
    place(m, w, o, t, False)
    for j in range(m.n):
        w.v[o + w.held.shape[0] + 1 + j] = u[j]
    slopes(m, w, theta, o, f, 0)


@inner
def rates_along(m, w, theta, t, u, f):
    """How fast all conditions change, into `w.rates`; f becomes the right-hand side with the signs as they are."""
    slope_there(m, w, theta, t, u, f)
    o = spare(m, w)
    conditions_at(m, w, theta, o, t, u)
    condition_slopes(m, w, theta, o, f, w.rates)


@inner
def is_due(m, w, theta):
    """Whether jumps are due behind the step that was accepted; events that are get marked."""
    walk, marks, u, o = w.walk, w.marks, w.work[U], spare(m, w)
    due, K = False, w.signs.shape[0]
    for q in range(marks[DUE], marks[NEXT_STOP]):
        # stops of signals are told by the rest of the division by K
        due = due or w.stop_of[q] <= -2 or m.switches <= w.stop_of[q] < K
    if m.switches == K:
        return due
    conditions_at(m, w, theta, o, walk[T], u)
    for k in range(m.switches, K):
        if not m.time_only[k]:
            due = follow_sign(m, w, o, k) or due
    if due:
        mark_simultaneous(m, w, theta)
    return due


@inner
def follow_sign(m, w, o, k):
    """The sign of event k behind a step; whether it acts."""
    if k == w.marks[LANDED]:
        w.signs[k] = w.now[k]
        w.pending[k] = _DUE
        return True
    g, before = condition(m, w, o, k), w.signs[k]
    if before == 0.0:
        w.signs[k] = sign(g)
    elif g * before > 0.0:
        w.armed[k] = 1
    elif g * before < 0.0 and w.armed[k] == 1:
        if passes(m, k, before):
            w.pending[k] = _DUE
            return True
        w.signs[k] = -before
    return False


@inner
def mark_simultaneous(m, w, theta):
    """Events that would act at the next moment are due, too; into `near` what is as good as 0 now."""
    t, u, o = w.walk[T], w.work[U], spare(m, w)
    rates_along(m, w, theta, t, u, w.work[BEFORE])
    moment = _SAME * max(abs(t), w.walk[H])
    for k in range(w.signs.shape[0]):
        w.near[k] = abs(w.rates[k]) * moment
        if k == w.marks[LANDED]:
            w.near[k] = max(w.near[k], 2.0 * abs(condition(m, w, o, k)))
    for k in range(m.switches, w.signs.shape[0]):
        if m.time_only[k] or w.pending[k]:
            continue
        g = condition(m, w, o, k) * w.signs[k]
        nears = 0.0 < g <= w.near[k] and w.rates[k] * w.signs[k] < 0.0
        if nears and w.armed[k] == 1 and passes(m, k, w.signs[k]):
            w.pending[k] = _DUE


@inner
def apply_jumps(m, w, problem, options, theta, e):
    """All that happens to the state at this time: doses, events in their order, and what these call for."""
    walk, marks, u = w.walk, w.marks, w.work[U]
    keep, code, count = options.keep != NOTHING, GOES_ON, 0
    for q in range(marks[DUE], marks[NEXT_STOP]):
        if w.stop_of[q] <= -2 and code == GOES_ON:
            code = take_dose(m, w, problem, theta, keep, e, -2 - w.stop_of[q])
    while code == GOES_ON:
        k = next_event(m, w)
        if k < 0:
            break
        count += 1
        code = act(m, w, theta, keep, k) if count <= _MOST else CHATTERING
    for j in range(m.n):
        problem.sizes[e, j] = max(problem.sizes[e, j], abs(u[j]))
        if not math.isfinite(u[j]) and code == GOES_ON:
            code = UNSTABLE
    i = marks[OUTPUT] - 1
    while i >= 0 and problem.ts[e, i] == walk[T]:
        for j in range(m.n):
            problem.out[e, i, j] = u[j]
        i -= 1
    if count > 0:
        gap = walk[T] - walk[LAST_JUMP]
        marks[CLOSE] = marks[CLOSE] + 1 if gap <= _SAME * abs(walk[T]) else 0
        walk[LAST_JUMP] = walk[T]
        if marks[CLOSE] > _MOST and code == GOES_ON:
            code = CHATTERING
    marks[DUE] = marks[NEXT_STOP]
    marks[FRESH], marks[RESTART] = 1, 1
    return code


@inner
def next_event(m, w):
    """The event that acts next, or -1: first all that are due, in their order, then those that were called."""
    for _ in range(2):
        for k in range(m.switches, w.signs.shape[0]):
            if w.pending[k] == _DUE or w.pending[k] == _FOLLOWS:
                return k
        for k in range(m.switches, w.signs.shape[0]):
            if w.pending[k] == _CALLED:
                w.pending[k] = _FOLLOWS
    return -1


@inner
def keep_jump(m, w, keep, which, follows):
    """Room for a jump among the steps; `which`: the event, or -1 less the dose."""
    marks, step = w.marks, w.marks[STEP]
    if not keep:
        return GOES_ON
    K = w.signs.shape[0]
    if step + 3 >= w.steps.shape[0] or (K > 0 and w.counts[1] + K >= w.events.shape[0]):
        return FULL
    row, times = w.steps[step], w.times[step]
    row[0], row[1], row[2], row[3] = JUMP, marks[BASE], which, follows
    times[0], times[1], times[2] = w.walk[T], 0.0, w.walk[T]
    for j in range(m.n):
        w.u[step, j] = w.work[U, j]
    return GOES_ON


@inner
def take_dose(m, w, problem, theta, keep, e, d):
    """A dose, added to the states."""
    if keep_jump(m, w, keep, -1 - d, 0) == FULL:
        return FULL
    at, c = problem.dose_index[e, d], problem.dose_state[e, d]
    amount = problem.dose_amount[e, d] if at < 0 else theta[at]
    for j in range(m.n):
        w.work[U, j] += problem.mix[j, c] * amount
    settle_behind(m, w, theta, keep, -1)
    w.marks[STEP] += keep
    return GOES_ON


@inner
def act(m, w, theta, keep, k):
    """The effect of event k."""
    t, u, o = w.walk[T], w.work[U], spare(m, w)
    event, follows = k - m.switches, 1 if w.pending[k] == _FOLLOWS else 0
    if follows == 0 and not m.time_only[k]:
        conditions_at(m, w, theta, o, t, u)
        # where a jump at the same time has moved its zero, its time is that of the other
        follows = 0 if abs(condition(m, w, o, k)) <= w.near[k] else 1
    w.pending[k] = 0
    if keep_jump(m, w, keep, event, follows) == FULL:
        return FULL
    set_values(m, w, theta, o, t, u, event)
    for q in range(m.set_from[event], m.set_from[event + 1]):
        u[m.set_states[q]] = m.e_factors[q] * w.v[o + m.e_slots[q]]
    settle_behind(m, w, theta, keep, k)
    w.marks[STEP] += keep
    return GOES_ON


@inner
def settle_behind(m, w, theta, keep, own):
    """The signs of all conditions behind the jump of event `own`: of what is 0 there, that of its slope."""
    t, u, o, step, on_zero = w.walk[T], w.work[U], spare(m, w), w.marks[STEP], False
    K = w.signs.shape[0]
    if K == 0:
        return
    conditions_at(m, w, theta, o, t, u)
    for k in range(K):
        if m.time_only[k] or m.signal_of[k] >= 0:
            continue
        g = condition(m, w, o, k)
        if abs(g) <= w.near[k]:
            on_zero = True
            w.armed[k] = -2  # for the loop below
        elif k < m.switches:
            if sign(g) != w.signs[k]:
                note(w, keep, step, k, sign(g), 1)
            w.armed[k] = 1
        else:
            before = w.signs[k]
            w.signs[k], w.armed[k] = sign(g), 1
            called = before * g < 0.0 and k != own and w.pending[k] == 0
            if called and passes(m, k, before):
                w.pending[k] = _CALLED
    if on_zero:
        settle_zeros(m, w, theta, keep, step, own)


@inner
def settle_zeros(m, w, theta, keep, step, own):
    """The signs to which conditions move that a jump has left on 0."""
    rates_along(m, w, theta, w.walk[T], w.work[U], w.work[BEHIND])
    for k in range(w.signs.shape[0]):
        if w.armed[k] != -2:
            continue
        w.armed[k] = 0 if k < m.switches else -1
        moves = sign(w.rates[k])
        if moves == 0.0:
            moves = -w.signs[k] if k == own else w.signs[k]
        if k < m.switches and moves != w.signs[k]:
            note(w, keep, step, k, moves, 1)
        w.signs[k] = moves
