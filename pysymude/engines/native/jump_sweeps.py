"""The way back and forward through jumps: what is set, and when, moves with what decides it.

With u+ = g(u-, t) at the time where c(u-, t) = 0, that time moves by dt = -dc / (dc/dt along f-), and u+, seen
at a fixed time, by dg/du (du- + f- dt) + dg/dt dt - f+ dt. A jump that another one at the same time called for
moves with that one; doses stay where they are.
"""

from __future__ import annotations

from pysymude.engines.native import structures as st
from pysymude.engines.native.blocks import run_back, run_tangents, spare
from pysymude.engines.native.compiling import inner
from pysymude.engines.native.state_jumps import set_values, slope_there
from pysymude.engines.native.switching import condition_slopes, conditions_at

__all__ = ["jump_back", "jump_forward"]

CONDITIONS, EFFECTS, BEFORE, BEHIND = st.CONDITIONS, st.EFFECTS, st.BEFORE, st.BEHIND


@inner
def clear(m, x):
    """A block of zeros."""
    for s in range(m.size):
        x[s] = 0.0


@inner
def receive(m, w, lam, g):
    """Adds the cotangents of a block to those of the state and of what is held."""
    H = w.held.shape[0]
    for j in range(m.n):
        lam[j] += g[H + 1 + j]
    for s in range(H):
        w.g[s] += g[s]


@inner
def jump_back(m, w, problem, theta, e, step, i, event, moved):
    """Back through a jump: w.work[5], of the state behind it, becomes that of the state before.

    `moved` is the cotangent of the time, of the jumps that this one called for. Returns the next output and
    the next change of a sign to go back through, and `moved` for the jump that called this one.
    """
    n, lam, t, which = m.n, w.work[5], w.times[step, 0], w.steps[step, 2]
    while i >= 0 and problem.ts[e, i] >= t:
        for j in range(n):
            lam[j] += w.cotangents[i, j]
        i -= 1
    f = w.work[BEHIND]
    if which >= 0:
        slope_there(m, w, theta, t, w.u[step + 1], f)
        for j in range(n):
            moved -= lam[j] * f[j]
    while event >= 0 and w.events[event, 0] == step:
        w.signs[w.events[event, 1]] = w.events[event, 2]
        event -= 1
    if which >= 0:
        moved = effect_back(m, w, theta, step, which, lam, moved)
        if w.steps[step, 3]:
            return i, event, moved
        time_back(m, w, theta, step, m.switches + which, lam, moved)
        return i, event, 0.0
    at, c = problem.dose_index[e, -1 - which], problem.dose_state[e, -1 - which]
    if at >= 0:
        for j in range(n):
            w.gtheta[at] += problem.mix[j, c] * lam[j]
    return i, event, 0.0


@inner
def effect_back(m, w, theta, step, which, lam, moved):
    """Cotangents back through what an event sets; `moved` with what passes by it."""
    n, H, o, x, f = m.n, w.held.shape[0], spare(m, w), w.other, w.work[BEFORE]
    t, u = w.times[step, 0], w.u[step]
    slope_there(m, w, theta, t, u, f)
    set_values(m, w, theta, o, t, u, which)
    clear(m, x)
    x[H] = 1.0
    for j in range(n):
        x[H + 1 + j] = f[j]
        moved += lam[j] * f[j]
    run_tangents(m, w, EFFECTS + which, theta, w.zeros_of_theta, o, x)
    for q in range(m.set_from[which], m.set_from[which + 1]):
        r = m.set_states[q]
        moved += lam[r] * (m.e_factors[q] * x[m.e_slots[q]] - f[r])
    clear(m, x)
    for q in range(m.set_from[which], m.set_from[which + 1]):
        r = m.set_states[q]
        x[m.e_slots[q]] += m.e_factors[q] * lam[r]
        lam[r] = 0.0
    run_back(m, w, EFFECTS + which, theta, w.gtheta, o, x)
    receive(m, w, lam, x)
    return moved


@inner
def time_back(m, w, theta, step, k, lam, moved):
    """The cotangent of the time at which condition k is 0, to what that depends on."""
    o, g, t, u = spare(m, w), w.other, w.times[step, 0], w.u[step]
    conditions_at(m, w, theta, o, t, u)
    condition_slopes(m, w, theta, o, w.work[BEFORE], w.rates)
    rate = w.rates[k]
    if moved == 0.0 or rate == 0.0:
        return
    clear(m, g)
    g[m.g_slots[k]] += m.g_factors[k] * (-moved / rate)
    run_back(m, w, CONDITIONS, theta, w.gtheta, o, g)
    receive(m, w, lam, g)


@inner
def jump_forward(m, w, problem, theta, e, step, i, event, dt):
    """Tangents w.work[5] through a jump, and dt, of its time; the next change of a sign, and dt."""
    n, du, new, t, which = m.n, w.work[5], w.work[7], w.times[step, 0], w.steps[step, 2]
    f = w.work[BEFORE]
    if which >= 0:
        slope_there(m, w, theta, t, w.u[step], f)
        if not w.steps[step, 3]:
            dt = time_tangent(m, w, theta, step, m.switches + which, du)
        effect_tangent(m, w, theta, step, which, du, new, dt)
    else:
        dt = 0.0
        at, c = problem.dose_index[e, -1 - which], problem.dose_state[e, -1 - which]
        for j in range(n):
            new[j] = du[j]
            if at >= 0:
                new[j] += problem.mix[j, c] * w.dtheta[at]
    while event < w.counts[1] and w.events[event, 0] == step:
        w.signs[w.events[event, 1]] = w.events[event, 4]
        event += 1
    if dt != 0.0:
        slope_there(m, w, theta, t, w.u[step + 1], w.work[BEHIND])
        for j in range(n):
            new[j] -= w.work[BEHIND, j] * dt
    for j in range(n):
        du[j] = new[j]
    while i > 0 and problem.ts[e, i - 1] == t:
        i -= 1
        for j in range(n):
            w.cotangents[i, j] = du[j]
    return event, dt


@inner
def tangent_block(m, w, x, du, f, dt):
    """The tangents of a block: what is held, time, and the state, which also moves along f with time."""
    clear(m, x)
    H = w.held.shape[0]
    for s in range(H):
        x[s] = w.g[s]
    x[H] = dt
    for j in range(m.n):
        x[H + 1 + j] = du[j] + f[j] * dt


@inner
def time_tangent(m, w, theta, step, k, du):
    """How the time moves at which condition k is 0."""
    o, x, f = spare(m, w), w.other, w.work[BEFORE]
    conditions_at(m, w, theta, o, w.times[step, 0], w.u[step])
    condition_slopes(m, w, theta, o, f, w.rates)
    tangent_block(m, w, x, du, f, 0.0)
    run_tangents(m, w, CONDITIONS, theta, w.dtheta, o, x)
    moved = m.g_factors[k] * x[m.g_slots[k]]
    return -moved / w.rates[k] if moved != 0.0 and w.rates[k] != 0.0 else 0.0


@inner
def effect_tangent(m, w, theta, step, which, du, new, dt):
    """Tangents through what an event sets, at a time that moves."""
    o, x, f = spare(m, w), w.other, w.work[BEFORE]
    set_values(m, w, theta, o, w.times[step, 0], w.u[step], which)
    tangent_block(m, w, x, du, f, dt)
    run_tangents(m, w, EFFECTS + which, theta, w.dtheta, o, x)
    for j in range(m.n):
        new[j] = du[j] + f[j] * dt
    for q in range(m.set_from[which], m.set_from[which + 1]):
        new[m.set_states[q]] = m.e_factors[q] * x[m.e_slots[q]]
