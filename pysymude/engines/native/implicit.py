"""Rosenbrock steps, and the way back and forward through them, for any tableau."""

from __future__ import annotations

from pysymude.engines.native import structures as st
from pysymude.engines.native.blocks import (
    all_zero,
    derivatives,
    error_norm,
    place,
    run_back,
    run_tangents,
    slopes,
    where,
)
from pysymude.engines.native.compiling import inner
from pysymude.engines.native.systems import factor, solve, solve_transposed, solves

__all__ = [
    "attempt_implicit",
    "back_implicit",
    "dense_implicit",
    "forward_implicit",
    "reach",
    "start_implicit",
]

RHS, DERIVATIVES, ALL, NOTHING = st.RHS, st.DERIVATIVES, st.ALL, st.NOTHING


@inner
def start_implicit(m, w, theta, keep, base, u, t, live):
    """What a step from u at t begins with: the right-hand side there and its derivatives."""
    o = where(m, keep, base)
    place(m, w, o, t, live)
    for i in range(m.n):
        w.v[o + w.held.shape[0] + 1 + i] = u[i]
    derivatives(m, w, theta, o, w.first, 0)


@inner
def stage_implicit(m, w, x, o, base, q, u, t, h, live):
    """The block of stage q at `o`, its state included."""
    n, at = m.n, o + w.held.shape[0] + 1
    place(m, w, o, t + x.c[q] * h, live)
    for i in range(n):
        s = u[i]
        for r in range(q):
            s += x.A[q, r] * w.k[(base + r) * n + i]
        w.v[at + i] = s


@inner
def attempt_implicit(m, w, x, options, theta, step, base, u, new, error, t, h, live):
    """One step: the state at its end into `new`; its error, infinite where the matrix is singular."""
    n, keep = m.n, options.keep
    ow = step * m.lu_size if keep == ALL else 0
    op = step * n if keep == ALL else 0
    if not factor(m, w, ow, op, 1.0 / (h * x.gamma)):
        return float("inf")
    F = m.rows.shape[0]
    for q in range(x.stages):
        kq = (base + q) * n
        if q > 0:
            o = where(m, keep, base + q)
            stage_implicit(m, w, x, o, base, q, u, t, h, live)
            slopes(m, w, theta, o, w.k, kq)
        else:
            for i in range(n):
                w.k[kq + i] = w.first[i]
        for j in range(m.time_rows.shape[0]):
            w.k[kq + m.time_rows[j]] += h * x.d[q] * w.entries[F + j]
        for i in range(n):
            s = 0.0
            for r in range(q):
                s += x.C[q, r] * w.k[(base + r) * n + i]
            w.k[kq + i] += s / h
        for i in range(n):
            error[i] = w.k[kq + i]
        solve(m, w, ow, op, w.k, kq)
        if q == 0 and not solves(m, w, 1.0 / (h * x.gamma), w.k, kq, error):
            return float("inf")
    for i in range(n):
        s, d = 0.0, 0.0
        for q in range(x.stages):
            k = w.k[(base + q) * n + i]
            s += x.b[q] * k
            d += x.error[q] * k
        new[i] = u[i] + s
        error[i] = d
    return error_norm(error, u, new, options.reltol, options.abstol)


@inner
def weight_inside(x, q, s):
    """The weight of stage q in the dense output at the fraction s of a step, besides the straight line."""
    total = 0.0
    for d in range(x.H.shape[0] - 1, -1, -1):
        total = total * s + x.H[d, q]
    return s * (1.0 - s) * total


@inner
def dense_implicit(m, w, x, base, u, new, s, out):
    """The state at the fraction s of a step from u to `new`."""
    n = m.n
    for i in range(n):
        out[i] = u[i] + s * (new[i] - u[i])
    for q in range(x.stages):
        b = weight_inside(x, q, s)
        for i in range(n):
            out[i] += b * w.k[(base + q) * n + i]


