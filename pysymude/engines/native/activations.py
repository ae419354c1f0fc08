"""The activations of networks: each with its first three derivatives, and a `tanh` that vectorises.

The C library's `tanh` and `exp` are calls, one number at a time. Those here are straight lines of arithmetic
without a branch, so that the compiler runs the loop over a layer in vectors. Errors in units in the last
place, largest found over the whole range: `tanh` 1.6, `exp_of_negative` 1.0.
"""

from __future__ import annotations

import numpy as np

from pysymude.engines.native.compiling import contracted, inner

__all__ = ["KINDS", "activate", "exp_of_negative", "tanh"]

KINDS = {
    name: kind
    for kind, name in enumerate(
        ["tanh", "sigmoid", "swish", "gelu", "softplus", "rbf", "relu", "identity"]
    )
}
"""The code of each activation; those up to gelu are formed from a tanh."""

_TANH, _SIGMOID, _SWISH, _GELU, _SOFTPLUS, _RBF, _RELU, _IDENTITY = range(8)

# exp(y) = 2^k exp(r), |r| <= ln(2)/2. Adding this number rounds to a whole one, whose last bits are k
_ROUND = 1.5 * 2.0**52
_LOG2E = 1.4426950408889634
# ln(2) in two parts; k times the first is exact (fdlibm, e_exp.c)
_LN2, _LN2_REST = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_BIAS = np.int64(1023 << 52)
M = 0xFFFF_FFFF_FFFF
_LOWEST = -708.0

# sqrt(2/pi) and the cube's factor (Hendrycks and Gimpel, arXiv:1606.08415, sec. 2)
_GELU_A, _GELU_B = float(np.sqrt(2.0 / np.pi)), 0.044715


@contracted
def _split_exp(y):
    """For |y| <= 708: 2^k and exp(r) - 1, with exp(y) = 2^k exp(r)."""
    shifted = y * _LOG2E + _ROUND
    k = shifted - _ROUND
    r = (y - k * _LN2) - k * _LN2_REST
    bits = (np.float64(shifted).view(np.int64) << 52) + _BIAS
    power = np.int64(bits).view(np.float64)
    # Chebyshev fit of (exp(r) - 1 - r - r^2/2)/r^3 with error 0.7 2^-53, in pairs: a short chain
    s = r * r
    q0 = 0.16666666666666666 + r * 0.04166666666665131
    q1 = 0.008333333333332152 + r * 0.0013888888905922382
    q2 = 0.00019841269854370018 + r * 2.480153630713628e-05
    q3 = 2.755728000429909e-06 + r * 2.7613852100963253e-07
    q = (q0 + s * q1) + (s * s) * ((q2 + s * q3) + (s * s) * 2.5095589467479502e-08)
    return power, r + s * (0.5 + r * q)


@contracted
def exp_of_negative(y):
    """exp(y) for y <= 0, not below exp(-708)."""
    power, p = _split_exp(_LOWEST if y < _LOWEST else y)
    return power + power * p


@contracted
def tanh(x):
    """The hyperbolic tangent: x + x^3 P(x^2)/Q(x^2) near zero, 1 - 2/(exp(2x) + 1) elsewhere.

    The two share one division. P and Q are those of Cephes (Moshier, netlib.org/cephes, tanh.c).
    """
    size = abs(x)
    y = 2.0 * size
    power, p = _split_exp(40.0 if y > 40.0 else y)
    s = x * x
    P = -1.61468768441708447952e3 + s * (-9.92877231001918586564e1 + s * -9.64399179425052238628e-1)
    Q = 4.84406305325125486048e3 + s * (2.23548839060100448583e3 + s * (1.12811678491632931402e2 + s))
    near = size < 0.625
    ratio = (size * s * P if near else -2.0) / (Q if near else (power + 1.0) + power * p)
    t = (size if near else 1.0) + ratio
    return -t if x < 0.0 else t


