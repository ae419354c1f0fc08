"""The way back, and the way forward with tangents, through all steps of a march."""

from __future__ import annotations

from pysymude.engines.native import structures as st
from pysymude.engines.native.blocks import place, run_back, run_tangents, slopes, spare
from pysymude.engines.native.compiling import inner
from pysymude.engines.native.explicit import back_explicit, forward_explicit
from pysymude.engines.native.implicit_sweeps import back_implicit, forward_implicit
from pysymude.engines.native.jump_sweeps import jump_back, jump_forward
from pysymude.engines.native.switching import condition_slopes, conditions_at

__all__ = ["go_back", "go_forward", "rewind"]

EXPLICIT, JUMP, CONDITIONS = st.EXPLICIT, st.JUMP, st.CONDITIONS


@inner
def shares(w, x, step):
    """Whether the first slope of a step is the last of the step before."""
    if step == 0 or w.steps[step, 0] != EXPLICIT or w.steps[step - 1, 0] != EXPLICIT or x.fsal == 0:
        return False
    return w.steps[step, 1] == w.steps[step - 1, 1] + x.last


@inner
def go_back(m, w, problem, x, y, theta, keep, e, count):
    """Cotangents of the states at outputs back to the start's, in w.work[5]; others are added to theirs."""
    n = m.n
    lam, u, carry = w.work[5], w.work[6], w.work[7]
    for j in range(n):
        lam[j] = 0.0
        carry[j] = 0.0
    i, event, moved = problem.ts.shape[1] - 1, w.counts[1] - 1, 0.0
    for step in range(count - 1, -1, -1):
        if w.steps[step, 0] == JUMP:
            i, event, moved = jump_back(m, w, problem, theta, e, step, i, event, moved)
            continue
        while event >= 0 and w.events[event, 0] == step:
            switch_back(m, w, theta, step, event, lam)
            event -= 1
        if w.steps[step, 0] == EXPLICIT:
            i = back_explicit(
                m, w, x, problem, theta, keep, e, step, i, lam, u, carry, shares(w, x, step)
            )
        elif y is not None:
            i = back_implicit(m, w, y, problem, theta, keep, e, step, i, lam, u)
    while i >= 0:
        for j in range(n):
            lam[j] += w.cotangents[i, j]
        i -= 1


@inner
def rewind(w, events, count):
    """The signs of conditions, and the number of switches, as they are behind so many steps."""
    for j in range(events - 1, -1, -1):
        w.signs[w.events[j, 1]] = w.events[j, 2]
    w.counts[1] = 0
    for j in range(events):
        if w.events[j, 0] < count:
            w.signs[w.events[j, 1]] = w.events[j, 4]
            w.counts[1] = j + 1


@inner
def sides(m, w, theta, step, k, before, after):
    """The right-hand side before and behind a switch, into rows BEFORE and BEHIND of `w.work`.

    Returns how fast condition k was changing as it was reached. The block of the conditions is left at the
    switch, and the sign of the condition as it was before.
    """
    t, u, H, o = w.times[step, 2], w.u[step + 1], w.held.shape[0], spare(m, w)
    for side in range(2):
        w.signs[k] = after if side == 0 else before
        place(m, w, o, t, False)
        for j in range(m.n):
            w.v[o + H + 1 + j] = u[j]
        slopes(m, w, theta, o, w.work[9 - side], 0)
    conditions_at(m, w, theta, o, t, u)
    condition_slopes(m, w, theta, o, w.work[8], w.rates)
    return w.rates[k]


@inner
def switch_back(m, w, theta, step, event, lam):
    """A switch moves with what decides it: lam (f- - f+) dt, where dt = -dg / (dg/dt along f-)."""
    k, n, g, H = w.events[event, 1], m.n, w.other, w.held.shape[0]
    before, jump = float(w.events[event, 2]), 0.0
    if w.events[event, 3]:
        w.signs[k] = before
        return
    rate = sides(m, w, theta, step, k, before, w.signs[k])
    for j in range(n):
        jump += lam[j] * (w.work[8, j] - w.work[9, j])
    if jump == 0.0 or rate == 0.0:
        return
    for s in range(m.size):
        g[s] = 0.0
    g[m.g_slots[k]] += m.g_factors[k] * (-jump / rate)
    run_back(m, w, CONDITIONS, theta, w.gtheta, spare(m, w), g)
    for j in range(n):
        lam[j] += g[H + 1 + j]
    for s in range(H):
        w.g[s] += g[s]


@inner
def go_forward(m, w, problem, x, y, theta, keep, e, count):
    """Tangents of the start, in w.work[5], to those of the states at outputs, in `w.cotangents`."""
    n, T = m.n, problem.ts.shape[1]
    du, new = w.work[5], w.work[6]
    i, event, dt = 0, 0, 0.0
    for j in range(w.counts[1] - 1, -1, -1):
        w.signs[w.events[j, 1]] = w.events[j, 2]
    while i < T and (count == 0 or problem.ts[e, i] <= w.times[0, 0]):
        for j in range(n):
            w.cotangents[i, j] = du[j]
        i += 1
    while event < w.counts[1] and w.events[event, 0] < 0:
        w.signs[w.events[event, 1]] = w.events[event, 4]
        event += 1
    for step in range(count):
        if w.steps[step, 0] == JUMP:
            event, dt = jump_forward(m, w, problem, theta, e, step, i, event, dt)
            continue
        if w.steps[step, 0] == EXPLICIT:
            i = forward_explicit(m, w, x, problem, theta, keep, e, step, i, du, w.stage)
        elif y is not None:
            i = forward_implicit(m, w, y, problem, theta, keep, e, step, i, du, w.stage, new)
        while i < T and problem.ts[e, i] <= w.times[step, 2]:
            for j in range(n):
                w.cotangents[i, j] = du[j]
            i += 1
        while event < w.counts[1] and w.events[event, 0] == step:
            switch_forward(m, w, theta, step, event, du)
            event += 1


@inner
def switch_forward(m, w, theta, step, event, du):
    """As `switch_back`, for tangents; the sign becomes that behind the switch."""
    k, d, H = w.events[event, 1], w.other, w.held.shape[0]
    before, after = float(w.events[event, 2]), float(w.events[event, 4])
    if not w.events[event, 3]:
        rate = sides(m, w, theta, step, k, before, after)
        for s in range(m.size):
            d[s] = w.g[s] if s < H else 0.0
        for j in range(m.n):
            d[H + 1 + j] = du[j]
        run_tangents(m, w, CONDITIONS, theta, w.dtheta, spare(m, w), d)
        moved = m.g_factors[k] * d[m.g_slots[k]]
        if moved != 0.0 and rate != 0.0:
            for j in range(m.n):
                du[j] -= (w.work[8, j] - w.work[9, j]) * moved / rate
    w.signs[k] = after
