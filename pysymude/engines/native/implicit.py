"""Rosenbrock steps, for any tableau."""

from __future__ import annotations

from pysymude.engines.native import structures as st
from pysymude.engines.native.blocks import add_stages, derivatives, error_norm, place, slopes, where
from pysymude.engines.native.compiling import inner
from pysymude.engines.native.rosenbrock_systems import factor, solve, solves

__all__ = [
    "attempt_implicit",
    "dense_implicit",
    "reach",
    "stage_implicit",
    "start_implicit",
    "weight_inside",
]

ALL = st.ALL


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
        w.v[at + i] = u[i]
    add_stages(w.v, at, x.A, q, q, w.k, base, n)


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
            error[i] = 0.0
        add_stages(error, 0, x.C, q, q, w.k, base, n)
        for i in range(n):
            w.k[kq + i] += error[i] / h
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
