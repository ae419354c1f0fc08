"""The activations of networks: each with its first three derivatives, four numbers at once.

`tanh` and `exp` of the C library are calls, one number at a time. Those here are straight lines of arithmetic
without a branch. Errors in units in the last place, largest found over the whole range: `tanh` 1.3,
`exp` 1.4.
"""

# pyright: reportMissingParameterType=false

from __future__ import annotations

import numpy as np

from pysymude.engines.native.compiling import inlined
from pysymude.engines.native.fours import magnitude, select_less, two_to_the

__all__ = ["activation", "exp", "tanh"]

_TANH, _SIGMOID, _SWISH, _GELU, _SOFTPLUS, _RBF, _RELU, _IDENTITY = range(8)

# exp(2x) = 2^k exp(2r) with |2r| <= ln(2)/2. Adding _ROUND rounds to a whole number, whose last bits are k
_ROUND = 1.5 * 2.0**52
_TWO_LOG2E = 2.8853900817779268
_HALF_LN2 = 0.34657359027997264
# the same in two parts; k times the first is exact (fdlibm, e_exp.c)
_HALF_LN2_HIGH, _HALF_LN2_LOW = 3.46573590184561908245e-01, 9.54107464635293850010e-11

# sqrt(2/pi) and the cube's factor (Hendrycks and Gimpel, arXiv:1606.08415, sec. 2)
_GELU_A, _GELU_B = float(np.sqrt(2.0 / np.pi)), 0.044715


@inlined
def _exp_twice(shifted, r, more):
    """2^k exp(2r) + more, for k in the last bits of `shifted`."""
    power, s = two_to_the(shifted), r * r
    # (exp(2r) - 1 - 2r)/r^2: Chebyshev fit, error 0.12 2^-53; in pairs, for a short chain
    q0 = 2.0 + r * 1.3333333333333335
    q1 = 0.6666666666659838 + r * 0.26666666666656164
    q2 = 0.08888888907060348 + r * 0.02539682542477564
    q3 = 0.0063491894246957385 + r * 0.0014109321409886307
    q4 = 0.0002828302204900761 + r * 5.140566867354638e-05
    q = (q0 + s * q1) + (s * s) * ((q2 + s * q3) + (s * s) * q4)
    return ((power + more) + (2.0 * power) * r) + (power * s) * q


@inlined
def exp(y):
    """exp(y) for |y| <= 708."""
    x = 0.5 * y
    shifted = x * _TWO_LOG2E + _ROUND
    k = shifted - _ROUND
    return _exp_twice(shifted, (x - k * _HALF_LN2_HIGH) - k * _HALF_LN2_LOW, 0.0)


@inlined
def tanh(x):
    """The hyperbolic tangent: x + x^3 P(x^2)/Q(x^2) near zero, 1 - 2/(exp(2x) + 1) elsewhere.

    The two share one division. P and Q are those of Cephes (Moshier, netlib.org/cephes, tanh.c).
    """
    size, s = magnitude(x), x * x
    most = select_less(20.0, size, 20.0, size)
    shifted = most * _TWO_LOG2E + _ROUND
    below = _exp_twice(shifted, most - (shifted - _ROUND) * _HALF_LN2, 1.0)
    P = -1.61468768441708447952e3 + s * (-9.92877231001918586564e1 + s * -9.64399179425052238628e-1)
    Q = 4.84406305325125486048e3 + s * (
        2.23548839060100448583e3 + s * (1.12811678491632931402e2 + s)
    )
    sign = select_less(x, 0.0, -1.0, 1.0)
    above = select_less(size, 0.625, x * s * P, -2.0 * sign)
    return select_less(size, 0.625, x, sign) + above / select_less(size, 0.625, Q, below)


@inlined
def _log1p(e):
    """log(1 + e) for e in [0, 1]: 2 atanh(t) with t = e/(2 + e), as a Chebyshev fit."""
    t = e / (2.0 + e)
    s = t * t
    q = 0.04400369243072337 + s * 0.08082022805971766
    q = 0.06000536404795356 + s * q
    q = 0.06657072104827468 + s * q
    q = 0.07692785032479312 + s * q
    q = 0.09090894718066429 + s * q
    q = 0.11111111358713932 + s * q
    q = 0.1428571428355438 + s * q
    q = 0.20000000000007292 + s * q
    q = 0.3333333333333333 + s * q
    return 2.0 * t + (2.0 * t) * (s * q)


@inlined
def _from_tanh(kind, z):
    """Tanh, sigmoid, swish and gelu: value, slope, curvature and third derivative at z."""
    u = z
    if kind == _GELU:
        u = _GELU_A * (z + _GELU_B * z * z * z)
    elif kind != _TANH:
        u = 0.5 * z
    h = tanh(u)
    t1 = 1.0 - h * h
    t2 = -2.0 * h * t1
    t3 = (4.0 * h * h - 2.0 * t1) * t1
    if kind == _TANH:
        return h, t1, t2, t3
    s = 0.5 + 0.5 * h
    if kind == _GELU:
        u1, u2 = _GELU_A + (3.0 * _GELU_A * _GELU_B) * z * z, (6.0 * _GELU_A * _GELU_B) * z
        h1 = t1 * u1
        h2 = t2 * u1 * u1 + t1 * u2
        h3 = t3 * u1 * u1 * u1 + 3.0 * t2 * u1 * u2 + (6.0 * _GELU_A * _GELU_B) * t1
        half = 0.5 * z
        return z * s, s + half * h1, h1 + half * h2, 1.5 * h2 + half * h3
    q1, q2, q3 = 0.25 * t1, 0.125 * t2, 0.0625 * t3
    if kind == _SWISH:
        return z * s, s + z * q1, 2.0 * q1 + z * q2, 3.0 * q2 + z * q3
    return s, q1, q2, q3


@inlined
def _from_exp(kind, z):
    """Softplus and rbf."""
    if kind == _RBF:
        s = -1.0 * z * z
        e = exp(select_less(s, -708.0, -708.0, s))
        return e, -2.0 * z * e, (4.0 * z * z - 2.0) * e, (12.0 - 8.0 * z * z) * z * e
    s = -1.0 * magnitude(z)
    e = exp(select_less(s, -708.0, -708.0, s))
    value = select_less(z, 0.0, 0.0, z) + _log1p(e)
    s = select_less(z, 0.0, e, 1.0) / (1.0 + e)
    q = s * (1.0 - s)
    return value, s, q, q * (1.0 - 2.0 * s)


@inlined
def activation(kind, z):
    """Value, slope, curvature and third derivative at z."""
    if kind <= _GELU:
        return _from_tanh(kind, z)
    if kind <= _RBF:
        return _from_exp(kind, z)
    none = 0.0 * z
    if kind == _RELU:
        return select_less(z, 0.0, 0.0, z), select_less(0.0, z, 1.0, 0.0), none, none
    return z, none + 1.0, none, none
