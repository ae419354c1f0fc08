"""What Python calls: all experiments of a range, from theta to values, outputs and gradients."""

from __future__ import annotations

import math

from pysymude.engines.native import structures as st
from pysymude.engines.native.blocks import run_back, run_tangents
from pysymude.engines.native.compiling import inner, kernel
from pysymude.engines.native.explicit import dense_explicit, extend_explicit
from pysymude.engines.native.implicit import dense_implicit
from pysymude.engines.native.machine import evaluate, pull, push
from pysymude.engines.native.march import march
from pysymude.engines.native.measuring import (
    loss_terms,
    pull_observed,
    tangents_observed,
    tie,
    tie_slope,
)
from pysymude.engines.native.sweeps import go_back, go_forward

__all__ = ["explicit_kernel", "initial_states", "interpolate", "mixed_kernel", "start_slopes"]

EXPLICIT = st.EXPLICIT
START, FREE, ABOVE, BELOW = st.START, st.FREE, st.ABOVE, st.BELOW
SOLVE, MEASURE, BACKWARD, FORWARD = 1, 2, 4, 8  # what a kernel is to do


@inner
def learned(z, kind, low, high):
    """The value that an unconstrained number stands for: `model.transforms`."""
    if kind == FREE:
        return z
    if kind == ABOVE:
        return low + math.exp(z)
    if kind == BELOW:
        return high - math.exp(z)
    return low + (high - low) * (0.5 * (1.0 + math.tanh(0.5 * z)))


@inner
def learned_slope(z, kind, low, high):
    """Its derivative."""
    if kind == FREE:
        return 1.0
    if kind == ABOVE:
        return math.exp(z)
    if kind == BELOW:
        return -math.exp(z)
    half = math.tanh(0.5 * z)
    return (high - low) * 0.25 * (1.0 - half * half)


@inner
def hold(m, w, problem, theta, e):
    """What is held through the solve of experiment e."""
    P = problem.p.shape[1]
    for i in range(m.held.shape[0]):
        w.held[i] = m.held[i]
    for i in range(P):
        w.held[i] = problem.p[e, i]
    for j in range(m.theta_at.shape[0]):
        w.held[P + j] = learned(theta[m.theta_at[j]], m.kind[j], m.low[j], m.high[j])
    first, last = m.ranges[START, 0], m.ranges[START, 1]
    evaluate(m.code, first, last, m.consts, m.net, m.scaling, theta, w.held, 0)


@inner
def begin(m, w, problem, e):
    """The state at which experiment e starts."""
    for j in range(m.n):
        w.work[0, j] = problem.start[e, j]


@inner
def finish_back(m, w, problem, theta, e):
    """Cotangents of the start and of what was held, to the experiment's start and to theta."""
    P, g = problem.p.shape[1], w.g
    for j in range(m.n):
        problem.slopes[e, j] += w.work[5, j]
    first, last = m.ranges[START, 0], m.ranges[START, 1]
    pull(
        m.code, first, last, m.consts, m.net, m.scaling, theta, w.gtheta, w.held, 0, g
    )
    for j in range(m.theta_at.shape[0]):
        at = m.theta_at[j]
        w.gtheta[at] += g[P + j] * learned_slope(theta[at], m.kind[j], m.low[j], m.high[j])


@inner
def backward(m, w, problem, x, y, options, theta, e, count, implicit):
    """The gradient of experiment e, added to `w.gtheta` and `problem.slopes`."""
    for s in range(m.size):
        w.g[s] = 0.0
    pull_observed(m, w, problem, theta, e)
    go_back(m, w, problem, x, y, theta, options.keep, e, count, implicit)
    finish_back(m, w, problem, theta, e)


@inner
def forward(m, w, problem, x, y, options, theta, e, count, implicit):
    """As `backward`, one entry of theta after the other."""
    P, n = problem.p.shape[1], m.n
    first, last = m.ranges[START, 0], m.ranges[START, 1]
    for j in range(theta.shape[0]):
        for s in range(m.size):
            w.g[s] = 0.0
        w.dtheta[j] = 1.0
        for q in range(m.theta_at.shape[0]):
            if m.theta_at[q] == j:
                w.g[P + q] = learned_slope(theta[j], m.kind[q], m.low[q], m.high[q])
        push(
            m.code, first, last, m.consts, m.net, m.scaling, theta, w.dtheta, w.held, 0, w.g
        )
        for r in range(n):
            w.work[5, r] = start_tangent(problem, theta, e, r, j)
        go_forward(m, w, problem, x, y, theta, options.keep, e, count, implicit)
        w.gtheta[j] += tangents_observed(m, w, problem, theta, e)
        w.dtheta[j] = 0.0


