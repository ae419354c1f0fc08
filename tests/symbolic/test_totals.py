"""Moieties as chemists read them: totals without negative entries, where such span all sums."""

from math import gcd
from random import Random

import numpy as np
import pytest
import sympy as sp

import pysymude as psu
from pysymude.symbolic.null_space.extreme_rays import nonnegative_basis
from pysymude.symbolic.null_space.moieties import tidied

s = psu.states("s0:12", positive=True)
k = psu.parameters("k0:6", positive=True)


def network(n, *steps):
    """Mass action; a step is a pair of dicts from species to molecules."""
    rhs = dict.fromkeys(s[:n], sp.S.Zero)
    for rate, (left, right) in zip(k, steps, strict=False):
        speed = rate * sp.Mul(*(s[i] ** m for i, m in left.items()))
        for i, m in left.items():
            rhs[s[i]] -= m * speed
        for i, m in right.items():
            rhs[s[i]] += m * speed
    return psu.ODESystem(rhs)


NETWORKS = {
    "binding and decay": (network(5, ({0: 1, 1: 1}, {2: 1}), ({2: 1}, {3: 1, 4: 1})), 3),
    "adenylate": (network(6, ({0: 1, 3: 1}, {1: 1, 4: 1}), ({0: 1, 2: 1}, {1: 2}),
                          ({1: 1, 5: 1}, {0: 1})), 3),
    "receptor": (network(9, ({0: 1, 1: 1}, {2: 1}), ({2: 2}, {3: 1}), ({3: 1, 5: 1}, {4: 1, 6: 1}),
                         ({4: 1, 7: 1}, {8: 1})), 5),
    "two enzymes": (network(8, ({0: 1, 1: 1}, {2: 1}), ({2: 1}, {0: 1, 3: 1}), ({3: 1, 4: 1}, {5: 1}),
                            ({5: 1}, {4: 1, 6: 1}), ({6: 1}, {7: 2})), 3),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_sums_have_no_negative_entries(name):
    system, count = NETWORKS[name]
    laws = psu.first_integrals(system, degree=1, time_dependent=False, budget=20)
    linear = [law for law in laws if not law.expr.has(sp.log)]
    assert len(linear) == count
    for law in linear:
        assert all(c > 0 for c in law.expr.as_coefficients_dict().values())
        assert law.certificate.check()


def test_differences_stay_where_no_totals_span_them():
    x, y, z = s[:3]
    laws = psu.first_integrals(psu.ODESystem({x: z, y: z, z: -z}), degree=1, time_dependent=False)
    assert {law.expr for law in laws} == {x + z, y + z}
    # one total, and a difference that no total makes up for
    rays = tidied(np.array([[1, -1, 0, 0], [0, 0, 1, 1]]).T)
    assert sorted(rays, key=str) == [{0: 1, 1: -1}, {2: 1, 3: 1}]


@pytest.mark.parametrize("seed", range(12))
def test_extreme_rays_of_random_contents(seed):
    """Species that consist of moieties: the contents are nonnegative, so rays span all."""
    rng = Random(seed)
    parts, species = rng.randint(2, 5), rng.randint(6, 11)
    contents = [[rng.choice([0, 0, 1, 1, 2]) for _ in range(species)] for _ in range(parts)]
    while sp.Matrix(contents).rank() < parts:
        contents = [[rng.choice([0, 0, 1, 1, 2]) for _ in range(species)] for _ in range(parts)]
    mixed = (sp.Matrix(parts, parts, lambda i, j: rng.randint(-2, 2) if i != j else 3)) * sp.Matrix(
        contents
    )
    assert mixed.rank() == parts
    basis = nonnegative_basis(mixed.tolist())
    assert basis is not None
    assert len(basis) == parts
    assert sp.Matrix([*basis, *contents]).rank() == parts
    for row in basis:
        assert min(row) >= 0
        assert gcd(*row) == 1
        # extreme: no vector of the space has its support within that of this one
        zeros = [j for j in range(species) if not row[j]]
        inside = sp.Matrix(contents).extract(list(range(parts)), zeros) if zeros else None
        assert inside is None or inside.rank() == parts - 1
