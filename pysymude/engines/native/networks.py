"""Networks in the machine: values, derivatives with respect to the inputs, and the ways through both.

One use of a network at one point is a call: a row of integers (`pack_call`) and a run of slots in the block
(`call_layout`). A call of order 1 also forms the Jacobian, one of order 2 the second derivatives as well.
All orders run the same loops: a unit carries a jet, that is its value, then its derivative with respect to
each input, then its second derivatives, of each pair of inputs once. The linear part of a layer takes every
member of the jet through the same matrix; its activation mixes them by the chain rule.

    network_forward(net, at, scaling, theta, v, o)           block at v[o:]: inputs -> results
    network_pull(net, at, scaling, theta, gtheta, v, o, g)   cotangents of results -> of inputs, weights
    network_push(net, at, scaling, theta, dtheta, v, o, d)   tangents of inputs, weights -> of results

The call's row begins at net[at]. `network_pull` and `network_push` follow `network_forward` and read what it
left in the block. `network_pull` adds to `g` at the inputs' slots and to `gtheta`; it reads the results'
cotangents and writes all else of the call's slots in `g` before it reads it, so nothing need be zeroed there
but the results. Which cotangents are zero decides how much of the jet goes back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.native.activations import KINDS, activate
from pysymude.engines.native.compiling import contracted, inner, summed
from pysymude.model.network import Scaling

__all__ = [
    "CallLayout",
    "call_layout",
    "count_weights",
    "network_forward",
    "network_pull",
    "network_push",
    "pack_call",
    "pack_scaling",
    "pair_index",
]

# the row of a call: these, then the widths, then the inputs' slots
_ORDER, _INPUTS, _LAYERS, _KIND, _WEIGHTS, _END, _SCALING, _BASE, _TOP, _WIDTHS = range(10)

# An index that may be negative costs a comparison and forbids vectors; this says that it is none
_NOT_NEGATIVE = 0xFFFF_FFFF_FFFF


class CallLayout(NamedTuple):
    """Where a call's results lie, counted from its base slot, with m outputs and n inputs.

    `outputs`: m values. `jacobian`: m x n by rows. `hessian`: for each output the n (n + 1)/2 pairs of
    inputs in the order of `pair_index`. The latter two exist from order 1 and order 2. `size`: of all.
    """

    size: int
    outputs: int
    jacobian: int
    hessian: int


def call_layout(widths: Sequence[int], order: int) -> CallLayout:
    """The slots of a call of a network with these widths, inputs and outputs included."""
    n, m = widths[0], widths[-1]
    members = _count_members(n, order)
    top = n * members + sum(_room(_padded(width), members, order) for width in widths[1:-1])
    jacobian = top + m * members
    hessian = jacobian + (m * n if order > 0 else 0)
    return CallLayout(hessian + (m * (members - 1 - n) if order > 1 else 0), top, jacobian, hessian)


def count_weights(widths: Sequence[int]) -> int:
    """How many weights and biases a network with these widths has."""
    return sum((c + 1) * r for c, r in zip(widths[:-1], widths[1:], strict=True))


def pair_index(n: int, i: int, j: int) -> int:
    """Where the pair of inputs i, j (in any order) stands among the n (n + 1)/2 of them."""
    i, j = min(i, j), max(i, j)
    return i * n - i * (i - 1) // 2 + j - i


def pack_call(
    widths: Sequence[int],
    activation: str,
    *,
    order: int,
    weights: int,
    scaling: int,
    base: int,
    inputs: Sequence[int],
) -> NDArray[np.int64]:
    """The row of a call: its network's weights begin at theta[weights], its scaling at scaling[scaling].

    `inputs` are the slots that it reads, `base` is the first of its own.
    """
    top = call_layout(widths, order).outputs
    end = weights + count_weights(widths)
    head = [order, widths[0], len(widths) - 1, KINDS[activation], weights, end, scaling, base, top]
    return np.array([*head, *widths, *inputs], dtype=np.int64)


def pack_scaling(scaling: Scaling) -> NDArray[np.float64]:
    """A network's scaling as the loops read it: input shifts, 1/scales, output shifts, scales."""
    parts = [scaling.input_shift, 1.0 / scaling.input_scale]
    return np.concatenate([*parts, scaling.output_shift, scaling.output_scale])


