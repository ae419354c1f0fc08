"""Derivatives of proofs and searches are written as SymPy writes them."""

import pytest
import sympy as sp

import pysymude as psu
from problems.law_systems import SYSTEMS
from pysymude.symbolic.proof.derivative import derivative

x, y = psu.states("x y")
X = psu.states("X", positive=True)
a, b = psu.parameters("a b")
nn = psu.MLP("nn", inputs=[x * y, x], outputs=2, hidden=3)
f = sp.Function("f")

WRITTEN = (
    x, a, sp.Integer(3), 2 * x, x * y, 2 * (x + y), 2 * (x + y) ** 2, (2 * x + 4) ** 2,
    x**2 / (x + y) ** 3, 3 * (x**2 + y) ** 2 * (x - y), (x**2 + 1) * 2 * (x + 1), x ** (y + 1),
    x**a, a**x, 2**x, X**X, X ** (a + b), sp.sqrt(x**2 + y**2), (x**2) ** a, sp.exp(x * y) ** 2,
    sp.exp(-x / 2) * sp.sin(2 * x + y), sp.log(x**2 + 1) / x, sp.log(-x), sp.atan((x + 1) / y),
    sp.tanh(x) ** 3, sp.sech(x) * sp.coth(y), sp.tan(x * y), sp.acos(x), sp.asinh(x / y),
    sp.atan2(y, x), sp.besselj(1, x * y), sp.gamma(x), sp.erf(x * y), sp.Ei(x), sp.Si(x**2),
    sp.Abs(x) * y, sp.Max(x, y, 2), sp.sign(x) * x, sp.Heaviside(x) * x, sp.floor(x) * x,
    sp.Piecewise((x**2, x > y), (x * y, True)), sp.Integral(sp.sin(b * x), (b, 0, x)),
    nn[0] * x, sp.exp(nn[0]) * nn[1], nn[0].diff(x) * x**2, f(x) * y, f(x * y), f(x).diff(x) ** 2,
    sp.Derivative(f(x, y), y) * x, sp.zoo * x, sp.oo * x, sp.Mul(x, sp.Add(1, 1, evaluate=False), evaluate=False),
)  # fmt: skip


@pytest.mark.parametrize("expr", WRITTEN, ids=str)
def test_of_all_kinds_of_expressions(expr):
    seen = {}
    assert derivative(expr, x, seen) == expr.diff(x)
    assert derivative(expr, x, seen) == expr.diff(x)
    assert derivative(expr, y) == expr.diff(y)


def test_of_rates_and_of_their_derivatives():
    count = 0
    for case in SYSTEMS:
        seen = {z: {} for z in case.system.states}
        for rate in case.system.rhs.values():
            for z in case.system.states[:3]:
                once = derivative(rate, z, seen[z])
                assert once == rate.diff(z)
                count += once != 0
                for w in case.system.states[:2]:
                    assert derivative(once, w, seen[w]) == once.diff(w)
    assert count > 100
