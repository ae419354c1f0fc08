"""Networks in the machine: values, derivatives with respect to the inputs, and the ways through both.

One use of a network at one point is a call: a row of integers at net[at:] and a run of slots in the block
(`network_calls.py`). A call of order 1 also forms the Jacobian, one of order 2 the second derivatives as well.
All orders run the same loops: a unit carries a jet, that is its value, then its derivative with respect to
each input, then its second derivatives, of each pair of inputs once. The linear part of a layer takes every
member of the jet through the same matrix; its activation mixes them by the chain rule.

    network_forward(net, at, scaling, theta, v, o)           block at v[o:]: inputs -> results
    network_pull(net, at, scaling, theta, gtheta, v, o, g)   cotangents of results -> of inputs, weights
    network_push(net, at, scaling, theta, dtheta, v, o, d)   tangents of inputs, weights -> of results

The latter two follow `network_forward` and read what it left in the block. `network_pull` adds to `g` at the
inputs' slots and to `gtheta`; in the call's own slots of `g` it reads the results' cotangents, and nothing
else that it has not written. Which cotangents are zero decides how much of the jet goes back.
"""

# pyright: reportMissingParameterType=false

from __future__ import annotations

from pysymude.engines.native.activation_kernels import activation
from pysymude.engines.native.compiling import apart, inlined
from pysymude.engines.native.fours import (
    add_part,
    each,
    few,
    four,
    is_zero,
    part,
    placed,
    put,
    sums,
    zeros,
)
from pysymude.engines.native.network_calls import (
    BASE,
    INPUTS,
    KIND,
    LAYERS,
    MEMBERS,
    ORDER,
    ROOM,
    SCALING,
    TOP,
    WEIGHTS,
    WEIGHTS_END,
    WIDTHS,
)

__all__ = ["network_forward", "network_pull", "network_push"]


@inlined
def _rows(theta, at, columns, left, x, i):
    """Four rows of a matrix times x[i:]; where only `left` < 4 remain, the last one again."""
    second = at + (columns if left > 1 else 0)
    third = second + (columns if left > 2 else 0)
    fourth = third + (columns if left > 3 else 0)
    a, b, c, d = zeros(), zeros(), zeros(), zeros()
    for k in range(0, columns, 4):
        y = four(x, i + k)
        a += part(theta, at + k, columns - k) * y
        b += part(theta, second + k, columns - k) * y
        c += part(theta, third + k, columns - k) * y
        d += part(theta, fourth + k, columns - k) * y
    return sums(a, b, c, d)


@apart
def network_forward(net, at, scaling, theta, v, o):
    """Fills the call's slots in the block at v[o:] from its inputs there."""
    order, n, layers, kind = net[at + ORDER], net[at + INPUTS], net[at + LAYERS], net[at + KIND]
    members, room, widths = net[at + MEMBERS], net[at + ROOM], at + WIDTHS
    weight, s = net[at + WEIGHTS], net[at + SCALING]
    x, x_step = o + net[at + BASE], (n + 3) & -4
    a = x + members * x_step
    for i in range(0, n, 4):
        left, y, factor = n - i, zeros(), part(scaling, s + n + i, n - i)
        for j in range(min(4, left)):
            y = placed(y, j, v[o + net[widths + layers + 1 + i + j]])
        put(v, x + i, factor * (y - part(scaling, s + i, left)))
        if order > 0:
            for j in range(members - 1):
                y = zeros()
                if j < n:
                    y = placed(y, j - i, scaling[s + n + j])
                put(v, x + (1 + j) * x_step + i, y)
    s += 2 * n
    for layer in range(layers):
        columns, rows = net[widths + layer], net[widths + layer + 1]
        bias, step = weight + rows * columns, (rows + 3) & -4
        for r in range(0, rows, 4):
            left, row, to = rows - r, weight + r * columns, a + r
            y = _rows(theta, row, columns, left, v, x) + part(theta, bias + r, left)
            s2, z = zeros(), to + members * step
            if layer == layers - 1:
                s1 = part(scaling, s + rows + r, left)
                y = s1 * y + part(scaling, s + r, left)
            else:
                y, s1, s2, s3 = activation(kind, y)
                put(v, z, s1)
                if order > 0:
                    put(v, z + members * step, s2)
                    put(v, z + (members + 1) * step, s3)
            put(v, to, y)
            zi = zj = z + step
            for k in range(1, members):
                y = _rows(theta, row, columns, left, v, x + k * x_step)
                to += step
                if layer < layers - 1:
                    put(v, z + k * step, y)
                y = s1 * y
                if k > n and layer < layers - 1:
                    y += s2 * (four(v, zi) * four(v, zj))
                    # the next pair
                    zi, zj = (zi, zj + step) if zj < z + n * step else (zi + step, zi + step)
                put(v, to, y)
        weight = bias + rows
        x, x_step, a = a, step, a + room * step


@inlined
def _chain_back(v, z, curvature, g, ga, gz, step, n, members):
    """Four units: their cotangents at g[gz:] before the activation from those at g[ga:] behind it."""
    s1, s2, s3 = four(v, z), zeros(), zeros()
    total, i, j = s1 * four(g, ga), step, step
    if members > 1:
        s2, s3 = four(v, curvature), four(v, curvature + step)
    for k in range(1, members):
        p = k * step
        d = four(g, ga + p)
        put(g, gz + p, s1 * d)
        d = s2 * d
        total += four(v, z + p) * d
        if k > n:
            zi, zj = four(v, z + i), four(v, z + j)
            put(g, gz + i, four(g, gz + i) + d * zj)
            put(g, gz + j, four(g, gz + j) + d * zi)
            total += s3 * four(g, ga + p) * (zi * zj)
            i, j = (i, j + step) if j < n * step else (i + step, i + step)
    put(g, gz, total)


