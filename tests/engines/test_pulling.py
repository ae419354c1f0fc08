"""`BoundLoss.pull` reads theta and what it is given alone, whatever was solved before at the same place."""

import numpy as np
import pytest
import sympy as sp

import pysymude as psu
from pysymude.engines.native import losses

x, y = psu.states("x y", positive=True)
a, b = psu.parameters("a b")
T = np.linspace(0.0, 2.0, 9)


def bound(engine, count, way):
    nn = psu.MLP("nn", inputs=[x, y], outputs=1, hidden=3)
    # a switch of the state on the way
    more = sp.Piecewise((0.5 * y, x > 1.2 * a), (0.1 * x, True))
    system = psu.ODESystem(
        {x: a * x - 0.9 * x * y, y: -b * y + 0.8 * x * y + 0.1 * nn[0] + more},
        trainable={a: 1.3, b: 1.8},
    )
    rng = np.random.default_rng(0)
    data = psu.Dataset(
        [
            psu.Trajectory.from_arrays(
                T, rng.uniform(0.5, 2.0, (9, 2)), states=[x, y], u0={x: 0.5 + 0.1 * k, y: 1.0}
            )
            for k in range(count)
        ]
    )
    obj = psu.objective(system, data, engine=engine, solver=way)
    return obj.bound, obj.theta0(1), rng.standard_normal((count, 9, 2))


@pytest.mark.parametrize("way", ["Tsit5", "Rodas5P", "auto"])
@pytest.mark.parametrize("count", [1, 3, 9])
def test_what_was_solved_before_does_not_matter(engine, count, way):
    loss, theta, given = bound(engine, count, way)
    other = theta + 0.1
    alone = loss.pull(theta, given).gradient
    assert np.abs(alone).max() > 0.1

    def same(here, weights=given, expected=alone):
        np.testing.assert_allclose(loss.pull(here, weights).gradient, expected, rtol=1e-12, atol=0)

    loss.simulate(theta)
    same(theta)
    same(theta)
    same(theta, 2.0 * given, 2.0 * alone)
    loss.simulate(other)
    same(theta)
    loss.simulate(theta)
    loss.evaluate(other, gradient=True)
    same(theta)
    loss.simulate(theta)
    loss.linearise(other, np.ones(given.shape, dtype=bool))
    same(theta)


def test_other_times_are_solved_for_anew(engine):
    loss, theta, given = bound(engine, 1, "Tsit5")
    before = loss.pull(theta, given).gradient
    loss.simulate(theta)
    loss.retime(np.array([0.0]), 0.5 * T[None])
    behind = loss.pull(theta, given).gradient
    assert np.linalg.norm(behind - before) > 0.1 * np.linalg.norm(before)
    loss.simulate(theta)
    loss.retime(np.array([0.0]), T[None])
    np.testing.assert_allclose(loss.pull(theta, given).gradient, before, rtol=1e-12, atol=0)


def test_what_another_thread_finds_out_in_between_does_not_matter():
    loss, theta, given = bound("native", 1, "auto")
    alone = loss.pull(theta, given).gradient
    loss.simulate(theta)
    place = loss.free[-1]
    assert place.holds(theta)

    class Office(type(place)):
        def holds(self, theta):
            known = super().holds(theta)
            loss.scheme.room *= 2  # as of a solve with more steps, at other desks
            return known

    place.__class__ = Office
    found = loss.pull(theta, given)
    assert found.success
    np.testing.assert_allclose(found.gradient, alone, rtol=1e-12, atol=0)


def test_many_calls_need_no_more_places_than_one(monkeypatch):
    """Where the steps of all experiments are too many to be kept, too: once twelve calls made twelve places."""
    monkeypatch.setattr(losses, "_APART", 0)
    loss, theta, given = bound("native", 9, "Tsit5")
    for _ in range(4):
        loss.simulate(theta)
        loss.pull(theta, given)
    assert len(loss.free) + len(loss.apart) == 1
