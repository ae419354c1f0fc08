"""Blocks: putting a state into one, running a program over it, reading its outputs."""

from __future__ import annotations

from pysymude.engines.native import codes
from pysymude.engines.native import structures as st
from pysymude.engines.native.compiling import inner
from pysymude.engines.native.machine import evaluate, pull, push

__all__ = [
    "add_stages",
    "all_zero",
    "derivatives",
    "error_norm",
    "place",
    "run",
    "run_back",
    "run_tangents",
    "slope_back",
    "slopes",
    "spare",
]

RHS, DERIVATIVES, ALL = st.RHS, st.DERIVATIVES, st.ALL
LIVE = codes.LIVE

_WIDE = 8  # states, from which on loops over them are the inner ones


@inner
def where(m, keep, block):
    """Where a block begins: where nothing is kept there is one for all."""
    return block * m.size if keep == ALL else 0


@inner
def spare(m, w):
    """Where the block begins that no step keeps."""
    return w.v.shape[0] - m.size


@inner
def place(m, w, o, t, live):
    """What a block holds besides the states: held numbers, time, and the signs of conditions."""
    v, held = w.v, w.held
    H = held.shape[0]
    for i in range(H):
        v[o + i] = held[i]
    v[o + H] = t
    at = o + H + 1 + m.n
    for k in range(m.time_only.shape[0]):
        v[at + k] = LIVE if live else w.signs[k]


@inner
def run(m, w, program, theta, o):
    """Runs a program over the block at `o`."""
    evaluate(
        m.code,
        m.ranges[program, 0],
        m.ranges[program, 1],
        m.consts,
        m.net,
        m.scaling,
        theta,
        w.v,
        o,
    )


@inner
def run_back(m, w, program, theta, gtheta, o, g):
    """Cotangents back through a program."""
    pull(
        m.code, m.ranges[program, 0], m.ranges[program, 1], m.consts, m.net, m.scaling, theta, gtheta,
        w.v, o, g,
    )  # fmt: skip


@inner
def slope_back(m, w, theta, A, factor, q, o, u):
    """Cotangents of the slope of stage q, at the block at `o`, to those of the stages before it and to u.

    The stage's state is u plus the sum of ``factor A[q, r] k_r``; the cotangents are in `w.stage`.
    """
    n, G, g, H = m.n, w.stage, w.g, w.held.shape[0]
    for s in range(H, m.size):
        g[s] = 0.0
    for j in range(n):
        g[m.f_slots[j]] += m.f_factors[j] * G[q * n + j]
    run_back(m, w, RHS, theta, w.gtheta, o, g)
    for j in range(n):
        d = g[H + 1 + j]
        u[j] += d
        for r in range(q):
            G[r * n + j] += factor * A[q, r] * d


@inner
def run_tangents(m, w, program, theta, dtheta, o, d):
    """Tangents forward through a program."""
    push(
        m.code, m.ranges[program, 0], m.ranges[program, 1], m.consts, m.net, m.scaling, theta, dtheta,
        w.v, o, d,
    )  # fmt: skip


@inner
def slopes(m, w, theta, o, k, ok):
    """The right-hand side at a block whose states are there, into k[ok:]."""
    run(m, w, RHS, theta, o)
    for i in range(m.n):
        k[ok + i] = m.f_factors[i] * w.v[o + m.f_slots[i]]


@inner
def derivatives(m, w, theta, o, k, ok):
    """The right-hand side into k[ok:], the Jacobian's entries and df/dt into w.entries."""
    run(m, w, DERIVATIVES, theta, o)
    for i in range(m.n):
        k[ok + i] = m.d_factors[i] * w.v[o + m.d_slots[i]]
    for j in range(m.n, m.d_slots.shape[0]):
        w.entries[j - m.n] = m.d_factors[j] * w.v[o + m.d_slots[j]]


@inner
def add_stages(y, oy, A, q, count, k, base, n):
    """To y[oy:] the sum of ``A[q, r]`` times stage r, for so many stages from `base` on."""
    if n < _WIDE:
        for i in range(n):
            s = y[oy + i]
            for r in range(count):
                s += A[q, r] * k[(base + r) * n + i]
            y[oy + i] = s
    else:
        # in vectors over the states
        total = y[oy : oy + n]
        for r in range(count):
            a, row = A[q, r], k[(base + r) * n : (base + r) * n + n]
            for i in range(n):
                total[i] += a * row[i]


@inner
def error_norm(error, u, new, reltol, abstol):
    """The root mean square of an error, where 1 is what the tolerances admit."""
    total = 0.0
    for i in range(u.shape[0]):
        e = error[i] / (abstol[i] + reltol * max(abs(u[i]), abs(new[i])))
        total += e * e
    return (total / u.shape[0]) ** 0.5


@inner
def all_zero(x, o, n):
    """Whether x[o:o+n] is 0."""
    for i in range(n):
        if x[o + i] != 0.0:
            return False
    return True