@inner
def start_tangent(problem, theta, e, r, j):
    """The derivative of the r-th initial state of experiment e by theta[j]."""
    total = 0.0
    for c in range(problem.u0.shape[1]):
        if problem.u0_index[e, c] == j:
            slope = math.exp(theta[j]) if problem.positive[c] else 1.0
            total += problem.mix[r, c] * slope
    return total


@inner
def tie_back(m, problem, e):
    """What the tie of an experiment's end means for the start that it is tied to."""
    if problem.link[e] >= 0:
        for j in range(m.n):
            problem.slopes[problem.link[e], j] -= tie_slope(problem, e, j)


@inner
def drive(task, first, last, todo, implicit):
    """Experiments first to last; where one cannot go on here: why, and which it was."""
    m, w, problem, x, y = task.model, task.memory, task.problem, task.explicit, task.implicit
    options, theta = task.options, task.theta
    for e in range(first, last):
        hold(m, w, problem, theta, e)
        begin(m, w, problem, e)
        code, count = march(m, w, problem, x, y, options, theta, e, implicit)
        w.counts[0] = count
        if code < 0:
            return code, e
        problem.codes[e] = code
        if code != 0:
            continue
        if todo & MEASURE:
            loss_terms(m, w, problem, theta, e)
            problem.terms[e, 1] = tie(m, problem, e)
        if todo & BACKWARD:
            backward(m, w, problem, x, y, options, theta, e, count, implicit)
        elif todo & FORWARD:
            forward(m, w, problem, x, y, options, theta, e, count, implicit)
        if todo & (BACKWARD | FORWARD):
            tie_back(m, problem, e)
    return 0, last


@kernel
def explicit_kernel(task, first, last, todo):
    """`drive` for explicit methods alone: less to compile."""
    return drive(task, first, last, todo, False)


@kernel
def mixed_kernel(task, first, last, todo):
    """`drive` for all methods."""
    return drive(task, first, last, todo, True)


@kernel
def initial_states(task):
    """Where experiments start, learned values read from theta, into `problem.start`."""
    problem, theta = task.problem, task.theta
    E, given = problem.u0.shape
    for e in range(E):
        for r in range(problem.mix.shape[0]):
            total = 0.0
            for c in range(given):
                at = problem.u0_index[e, c]
                value = problem.u0[e, c]
                if at >= 0:
                    value = math.exp(theta[at]) if problem.positive[c] else theta[at]
                if problem.mix[r, c] != 0.0:
                    total += problem.mix[r, c] * value
            problem.start[e, r] = total


@kernel
def start_slopes(task):
    """Cotangents of the starts, added to those of theta."""
    problem, theta, gtheta = task.problem, task.theta, task.memory.gtheta
    E, given = problem.u0.shape
    for e in range(E):
        for c in range(given):
            at = problem.u0_index[e, c]
            if at < 0:
                continue
            total = 0.0
            for r in range(problem.mix.shape[0]):
                total += problem.mix[r, c] * problem.slopes[e, r]
            gtheta[at] += total * (math.exp(theta[at]) if problem.positive[c] else 1.0)


@kernel
def interpolate(task, times, out):
    """The states at ascending or descending times along the steps that were kept, into out."""
    m, w, x, y = task.model, task.memory, task.explicit, task.implicit
    count, step = w.counts[0], 0
    for i in range(times.shape[0]):
        t = times[i]
        while step + 1 < count and t > w.times[step, 2]:
            step += 1
        while step > 0 and t < w.times[step, 0]:
            step -= 1
        if count == 0:
            for j in range(m.n):
                out[i, j] = task.problem.start[0, j]
            continue
        u, new, h = w.u[step], w.u[step + 1], w.times[step, 1]
        base, s = w.steps[step, 1], (t - w.times[step, 0]) / h
        if s >= 1.0:
            for j in range(m.n):
                out[i, j] = new[j]
        elif w.steps[step, 0] == EXPLICIT:
            if w.steps[step, 2] == 0 and x.total > x.stages:
                keep, start = task.options.keep, w.times[step, 0]
                extend_explicit(m, w, x, keep, task.theta, base, u, start, h, True)
                w.steps[step, 2] = 1
            dense_explicit(m, w, x, base, u, h, s, out[i])
        else:
            dense_implicit(m, w, y, base, u, new, s, out[i])
