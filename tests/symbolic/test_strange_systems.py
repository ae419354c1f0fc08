"""Systems as strangers write them: no crash, no false law, and an answer within the budget."""

import time
import warnings

import pytest
import sympy as sp

import pysymude as psu
from problems.law_checks import Judge
from pysymude.errors import DerivationError
from pysymude.symbolic.laws.found import FalseLawWarning

x, y, z, w = psu.states("x y z w")
E, im, S, lam = psu.states("E I S lambda_")
a, b, k = psu.parameters("a b k")
t = psu.t
many = psu.states("c0:40")


def networks_in_networks():
    inner = psu.MLP("inner", inputs=[x], outputs=1, hidden=2)
    outer = psu.MLP("outer", inputs=[inner[0], y], outputs=1, hidden=2)
    return {x: outer[0].diff(y), y: -outer[0].diff(x)}


def twice(f):
    return sp.Mul(f, sp.Add(1, 1, evaluate=False), evaluate=False)


# right-hand sides, and how many laws there are at least
STRANGE = {
    "names of constants": ({lam: im, im: -lam, E: S * lam, S: -E * lam}, 2),
    "nothing moves": ({x: 0 * x, y: 0 * y}, 2),
    "constant rates": ({x: sp.S.One, y: sp.Integer(2), z: sp.Rational(1, 3)}, 3),
    "one equation many times": (dict.fromkeys(many[:8], x * y) | {x: -x * y, y: x * y}, 9),
    "huge and small": ({x: 1e-12 * x - 1e15 * x * y, y: 1e15 * x * y - 1e-12 * x}, 1),
    "tiny": ({x: 0.1 * y + 1e-300 * z, y: -0.3 * x, z: -1e-300 * y}, 1),
    "least and largest": (
        {x: -sp.Min(x, y), y: sp.Min(x, y), z: sp.Max(x, 0) * w, w: -sp.Max(x, 0) * z}, 2),
    "floor of time": ({x: sp.floor(t) * y, y: -sp.floor(t) * x}, 1),
    "not evaluated": ({x: twice(y), y: -sp.Add(x, 0, evaluate=False)}, 2),
    "networks in networks": (networks_in_networks(), 1),
    "a root of what may be negative": ({x: sp.sqrt(-x) * y, y: -sp.sqrt(-x) * x}, 1),
    "x to the x": ({x: x**x, y: -(x**x)}, 1),
    "an angle of two states": ({x: -y, y: x, z: sp.atan2(y, x)}, 2),
    "degree 301": ({x: y**301, y: -(x**301)}, 1),
    "degree 99": ({x: y, y: -(x**99) + x}, 1),
    "large numbers": ({x: 123456789012345678901234567890 * y, y: -98765432109876543210 * x}, 1),
    "powers of pi": ({x: sp.pi**sp.pi * y, y: -(sp.E**sp.pi) * x}, 1),
    "a root of a square": ({x: sp.sqrt(x**2) * y, y: -sp.sqrt(x**2) * x}, 1),
    "one in other clothes": ({x: y * (1 / (1 + x) + x / (1 + x)), y: -x}, 2),
    "hyperbolic": ({x: y, y: -sp.coth(x)}, 1),
    "secants": ({x: sp.sec(x), y: sp.csc(y)}, 2),
    "sech": ({x: y, y: -(sp.sech(x) ** 2) * sp.tanh(x)}, 1),
    "a root of degree 13": ({x: y ** sp.Rational(1, 13), y: -(x ** sp.Rational(2, 13))}, 1),
    "an unknown exponent": ({x: -a * x**b / (k**b + x**b), y: a * x**b / (k**b + x**b)}, 1),
    "a function of no name here": ({x: sp.besselj(0, y), y: -sp.besselj(0, y)}, 1),
}  # fmt: skip


@pytest.mark.parametrize("name", STRANGE)
def test_strange_systems_are_answered(name):
    rhs, least = STRANGE[name]
    system = psu.ODESystem(rhs)
    with warnings.catch_warnings():
        warnings.simplefilter("error", FalseLawWarning)
        laws = psu.first_integrals(system, budget=8)
    assert len(laws) >= least
    assert all(law.certificate.check() for law in laws)
    assert all(span.candidates or span.ended != "exhausted" for span in laws.searched)
    if name != "a function of no name here":
        judge = Judge(system)
        assert all(map(judge.holds, laws))


@pytest.mark.parametrize(
    "rhs", [{x: y, y: -sp.Abs(x)}, {x: y, y: -x - sp.sign(y)}, {x: sp.zeta(y), y: x}]
)
def test_what_has_no_exact_treatment_is_named(rhs):
    with pytest.raises(DerivationError, match=r"not smooth|cannot be treated exactly"):
        psu.first_integrals(psu.ODESystem(rhs), budget=10)


def test_curves_of_high_degree_do_not_break_the_budget():
    """A polynomial of degree 600 is not factored: nothing could interrupt that."""
    start = time.perf_counter()
    laws = psu.first_integrals(psu.ODESystem({x: y, y: -(x**99) + x}), budget=6)
    assert len(laws) == 1
    assert time.perf_counter() - start < 9
