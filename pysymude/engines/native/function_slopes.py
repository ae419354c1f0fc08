"""Functions of one and two numbers, with their slopes: one place for values and derivatives.

At an edge where the one-sided slope is infinite, as that of a square root at 0, the slope is 0 here.
"""

from __future__ import annotations

import math

import numpy as np

from pysymude.engines.native import codes as op
from pysymude.engines.native.compiling import apart, inner

__all__ = ["binary", "binary_slopes", "integer_power", "product", "unary", "unary_slope"]

_TWO_BY_ROOT_PI = 2.0 / math.sqrt(math.pi)
SQRT, EXP, LOG, SIN, COS, TAN, ASIN, ACOS = (
    op.SQRT, op.EXP, op.LOG, op.SIN, op.COS, op.TAN, op.ASIN, op.ACOS,
)  # fmt: skip
ATAN, SINH, COSH, TANH, ASINH, ACOSH, ATANH, ERF = (
    op.ATAN, op.SINH, op.COSH, op.TANH, op.ASINH, op.ACOSH, op.ATANH, op.ERF,
)  # fmt: skip
ABS, SIGN, HEAVISIDE, RECIP0, LOG0 = op.ABS, op.SIGN, op.HEAVISIDE, op.RECIP0, op.LOG0
POW, POW0, ATAN2, MUL0, MIN, MAX = op.POW, op.POW0, op.ATAN2, op.MUL0, op.MIN, op.MAX
LT, LE, GT, GE, EQ, NE, AND, OR = op.LT, op.LE, op.GT, op.GE, op.EQ, op.NE, op.AND, op.OR


@inner
def sign(x):
    """1, -1, or 0; NaN where x is."""
    return 1.0 if x > 0.0 else (-1.0 if x < 0.0 else x)


@inner
def reciprocal(x):
    """1/x, and 0 at 0."""
    return 1.0 / x if x != 0.0 else 0.0


@inner
def product(a, b):
    """a b, and 0 where one of them is 0, whatever the other."""
    return 0.0 if a == 0.0 or b == 0.0 else a * b


@inner
def integer_power(x, n):
    """x**n for an integer n."""
    m, result, base = abs(n), 1.0, x
    while m > 0:
        if m & 1:
            result *= base
        m >>= 1
        if m > 0:
            base *= base
    return result if n >= 0 else 1.0 / result


@apart
def unary(k, x):
    """The function with code k at x."""
    if k == SQRT:
        return np.sqrt(x)
    if k == EXP:
        return np.exp(x)
    if k == LOG:
        return np.log(x)
    if k == SIN:
        return np.sin(x)
    if k == COS:
        return np.cos(x)
    if k == RECIP0:
        return reciprocal(x)
    if k == TANH:
        return np.tanh(x)
    if k == ABS:
        return abs(x)
    if k == SIGN:
        return sign(x)
    if k == HEAVISIDE:
        return 0.5 * (sign(x) + 1.0)
    if k == LOG0:
        return np.log(x) if x > 0.0 else 0.0
    return rare(k, x)


@inner
def rare(k, x):
    """The less common functions."""
    if k == TAN:
        return np.tan(x)
    if k == ASIN:
        return np.arcsin(x)
    if k == ACOS:
        return np.arccos(x)
    if k == ATAN:
        return np.arctan(x)
    if k == SINH:
        return np.sinh(x)
    if k == COSH:
        return np.cosh(x)
    if k == ASINH:
        return np.arcsinh(x)
    if k == ACOSH:
        return np.arccosh(x)
    if k == ATANH:
        return np.arctanh(x)
    return math.erf(x)


@apart
def unary_slope(k, x, v):
    """The derivative at x of the function with code k, whose value there is v."""
    if k == SQRT:
        return 0.5 * reciprocal(v)
    if k == EXP:
        return v
    if k == LOG:
        return 1.0 / x
    if k == SIN:
        return np.cos(x)
    if k == COS:
        return -np.sin(x)
    if k == RECIP0:
        return -v * v
    if k == TANH:
        return 1.0 - v * v
    if k == ABS:
        return sign(x)
    if k == SIGN or k == HEAVISIDE:
        return 0.0
    if k == LOG0:
        return 1.0 / x if x > 0.0 else 0.0
    return rare_slope(k, x, v)


@inner
def rare_slope(k, x, v):
    """The slopes of the less common functions."""
    if k == TAN:
        return 1.0 + v * v
    if k == ASIN:
        return reciprocal(np.sqrt(1.0 - x * x))
    if k == ACOS:
        return -reciprocal(np.sqrt(1.0 - x * x))
    if k == ATAN:
        return 1.0 / (1.0 + x * x)
    if k == SINH:
        return np.cosh(x)
    if k == COSH:
        return np.sinh(x)
    if k == ASINH:
        return 1.0 / np.sqrt(1.0 + x * x)
    if k == ACOSH:
        return reciprocal(np.sqrt(x * x - 1.0))
    if k == ATANH:
        return 1.0 / (1.0 - x * x)
    return _TWO_BY_ROOT_PI * np.exp(-x * x)


@inner
def power(k, a, b):
    """a**b; with code POW0 0 where that is infinite or no number."""
    v = a**b
    if k == POW0 and not np.isfinite(v):
        return 0.0
    return v


@apart
def binary(k, a, b):
    """The function with code k of two numbers; relations are 1 or 0."""
    if k == POW or k == POW0:
        return power(k, a, b)
    if k == MUL0:
        return product(a, b)
    if k == ATAN2:
        return np.arctan2(a, b)
    if k == MIN:
        return a if a <= b else b
    if k == MAX:
        return a if a >= b else b
    return 1.0 if relation(k, a, b) else 0.0


@inner
def relation(k, a, b):
    """Whether the relation with code k holds."""
    if k == LT:
        return a < b
    if k == LE:
        return a <= b
    if k == GT:
        return a > b
    if k == GE:
        return a >= b
    if k == EQ:
        return a == b
    if k == NE:
        return a != b
    if k == AND:
        return a != 0.0 and b != 0.0
    return a != 0.0 or b != 0.0


@apart
def binary_slopes(k, a, b, v):
    """The derivatives by a and by b of the function with code k, whose value is v."""
    if k == POW or k == POW0:
        return b * power(POW0, a, b - 1.0), v * (np.log(a) if a > 0.0 else 0.0)
    if k == MUL0:
        # 0 times what is not finite is 0 wherever that 0 moves: a branch that is not taken
        by_a = b if a != 0.0 or np.isfinite(b) else 0.0
        return by_a, a if b != 0.0 or np.isfinite(a) else 0.0
    if k == ATAN2:
        r = reciprocal(a * a + b * b)
        return b * r, -a * r
    if k == MIN:
        return (1.0, 0.0) if a <= b else (0.0, 1.0)
    if k == MAX:
        return (1.0, 0.0) if a >= b else (0.0, 1.0)
    return 0.0, 0.0
