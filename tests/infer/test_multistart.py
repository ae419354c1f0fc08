"""Many starts: a loss with several optima, samplers, processes, wrong calls."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp

import pysymude as psu
from pysymude.infer.multistart import start_points

x, y = psu.states("x y")
w, k = psu.parameters("w k", positive=True)
T = np.linspace(0.0, 10.0, 41)


def waves() -> tuple[psu.ODESystem, psu.Dataset]:
    """A frequency: from most starts a wrong one."""
    data = psu.Dataset.from_arrays(
        T, np.cos(2.0 * T)[:, None], states=[x], u0={x: 1.0, y: 0.0}, noise={x: 0.1}
    )
    return psu.ODESystem({x: y, y: -(w**2) * x}, trainable={w: 0.6}, bounds={w: (0.2, 4.0)}), data


def test_the_best_of_many_optima_is_found():
    system, data = waves()
    alone = psu.fit(system, data, progress=False, stages=psu.LBFGS(200))
    assert alone.loss > 100
    found = psu.multistart(system, data, n=12, seed=1, progress=False)
    assert found.best.parameters["w"] == pytest.approx(2.0, rel=1e-6)
    assert found.best.loss < 1e-6
    assert np.all(np.diff(found.losses) >= 0)
    assert 1 <= found.reached < len(found)
    assert found.starts.shape == (len(found), 1)
    np.testing.assert_allclose(found.parameters()["w"][: found.reached], 2.0, rtol=1e-3)
    assert "reached by" in repr(found)


def test_the_same_seed_gives_the_same_fits_on_processes():
    system, data = waves()
    one = psu.multistart(system, data, n=4, seed=3, progress=False, stages=psu.LBFGS(20))
    other = psu.multistart(system, data, n=4, seed=3, progress=False, stages=psu.LBFGS(20), jobs=2)
    np.testing.assert_allclose(one.losses, other.losses, rtol=1e-12)
    np.testing.assert_array_equal(one.starts, other.starts)


@pytest.mark.parametrize("sampler", ["latin hypercube", "sobol", "uniform"])
def test_starts_are_spread_over_what_is_possible(sampler: str):
    a, b, c = psu.parameters("a b c")
    system = psu.ODESystem(
        {x: -a * x + b * k * w + c},
        trainable={a: 2.0, b: 1.0, c: 0.5, k: 3.0, w: 1.0},
        bounds={b: (0.0, 10.0), w: (1e-4, 1e4)},
    )
    data = psu.Dataset.from_arrays(T, np.ones((41, 1)), states=[x], u0={x: 1.0})
    obj = psu.objective(system, data, frozen=[c])
    starts = start_points(obj, 64, sampler, 1.5, 0)
    values = {s.name: s.natural(starts[:, s.offset]) for s in obj.layout.values()}
    np.testing.assert_array_equal(starts[0], obj.theta0())
    assert (values["c"] == 0.5).all()
    decades = np.log10(values["w"][1:])
    assert decades.min() < -3
    assert decades.max() > 3
    assert abs(np.median(decades)) < 1.0
    assert 0 < values["b"].min() < 0.7 < 9.3 < values["b"].max() < 10
    k_decades = np.log10(values["k"] / 3.0)
    assert -1.5 <= k_decades.min() < -1.2 < 1.2 < k_decades.max() <= 1.5
    assert -1.0 - 1e-9 <= values["a"].min() < -0.5 < 4.5 < values["a"].max() <= 5.0
    if sampler == "latin hypercube":
        # one start in each of 63 equal parts
        parts = np.floor((values["a"][1:] + 1.0) / 6.0 * 63)
        assert np.unique(parts).size >= 62


def test_networks_have_a_seed_each():
    nn = psu.MLP("nn", inputs=[x], outputs=1, hidden=(3,))
    data = psu.Dataset.from_arrays(T, np.ones((41, 1)), states=[x], u0={x: 1.0})
    obj = psu.objective(psu.ODESystem({x: nn[0]}), data)
    starts = start_points(obj, 3, "uniform", 1.0, 5)
    for j in range(3):
        np.testing.assert_array_equal(starts[j], obj.theta0(5 + j))


def test_failures_are_told():
    data = psu.Dataset.from_arrays(T, np.ones((41, 1)), states=[x], u0={x: 1.0})
    system = psu.ODESystem(
        {x: sp.Piecewise((-(x**2), k < 20), (x**2, True))},
        trainable={k: 1.0}, bounds={k: (0.1, 40.0)},
    )  # fmt: skip
    found = psu.multistart(system, data, n=8, progress=False, stages=psu.LBFGS(3))
    assert found.failures
    assert len(found) + len(found.failures) == 8
    assert all(f.success for f in found.fits)
    hopeless = psu.ODESystem({x: k * x**2}, trainable={k: 5.0}, bounds={k: (2.0, 9.0)})
    with pytest.raises(psu.PySymUDEError, match="none of the 3 starts led to a fit"):
        psu.multistart(hopeless, data, n=3, progress=False, stages=psu.LBFGS(3))


def test_the_figure_has_a_step_for_each_fit():
    system, data = waves()
    found = psu.multistart(system, data, n=5, seed=1, progress=False, stages=psu.LBFGS(50))
    (axes,) = found.plot().axes
    np.testing.assert_allclose(axes.get_lines()[0].get_ydata(), found.losses)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"n": 0}, "n must be a whole number, 1 or more"),
        ({"sampler": "grid"}, "sampler must be one of 'latin hypercube', 'sobol', 'uniform'"),
        ({"spread": -1}, "spread must be a positive number"),
        ({"jobs": 0}, "jobs must be a number of processes"),
        ({"theta0": [1.0]}, "multistart sets theta0= for each start itself"),
        ({"epochs": 5}, "multistart has no epochs="),
    ],
)
def test_wrong_calls(keywords: dict[str, Any], message: str):
    with pytest.raises(psu.PySymUDEError, match=message):
        psu.multistart(*waves(), **({"n": 2, "progress": False} | keywords))
