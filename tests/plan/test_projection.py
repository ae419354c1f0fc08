"""Projected networks: the laws hold exactly, for every network, and what cannot be projected is named."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import pysymude as psu
from pysymude.errors import InvalidInputError
from pysymude.plan.compiled import compile_system
from pysymude.plan.law import read_laws
from pysymude.plan.numeric import NumericModel
from pysymude.plan.projection import projected

x, y, z = psu.states("x y z")
X, Y = psu.states("x y", positive=True)
a, b, g, d = psu.parameters("alpha beta gamma delta")


def net(*inputs: sp.Expr, outputs: int = 2) -> psu.MLP:
    return psu.MLP("nn", inputs=list(inputs), outputs=outputs, hidden=(4,))


nn2, nn3, nn1 = net(x, y), net(x, y, z, outputs=3), net(x, y, outputs=1)
LV = net(X, Y)

SYSTEMS = {
    "circle, with a known term that leaves it": (
        psu.ODESystem({x: y + nn2[0], y: nn2[1] - x**3}),
        [x**2 + y**2],
    ),
    "predator and prey, unknown coefficients": (
        psu.ODESystem({X: a * X + LV[0], Y: -d * Y + LV[1]}, trainable={b: 1.0, g: 1.0}),
        [g * X - d * sp.log(X) + b * Y - a * sp.log(Y)],
    ),
    "two laws of three states": (
        psu.ODESystem({x: nn3[0], y: nn3[1], z: nn3[2]}),
        [x**2 + y**2 + z**2, x**2 + 2 * y**2 + 3 * z**2],
    ),
    "a law of time": (
        psu.ODESystem({x: a * y + nn2[0], y: nn2[1]}, parameters={a: 2.0}),
        [x**2 + y**2 + a * psu.t],
    ),
    "one output in two equations, beside another": (
        psu.ODESystem({x: nn2[0] + x * nn2[1], y: -nn2[0], z: nn2[1]}),
        [x + y + z**2],
    ),
    "a law that holds by itself, beside one that does not": (
        psu.ODESystem({x: nn2[0], y: -nn2[0] + nn2[1], z: -nn2[1]}),
        [x + y + z, x * y],
    ),
}


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_laws_hold_exactly_for_every_network(name: str):
    system, laws = SYSTEMS[name]
    held = psu.project(system, laws)
    assert [s.name for s in held.states] == [s.name for s in system.states]
    for law in laws:
        found = psu.is_first_integral(law, held)
        assert found.holds
        assert found.certificate is not None
        assert found.certificate.check()
    assert not all(psu.is_first_integral(law, system).holds for law in laws)


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_guarded_field_is_the_exact_one(name: str):
    system, laws = SYSTEMS[name]
    rng = np.random.default_rng(3)
    u = rng.uniform(0.3, 2.0, (50, len(system.states)))
    fields = []
    for one in (psu.project(system, laws), projected(system, read_laws(system, laws))):
        plan = compile_system(one)
        values = plan.layout.unpack(rng.standard_normal(plan.layout.size) * 0)
        theta = plan.layout.pack({k: np.full(np.shape(v), 0.7) for k, v in values.items()})
        fields.append(NumericModel(plan, np.full(len(plan.parameters), 1.3), theta).rhs(0.4, u))
    np.testing.assert_allclose(fields[0], fields[1], rtol=1e-9)


def test_it_is_the_nearest_field_that_keeps_the_law():
    """What is added is along the gradient: the part of the field in the level set is the network's."""
    system = psu.ODESystem({x: nn2[0], y: nn2[1]})
    change = [psu.project(system, x * y).rhs[s] - system.rhs[s] for s in (x, y)]
    along = sp.simplify(change[0] * x - change[1] * y)
    assert along == 0
    assert sp.simplify(change[0] * y + change[1] * x + nn2[0] * y + nn2[1] * x) == 0