@inner
def reach(m, w, scratch):
    """A bound of the Jacobian's eigenvalues: the largest sum of a row."""
    for i in range(m.n):
        scratch[i] = 0.0
    for j in range(m.rows.shape[0]):
        scratch[m.rows[j]] += abs(w.entries[j])
    most = 0.0
    for i in range(m.n):
        most = max(most, scratch[i])
    return most


@inner
def outputs_back_implicit(m, w, x, problem, e, i, t, h, lam, u):
    """Cotangents of the outputs inside a step: to its end, its start and its stages. The next output."""
    n = m.n
    ts, cot, G = problem.ts, w.cotangents, w.stage
    while i >= 0 and ts[e, i] > t:
        s = min((ts[e, i] - t) / h, 1.0)
        for j in range(n):
            lam[j] += s * cot[i, j]
            u[j] += (1.0 - s) * cot[i, j]
        if s < 1.0:
            for q in range(x.stages):
                b = weight_inside(x, q, s)
                for j in range(n):
                    G[q * n + j] += b * cot[i, j]
        i -= 1
    return i


@inner
def back_implicit(m, w, x, problem, theta, keep, e, step, i, lam, u):
    """Back through one step: `lam`, of the state at its end, becomes that of the state at its start."""
    n, G, g, M = m.n, w.stage, w.g, w.matrix
    t, h, base = w.times[step, 0], w.times[step, 1], w.steps[step, st.STEP_BASE]
    live, H, F = w.steps[step, st.STEP_LIVE] != 0, w.held.shape[0], m.rows.shape[0]
    ow = step * m.lu_size if keep == ALL else 0
    op = step * n if keep == ALL else 0
    if keep != ALL:
        start_implicit(m, w, theta, keep, base, w.u[step], t, live)
        factor(m, w, ow, op, 1.0 / (h * x.gamma))
    for j in range(x.stages * n):
        G[j] = 0.0
    for j in range(m.d_slots.shape[0]):
        M[j] = 0.0
    for j in range(n):
        u[j] = 0.0
    i = outputs_back_implicit(m, w, x, problem, e, i, t, h, lam, u)
    for q in range(x.stages):
        for j in range(n):
            G[q * n + j] += x.b[q] * lam[j]
    for j in range(n):
        u[j] += lam[j]
    for q in range(x.stages - 1, -1, -1):
        at = q * n
        if all_zero(G, at, n):
            continue
        solve_transposed(m, w, ow, op, G, at)
        for j in range(F):
            M[n + j] += G[at + m.rows[j]] * w.k[(base + q) * n + m.columns[j]]
        for j in range(m.time_rows.shape[0]):
            M[n + F + j] += h * x.d[q] * G[at + m.time_rows[j]]
        for j in range(n):
            s = G[at + j] / h
            for r in range(q):
                G[r * n + j] += x.C[q, r] * s
        if q == 0:
            for j in range(n):
                M[j] += G[j]
            break
        stage_back(m, w, x, theta, keep, base, q, step, t, h, live, u)
    o = where(m, keep, base)
    if keep != ALL:
        start_implicit(m, w, theta, keep, base, w.u[step], t, live)
    for s in range(H, m.size):
        g[s] = 0.0
    for j in range(m.d_slots.shape[0]):
        g[m.d_slots[j]] += m.d_factors[j] * M[j]
    run_back(m, w, DERIVATIVES, theta, w.gtheta, o, g)
    for j in range(n):
        lam[j] = u[j] + g[H + 1 + j]
    return i


@inner
def stage_back(m, w, x, theta, keep, base, q, step, t, h, live, u):
    """Cotangents of the slope of stage q back to the stages before it and to the step's start."""
    n, G, g, H = m.n, w.stage, w.g, w.held.shape[0]
    o = where(m, keep, base + q)
    if keep != ALL:
        stage_implicit(m, w, x, o, base, q, w.u[step], t, h, live)
        slopes(m, w, theta, o, w.other, 0)
    for s in range(H, m.size):
        g[s] = 0.0
    for j in range(n):
        g[m.f_slots[j]] += m.f_factors[j] * G[q * n + j]
    run_back(m, w, RHS, theta, w.gtheta, o, g)
    for j in range(n):
        d = g[H + 1 + j]
        u[j] += d
        for r in range(q):
            G[r * n + j] += x.A[q, r] * d


