"""Derivatives of all that an experiment gives for measurements, one by one, along steps that are kept."""

from __future__ import annotations

from pysymude.engines.native import structures as st
from pysymude.engines.native.blocks import run_back, run_tangents
from pysymude.engines.native.compiling import inner
from pysymude.engines.native.holding import pull_held, push_held
from pysymude.engines.native.kernels import start_tangent
from pysymude.engines.native.measuring import is_read, observe
from pysymude.engines.native.sweeps import go_back, go_forward, rewind

__all__ = ["linearise_back", "linearise_forward"]

OBSERVE, JUMP = st.OBSERVE, st.JUMP


def linearise_forward(wanted, e):
    """One sweep a direction of theta: derivatives of everything along it, for experiment e."""
    return ahead(wanted.task, wanted.task.explicit, wanted.task.implicit, wanted, e)


def linearise_back(wanted, e):
    """One sweep a measurement: its derivatives by all of theta, for experiment e."""
    return back(wanted.task, wanted.task.explicit, wanted.task.implicit, wanted, e)


@inner
def ahead(task, x, y, wanted, e):
    """`linearise_forward`; what is None has to be an argument to be left out."""
    m, w, problem, theta = task.model, task.memory, task.problem, task.theta
    for k in range(wanted.directions.shape[0]):
        for j in range(theta.shape[0]):
            w.dtheta[j] = wanted.directions[k, j]
        push_held(m, w, theta, problem.p.shape[1])
        for r in range(m.n):
            w.work[5, r] = start_tangent(problem, theta, w.dtheta, e, r)
        go_forward(m, w, problem, x, y, theta, task.options.keep, e, w.counts[0])
        for i in range(problem.ts.shape[1]):
            if is_read(problem, e, i):
                tangents_at(m, w, problem, theta, wanted, e, i, k)
    for j in range(theta.shape[0]):
        w.dtheta[j] = 0.0
    return 0


@inner
def tangents_at(m, w, problem, theta, wanted, e, i, k):
    """What the tangents of the states at output i mean for the columns."""
    d, H = w.g, w.held.shape[0]
    o = observe(m, w, problem, theta, e, i)
    for s in range(H, m.size):
        d[s] = 0.0
    for j in range(m.n):
        d[H + 1 + j] = w.cotangents[i, j]
    run_tangents(m, w, OBSERVE, theta, w.dtheta, o, d)
    for c in range(wanted.slopes.shape[1]):
        wanted.slopes[i, c, k] = m.y_factors[c] * d[m.y_slots[c]]


@inner
def back(task, x, y, wanted, e):
    """`linearise_back`; what is None has to be an argument to be left out."""
    m, w, problem, theta = task.model, task.memory, task.problem, task.theta
    events = w.counts[1]
    for i in range(wanted.asked.shape[0]):
        count = steps_until(w, problem.ts[e, i])
        for c in range(wanted.asked.shape[1]):
            if wanted.asked[i, c] == 0:
                continue
            rewind(w, events, count)
            cotangents_at(m, w, problem, theta, e, i, c)
            go_back(m, w, problem, x, y, theta, task.options.keep, e, count)
            pull_held(m, w, theta, problem.p.shape[1])
            w.counts[1] = events
            for j in range(theta.shape[0]):
                wanted.slopes[i, c, j] = w.gtheta[j]
            for r in range(m.n):
                wanted.starts[i, c, r] = w.work[5, r]
    return 0


@inner
def steps_until(w, t):
    """How many of the kept steps are needed to reach t."""
    count = w.counts[0]
    while count > 0 and w.times[count - 1, 0] >= t:
        if w.steps[count - 1, 0] == JUMP and w.times[count - 1, 0] == t:
            break  # outputs are those behind a jump
        count -= 1
    return count


@inner
def cotangents_at(m, w, problem, theta, e, i, c):
    """Cotangents of the states at outputs where column c at output i has 1, into `w.cotangents`."""
    H, g = w.held.shape[0], w.g
    for k in range(problem.ts.shape[1]):
        for j in range(m.n):
            w.cotangents[k, j] = 0.0
    for j in range(theta.shape[0]):
        w.gtheta[j] = 0.0
    for s in range(m.size):
        g[s] = 0.0
    o = observe(m, w, problem, theta, e, i)
    g[m.y_slots[c]] += m.y_factors[c]
    run_back(m, w, OBSERVE, theta, w.gtheta, o, g)
    for j in range(m.n):
        w.cotangents[i, j] = g[H + 1 + j]
