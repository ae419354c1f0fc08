"""What is held through a solve: parameters, learned values, and what is computed of them once."""

from __future__ import annotations

import math

from pysymude.engines.native import structures as st
from pysymude.engines.native.compiling import inner
from pysymude.engines.native.machine import evaluate, pull, push

__all__ = ["hold", "pull_held", "push_held"]

START, FREE, ABOVE, BELOW, DECADES = st.START, st.FREE, st.ABOVE, st.BELOW, st.DECADES


@inner
def between(z, low, high):
    """The logistic function from low to high, exact near both."""
    small = math.exp(-abs(z))
    part = (high - low) * small / (1.0 + small)
    return low + part if z < 0.0 else high - part


@inner
def learned(z, kind, low, high):
    """The value that an unconstrained number stands for: `model.transforms`."""
    if kind == FREE:
        return z
    if kind == ABOVE:
        return low + math.exp(z)
    if kind == BELOW:
        return high - math.exp(z)
    value = between(z, low, high)
    return math.exp(value) if kind == DECADES else value


@inner
def learned_slope(z, kind, low, high):
    """Its derivative."""
    if kind == FREE:
        return 1.0
    if kind == ABOVE:
        return math.exp(z)
    if kind == BELOW:
        return -math.exp(z)
    small = math.exp(-abs(z))
    slope = (high - low) * small / (1.0 + small) ** 2
    return slope * math.exp(between(z, low, high)) if kind == DECADES else slope


@inner
def hold(m, w, p, theta, e):
    """Fills `w.held` for the parameters in row e of p."""
    P = p.shape[1]
    for i in range(m.held.shape[0]):
        w.held[i] = m.held[i]
    for i in range(P):
        w.held[i] = p[e, i]
    for j in range(m.theta_at.shape[0]):
        w.held[P + j] = learned(theta[m.theta_at[j]], m.kind[j], m.low[j], m.high[j])
    first, last = m.ranges[START, 0], m.ranges[START, 1]
    evaluate(m.code, first, last, m.consts, m.net, m.scaling, theta, w.held, 0)


@inner
def pull_held(m, w, theta, P):
    """Cotangents of what is held, in w.g, to `w.gtheta`; P is the number of parameters."""
    first, last = m.ranges[START, 0], m.ranges[START, 1]
    pull(m.code, first, last, m.consts, m.net, m.scaling, theta, w.gtheta, w.held, 0, w.g)
    for j in range(m.theta_at.shape[0]):
        at = m.theta_at[j]
        w.gtheta[at] += w.g[P + j] * learned_slope(theta[at], m.kind[j], m.low[j], m.high[j])


@inner
def push_held(m, w, theta, P):
    """The tangents along `w.dtheta` of what is held, into w.g; the rest of w.g is 0."""
    for s in range(m.size):
        w.g[s] = 0.0
    for q in range(m.theta_at.shape[0]):
        at = m.theta_at[q]
        if w.dtheta[at] != 0.0:
            slope = learned_slope(theta[at], m.kind[q], m.low[q], m.high[q])
            w.g[P + q] = slope * w.dtheta[at]
    first, last = m.ranges[START, 0], m.ranges[START, 1]
    push(m.code, first, last, m.consts, m.net, m.scaling, theta, w.dtheta, w.held, 0, w.g)
