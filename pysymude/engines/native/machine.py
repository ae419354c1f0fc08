"""The machine: a program run over a block of slots, its reverse sweep, and its tangents.

A block is a run of slots of the array `v` that starts at `o`: what is held through a solve (parameters,
learned values, constants), time, states, frozen signs, results. Programs are rows of `code` from `first` to
`last`, with two numbers each in `consts`.
"""

from __future__ import annotations

from pysymude.engines.native import codes as op
from pysymude.engines.native.compiling import inner
from pysymude.engines.native.function_slopes import (
    binary,
    binary_slopes,
    integer_power,
    product,
    sign,
    unary,
    unary_slope,
)
from pysymude.engines.native.networks import network_forward, network_pull, network_push
from pysymude.engines.native.signal_tables import signal_at

__all__ = ["evaluate", "pull", "push"]

ROW, LIVE = op.ROW, op.LIVE
ADD, MUL, DIV, SCALE, IPOW, NOT = op.ADD, op.MUL, op.DIV, op.SCALE, op.IPOW, op.NOT
SELECT, SWITCH, NET, POW, RELATIONS = op.SELECT, op.SWITCH, op.NET, op.POW, op.LT
SIGNAL = op.SIGNAL


@inner
def evaluate(code, first, last, consts, net, scaling, theta, v, o):
    """The results of a program, into the block at v[o:]."""
    for i in range(first, last):
        r = ROW * i
        k, a, b = code[r], code[r + 1], code[r + 2]
        x = consts[2 * i]
        if k == ADD:
            value = x * v[o + a] + consts[2 * i + 1] * v[o + b]
        elif k == MUL:
            value = x * v[o + a] * v[o + b]
        elif k == DIV:
            value = x * v[o + a] / v[o + b]
        elif k == SCALE:
            value = x * v[o + a]
        elif k == IPOW:
            value = integer_power(x * v[o + a], b)
        elif k == SELECT:
            value = v[o + b] if v[o + a] != 0.0 else v[o + code[r + 3]]
        elif k == NET:
            network_forward(net, a, scaling, theta, v, o)
            continue
        elif k == SWITCH:
            value = v[o + b] if v[o + b] != LIVE else sign(v[o + a])
        elif k == NOT:
            value = 1.0 if v[o + a] == 0.0 else 0.0
        elif k == SIGNAL:
            value = signal_at(int(v[o + code[r + 3]]), x * v[o + a], v[o + b], consts[2 * i + 1])
        elif k < POW:
            value = unary(k, x * v[o + a])
        else:
            value = binary(k, v[o + a], v[o + b])
        v[o + code[r + 4]] = value


@inner
def pull(code, first, last, consts, net, scaling, theta, gtheta, v, o, g):
    """Back through `evaluate`: cotangents of results lie in g and are added to those of what they read.

    Nothing passes where a cotangent is 0: there an infinite slope, or one that is no number, has no say.
    """
    for i in range(last - 1, first - 1, -1):
        r = ROW * i
        k, a, b = code[r], code[r + 1], code[r + 2]
        if k == NET:
            network_pull(net, a, scaling, theta, gtheta, v, o, g)
            continue
        d = g[code[r + 4]]
        if d == 0.0:
            continue
        x = consts[2 * i]
        if k == ADD:
            g[a] += x * d
            g[b] += consts[2 * i + 1] * d
        elif k == MUL:
            d *= x
            p, q = v[o + a], v[o + b]
            g[a] += d * q
            g[b] += d * p
        elif k == DIV:
            q = v[o + b]
            g[a] += x * d / q
            g[b] -= d * v[o + code[r + 4]] / q
        elif k == SCALE:
            g[a] += x * d
        elif k == IPOW:
            g[a] += d * x * b * integer_power(x * v[o + a], b - 1)
        elif k == SELECT:
            if v[o + a] != 0.0:
                g[b] += d
            else:
                g[code[r + 3]] += d
        elif k == SIGNAL:
            slope = consts[2 * i + 1] + 1.0
            g[a] += d * x * signal_at(int(v[o + code[r + 3]]), x * v[o + a], v[o + b], slope)
        elif k < POW:
            g[a] += d * x * unary_slope(k, x * v[o + a], v[o + code[r + 4]])
        elif k < RELATIONS:
            p, q = binary_slopes(k, v[o + a], v[o + b], v[o + code[r + 4]])
            g[a] += d * p
            g[b] += d * q


@inner
def push(code, first, last, consts, net, scaling, theta, dtheta, v, o, d):
    """Forward through `evaluate` with tangents: those of what is read lie in d, those of results go there."""
    for i in range(first, last):
        r = ROW * i
        k, a, b = code[r], code[r + 1], code[r + 2]
        if k == NET:
            network_push(net, a, scaling, theta, dtheta, v, o, d)
            continue
        x, s = consts[2 * i], code[r + 4]
        change = 0.0
        if k == ADD:
            change = x * d[a] + consts[2 * i + 1] * d[b]
        elif k == MUL:
            change = x * (d[a] * v[o + b] + v[o + a] * d[b])
        elif k == DIV:
            change = (x * d[a] - v[o + s] * d[b]) / v[o + b]
        elif k == SCALE:
            change = x * d[a]
        elif k == SELECT:
            change = d[b] if v[o + a] != 0.0 else d[code[r + 3]]
        elif k == IPOW:
            change = product(d[a], x * b * integer_power(x * v[o + a], b - 1))
        elif k == SIGNAL:
            if d[a] != 0.0:
                slope = consts[2 * i + 1] + 1.0
                change = x * signal_at(int(v[o + code[r + 3]]), x * v[o + a], v[o + b], slope)
                change = product(d[a], change)
        elif k < POW:
            change = product(d[a], x * unary_slope(k, x * v[o + a], v[o + s]))
        elif k < RELATIONS and (d[a] != 0.0 or d[b] != 0.0):
            p, q = binary_slopes(k, v[o + a], v[o + b], v[o + s])
            change = product(d[a], p) + product(d[b], q)
        d[s] = change
