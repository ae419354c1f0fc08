"""Each family of candidate laws finds the law that is planted for it, and says what it searched."""

import pytest
import sympy as sp

import pysymude as psu
from pysymude.symbolic.laws import derivation
from pysymude.symbolic.laws.families.family_order import FAMILIES

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
    "exact one-forms": ({x: y, y: -sp.atan(x) - x**9},
                        y**2 / 2 + x * sp.atan(x) - sp.log(1 + x**2) / 2 + x**10 / 10),
    "products of powers by weight": ({x: y, y: -x**7}, 4 * y**2 + x**8),
    "invariant sums": ({x: x * (y + z), y: y * (z - x), z: -z * (x + y)}, sp.log(x * z / y)),
    "integrating factors in the plane": ({x: x - y, y: x + y},
                                         sp.log(x**2 + y**2) - 2 * sp.atan(y / x)),
    "negative powers": ({x: -x * sp.sqrt(x**2 + y**2), y: -1 - y * sp.sqrt(x**2 + y**2)},
                        sp.log(x) - sp.log(y + sp.sqrt(x**2 + y**2))
                        - (1 + y * sp.sqrt(x**2 + y**2)) / x**2),
    "exp(-s t) t^k times functions": ({x: -x + sp.sin(t)},
                                      (2 * x - sp.sin(t) + sp.cos(t)) * sp.exp(t)),
    "quadratures of closed states": ({x: 1 + x**2, y: x}, t - sp.atan(x)),
    "level sets of laws": ({x: y, y: -sp.sin(x), z: (y**2 / 2 - sp.cos(x)) * z},
                           z * sp.exp(-(y**2 / 2 - sp.cos(x)) * t)),
    "angles of quadratic curves": ({x: y * z, y: -x * z, z: 1 / z}, sp.atan(y / x) + z**3 / 3),
    "functions of angles": ({x: y, y: 1 / x**3 - 1 / x**2, z: 1 / x**2},
                            (1 / x - 1) * sp.cos(z) + y * sp.sin(z)),
}  # fmt: skip
# families that build on what another one finds
AFTER = {
    "level sets of laws": "products of powers and logarithms",
    "angles of quadratic curves": "products of powers and logarithms",
}


def alone(family):
    """The family, after the one whose laws it needs."""
    return (*(f for f in FAMILIES if f.name == AFTER.get(family.name)), family)


def test_each_family_has_a_planted_system():
    assert set(PLANTED) == {family.name for family in FAMILIES}
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_family_alone_finds_what_is_planted_for_it(monkeypatch, family):
    rhs, planted = PLANTED[family.name]
    monkeypatch.setattr(derivation, "FAMILIES", alone(family))
    system = psu.ODESystem(rhs)
    laws = psu.first_integrals(system, budget=20)
    assert {span.family for span in laws.searched} == {f.name for f in alone(family)}
    assert any(span.laws for span in laws.searched if span.family == family.name)
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
    monkeypatch.setattr(derivation, "FAMILIES", alone(family))
    laws = psu.first_integrals(psu.ODESystem(PLANTED[family.name][0]), budget=20)
    found = [span for span in laws.searched if span.ended == "exhausted"]
    assert found
    for span in found:
        assert span.candidates > 0
        assert span.complete
    assert sum(span.laws for span in laws.searched) == len(laws)