def _padded(width: int) -> int:
    # whole vectors: a loop over a layer has no remainder
    return (width + 3) & -4


def _count_members(n: int, order: int) -> int:
    if order == 0:
        return 1
    return 1 + n if order == 1 else 1 + n + n * (n + 1) // 2


def _room(padded: int, members: int, order: int) -> int:
    # after the activation, before it (the slope in place of the value), curvature and third derivative
    return (2 * members + (2 if order > 0 else 0)) * padded


_pad = inner(_padded)
_members = inner(_count_members)
_layer = inner(_room)


# -- the linear part -------------------------------------------------------------------------------


@summed
def _dot(x, i, y, j, size):
    i, j = i & _NOT_NEGATIVE, j & _NOT_NEGATIVE
    total = 0.0
    for k in range(size):
        total += x[i + k] * y[j + k]
    return total


@contracted
def _add_multiple(x, i, factor, y, j, size):
    i, j = i & _NOT_NEGATIVE, j & _NOT_NEGATIVE
    for k in range(size):
        x[i + k] += factor * y[j + k]


@inner
def _apply(theta, at, rows, columns, v, x, x_step, z, z_step, members):
    """Matrix and bias at theta[at:], from the jets at v[x:] to those at v[z:]; zeros as padding."""
    bias = at + rows * columns
    for k in range(members):
        for r in range(rows):
            total = _dot(theta, at + r * columns, v, x, columns)
            v[z + r] = total + theta[bias + r] if k == 0 else total
        for r in range(rows, z_step):
            v[z + r] = 0.0
        x += x_step
        z += z_step


@inner
def _apply_back(theta, gtheta, at, rows, columns, v, x, g, below, x_step, above, z_step, members):
    """From cotangents at g[above:] to those at g[below:], where v[x:] had come from."""
    bias = at + rows * columns
    for r in range(rows):
        gtheta[bias + r] += g[above + r]
    for k in range(members):
        for c in range(columns):
            g[below + c] = 0.0
        for r in range(rows):
            d, row = g[above + r], at + r * columns
            _add_multiple(gtheta, row, d, v, x, columns)
            _add_multiple(g, below, d, theta, row, columns)
        x += x_step
        below += x_step
        above += z_step


@inner
def _apply_tangent(theta, dtheta, at, rows, columns, v, x, d, dx, x_step, dz, z_step, members):
    """Tangents at d[dx:] and of the weights to those at d[dz:]."""
    bias = at + rows * columns
    for k in range(members):
        for r in range(rows):
            row = at + r * columns
            total = _dot(theta, row, d, dx, columns) + _dot(dtheta, row, v, x, columns)
            d[dz + r] = total + dtheta[bias + r] if k == 0 else total
        for r in range(rows, z_step):
            d[dz + r] = 0.0
        x += x_step
        dx += x_step
        dz += z_step


# -- the activation: the chain rule for the rest of a jet --------------------------------------------


@inner
def _times(v, to, x, y, size):
    to, x, y = to & _NOT_NEGATIVE, x & _NOT_NEGATIVE, y & _NOT_NEGATIVE
    for i in range(size):
        v[to + i] = v[x + i] * v[y + i]


