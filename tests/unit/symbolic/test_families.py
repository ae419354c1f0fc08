"""Each family of candidate laws finds the law that is planted for it, and says what it searched."""

import pytest
import sympy as sp

import pysymude as psu
from pysymude.symbolic.laws import derivation
from pysymude.symbolic.laws.families.registry import FAMILIES

x, y, z = psu.states("x y z")
many = psu.states("m1:25")
t = psu.t

# name of a family: a system, and a law that this family finds where it is asked alone
PLANTED = {
    "sums of states": ({m: many[k - 1] * (-1) ** k for k, m in enumerate(many)}
                       | {many[0]: -many[1] * many[2], many[1]: many[1] * many[2]}, many[0] + many[1]),
    "products of powers and logarithms": ({x: y * z, y: -x * z, z: x * y}, x**2 + y**2),
    "Darboux polynomials": ({x: x * (1 + x + 2 * y), y: y * (2 + x + 2 * y)},
                            2 * sp.log(x) - sp.log(y) - sp.log(1 + x + y)),
    "antiderivatives": ({x: y, y: -sp.exp(x) / (1 + sp.exp(x))}, y**2 / 2 + sp.log(1 + sp.exp(x))),
    "exp(-s t) t^k times polynomials": ({x: -2 * x + y, y: -2 * y}, y * sp.exp(2 * t)),
    "products with time": ({x: 1 / x}, x**2 / 2 - t),
}  # fmt: skip


def test_each_family_has_a_planted_system():
    assert set(PLANTED) == {family.name for family in FAMILIES}
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_family_alone_finds_what_is_planted_for_it(monkeypatch, family):
    rhs, planted = PLANTED[family.name]
    monkeypatch.setattr(derivation, "FAMILIES", (family,))
    system = psu.ODESystem(rhs)
    laws = psu.first_integrals(system, budget=20)
    assert {span.family for span in laws.searched} == {family.name}
    assert len(laws) > 0
    assert all(law.certificate.check() for law in laws)
    if planted is not None:
        assert psu.is_first_integral(planted, system).holds
        gradients = sp.Matrix(
            [[e.diff(s) for s in (*rhs, t)] for e in (planted, *(law.expr for law in laws))]
        )
        point = {s: sp.Rational(k + 3, 7) for k, s in enumerate((*rhs, t))}
        assert gradients.subs(point).evalf(30).rank(iszerofunc=lambda e: abs(e) < 1e-20) == len(
            laws
        )


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_spans_write_themselves(monkeypatch, family):
    monkeypatch.setattr(derivation, "FAMILIES", (family,))
    laws = psu.first_integrals(psu.ODESystem(PLANTED[family.name][0]), budget=20)
    found = [span for span in laws.searched if span.ended == "exhausted"]
    assert found
    for span in found:
        assert span.candidates > 0
        assert span.complete
    assert sum(span.laws for span in laws.searched) == len(laws)
