"""Thirty systems of the literature: their published laws are found, and whatever is found holds."""

import pytest

import pysymude as psu
from problems.law_checks import Judge
from problems.thirty_systems import SYSTEMS


def test_there_are_thirty_and_their_laws_hold():
    assert len(SYSTEMS) == 30
    for rhs, known in SYSTEMS.values():
        judge = Judge(psu.ODESystem(rhs))
        assert judge.rank(known) == len(known)
        assert all(map(judge.keeps, known))


@pytest.mark.parametrize("name", SYSTEMS)
def test_published_laws_are_found(name):
    rhs, known = SYSTEMS[name]
    system = psu.ODESystem(rhs)
    judge, laws = Judge(system), psu.first_integrals(system, budget=20)
    found = [law.expr for law in laws]
    assert len(found) >= len(known)
    assert judge.rank([*found, *known]) == judge.rank(found) == len(found)
    for law in laws:
        assert judge.holds(law)
        assert law.certificate.check()
    if not known:
        assert not found
