"""What is observed along a solve, the terms of a loss, and their cotangents."""

from __future__ import annotations

import math

from pysymude.engines.native import structures as st
from pysymude.engines.native.blocks import place, run, run_back, run_tangents, spare
from pysymude.engines.native.compiling import inner

__all__ = ["is_read", "loss_terms", "observe", "pull_observed", "tangents_observed", "tie"]

OBSERVE = st.OBSERVE


@inner
def is_read(problem, e, i):
    """Whether anything is observed at output i."""
    for c in range(problem.weight.shape[2]):
        if problem.weight[e, i, c] != 0.0:
            return True
    if problem.law_weight.shape[2] == 0:
        return False
    if problem.anchor[e, i] != 0.0:
        return True
    for c in range(problem.law_weight.shape[2]):
        if problem.law_weight[e, i, c] != 0.0:
            return True
    return False


@inner
def observe(m, w, problem, theta, e, i):
    """Runs the observation at output i over the spare block; where that begins."""
    o = spare(m, w)
    place(m, w, o, problem.ts[e, i], True)
    at = o + w.held.shape[0] + 1
    for j in range(m.n):
        w.v[at + j] = problem.out[e, i, j]
    run(m, w, OBSERVE, theta, o)
    return o


@inner
def loss_terms(m, w, problem, theta, e, given):
    """The terms of experiment e, into `problem.terms`; `w.values` become their derivatives.

    Where the derivatives by the measured columns are `given`, their term is another's and 0 here.
    """
    T, C = problem.y.shape[1], problem.y.shape[2]
    L = problem.law_weight.shape[2]
    data = 0.0
    for i in range(T):
        if not is_read(problem, e, i):
            continue
        o = observe(m, w, problem, theta, e, i)
        for c in range(C + L):
            w.values[i, c] = m.y_factors[c] * w.v[o + m.y_slots[c]]
        for c in range(C):
            weight = problem.weight[e, i, c]
            problem.seen[e, i, c] = w.values[i, c]
            if given:
                w.values[i, c] = problem.given[e, i, c]
                continue
            r = weight * (w.values[i, c] - problem.y[e, i, c]) if weight > 0.0 else 0.0
            data += r * r
            w.values[i, c] = 2.0 * weight * r
    problem.terms[e, 0], problem.terms[e, 1] = data, 0.0
    for c in range(L):
        problem.terms[e, 2 + c] = drift(w, problem, e, c, C + c)


@inner
def drift(w, problem, e, law, c):
    """The drift of a law from its mean; column c of `w.values` becomes its derivatives."""
    middle, total, term = 0.0, 0.0, 0.0
    T = problem.ts.shape[1]
    for i in range(T):
        if problem.anchor[e, i] != 0.0:
            middle += problem.anchor[e, i] * w.values[i, c]
    for i in range(T):
        if not is_read(problem, e, i):
            continue
        weight = problem.law_weight[e, i, law]
        r = weight * (w.values[i, c] - middle) if weight > 0.0 else 0.0
        term += r * r
        w.values[i, c] = 2.0 * weight * r
        total += 2.0 * weight * r
    for i in range(T):
        if problem.anchor[e, i] != 0.0:
            w.values[i, c] -= problem.anchor[e, i] * total
    return term


@inner
def tie(m, problem, e):
    """The gap between the end of an experiment and the start of the one that follows it."""
    follower, term = problem.link[e], 0.0
    if follower < 0:
        return 0.0
    last = problem.ts.shape[1] - 1
    for j in range(m.n):
        r = problem.link_weight[j] * (problem.out[e, last, j] - problem.start[follower, j])
        term += r * r
    return term


@inner
def tie_slope(problem, e, j):
    """The derivative of the gap's square by the state at the end."""
    last = problem.ts.shape[1] - 1
    gap = problem.out[e, last, j] - problem.start[problem.link[e], j]
    return 2.0 * problem.link_weight[j] ** 2 * gap


@inner
def pull_observed(m, w, problem, theta, e):
    """Cotangents of the states at outputs, into `w.cotangents`; others are added to theirs."""
    T, n, g, H = problem.ts.shape[1], m.n, w.g, w.held.shape[0]
    for i in range(T):
        for j in range(n):
            w.cotangents[i, j] = 0.0
        if not is_read(problem, e, i):
            continue
        o = observe(m, w, problem, theta, e, i)
        for s in range(H, m.size):
            g[s] = 0.0
        for c in range(m.y_slots.shape[0]):
            g[m.y_slots[c]] += m.y_factors[c] * w.values[i, c]
        run_back(m, w, OBSERVE, theta, w.gtheta, o, g)
        for j in range(n):
            w.cotangents[i, j] = g[H + 1 + j]
    if problem.link[e] >= 0:
        for j in range(n):
            w.cotangents[T - 1, j] += tie_slope(problem, e, j)


@inner
def tangents_observed(m, w, problem, theta, e):
    """The derivative of the terms of experiment e along tangents of the states at outputs."""
    T, n, d, H = problem.ts.shape[1], m.n, w.g, w.held.shape[0]
    total = 0.0
    for i in range(T):
        if not is_read(problem, e, i):
            continue
        o = observe(m, w, problem, theta, e, i)
        for s in range(H, m.size):
            d[s] = 0.0
        for j in range(n):
            d[H + 1 + j] = w.cotangents[i, j]
        run_tangents(m, w, OBSERVE, theta, w.dtheta, o, d)
        for c in range(m.y_slots.shape[0]):
            total += w.values[i, c] * m.y_factors[c] * d[m.y_slots[c]]
    if problem.link[e] >= 0:
        for j in range(n):
            total += tie_slope(problem, e, j) * w.cotangents[T - 1, j]
    return total if math.isfinite(total) else math.nan