@inner
def _chain(v, a, z, pad, n, order):
    """The jets at v[a:] from those before the activation at v[z:], whose first holds the slope."""
    a, z = a & _NOT_NEGATIVE, z & _NOT_NEGATIVE
    pad &= 0xFFFFFF
    curvature = z + (z - a)
    for k in range(1, (z - a) // pad):
        _times(v, a + k * pad, z, z + k * pad, pad)
    if order > 1:
        to = a + (1 + n) * pad
        for i in range(n):
            zi = z + (1 + i) * pad
            for j in range(i, n):
                zj = z + (1 + j) * pad
                for u in range(pad):
                    v[to + u] += v[curvature + u] * v[zi + u] * v[zj + u]
                to += pad


@inner
def _chain_back(v, a, z, g, ga, gz, pad, n, order, members):
    """Cotangents at g[gz:] of what `_chain` read, from those at g[ga:] of what it wrote."""
    a, z, ga, gz = a & _NOT_NEGATIVE, z & _NOT_NEGATIVE, ga & _NOT_NEGATIVE, gz & _NOT_NEGATIVE
    pad &= 0xFFFFFF
    curvature = z + (z - a)
    third = curvature + pad
    for k in range(members):
        for u in range(pad):
            g[gz + k * pad + u] = v[z + u] * g[ga + k * pad + u]
    if order > 0:
        for k in range(1, members):
            for u in range(pad):
                g[gz + u] += v[curvature + u] * v[z + k * pad + u] * g[ga + k * pad + u]
    if order > 1:
        pair = ga + (1 + n) * pad
        for i in range(n):
            zi, gi = z + (1 + i) * pad, gz + (1 + i) * pad
            for j in range(i, n):
                zj, gj = z + (1 + j) * pad, gz + (1 + j) * pad
                for u in range(pad):
                    d = g[pair + u]
                    e = d * v[curvature + u]
                    g[gi + u] += e * v[zj + u]
                    g[gj + u] += e * v[zi + u]
                    g[gz + u] += d * v[third + u] * v[zi + u] * v[zj + u]
                pair += pad


@inner
def _chain_tangent(v, a, z, d, da, dz, pad, n, order):
    """Tangents at d[da:] of what `_chain` wrote, from those at d[dz:] of what it read."""
    a, z, da, dz = a & _NOT_NEGATIVE, z & _NOT_NEGATIVE, da & _NOT_NEGATIVE, dz & _NOT_NEGATIVE
    pad &= 0xFFFFFF
    curvature = z + (z - a)
    third = curvature + pad
    members = (z - a) // pad
    for u in range(pad):
        d[da + u] = v[z + u] * d[dz + u]
    for k in range(1, members):
        p = k * pad
        for u in range(pad):
            d[da + p + u] = v[z + u] * d[dz + p + u] + v[curvature + u] * v[z + p + u] * d[dz + u]
    if order > 1:
        pair = da + (1 + n) * pad
        for i in range(n):
            pi = (1 + i) * pad
            for j in range(i, n):
                pj = (1 + j) * pad
                for u in range(pad):
                    zi, zj = v[z + pi + u], v[z + pj + u]
                    bent = d[dz + pi + u] * zj + zi * d[dz + pj + u]
                    bent = v[curvature + u] * bent + v[third + u] * zi * zj * d[dz + u]
                    d[pair + u] += bent
                pair += pad


# -- whole networks ----------------------------------------------------------------------------------


@inner
def network_forward(net, at, scaling, theta, v, o):
    """Fills the call's slots in the block at v[o:] from its inputs there."""
    at &= _NOT_NEGATIVE
    order, n, layers, kind = net[at + _ORDER], net[at + _INPUTS], net[at + _LAYERS], net[at + _KIND]
    weight, s, widths = net[at + _WEIGHTS], net[at + _SCALING], at + _WIDTHS
    members, slots = _members(n, order), widths + layers + 1
    x, x_step = (o + net[at + _BASE]) & _NOT_NEGATIVE, n
    for i in range(n * members):
        v[x + i] = 0.0
    for i in range(n):
        factor = scaling[s + n + i]
        v[x + i] = (v[o + net[slots + i]] - scaling[s + i]) * factor
        if order > 0:
            v[x + (1 + i) * n + i] = factor
    z = x + n * members
    for k in range(layers - 1):
        columns, rows = net[widths + k], net[widths + k + 1]
        pad = _pad(rows)
        jets = members * pad
        _apply(theta, weight, rows, columns, v, x, x_step, z + jets, pad, members)
        for u in range(pad):
            v[z + u] = v[z + jets + u]
        activate(kind, order, v, z, z + jets, z + 2 * jets, pad)
        _chain(v, z, z + jets, pad, n, order)
        weight += (columns + 1) * rows
        x, x_step, z = z, pad, z + _layer(pad, members, order)
    m = net[widths + layers]
    _apply(theta, weight, m, net[widths + layers - 1], v, x, x_step, z, m, members)
    _spread(scaling, s + 2 * n, v, z, n, m, members, True)


@inner
def _spread(scaling, s, v, y, n, m, members, shifted):
    """From the jets of the last layer to the results, scaled: the Jacobian and so on by outputs."""
    results, pairs = y + m * members, members - 1 - n
    for r in range(m):
        factor = scaling[s + m + r]
        v[y + r] = factor * v[y + r] + (scaling[s + r] if shifted else 0.0)
        if members > 1:
            for j in range(n):
                v[results + r * n + j] = factor * v[y + (1 + j) * m + r]
            for j in range(pairs):
                v[results + m * n + r * pairs + j] = factor * v[y + (1 + n + j) * m + r]


@inner
def _gather(scaling, s, g, y, n, m, members):
    """The way back through `_spread`; how many members of the jet have cotangents that are not zero."""
    results, pairs, used = y + m * members, members - 1 - n, 0
    for r in range(m):
        factor = scaling[s + m + r]
        g[y + r] *= factor
        if g[y + r] != 0.0 and used == 0:
            used = 1
        if members > 1:
            for j in range(n):
                d = factor * g[results + r * n + j]
                g[y + (1 + j) * m + r] = d
                if d != 0.0 and used < 1 + n:
                    used = 1 + n
            for j in range(pairs):
                d = factor * g[results + m * n + r * pairs + j]
                g[y + (1 + n + j) * m + r] = d
                if d != 0.0:
                    used = members
    return used


@inner
def network_pull(net, at, scaling, theta, gtheta, v, o, g):
    """Cotangents: from the call's results in `g` to its inputs in `g` and to its weights in `gtheta`."""
    at &= _NOT_NEGATIVE
    n, layers, widths = net[at + _INPUTS], net[at + _LAYERS], at + _WIDTHS
    weight, s, base = net[at + _END], net[at + _SCALING], net[at + _BASE] & _NOT_NEGATIVE
    whole = _members(n, net[at + _ORDER])
    above, rows = base + net[at + _TOP], net[widths + layers]
    step = rows
    members = _gather(scaling, s + 2 * n, g, above, n, rows, whole)
    if members == 0:
        return
    order = 0 if members == 1 else (1 if members == 1 + n else 2)
    below = above
    for k in range(layers - 1, -1, -1):
        columns = net[widths + k]
        pad = _pad(columns) if k > 0 else columns
        below = below - _layer(pad, whole, net[at + _ORDER]) if k > 0 else base
        weight -= (columns + 1) * rows
        x = o + below
        _apply_back(theta, gtheta, weight, rows, columns, v, x, g, below, pad, above, step, members)
        if k > 0:
            above = below + whole * pad
            _chain_back(v, x, o + above, g, below, above, pad, n, order, members)
        rows, step = columns, pad
    slots = widths + layers + 1
    for i in range(n):
        g[net[slots + i]] += scaling[s + n + i] * g[base + i]


@inner
def network_push(net, at, scaling, theta, dtheta, v, o, d):
    """Tangents: from the call's inputs in `d` and its weights in `dtheta` to its results in `d`."""
    at &= _NOT_NEGATIVE
    order, n, layers = net[at + _ORDER], net[at + _INPUTS], net[at + _LAYERS]
    weight, s, widths = net[at + _WEIGHTS], net[at + _SCALING], at + _WIDTHS
    members, slots = _members(n, order), widths + layers + 1
    x, x_step = net[at + _BASE] & _NOT_NEGATIVE, n
    for i in range(n * members):
        d[x + i] = 0.0
    for i in range(n):
        d[x + i] = scaling[s + n + i] * d[net[slots + i]]
    z = x + n * members
    for k in range(layers):
        columns, rows = net[widths + k], net[widths + k + 1]
        pad = _pad(rows) if k < layers - 1 else rows
        dz = z + members * pad if k < layers - 1 else z
        _apply_tangent(
            theta, dtheta, weight, rows, columns, v, o + x, d, x, x_step, dz, pad, members
        )
        weight += (columns + 1) * rows
        if k < layers - 1:
            _chain_tangent(v, o + z, o + dz, d, z, dz, pad, n, order)
            x, x_step, z = z, pad, z + _layer(pad, members, order)
    _spread(scaling, s + 2 * n, d, z, n, net[widths + layers], members, False)
