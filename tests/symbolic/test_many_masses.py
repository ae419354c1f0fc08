"""Energies of several bodies with a symbol for each mass, charge and spring."""

from itertools import combinations

import pytest
import sympy as sp

import pysymude as psu
from problems.heavy_systems import bodies
from problems.law_checks import Judge

q, p = psu.states("q1:5"), psu.states("p1:5")
m, e = psu.parameters("m1:5"), psu.parameters("e1:5")
k = {pair: psu.parameters(f"k{pair[0]}{pair[1]}") for pair in combinations(range(4), 2)}


def on_a_line(n, pull):
    """The energy of n bodies with masses, and their equations."""
    H = sum(p[i] ** 2 / (2 * m[i]) for i in range(n))
    H += sum(pull(i, j, q[i] - q[j]) for i, j in combinations(range(n), 2))
    return psu.hamiltonian_system(H, q[:n], p[:n]), [H, sum(p[:n])]


def gravitating(n):
    system = psu.ODESystem(bodies(n))
    s = {x.name: x for x in system.states}
    mass = psu.parameters(f"m0:{n}")
    where = [(s[f"q{i}_0"], s[f"q{i}_1"]) for i in range(n)]
    push = [(s[f"p{i}_0"], s[f"p{i}_1"]) for i in range(n)]
    H = sum((u**2 + v**2) / (2 * mass[i]) for i, (u, v) in enumerate(push))
    for i, j in combinations(range(n), 2):
        far = sum((a - b) ** 2 for a, b in zip(where[i], where[j], strict=True))
        H -= mass[i] * mass[j] / sp.sqrt(far)
    turn = sum(x * v - y * u for (x, y), (u, v) in zip(where, push, strict=True))
    return system, [H, turn, sum(u for u, _ in push), sum(v for _, v in push)]


SYSTEMS = {
    "four bodies": gravitating(4),
    "three springs": on_a_line(3, lambda i, j, d: k[i, j] * d**2 / 2),
    "four springs, quartic": on_a_line(4, lambda i, j, d: k[i, j] * d**4 / 4),
    "four charges, softened": on_a_line(4, lambda i, j, d: e[i] * e[j] / sp.sqrt(1 + d**2)),
}


@pytest.mark.parametrize("name", SYSTEMS)
def test_energy_and_momentum_are_found(name):
    system, known = SYSTEMS[name]
    laws = psu.first_integrals(
        system, budget=60, time_dependent=False, degree=4 if "quartic" in name else 2
    )
    judge = Judge(system)
    found = [law.expr for law in laws]
    rank = judge.rank(found)
    assert rank == len(found)
    for law in known:
        assert judge.keeps(law)
        assert judge.rank([*found, law]) == rank
    for law in laws:
        assert judge.holds(law)
        assert law.certificate.check()
