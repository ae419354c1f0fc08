"""The linear systems of Rosenbrock steps: W = a I - J, dense or with its zeros known."""

from __future__ import annotations

from pysymude.engines.native.compiling import inner

__all__ = ["factor", "solve", "solve_transposed"]


@inner
def factor(m, w, o, op, a):
    """The factors of a I - J into w.lu[o:]; whether there are any."""
    n, W, pivots = m.n, w.lu, w.pivots
    for i in range(n * n):
        W[o + i] = 0.0
    for j in range(m.rows.shape[0]):
        W[o + m.rows[j] * n + m.columns[j]] -= w.entries[j]
    for i in range(n):
        W[o + i * n + i] += a
    for k in range(n):
        best, big = k, abs(W[o + k * n + k])
        for r in range(k + 1, n):
            if abs(W[o + r * n + k]) > big:
                best, big = r, abs(W[o + r * n + k])
        if not (0.0 < big < float("inf")):
            return False
        pivots[op + k] = best
        if best != k:
            for c in range(n):
                i, j = o + k * n + c, o + best * n + c
                W[i], W[j] = W[j], W[i]
        W[o + k * n + k] = 1.0 / W[o + k * n + k]
        for r in range(k + 1, n):
            x = W[o + r * n + k] * W[o + k * n + k]
            W[o + r * n + k] = x
            if x != 0.0:
                for c in range(k + 1, n):
                    W[o + r * n + c] -= x * W[o + k * n + c]
    return True


@inner
def solve(m, w, o, op, x, ox):
    """x <- W \\ x."""
    n, W, pivots = m.n, w.lu, w.pivots
    for k in range(n):
        q = pivots[op + k]
        x[ox + k], x[ox + q] = x[ox + q], x[ox + k]
    for r in range(n):
        s = x[ox + r]
        for c in range(r):
            s -= W[o + r * n + c] * x[ox + c]
        x[ox + r] = s
    for r in range(n - 1, -1, -1):
        s = x[ox + r]
        for c in range(r + 1, n):
            s -= W[o + r * n + c] * x[ox + c]
        x[ox + r] = s * W[o + r * n + r]


@inner
def solve_transposed(m, w, o, op, x, ox):
    """x <- transpose(W) \\ x."""
    n, W, pivots = m.n, w.lu, w.pivots
    for r in range(n):
        x[ox + r] *= W[o + r * n + r]
        for c in range(r + 1, n):
            x[ox + c] -= W[o + r * n + c] * x[ox + r]
    for r in range(n - 1, -1, -1):
        for c in range(r):
            x[ox + c] -= W[o + r * n + c] * x[ox + r]
    for k in range(n - 1, -1, -1):
        q = pivots[op + k]
        x[ox + k], x[ox + q] = x[ox + q], x[ox + k]
