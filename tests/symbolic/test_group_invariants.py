"""Invariants of one-parameter groups: by hand, along the group, and inside networks."""

import numpy as np
import pytest
import sympy as sp

import pysymude as psu
from pysymude.errors import DerivationError, InvalidInputError
from pysymude.symbolic.proof.identity import vanishes

x, y, z, v = psu.states("x y z v")
p, q = psu.states("p q", positive=True)
a, b = psu.parameters("a b")
t = psu.t


@pytest.mark.parametrize(
    ("eta", "expected"),
    [
        ({x: x, y: y, z: z}, [y / x, z / x]),  # projective coordinates
        ({x: x, y: 2 * y, z: -z}, [y / x**2, x * z]),
        ({x: sp.Integer(1), y: sp.Integer(2)}, [2 * x - y]),
        ({x: -y, y: x, z: sp.Integer(0)}, [z, x**2 + y**2]),
        ({x: sp.Integer(1), y: y}, [y * sp.exp(-x)]),
        ({x: sp.Integer(1), y: x}, [2 * y - x**2]),
        # without whole exponents the logarithms stay
        ({p: a * p, q: b * q}, [b * sp.log(p) - a * sp.log(q)]),
        ({x: sp.Rational(1, 2) * x, y: 0.75 * y}, [y**2 / x**3]),
    ],
)
def test_textbook_groups(eta, expected):
    found = psu.invariants(psu.Generator(0, eta), list(eta))
    assert [sp.expand(f - g) for f, g in zip(found, expected, strict=True)] == [0] * len(expected)
    assert found.missing == 0
    assert found.check()
    assert len(found.certificates) == len(found)


def test_time_is_a_variable_where_it_is_named():
    """Kepler's third law: t -> s^3 t, q -> s^2 q leaves q^3/t^2 alone."""
    third = psu.Generator(3 * t, {p: 2 * p, q: 2 * q})
    assert psu.invariants(third, [p, q]) == (q / p,)
    found = psu.invariants(third, [t, p])
    assert found == (p**3 / t**2,)
    assert found.check()
    assert found.certificates[0].fields[0][t] == 3 * t


def test_certificates_refuse_another_function():
    found = psu.invariants(psu.Generator(0, {x: x, y: 2 * y}), [x, y])
    wrong = type(found.certificates[0])(y / x, found.certificates[0].fields)
    assert found.check()
    assert not wrong.check()


def test_a_spiral():
    """Its invariant is x^2 + y^2 times the exponential of an angle, or the logarithm of that."""
    spiral = psu.Generator(0, {x: x - 2 * y, y: 2 * x + y})
    (found,) = psu.invariants(spiral, [x, y])
    known = sp.log(x**2 + y**2) - sp.atan(y / x)
    assert vanishes(found.diff(x) * known.diff(y) - found.diff(y) * known.diff(x))


def test_none_in_the_families():
    """A cubic without rational roots: its logarithms have algebraic numbers as coefficients."""
    found = psu.invariants(psu.Generator(0, {x: x**2 - 2 * y**2, y: x * y + x**2}), [x, y])
    assert found == ()
    assert found.missing == 1
    with pytest.raises(InvalidInputError, match="at least one expression"):
        psu.MLP("nn", inputs=found, outputs=1, hidden=2)


def test_some_of_them_where_others_are_in_no_family():
    """Two states that follow the cubic are in laws; its own level sets are not found."""
    cubic = {x: x**2 - 2 * y**2, y: x * y + x**2}
    found = psu.invariants(psu.Generator(0, {**cubic, z: z * x, v: -v * x}), [x, y, z, v])
    assert found == (z * v, v**3 * x**3 + 2 * v**3 * y**3)
    assert found.missing == 1


def test_a_turn_and_a_stretch_at_once():
    found = psu.invariants(psu.Generator(0, {x: -y, y: x, z: z}), [x, y, z])
    assert found[0] == x**2 + y**2
    assert found.missing == 0
    assert found.check()


def test_nothing_moves():
    found = psu.invariants(psu.Generator(1), [x, y])
    assert set(found) == {x, y}
    assert found.missing == 0


def test_a_network_of_invariants_makes_a_symmetric_system():
    turn = psu.Generator(0, {x: -y, y: x, z: -v, v: z})
    found = psu.invariants(turn, [x, y, z, v])
    assert found.missing == 0
    nn = psu.MLP("nn", inputs=found, outputs=2, hidden=(3,))
    system = psu.ODESystem({x: z, y: v, z: nn[0] * x - nn[1] * y, v: nn[0] * y + nn[1] * x})
    assert psu.is_symmetry(system, turn)
    # a network that reads the states does not
    free = psu.MLP("nn", inputs=[x, y], outputs=2, hidden=(3,))
    other = psu.ODESystem({x: z, y: v, z: free[0] * x - free[1] * y, v: free[0] * y + free[1] * x})
    assert not psu.is_symmetry(other, turn)


def test_turned_starts_give_turned_solutions():
    turn = psu.Generator(0, {x: -y, y: x})
    nn = psu.MLP("nn", inputs=psu.invariants(turn, [x, y]), outputs=2, hidden=(4,))
    system = psu.ODESystem({x: nn[0] * x - nn[1] * y, y: nn[0] * y + nn[1] * x})
    theta = nn.initial_weights(1)
    c, s = np.cos(0.7), np.sin(0.7)
    matrix = np.array([[c, -s], [s, c]])
    start, times = np.array([0.4, -0.9]), np.linspace(0, 2, 5)
    how = {"t": times, "theta": theta, "reltol": 1e-10, "abstol": 1e-12, "engine": "native"}
    plain = psu.solve(system, u0=start, **how).u
    turned = psu.solve(system, u0=matrix @ start, **how).u
    np.testing.assert_allclose(turned, plain @ matrix.T, atol=1e-8)
    assert np.abs(turned - plain).max() > 0.1


def test_wrong_calls():
    turn = psu.Generator(0, {x: -y, y: x})
    with pytest.raises(InvalidInputError, match=r"moves x by -y; add y to the states"):
        psu.invariants(turn, [x])
    with pytest.raises(InvalidInputError, match=r"add psu\.t to the states"):
        psu.invariants(psu.Generator(1, {x: t}), [x])
    with pytest.raises(InvalidInputError, match="takes a Generator"):
        psu.invariants({x: -y, y: x}, [x, y])
    with pytest.raises(InvalidInputError, match="a list of states"):
        psu.invariants(turn, ["x", "y"])
    with pytest.raises(InvalidInputError, match="each state once"):
        psu.invariants(turn, [x, x])
    with pytest.raises(DerivationError, match="Abs"):
        psu.invariants(psu.Generator(0, {x: sp.Abs(y), y: x}), [x, y])
