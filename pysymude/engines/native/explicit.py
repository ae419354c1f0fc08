"""Explicit steps, and the way back and forward through them, for any tableau."""

from __future__ import annotations

from pysymude.engines.native import structures as st
from pysymude.engines.native.blocks import (
    all_zero,
    error_norm,
    place,
    run_tangents,
    slope_back,
    slopes,
    where,
)
from pysymude.engines.native.compiling import inner

__all__ = [
    "attempt_explicit",
    "back_explicit",
    "dense_explicit",
    "extend_explicit",
    "forward_explicit",
    "stiffness",
]

RHS, ALL = st.RHS, st.ALL


@inner
def stage_explicit(m, w, x, theta, o, base, q, u, t, h, live, k, ok):
    """Stage q of a step from u at t: its block at `o`, its slope at k[ok:]."""
    n = m.n
    place(m, w, o, t + x.c[q] * h, live)
    at = o + w.held.shape[0] + 1
    for i in range(n):
        s = 0.0
        for r in range(q):
            s += x.A[q, r] * w.k[(base + r) * n + i]
        w.v[at + i] = u[i] + h * s
    slopes(m, w, theta, o, k, ok)


@inner
def attempt_explicit(m, w, x, options, theta, base, u, new, error, t, h, live):
    """One step, the first stage being there: the state at its end into `new`; its error."""
    n = m.n
    for q in range(1, x.stages):
        o = where(m, options.keep, base + q)
        stage_explicit(m, w, x, theta, o, base, q, u, t, h, live, w.k, (base + q) * n)
    for i in range(n):
        s, e = 0.0, 0.0
        for q in range(x.stages):
            k = w.k[(base + q) * n + i]
            s += x.b[q] * k
            e += x.error[q] * k
        new[i] = u[i] + h * s
        error[i] = h * e
    return error_norm(error, u, new, options.reltol, options.abstol)


@inner
def extend_explicit(m, w, x, keep, theta, base, u, t, h, live):
    """The stages that only the dense output uses."""
    for q in range(x.stages, x.total):
        o = where(m, keep, base + q)
        stage_explicit(m, w, x, theta, o, base, q, u, t, h, live, w.k, (base + q) * m.n)


@inner
def weight_at(x, q, s):
    """The weight of stage q in the dense output at the fraction s of a step."""
    total = 0.0
    for d in range(x.dense.shape[1] - 1, -1, -1):
        total = total * s + x.dense[q, d]
    return s * total


@inner
def dense_explicit(m, w, x, base, u, h, s, out):
    """The state at the fraction s of a step."""
    n = m.n
    for i in range(n):
        out[i] = u[i]
    for q in range(x.total):
        b = h * weight_at(x, q, s)
        if b != 0.0:
            for i in range(n):
                out[i] += b * w.k[(base + q) * n + i]


@inner
def stiffness(m, w, x, base, h):
    """A bound of how far h times the eigenvalues reach, over how far stability does."""
    n, above, below = m.n, 0.0, 0.0
    for i in range(n):
        s = 0.0
        for r in range(x.stages):
            s += (x.A[x.twin, r] - x.A[x.other, r]) * w.k[(base + r) * n + i]
        d = w.k[(base + x.twin) * n + i] - w.k[(base + x.other) * n + i]
        above += d * d
        below += s * s
    # states differ by h s, so h times the eigenvalue is h |d| / (h |s|) h
    return (above / below) ** 0.5 / x.stability if below > 0.0 else 0.0


@inner
def outputs_back_explicit(m, w, x, problem, e, i, t, h, lam, u):
    """Cotangents of the outputs inside a step: to its end, its start and its stages. The next output."""
    n = m.n
    ts, cot, G = problem.ts, w.cotangents, w.stage
    while i >= 0 and ts[e, i] > t:
        s = (ts[e, i] - t) / h
        if s >= 1.0:
            for j in range(n):
                lam[j] += cot[i, j]
        else:
            for j in range(n):
                u[j] += cot[i, j]
            for q in range(x.total):
                b = h * weight_at(x, q, s)
                for j in range(n):
                    G[q * n + j] += b * cot[i, j]
        i -= 1
    return i


@inner
def back_explicit(m, w, x, problem, theta, keep, e, step, i, lam, u, carry, shared):
    """Back through one step: `lam`, of the state at its end, becomes that of the state at its start.

    `carry` are cotangents of the slope at the end that the next step took over; where `shared`, those of
    the first slope are left there for the step before. Returns the last output not yet used.
    """
    n, G = m.n, w.stage
    t, h, base = w.times[step, 0], w.times[step, 1], w.steps[step, st.STEP_BASE]
    count = x.total if w.steps[step, st.STEP_EXTRA] else x.stages
    live = w.steps[step, st.STEP_LIVE] != 0
    for j in range(x.total * n):
        G[j] = 0.0
    for j in range(n):
        u[j] = 0.0
        G[x.last * n + j] = carry[j]
        carry[j] = 0.0
    i = outputs_back_explicit(m, w, x, problem, e, i, t, h, lam, u)
    for q in range(x.stages):
        for j in range(n):
            G[q * n + j] += h * x.b[q] * lam[j]
    for j in range(n):
        u[j] += lam[j]
    for q in range(count - 1, -1, -1):
        if q == 0 and shared:
            for j in range(n):
                carry[j] = G[j]
            break
        if all_zero(G, q * n, n):
            continue
        o = where(m, keep, base + q)
        if keep != ALL:
            stage_explicit(m, w, x, theta, o, base, q, w.u[step], t, h, live, w.other, 0)
        slope_back(m, w, theta, x.A, h, q, o, u)
    for j in range(n):
        lam[j] = u[j]
    return i


@inner
def forward_explicit(m, w, x, problem, theta, keep, e, step, i, du, dk):
    """Tangents through one step: `du`, of the state at its start, becomes that at its end.

    Tangents of the states at outputs inside the step go to `w.cotangents`. `dk` (total, n) is scratch.
    Returns the next output.
    """
    n, d = m.n, w.g
    t, h, base = w.times[step, 0], w.times[step, 1], w.steps[step, st.STEP_BASE]
    count = x.total if w.steps[step, st.STEP_EXTRA] else x.stages
    live, H = w.steps[step, st.STEP_LIVE] != 0, w.held.shape[0]
    for q in range(count):
        o = where(m, keep, base + q)
        if keep != ALL:
            stage_explicit(m, w, x, theta, o, base, q, w.u[step], t, h, live, w.other, 0)
        for s in range(H, m.size):
            d[s] = 0.0
        for j in range(n):
            total = du[j]
            for r in range(q):
                total += h * x.A[q, r] * dk[r * n + j]
            d[H + 1 + j] = total
        run_tangents(m, w, RHS, theta, w.dtheta, o, d)
        for j in range(n):
            dk[q * n + j] = m.f_factors[j] * d[m.f_slots[j]]
    T, end = problem.ts.shape[1], w.times[step, 2]
    while i < T and problem.ts[e, i] <= end:
        part = (problem.ts[e, i] - t) / h
        if part >= 1.0:
            break
        for j in range(n):
            w.cotangents[i, j] = du[j]
        for q in range(count):
            b = h * weight_at(x, q, part)
            for j in range(n):
                w.cotangents[i, j] += b * dk[q * n + j]
        i += 1
    for j in range(n):
        for q in range(x.stages):
            du[j] += h * x.b[q] * dk[q * n + j]
    return i
