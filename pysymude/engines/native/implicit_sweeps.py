"""The way back and forward through Rosenbrock steps, for any tableau."""

from __future__ import annotations

from pysymude.engines.native import structures as st
from pysymude.engines.native.blocks import (
    all_zero,
    run_back,
    run_tangents,
    slope_back,
    slopes,
    where,
)
from pysymude.engines.native.compiling import inner
from pysymude.engines.native.implicit import stage_implicit, start_implicit, weight_inside
from pysymude.engines.native.rosenbrock_systems import factor, solve, solve_transposed

__all__ = ["back_implicit", "forward_implicit"]

RHS, DERIVATIVES, ALL = st.RHS, st.DERIVATIVES, st.ALL


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
            part = G[at + j] / h
            for r in range(q):
                G[r * n + j] += x.C[q, r] * part
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
    o = where(m, keep, base + q)
    if keep != ALL:
        stage_implicit(m, w, x, o, base, q, w.u[step], t, h, live)
        slopes(m, w, theta, o, w.other, 0)
    slope_back(m, w, theta, x.A, 1.0, q, o, u)


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
            total = 0.0
            for r in range(q):
                total += x.C[q, r] * dk[r * n + j]
            dk[at + j] += total / h
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
        total = du[j]
        for r in range(q):
            total += x.A[q, r] * dk[r * n + j]
        d[H + 1 + j] = total
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
