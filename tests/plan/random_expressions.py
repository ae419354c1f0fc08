"""Random expressions of two symbols, for hypothesis."""

from __future__ import annotations

import sympy as sp
from hypothesis import strategies as st

__all__ = ["EXPRESSIONS", "NUMBERS", "x", "y"]

x, y = sp.symbols("x y", real=True)

_LEAVES = st.sampled_from([x, y, sp.Integer(2), sp.Rational(-1, 3), sp.Float(0.7), sp.pi])
_UNARY = st.sampled_from(
    [sp.sin, sp.cos, sp.tanh, sp.atan, sp.asinh, sp.erf, sp.Abs, sp.exp, sp.sign, sp.Heaviside]
)
_SAFE = {  # functions whose arguments are first brought into their domain
    sp.log: lambda e: sp.log(1 + e**2),
    sp.sqrt: lambda e: sp.sqrt(1 + e**2),
    sp.asin: lambda e: sp.asin(sp.tanh(e) / 2),
    sp.acosh: lambda e: sp.acosh(2 + e**2),
    sp.atanh: lambda e: sp.atanh(sp.sin(e) / 2),
    "reciprocal": lambda e: 1 / (1 + e**2),
    "power": lambda e: (1 + e**2) ** sp.Rational(-3, 2),
    "root": lambda e: (2 + sp.cos(e)) ** sp.Rational(1, 3),
}


def _larger(parts: st.SearchStrategy[sp.Expr]) -> st.SearchStrategy[sp.Expr]:
    pairs = st.tuples(parts, parts)
    return st.one_of(
        pairs.map(lambda ab: ab[0] + ab[1]),
        pairs.map(lambda ab: ab[0] * ab[1]),
        pairs.map(lambda ab: ab[0] - 2 * ab[1]),
        st.tuples(parts, st.integers(2, 3)).map(lambda an: an[0] ** an[1]),
        st.tuples(_UNARY, parts).map(lambda fa: fa[0](fa[1])),
        st.tuples(st.sampled_from(list(_SAFE.values())), parts).map(lambda fa: fa[0](fa[1])),
        pairs.map(lambda ab: sp.Max(ab[0], ab[1])),
        pairs.map(lambda ab: sp.atan2(ab[0], 2 + ab[1] ** 2)),
        st.tuples(parts, parts, _LEAVES).map(
            lambda abc: sp.Piecewise((abc[0], x < abc[2]), (abc[1] ** 2, True))
        ),
    )


EXPRESSIONS = st.recursive(_LEAVES, _larger, max_leaves=6)
NUMBERS = st.floats(-2.0, 2.0).map(lambda z: round(z, 6))
