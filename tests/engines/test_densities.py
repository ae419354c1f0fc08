"""Log-likelihoods and log-posteriors with their slopes, on every engine; densities of what is learned."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pysymude as psu
from pysymude.fit.loss.densities import log_density
from pysymude.fit.loss.objective import Objective

x, y = psu.states("x y")
k, s, a, c = psu.parameters("k s a c", positive=True)
q = psu.parameters("q")
T = np.linspace(0.0, 2.0, 7)
TIGHT: dict[str, Any] = {"reltol": 1e-10, "abstol": 1e-10}


def data(noise: Any = None, **keywords: Any) -> psu.Dataset:
    values = np.c_[np.sin(T), np.cos(T)] + 0.1 * np.random.default_rng(0).normal(size=(7, 2))
    values[2, 0] = np.nan
    given = {"u0": {x: 0.1, y: 1.0}, "trainable_u0": [x], "noise": noise} | keywords
    return psu.Dataset.from_arrays([T, T[:5]], [values, values[:5] + 0.1], states=[x, y], **given)


def circle(**keywords: Any) -> psu.ODESystem:
    return psu.ODESystem({x: k * y, y: -0.9 * x}, **({"trainable": {k: 1.1}} | keywords))


CASES: dict[str, Any] = {
    "given": lambda: (circle(), data({x: 0.2, y: 0.3}), {}),
    "nowhere given": lambda: (circle(), data(), {}),
    "models": lambda: (
        circle(trainable={k: 1.1, s: 0.2}, noise={x: psu.StudentT(4, s), y: psu.Normal(s + 0.1)}),
        data(), {},
    ),
    "priors": lambda: (
        circle(trainable={k: 1.1, q: 0.2}, initial={y: 1 + q},
               priors={k: psu.LogNormal(0, 0.3), q: psu.Normal(0, 1)}),
        data({x: 0.2, y: 0.3}, u0={x: 0.1}), {},
    ),
    "laws": lambda: (circle(), data({x: 0.2, y: 0.3}), {"laws": x**2 + y**2, "conserve": "penalty"}),
    "frozen": lambda: (circle(trainable={k: 1.1, q: 0.2}, initial={y: 1 + q}),
                       data({x: 0.2, y: 0.3}, u0={x: 0.1}), {"frozen": [q]}),
}  # fmt: skip


def made(name: str, engine: str) -> tuple[Objective, np.ndarray]:
    system, measured, keywords = CASES[name]()
    obj = psu.objective(system, measured, engine=engine, **TIGHT, **keywords)
    return obj, obj.theta0() + 0.05


@pytest.mark.parametrize("name", CASES)
def test_slopes_are_central_differences(engine: str, name: str):
    obj, theta = made(name, engine)
    free = np.setdiff1d(np.arange(theta.size), obj.composition.frozen)
    for call in (obj.log_likelihood, obj.log_posterior):
        value, slopes = call(theta, gradient=True)
        assert value == pytest.approx(call(theta), rel=1e-12)
        h = 1e-5
        right = np.zeros(theta.size)
        for j in free:
            e = h * np.eye(theta.size)[j]
            right[j] = (call(theta + e) - call(theta - e)) / (2 * h)
        np.testing.assert_allclose(slopes, right, rtol=1e-6, atol=1e-6)


def test_a_failed_solve_has_no_likelihood(engine: str):
    measured = psu.Dataset.from_arrays(T, np.ones((7, 1)), states=[x], u0={x: 1.0}, noise={x: 0.1})
    obj = psu.objective(psu.ODESystem({x: k * x**2}, trainable={k: 1.0}), measured, engine=engine)
    value, slopes = obj.log_likelihood([3.0], gradient=True)
    assert value == -np.inf
    assert np.isnan(slopes).all()


@pytest.mark.parametrize(
    ("symbol", "bounds"),
    [
        (q, (None, None)),
        (k, (0.0, None)),
        (q, (None, 3.0)),
        (q, (-1.0, 4.0)),
        (k, (1e-3, 1e3)),
    ],
)
def test_a_change_of_scale_leaves_a_density_a_density(symbol: Any, bounds: tuple[Any, Any]):
    """The same probability of a small interval, in natural units and on the scale that is learned."""
    system = psu.ODESystem({x: -symbol * x}, trainable={symbol: 1.2}, bounds={symbol: bounds})
    values = np.exp(-T)[:, None]
    measured = psu.Dataset.from_arrays(T, values, states=[x], u0={x: 1.0}, noise={x: 0.3})
    obj = psu.objective(system, measured, engine="native", **TIGHT)
    (slot,) = obj.layout.values()
    for z in obj.theta0()[0] + np.array([-2.0, -0.3, 0.0, 0.4]):
        h = 1e-5
        found = log_density(obj, np.array([z]), gradient=True)
        width = abs(float(slot.natural(z + h)) - float(slot.natural(z - h))) / (2 * h)
        assert found.value == pytest.approx(
            obj.log_posterior([z]) + np.log(width), rel=1e-7, abs=1e-7
        )
        sides = [log_density(obj, np.array([z + e]), gradient=False).value for e in (h, -h)]
        assert found.slopes is not None
        assert found.slopes[0] == pytest.approx((sides[0] - sides[1]) / (2 * h), rel=1e-5, abs=1e-6)