@apart
def network_pull(net, at, scaling, theta, gtheta, v, o, g):
    """Cotangents: from the call's results in `g` to its inputs in `g` and to its weights in `gtheta`."""
    n, layers, widths = net[at + INPUTS], net[at + LAYERS], at + WIDTHS
    weight, s, whole = net[at + WEIGHTS_END], net[at + SCALING], net[at + MEMBERS]
    gz, rows = net[at + TOP], net[widths + layers]
    step, a, members = (rows + 3) & -4, gz, 0
    for k in range(whole):
        for r in range(0, rows, 4):
            d = part(scaling, s + 2 * n + rows + r, rows - r)
            d = d * few(g, gz + k * step + r, rows - r)
            put(g, gz + k * step + r, d)
            if not is_zero(d):
                members = k + 1
    if members == 0:
        return
    # of the first derivatives and of the second ones all or none
    members = 1 if members == 1 else (1 + n if members <= 1 + n else whole)
    for layer in range(layers - 1, -1, -1):
        columns = net[widths + layer]
        x_step = (columns + 3) & -4
        weight -= (columns + 1) * rows
        bias = weight + rows * columns
        a = a - net[at + ROOM] * x_step if layer > 0 else net[at + BASE]
        z = a + whole * x_step
        for r in range(0, rows, 4):
            add_part(gtheta, bias + r, four(g, gz + r), rows - r)
        whole_eights = columns & -8
        for k in range(members):
            up, down, x = gz + k * step, a + k * x_step, o + a + k * x_step
            for c in range(0, whole_eights, 8):
                y, y2, sum1, sum2 = four(v, x + c), four(v, x + c + 4), zeros(), zeros()
                row = weight + c
                for r in range(rows):
                    d = each(g, up + r)
                    sum1 += d * four(theta, row)
                    sum2 += d * four(theta, row + 4)
                    put(gtheta, row, four(gtheta, row) + d * y)
                    put(gtheta, row + 4, four(gtheta, row + 4) + d * y2)
                    row += columns
                put(g, down + c, sum1)
                put(g, down + c + 4, sum2)
            for c in range(whole_eights, columns, 4):
                y, sum1, row, left = four(v, x + c), zeros(), weight + c, columns - c
                for r in range(rows):
                    d = each(g, up + r)
                    sum1 += d * part(theta, row, left)
                    add_part(gtheta, row, d * y, left)
                    row += columns
                put(g, down + c, sum1)
        for c in range(0, columns, 4):
            if layer > 0:
                curvature = o + z + whole * x_step + c
                _chain_back(v, o + z + c, curvature, g, a + c, z + c, x_step, n, members)
        gz, step, rows = z, x_step, columns
    for i in range(n):
        g[net[widths + layers + 1 + i]] += scaling[s + n + i] * g[a + i]


@apart
def network_push(net, at, scaling, theta, dtheta, v, o, d):
    """Tangents: from the call's inputs in `d` and its weights in `dtheta` to its results in `d`."""
    order, n, layers = net[at + ORDER], net[at + INPUTS], net[at + LAYERS]
    members, room, widths = net[at + MEMBERS], net[at + ROOM], at + WIDTHS
    weight, s = net[at + WEIGHTS], net[at + SCALING]
    x, x_step = net[at + BASE], (n + 3) & -4
    a = x + members * x_step
    for i in range(0, n, 4):
        left, y = n - i, zeros()
        for j in range(min(4, left)):
            y = placed(y, j, d[net[widths + layers + 1 + i + j]])
        put(d, x + i, part(scaling, s + n + i, left) * y)
        for j in range(1, members):
            put(d, x + j * x_step + i, zeros())
    s += 2 * n
    for layer in range(layers):
        columns, rows = net[widths + layer], net[widths + layer + 1]
        bias, step = weight + rows * columns, (rows + 3) & -4
        for r in range(0, rows, 4):
            row, left, z = weight + r * columns, rows - r, a + members * step + r
            s1, s2, s3, dz, i, j = zeros(), zeros(), zeros(), zeros(), z + step, z + step
            for k in range(members):
                p, from_x = k * step, x + k * x_step
                y = _rows(theta, row, columns, left, d, from_x)
                y += _rows(dtheta, row, columns, left, v, o + from_x)
                if k == 0:
                    y += part(dtheta, bias + r, left)
                if layer == layers - 1:
                    y = part(scaling, s + rows + r, left) * y
                elif k == 0:
                    put(d, z, y)
                    s1, dz = four(v, o + z), y
                    if order > 0:
                        s2 = four(v, o + z + members * step)
                        s3 = dz * four(v, o + z + (members + 1) * step)
                    y = s1 * y
                else:
                    put(d, z + p, y)
                    y = s1 * y + s2 * (four(v, o + z + p) * dz)
                    if k > n:
                        zi, zj = four(v, o + i), four(v, o + j)
                        y += s3 * (zi * zj) + s2 * (four(d, i) * zj + zi * four(d, j))
                        i, j = (i, j + step) if j < z + n * step else (i + step, i + step)
                put(d, a + p + r, y)
        weight = bias + rows
        x, x_step, a = a, step, a + room * step