@pytest.mark.parametrize("law", [x**2 + y**2, x * y])
def test_it_is_finite_where_the_gradient_vanishes(law: sp.Expr):
    system = psu.ODESystem({x: nn2[0], y: nn2[1]})
    plan = compile_system(projected(system, read_laws(system, law)))
    theta = np.random.default_rng(0).standard_normal(plan.layout.size)
    model = NumericModel(plan, np.zeros(0), theta)
    points = np.array([[0.0, 0.0], [1e-9, 0.0], [1e-12, -1e-12], [1e-15, 1e-200]])
    assert np.isfinite(model.rhs(0.0, points)).all()
    assert np.isfinite(model.jacobian(0.0, points)).all()
    # bounded by the network's own size all the way: a projection shortens
    free = NumericModel(compile_system(system), np.zeros(0), theta).rhs(0.0, points)
    assert (np.linalg.norm(model.rhs(0.0, points), axis=1) <= np.linalg.norm(free, axis=1)).all()


def test_two_laws_that_are_one_at_a_point_do_not_blow_up():
    system, laws = SYSTEMS["two laws of three states"]
    plan = compile_system(projected(system, read_laws(system, laws)))
    theta = np.random.default_rng(0).standard_normal(plan.layout.size)
    model = NumericModel(plan, np.zeros(0), theta)
    # on an axis both gradients point the same way
    points = np.array([[1.0, 0.0, 0.0], [1.0, 1e-13, 0.0], [1.0, 1e-9, 1e-9], [0.0, 0.0, 2.0]])
    free = NumericModel(compile_system(system), np.zeros(0), theta).rhs(0.0, points)
    held = model.rhs(0.0, points)
    assert np.isfinite(held).all()
    assert (np.linalg.norm(held, axis=1) <= 1.001 * np.linalg.norm(free, axis=1)).all()
    # what is perpendicular to the first gradient is known to rounding, relative to how much that is
    apart = np.array([1.0, 1.0, 1e-9, 1.0])
    assert (np.abs((held * points).sum(axis=1)) < 1e-15 / apart).all()


REFUSED = [
    (psu.ODESystem({x: -nn1[0], y: nn1[0] - y, z: y}), x + y, "cannot be kept by the networks"),
    (psu.ODESystem({x: -nn1[0], y: nn1[0] - y, z: y}), x, "leaves nothing to learn"),
    (psu.ODESystem({x: nn2[0], y: nn2[1]}), [x, y], r"2 law\(s\) and 2 network output\(s\)"),
    (psu.ODESystem({x: -y, y: x}), x, "contains none; use conserve='penalty'"),
    (psu.ODESystem({x: sp.exp(nn2[0]), y: nn2[1]}), x + y, "linear in the network outputs"),
    (psu.ODESystem({x: nn2[0], y: nn2[1]}), sp.Integer(3), "depends on no state"),
    (psu.ODESystem({x: nn2[0], y: nn2[1]}), psu.t, "depends on time alone"),
    (psu.ODESystem({x: nn2[0], y: nn2[1]}), x + nn2[0], "reads a network"),
    (psu.ODESystem({x: nn2[0], y: nn2[1]}), x + z, "unknown symbols: z"),
    (psu.ODESystem({x: nn2[0], y: nn2[1]}), [x, x], "twice"),
    (psu.ODESystem({x: nn2[0], y: nn2[1]}), "energy", "no observable of the system"),
    (psu.ODESystem({x: nn2[0], y: nn2[1]}), 3, "found int"),
    (psu.ODESystem({x: nn2[0], y: nn2[1]}), sp.Eq(x, 1), "write x - 1"),
    (psu.ODESystem({x: sp.diff(nn2[0], y), y: nn2[1]}), x + y, "enters by its derivatives"),
]


@pytest.mark.parametrize(("system", "laws", "message"), REFUSED)
def test_what_cannot_be_projected_is_named(system: psu.ODESystem, laws: object, message: str):
    with pytest.raises(InvalidInputError, match=message):
        psu.project(system, laws)


def test_an_observable_can_be_named():
    system = psu.ODESystem({x: nn2[0], y: nn2[1]}, observables={"energy": x**2 + y**2})
    held = psu.project(system, "energy")
    assert psu.is_first_integral(x**2 + y**2, held).holds
