"""Values at points are those of SymPy's `evalf`, also where much cancels or nothing is known."""

import pytest
import sympy as sp

from problems.law_systems import SYSTEMS
from pysymude.symbolic.exact.digits import value_at

x, y = sp.symbols("x y")
POINT = {x: sp.sqrt(2).evalf(60), y: sp.sqrt(3).evalf(60) - 3}
WRITTEN = (
    x, sp.Rational(2, 3) * x, x**2 / y, sp.sqrt(y), x**y, y**x, sp.log(y), sp.exp(sp.sin(x) * y),
    sp.atan(x) + sp.tanh(y) - sp.cosh(x), sp.pi * x, sp.I * x, sp.exp(100 * x) - y, x ** sp.Integer(40),
    (x + 10**20 * y) - 10**20 * y, sp.besselj(0, x), sp.erf(y), sp.Abs(y), sp.Max(x, y), 1 / (x**2 - 2),
    (x + y) ** 2 - x**2 - 2 * x * y - y**2 + sp.Rational(1, 10**24),
)  # fmt: skip


@pytest.mark.parametrize("expr", WRITTEN, ids=str)
def test_of_all_kinds_of_expressions(expr):
    asked = expr.evalf(30, subs=POINT)
    assert abs(value_at(expr, POINT, 30) - asked) < 1e-24 * abs(asked)


def test_of_rates():
    for case in SYSTEMS:
        for rate in case.system.rhs.values():
            symbols = sorted(rate.free_symbols, key=str)
            point = {z: sp.sqrt(sp.prime(3 + k)).evalf(40) / 5 for k, z in enumerate(symbols)}
            rest = value_at(rate, point, 30) - rate.evalf(30, subs=point)
            assert not rest.is_number or abs(rest.evalf()) < 1e-25


def test_what_vanishes_is_small_and_other_things_are_not():
    zero = (x + y) ** 3 - x**3 - 3 * x**2 * y - 3 * x * y**2 - y**3
    assert abs(value_at(zero, POINT, 30)) < 1e-90
    assert abs(value_at(zero + x * sp.Rational(1, 10**20), POINT, 30)) > 1e-21
