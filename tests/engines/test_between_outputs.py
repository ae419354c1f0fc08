"""Every engine: solutions at times between their outputs, as tables, and after a journey as bytes."""

from __future__ import annotations

import copy
import pickle
import sys

import numpy as np
import pytest

import pysymude as psu
from pysymude.errors import InvalidInputError, MissingPackageError, SolveFailedError

x, y, k = *psu.states("x y"), psu.parameters("k")
SYSTEM = psu.ODESystem({x: y, y: -k * x}, parameters={k: 4.0}, observables={"sum": x + y})
T = [0.0, 1.0, 5.0]


def solve(engine, **changes):
    usual = {"u0": {x: 1.0, y: 0.0}, "t": T, "reltol": 1e-9, "abstol": 1e-10, "engine": engine}
    return psu.solve(SYSTEM, **(usual | changes))


def test_the_state_between_outputs(engine):
    sol = solve(engine)
    times = np.linspace(0.0, 5.0, 101)
    found = sol(times)
    np.testing.assert_allclose(found[:, 0], np.cos(2 * times), atol=1e-7)
    np.testing.assert_allclose(found[:, 1], -2 * np.sin(2 * times), atol=1e-7)
    np.testing.assert_array_equal(sol(2.5), found[50])
    np.testing.assert_array_equal(sol([2.5, 1.0, 2.5]), [found[50], sol.u[1], found[50]])
    np.testing.assert_array_equal(sol(T), sol.u)
    assert sol(0.0).shape == (2,)
    assert sol([]).shape == (0, 2)


def test_outside_of_the_solution_there_is_nothing(engine):
    sol = solve(engine, t=[1.0, 2.0])
    with pytest.raises(
        InvalidInputError, match=r"goes from t = 1 to 2; found t = 2.5. Solve further"
    ):
        sol([1.5, 2.5])
    with pytest.raises(InvalidInputError, match="found t = 0"):
        sol(0.0)
    with pytest.raises(InvalidInputError, match="finite time"):
        sol(np.nan)
    with pytest.raises(InvalidInputError, match=r"found shape \(1, 1\)"):
        sol([[1.5]])


def test_up_to_an_event_that_ends_the_solve(engine):
    sol = solve(engine, events=[psu.Event(x, name="zero", terminate=True)])
    assert sol.retcode.name == "Terminated"
    np.testing.assert_allclose(sol(0.5)[0], np.cos(1.0), atol=1e-7)
    np.testing.assert_array_equal(sol(sol.t[-1]), sol.u[-1])
    with pytest.raises(InvalidInputError, match=r"to 0.785398; found t = 1"):
        sol(1.0)


def test_a_failed_solve_says_how_far_it_got(engine):
    grows = psu.ODESystem({x: x**2})
    sol = psu.solve(grows, u0={x: 1.0}, t=[0.0, 0.5, 2.0], engine=engine)
    np.testing.assert_allclose(sol(0.25), 4 / 3, rtol=1e-5)
    with pytest.raises(SolveFailedError, match=f"did not get that far: {sol.retcode.name}"):
        sol(1.5)


def test_an_ensemble_between_outputs(engine):
    found = psu.solve_ensemble(
        SYSTEM, u0={x: [1.0, 2.0, 3.0], y: 0.0}, t=T, reltol=1e-9, abstol=1e-10, engine=engine
    )
    assert found(2.5).shape == (3, 2)
    np.testing.assert_allclose(found([2.5, 3.0])[2, :, 0], 3 * np.cos([5.0, 6.0]), atol=1e-6)
    np.testing.assert_allclose(found[-1](2.5), found(2.5)[2], rtol=1e-10)


def test_a_solution_travels_as_bytes(engine):
    sol = solve(engine)
    for other in (pickle.loads(pickle.dumps(sol)), copy.deepcopy(sol)):  # noqa: S301
        np.testing.assert_array_equal(other.u, sol.u)
        assert (other.states, other.retcode) == (sol.states, sol.retcode)
        np.testing.assert_allclose(other(2.5), sol(2.5), rtol=1e-12)
    ensemble = psu.solve_ensemble(SYSTEM, u0={x: [1.0, 2.0], y: 0.0}, t=T, engine=engine)
    other = pickle.loads(pickle.dumps(ensemble))  # noqa: S301
    np.testing.assert_allclose(other(2.5), ensemble(2.5), rtol=1e-12)


def test_data_frames():
    pytest.importorskip("pandas")
    sol = solve("native")
    frame = sol.to_dataframe()
    assert (frame.index.name, list(frame.columns)) == ("t", ["x", "y", "sum"])
    np.testing.assert_array_equal(frame["sum"], sol["sum"])
    data = psu.Dataset.from_dataframe(frame, states=["x", "y"])
    np.testing.assert_array_equal(data[0].u, sol.u)
    ensemble = psu.solve_ensemble(SYSTEM, u0={x: [1.0, 2.0], y: 0.0}, t=T, engine="native")
    frame = ensemble.to_dataframe()
    assert frame.index.names == ["trajectory", "t"]
    np.testing.assert_array_equal(frame.loc[1]["x"], ensemble["x"][1])
    data = psu.Dataset.from_dataframe(frame)
    assert [tr.name for tr in data] == ["0", "1"]
    np.testing.assert_array_equal(data[1].u[:, 1], ensemble["y"][1])


def test_data_sets():
    pytest.importorskip("xarray")
    sol = solve("native")
    found = sol.to_xarray()
    assert found["x"].dims == ("t",)
    np.testing.assert_array_equal(found["sum"].sel(t=1.0), sol["sum"][1])
    ensemble = psu.solve_ensemble(SYSTEM, u0={x: [1.0, 2.0], y: 0.0}, t=T, engine="native")
    found = ensemble.to_xarray()
    assert found["x"].dims == ("trajectory", "t")
    assert found.attrs["engine"] == "native"


@pytest.mark.parametrize(("method", "name"), [("to_dataframe", "pandas"), ("to_xarray", "xarray")])
def test_a_package_that_is_missing_is_named(monkeypatch, method, name):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(
        MissingPackageError, match=f"Solution.{method} needs {name}.*pip install {name}"
    ):
        getattr(solve("native"), method)()
