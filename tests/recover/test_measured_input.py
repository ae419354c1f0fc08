"""Recovery beside a measured input, and of one that only the network reads."""

import pickle

import numpy as np
import pytest

import pysymude as psu
from tests.engines.forcing import by_pieces

x, k = psu.states("x"), psu.parameters("k")
T = psu.Signal("T")
TIMES = np.linspace(0.0, 10.0, 21)
VALUES = np.random.default_rng(1).normal(size=21)
TS = np.linspace(0.0, 10.0, 81)


def fitted(system, signals):
    u = by_pieces(
        lambda s, u, v: [-0.5 * u[0] - 0.3 * u[0] ** 3 + v],
        "linear", (TIMES, VALUES), np.array([1.0]), TS,
    )  # fmt: skip
    data = psu.Trajectory.from_arrays(TS, u, states=[x], u0={x: 1.0}, signals=signals)
    stages = [psu.GradientMatching(300), psu.LBFGS(300)]
    return psu.fit(system, data, progress=False, stages=stages, engine="native")


def coefficients(found):
    return {str(c.term): c.value for c in found.coefficients}


def test_the_form_beside_an_input():
    nn = psu.MLP("nn", inputs=[x], outputs=1, hidden=4)
    system = psu.ODESystem({x: -k * x + nn[0] + T(psu.t)}, parameters={k: 0.5})
    fit = fitted(system, {T: (TIMES, VALUES)})
    found = psu.recover(fit)
    assert coefficients(found) == {"x**3": pytest.approx(-0.3, abs=0.01)}
    assert found.system.signals == (T,)
    sol = fit.predictions[0]
    assert pickle.loads(pickle.dumps(sol))(0.123) == pytest.approx(sol(0.123))  # noqa: S301


def test_an_input_that_the_network_reads():
    nn = psu.MLP("nn", inputs=[x, T(psu.t)], outputs=1, hidden=4)
    system = psu.ODESystem({x: -k * x + nn[0]}, parameters={k: 0.5}, signals={T: (TIMES, VALUES)})
    found = coefficients(psu.recover(fitted(system, {})))
    assert found == {"x**3": pytest.approx(-0.3, abs=0.01), "T(t)": pytest.approx(1.0, abs=0.01)}
