"""The loops of `sampling`: expressions and their derivatives at points."""

from __future__ import annotations

from pysymude.engines.native import structures as st
from pysymude.engines.native.blocks import run, run_back
from pysymude.engines.native.compiling import inner
from pysymude.engines.native.holding import hold, pull_held

__all__ = ["sum_of_squares"]

OBSERVE = st.OBSERVE


@inner
def is_another(p, i):
    """Whether the parameters of a point differ from those of the point before."""
    for j in range(p.shape[1]):
        if p[i, j] != p[i - 1, j]:
            return True
    return False


@inner
def point_block(m, w, points, theta, i):
    """Runs the expressions at point i over the block."""
    H = w.held.shape[0]
    for j in range(H):
        w.v[j] = w.held[j]
    w.v[H] = points.t[i]
    for j in range(m.n):
        w.v[H + 1 + j] = points.u[i, j]
    for k in range(w.signs.shape[0]):
        w.v[H + 1 + m.n + k] = 2.0
    run(m, w, OBSERVE, theta, 0)


def sum_of_squares(task, gradient):
    """The sum of squares into `memory.total`; its gradient into `memory.gtheta`."""
    m, w, x, theta = task.model, task.memory, task.points, task.theta
    N, C = x.values.shape
    for i in range(N):
        if i == 0 or is_another(x.p, i):
            hold(m, w, x.p, theta, i)
        point_block(m, w, x, theta, i)
        for c in range(C):
            x.values[i, c] = m.y_factors[c] * w.v[m.y_slots[c]]
    w.total[0] = residuals_of(x)
    if not gradient:
        return 0
    H = w.held.shape[0]
    for s in range(m.size):
        w.g[s] = 0.0
    for i in range(N):
        if i == 0 or is_another(x.p, i):
            if i > 0:
                pull_held(m, w, theta, x.p.shape[1])
                for s in range(H):
                    w.g[s] = 0.0
            hold(m, w, x.p, theta, i)
        point_block(m, w, x, theta, i)
        for s in range(H, m.size):
            w.g[s] = 0.0
        for c in range(C):
            w.g[m.y_slots[c]] += m.y_factors[c] * x.values[i, c]
        run_back(m, w, OBSERVE, theta, w.gtheta, 0, w.g)
    pull_held(m, w, theta, x.p.shape[1])
    return 0


@inner
def residuals_of(x):
    """The sum of squares of the residuals; `values` become its derivatives."""
    total = 0.0
    for r in range(x.residuals.shape[0]):
        x.residuals[r] = -x.target[r]
    for j in range(x.factor.shape[0]):
        x.residuals[x.residual[j]] += x.factor[j] * x.values[x.point[j], x.expression[j]]
    for i in range(x.values.shape[0]):
        for c in range(x.values.shape[1]):
            x.values[i, c] = 0.0
    for r in range(x.residuals.shape[0]):
        total += x.residuals[r] ** 2
    for j in range(x.factor.shape[0]):
        slope = 2.0 * x.residuals[x.residual[j]] * x.factor[j]
        x.values[x.point[j], x.expression[j]] += slope
    return total