@inner
def forward_implicit(m, w, x, problem, theta, keep, e, step, i, du, dk, new):
    """Tangents through one step: `du`, of the state at its start, becomes that at its end.

    As `forward_explicit`; `dk` (stages, n) and `new` (n,) are scratch.
    """
    n, d, H, F = m.n, w.g, w.held.shape[0], m.rows.shape[0]
    t, h, base = w.times[step, 0], w.times[step, 1], w.steps[step, st.STEP_BASE]
    live = w.steps[step, st.STEP_LIVE] != 0
    ow = step * m.lu_size if keep == ALL else 0
    op = step * n if keep == ALL else 0
    o, M = where(m, keep, base), w.matrix
    if keep != ALL:
        start_implicit(m, w, theta, keep, base, w.u[step], t, live)
        factor(m, w, ow, op, 1.0 / (h * x.gamma))
    for s in range(H, m.size):
        d[s] = 0.0
    for j in range(n):
        d[H + 1 + j] = du[j]
    run_tangents(m, w, DERIVATIVES, theta, w.dtheta, o, d)
    for j in range(m.d_slots.shape[0]):
        M[j] = m.d_factors[j] * d[m.d_slots[j]]
    for q in range(x.stages):
        at = q * n
        if q == 0:
            for j in range(n):
                dk[j] = M[j]
        else:
            o = where(m, keep, base + q)
            if keep != ALL:
                stage_implicit(m, w, x, o, base, q, w.u[step], t, h, live)
                slopes(m, w, theta, o, w.other, 0)
            stage_tangent(m, w, x, theta, o, q, du, dk)
        for j in range(F):
            dk[at + m.rows[j]] += M[n + j] * w.k[(base + q) * n + m.columns[j]]
        for j in range(m.time_rows.shape[0]):
            dk[at + m.time_rows[j]] += h * x.d[q] * M[n + F + j]
        for j in range(n):
            s = 0.0
            for r in range(q):
                s += x.C[q, r] * dk[r * n + j]
            dk[at + j] += s / h
        solve(m, w, ow, op, dk, at)
    for j in range(n):
        new[j] = du[j]
        for q in range(x.stages):
            new[j] += x.b[q] * dk[q * n + j]
    i = outputs_forward(m, w, x, problem, e, step, i, du, dk, new)
    for j in range(n):
        du[j] = new[j]
    return i


@inner
def stage_tangent(m, w, x, theta, o, q, du, dk):
    """The tangent of the slope of stage q, into dk."""
    n, d, H = m.n, w.g, w.held.shape[0]
    for s in range(H, m.size):
        d[s] = 0.0
    for j in range(n):
        s = du[j]
        for r in range(q):
            s += x.A[q, r] * dk[r * n + j]
        d[H + 1 + j] = s
    run_tangents(m, w, RHS, theta, w.dtheta, o, d)
    for j in range(n):
        dk[q * n + j] = m.f_factors[j] * d[m.f_slots[j]]


@inner
def outputs_forward(m, w, x, problem, e, step, i, du, dk, new):
    """Tangents of the states at the outputs inside a step. The next output."""
    n, T, end = m.n, problem.ts.shape[1], w.times[step, 2]
    t, h = w.times[step, 0], w.times[step, 1]
    while i < T and problem.ts[e, i] <= end:
        s = (problem.ts[e, i] - t) / h
        if s >= 1.0:
            break
        for j in range(n):
            w.cotangents[i, j] = du[j] + s * (new[j] - du[j])
        for q in range(x.stages):
            b = weight_inside(x, q, s)
            for j in range(n):
                w.cotangents[i, j] += b * dk[q * n + j]
        i += 1
    return i
