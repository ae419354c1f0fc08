"""What `tasks` calls: all experiments of a range, from theta to values, outputs and gradients.

Each takes a record and integers and returns an integer, see `entries`.
"""

from __future__ import annotations

import math

from pysymude.engines.native import structures as st
from pysymude.engines.native.compiling import inner
from pysymude.engines.native.explicit import dense_explicit, extend_explicit
from pysymude.engines.native.holding import hold, pull_held, push_held
from pysymude.engines.native.implicit import dense_implicit
from pysymude.engines.native.march import march
from pysymude.engines.native.measuring import (
    loss_terms,
    pull_observed,
    tangents_observed,
    tie,
    tie_slope,
)
from pysymude.engines.native.sweeps import go_back, go_forward, rewind

__all__ = ["drive", "initial_states", "interpolate", "start_slopes", "start_tangent"]

EXPLICIT, WAITING = st.EXPLICIT, st.WAITING
SOLVE, MEASURE, GIVEN = st.SOLVE, st.MEASURE, st.GIVEN
BACKWARD, FORWARD = st.BACKWARD, st.FORWARD


@inner
def begin(m, w, problem, e):
    """The state at which experiment e starts."""
    for j in range(m.n):
        w.work[0, j] = problem.start[e, j]


@inner
def finish_back(m, w, problem, theta, e):
    """Cotangents of the start and of what was held, to the experiment's start and to theta."""
    for j in range(m.n):
        problem.slopes[e, j] += w.work[5, j]
    pull_held(m, w, theta, problem.p.shape[1])


@inner
def backward(m, w, problem, x, y, options, theta, e, count):
    """The gradient of experiment e, added to `w.gtheta` and `problem.slopes`."""
    for s in range(m.size):
        w.g[s] = 0.0
    pull_observed(m, w, problem, theta, e)
    go_back(m, w, problem, x, y, theta, options.keep, e, count)
    finish_back(m, w, problem, theta, e)


@inner
def forward(m, w, problem, x, y, options, theta, e, count):
    """As `backward`, one entry of theta after the other."""
    n = m.n
    for j in range(theta.shape[0]):
        w.dtheta[j] = 1.0
        push_held(m, w, theta, problem.p.shape[1])
        for r in range(n):
            w.work[5, r] = start_tangent(problem, theta, w.dtheta, e, r)
        go_forward(m, w, problem, x, y, theta, options.keep, e, count)
        w.gtheta[j] += tangents_observed(m, w, problem, theta, e)
        w.dtheta[j] = 0.0


@inner
def start_tangent(problem, theta, dtheta, e, r):
    """The tangent of the r-th initial state of experiment e along that of theta."""
    total = 0.0
    for c in range(problem.u0.shape[1]):
        at = problem.u0_index[e, c]
        if at >= 0 and dtheta[at] != 0.0:
            slope = math.exp(theta[at]) if problem.positive[c] else 1.0
            total += problem.mix[r, c] * slope * dtheta[at]
    return total


@inner
def tie_back(m, problem, e):
    """What the tie of an experiment's end means for the start that it is tied to."""
    if problem.link[e] >= 0:
        for j in range(m.n):
            problem.slopes[problem.link[e], j] -= tie_slope(problem, e, j)


def drive(task, first, last, todo):
    """Experiments first to last; where one cannot go on here: why, and in `marks` which it was.

    Without `SOLVE` the one experiment is the last that was solved here, whose steps are still there.
    Compiled twice: for tasks without an implicit tableau there is less to compile.
    """
    m, w, problem, x, y = task.model, task.memory, task.problem, task.explicit, task.implicit
    options, theta = task.options, task.theta
    for e in range(first, last):
        code, count = 0, w.counts[0]
        if todo & SOLVE:
            hold(m, w, problem.p, theta, e)
            begin(m, w, problem, e)
            code, count = march(m, w, problem, x, y, options, theta, e)
            w.counts[0] = count
        else:
            # a sweep leaves the signs of conditions as they were at the start
            rewind(w, w.counts[1], count)
        if code < 0:
            w.marks[WAITING] = e
            return code
        problem.codes[e] = code
        if code != 0:
            continue
        if todo & MEASURE:
            loss_terms(m, w, problem, theta, e, todo & GIVEN != 0)
            problem.terms[e, 1] = tie(m, problem, e)
        if todo & BACKWARD:
            backward(m, w, problem, x, y, options, theta, e, count)
        elif todo & FORWARD:
            forward(m, w, problem, x, y, options, theta, e, count)
        if todo & (BACKWARD | FORWARD):
            tie_back(m, problem, e)
    return 0


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
    return 0


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
    return 0


def interpolate(wanted):
    """The states at ascending or descending times along the steps that were kept, into out."""
    task = wanted.task
    interpolate_with(task, task.explicit, task.implicit, wanted.times, wanted.out)
    return 0


@inner
def interpolate_with(task, x, y, times, out):
    """`interpolate`; what is None has to be an argument to be left out."""
    m, w = task.model, task.memory
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
        base, s = w.steps[step, 1], (t - w.times[step, 0]) / h if h > 0.0 else 1.0
        if s >= 1.0:
            for j in range(m.n):
                out[i, j] = new[j]
        elif w.steps[step, 0] == EXPLICIT:
            if w.steps[step, 2] == 0 and x.total > x.stages:
                keep, start = task.options.keep, w.times[step, 0]
                extend_explicit(m, w, x, keep, task.theta, base, u, start, h, True)
                w.steps[step, 2] = 1
            dense_explicit(m, w, x, base, u, h, s, out[i])
        elif y is not None:
            dense_implicit(m, w, y, base, u, new, s, out[i])