@contracted
def _log1p(e):
    """log(1 + e) for e in [0, 1]: 2 atanh(e/(2 + e))."""
    t = e / (2.0 + e)
    s = t * t
    q = 0.08082022805971766
    q = 0.04400369243072337 + s * q
    q = 0.06000536404795356 + s * q
    q = 0.06657072104827468 + s * q
    q = 0.07692785032479312 + s * q
    q = 0.09090894718066429 + s * q
    q = 0.11111111358713932 + s * q
    q = 0.1428571428355438 + s * q
    q = 0.20000000000007292 + s * q
    q = 0.3333333333333333 + s * q
    return 2.0 * t + (2.0 * t) * (s * q)


@inner
def _unit(kind, z, h):
    """Value, slope, curvature and third derivative at z of all but tanh, given what `_prepare` names."""
    if kind == _RELU:
        return (0.0 if z < 0.0 else z), (1.0 if z > 0.0 else 0.0), 0.0, 0.0
    if kind == _IDENTITY:
        return z, 1.0, 0.0, 0.0
    if kind == _RBF:
        return h, -2.0 * z * h, (4.0 * z * z - 2.0) * h, (12.0 - 8.0 * z * z) * z * h
    if kind == _GELU:
        u1, u2 = _GELU_A * (1.0 + 3.0 * _GELU_B * z * z), 6.0 * _GELU_A * _GELU_B * z
        t1 = 1.0 - h * h
        t2 = -2.0 * h * t1
        h1 = t1 * u1
        h2 = t2 * u1 * u1 + t1 * u2
        h3 = (4.0 * h * h - 2.0 * t1) * t1 * u1 * u1 * u1 + 3.0 * t2 * u1 * u2
        h3 += t1 * (6.0 * _GELU_A * _GELU_B)
        half = 0.5 * (1.0 + h)
        return z * half, half + 0.5 * z * h1, h1 + 0.5 * z * h2, 1.5 * h2 + 0.5 * z * h3
    if kind == _SOFTPLUS:
        s = 1.0 / (1.0 + h) if z >= 0.0 else h / (1.0 + h)
        return (0.0 if z < 0.0 else z) + _log1p(h), s, s * (1.0 - s), s * (1.0 - s) * (1.0 - 2.0 * s)
    s = 0.5 * (1.0 + h)
    q1 = s * (1.0 - s)
    q2 = -q1 * h
    q3 = q1 * (1.0 - 6.0 * q1)
    if kind == _SWISH:
        return z * s, s + z * q1, 2.0 * q1 + z * q2, 3.0 * q2 + z * q3
    return s, q1, q2, q3


@contracted
def _prepare(kind, v, at, to, size):
    """Moves z from `at` to `to`; leaves at `at` the argument of tanh, or of exp for softplus and rbf."""
    at, to = at & M, to & M
    for i in range(size):
        z = v[at + i]
        v[to + i] = z
        if kind == _GELU:
            z = _GELU_A * (z + _GELU_B * z * z * z)
        elif kind <= _SWISH:
            z = 0.5 * z
        elif kind == _SOFTPLUS:
            z = -abs(z)
        else:
            z = -z * z
        v[at + i] = z


@inner
def activate(kind, order, v, at, slope, curvature, size):
    """Runs a layer through its activation.

    On entry `size` numbers z lie at v[at:]. On return the values lie there, the slopes at v[slope:], and
    from order 1 the curvatures at v[curvature:] followed by the third derivatives.
    """
    at, slope, curvature = at & M, slope & M, curvature & M
    size &= 0xFFFFFF
    if kind != _TANH:
        _prepare(kind, v, at, slope, size)
    if kind <= _GELU:
        for i in range(size):
            v[at + i] = tanh(v[at + i])
    elif kind <= _RBF:
        for i in range(size):
            v[at + i] = exp_of_negative(v[at + i])
    third = curvature + size
    if kind == _TANH:
        for i in range(size):
            a = v[at + i]
            v[slope + i] = 1.0 - a * a
        if order > 0:
            for i in range(size):
                a, s = v[at + i], v[slope + i]
                v[curvature + i] = -2.0 * a * s
                v[third + i] = (4.0 * a * a - 2.0 * s) * s
        return
    for i in range(size):
        a, s, c, t = _unit(kind, v[slope + i], v[at + i])
        v[at + i], v[slope + i] = a, s
        if order > 0:
            v[curvature + i], v[third + i] = c, t
