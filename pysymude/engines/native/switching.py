"""Conditions: their frozen signs, when they change, and where a trajectory crosses them.

During a step the sign of each condition is what it was at the step's start, so that the step sees a smooth
right-hand side; the step ends where a condition changes, and the next begins with the other sign.
"""

from __future__ import annotations

from pysymude.engines.native import structures as st
from pysymude.engines.native.blocks import place, run, run_tangents, slopes
from pysymude.engines.native.compiling import inner
from pysymude.engines.native.function_slopes import sign
from pysymude.engines.native.signal_tables import start_piece

__all__ = [
    "any_moves",
    "condition",
    "condition_slopes",
    "conditions_at",
    "initial_signs",
    "leave_zero",
    "note",
    "passes",
    "rate",
    "rests",
    "settle",
    "sign_behind",
    "slides",
    "turn_back",
]

CONDITIONS = st.CONDITIONS


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
def passes(m, k, sign_before):
    """Whether event k acts where its condition leaves this sign."""
    direction = m.directions[k - m.switches]
    return direction == 0 or direction * sign_before < 0.0


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
        w.armed[k], w.through[k, 0] = 1, 0
        if m.signal_of[k] >= 0:
            table = int(w.held[m.signal_of[k]])
            w.signs[k] = start_piece(table, condition(m, w, o, k), scratch[k])
            continue
        w.signs[k] = sign(condition(m, w, o, k))
        w.pending[k] = 0
        if w.signs[k] == 0.0:
            w.signs[k] = sign(scratch[k])
            if k >= m.switches:
                w.armed[k] = 0


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
    for k in range(m.switches):
        if m.signal_of[k] >= 0:
            continue
        found = sign(condition(m, w, o, k))
        if found != 0.0 and found != w.signs[k]:
            note(w, keep, step, k, found, 1)
        w.armed[k] = 1


@inner
def any_moves(m, begin):
    """Whether a condition from `begin` on depends on states: when it changes is known only along the way."""
    for k in range(begin, m.time_only.shape[0]):
        if not m.time_only[k]:
            return True
    return False


@inner
def sign_behind(m, w, theta, o, k, t, u, span):
    """The sign that condition k, of time alone, has behind t where it is 0; 0 where it rests there for long.

    A zero of a high order is one of all numbers near to it: looked at are times further and further behind.
    """
    found, ahead = 0.0, 1e-9 * span
    while found == 0.0 and ahead < 0.02 * span:
        conditions_at(m, w, theta, o, t + ahead, u)
        found = sign(condition(m, w, o, k))
        ahead *= 10.0
    return found


@inner
def rests(m, w, k):
    """Whether condition k, of time alone, has been 0 so far."""
    return m.time_only[k] and m.signal_of[k] < 0 and w.signs[k] == 0.0


@inner
def leave_zero(m, w, theta, o, t, u, span, keep, step):
    """Conditions of time alone that were 0 so far have a sign where another one switches them on."""
    for k in range(m.switches):
        if rests(m, w, k):
            found = sign_behind(m, w, theta, o, k, t, u, span)
            if found != 0.0:
                note(w, keep, step, k, found, 1)


@inner
def turn_back(m, w, theta, o, t, u, keep, step, landed):
    """Whether a condition that had changed was back on its old side before it was seen on the new one."""
    turned = False
    for k in range(m.switches):
        if w.armed[k] == 0 and k != landed:
            conditions_at(m, w, theta, o, t, u)
            if condition(m, w, o, k) * w.signs[k] < 0.0:
                note(w, keep, step, k, -w.signs[k], 1)
                w.armed[k] = 1
                turned = True
    return turned


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
