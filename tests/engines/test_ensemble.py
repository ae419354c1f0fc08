"""Every engine: ensembles against single solves, their shapes, and what cannot be one."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

import pysymude as psu
from problems.catalogue import universal
from pysymude.errors import InvalidInputError, SolveFailedError
from tests.engines.tolerances import is_implicit

x, y = psu.states("x y")
a, b, k = psu.parameters("a b k")
SYSTEM = psu.ODESystem(
    {x: a * x - b * x * y, y: -y + b * x * y}, parameters={a: 1.3}, observables={"sum": x + k * y}
)
N = 9
T = np.linspace(0.0, 3.0, 5)
RATES, STARTS = np.linspace(0.5, 1.2, N), np.linspace(0.4, 2.0, N)


def ensemble(engine: str, system=SYSTEM, **changes) -> psu.EnsembleSolution:
    usual = {
        "u0": {x: STARTS, y: 2.0}, "t": T, "parameters": {b: RATES, "k": 2.0}, "solver": "Tsit5",
        "abstol": 1e-8,
    }  # fmt: skip
    return psu.solve_ensemble(system, engine=engine, **(usual | changes))


def test_each_trajectory_is_that_of_a_single_solve(engine: str):
    found = ensemble(engine)
    assert found.u.shape == (N, 5, 2)
    assert found["x"].shape == found["sum"].shape == (N, 5)
    assert found.success
    assert len(found) == N
    assert found.engine == engine
    for i in (0, 4, N - 1):
        one = psu.solve(
            SYSTEM, u0=[STARTS[i], 2.0], t=T, parameters={b: RATES[i], k: 2.0}, solver="Tsit5",
            abstol=1e-8, engine=engine,
        )  # fmt: skip
        other = found[i]
        np.testing.assert_allclose(other.u, one.u, rtol=1e-12)
        np.testing.assert_allclose(other["sum"], one["sum"], rtol=1e-12)
        assert other.retcode is one.retcode
        assert other.stats == one.stats
        # and of no other
        assert np.abs(found[(i + 1) % N].u - one.u).max() > 1e-2
    assert found.stats.steps == sum(found[i].stats.steps for i in range(N))
    assert (
        repr(found)
        == f"EnsembleSolution(9 trajectories x 5 times x x, y; Success, Tsit5 on {engine})"
    )
    assert all(array.flags.owndata for array in (found.t, found[2].u, found.observables["sum"]))


@pytest.mark.parametrize("abstol", [None, {y: 1e-7}])
def test_the_default_of_abstol_is_that_of_each_trajectory(engine: str, abstol):
    """States that are met on the way lower it: x by its start, y by what it falls to."""
    starts = np.array([1e-5, 1.0, 1e3])
    rates = np.array([8.0, 0.1, 2.0])
    system = psu.ODESystem({x: -0.1 * x * x, y: k * x - 30 * y})
    times = [0.0, 2.0, 4.0]
    found = psu.solve_ensemble(
        system, u0={x: starts, y: 0.0}, t=times, parameters={k: rates}, engine=engine, abstol=abstol
    )
    for i in range(3):
        one = psu.solve(
            system, u0=[starts[i], 0.0], t=times, parameters={k: rates[i]}, engine=engine,
            abstol=abstol,
        )  # fmt: skip
        np.testing.assert_array_equal(found[i].u, one.u)
        assert found[i].stats == one.stats


def test_initial_states_as_an_array_and_shared(engine: str):
    u0 = np.c_[STARTS, np.full(N, 2.0)]
    by_array, by_name = ensemble(engine, u0=u0), ensemble(engine)
    np.testing.assert_array_equal(by_array.u, by_name.u)
    shared = ensemble(engine, u0=[1.0, 2.0])
    np.testing.assert_array_equal(shared.u[:, 0], np.tile([1.0, 2.0], (N, 1)))
    one = ensemble(engine, u0=u0[:1], parameters={b: 0.9, k: 1.0})
    assert one.u.shape == (1, 5, 2)


def test_a_learned_system_with_one_theta(engine: str):
    ude, data = universal("lotka-volterra").problem
    theta = psu.objective(ude, data, engine=engine).theta0(1)
    alpha = np.linspace(1.0, 1.4, 4)
    found = psu.solve_ensemble(
        ude, u0=data[0].u[0], t=T, parameters={"alpha": alpha}, theta=theta, engine=engine
    )
    one = psu.solve(
        ude, u0=data[0].u[0], t=T, parameters={"alpha": alpha[2]}, theta=theta, engine=engine
    )
    np.testing.assert_allclose(found[2].u, one.u, rtol=1e-12)


def test_a_trainable_parameter_can_be_swept(engine: str):
    learned = psu.ODESystem(
        SYSTEM.rhs, trainable={b: 0.9, a: 1.3}, bounds={b: (0.1, 2.0), a: (0.0, 5.0)}
    )
    found = ensemble(engine, learned, parameters={b: RATES})
    np.testing.assert_allclose(found.u, ensemble(engine).u, rtol=1e-9)
    with pytest.raises(InvalidInputError, match=r"'b' must lie in \[0.1, 2\]; found 0.5 to 3"):
        ensemble(engine, learned, parameters={b: np.linspace(0.5, 3.0, N)})


def test_failures_are_those_of_their_trajectory_alone(engine: str):
    blow_up = psu.ODESystem({x: k * x**2})
    found = psu.solve_ensemble(
        blow_up, u0=[1.0], t=[0.0, 0.4, 1.0], parameters={k: [0.5, 2.0, 0.1]}, solver="Tsit5",
        engine=engine,
    )  # fmt: skip
    assert [code.successful for code in found.retcodes] == [True, False, True]
    assert np.isnan(found.u[1, -1]).all()
    np.testing.assert_allclose(
        found["x"][:, 1], 1 / (1 - np.array([0.5, 2.0, 0.1]) * 0.4), rtol=1e-5
    )
    assert "1 failed" in repr(found)
    with pytest.raises(SolveFailedError, match="trajectory 1: "):
        found.raise_for_retcode()


def test_auto_is_implicit_where_one_trajectory_is_stiff(engine: str):
    decay = psu.ODESystem({x: -k * (x - psu.t)})
    mild, stiff = [1.0, 2.0, 3.0], [1.0, 2.0, 1e6]
    for rates, implicit in ((mild, False), (stiff, True)):
        found = psu.solve_ensemble(
            decay, u0=[1.0], t=[0.0, 1.0], parameters={k: rates}, engine=engine
        )
        assert found.success
        assert is_implicit(engine, found.solver) is implicit


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"u0": {x: STARTS[:4], y: 2.0}}, "parameter 'b' has 9 values but u0 has 4"),
        ({"u0": {x: STARTS, y: STARTS[:3]}}, "u0 of 'x' has 9 values but u0 of 'y' has 3"),
        ({"u0": np.ones((4, 3))}, r"one column for each of x, y; found shape \(4, 3\)"),
        ({"u0": {x: 1.0}}, "no value for state 'y'"),
        ({"u0": {x: np.ones((2, 2)), y: 1.0}}, r"must be a number or an array \(trajectories,\)"),
        ({"parameters": {b: np.ones((2, 2)), k: 1.0}}, r"'b' must be a number or an array"),
        ({"parameters": {b: [1.0, np.nan], k: 1.0}}, "'b' must hold finite numbers"),
        ({"parameters": {b: [], k: 1.0}}, "'b' must hold finite numbers"),
        ({"parameters": {"bb": RATES, k: 1.0}}, "no parameter 'bb'"),
        ({"parameters": {b: 1.0, k: 1.0}, "u0": [1.0, 1.0]}, "nothing varies in this ensemble"),
        ({"threads": 0}, "threads must be a positive integer; found 0"),
    ],
)
def test_the_message_says_what_does_not_fit(changes, message):
    with pytest.raises(InvalidInputError, match=message):
        ensemble("native", **changes)


def test_more_threads_than_there_are_are_refused(monkeypatch):
    monkeypatch.setenv("PYSYMUDE_NUM_THREADS", "2")
    message = (
        "threads=3, but engine 'native' has 2; set PYSYMUDE_NUM_THREADS=3 before Python starts"
    )
    with pytest.raises(InvalidInputError, match=message):
        ensemble("native", threads=3)


@pytest.mark.parametrize("name", ["Tsit5", "Rodas5P", "auto"])
def test_threads_of_the_embedded_engine_give_the_same_numbers(monkeypatch, name: str):
    monkeypatch.setenv("PYSYMUDE_NUM_THREADS", "3")
    found = [
        ensemble(
            "native", solver=name, threads=threads,
            u0={x: np.linspace(0.4, 2, 300), y: 2.0}, parameters={b: np.linspace(0.5, 1.2, 300), k: 2.0},
        )
        for threads in (1, None, 2)
    ]  # fmt: skip
    assert all(f.success for f in found)
    assert all((f.u == found[0].u).all() for f in found)


THREADS = """
import sys, numpy as np, pysymude as psu
from tests.engines.test_ensemble import SYSTEM, T, a, b, k, x, y
n = 300
for solver in ("Tsit5", "Rodas5P"):
    found = [
        psu.solve_ensemble(
            SYSTEM, u0={x: np.linspace(0.4, 2, n), y: 2.0}, t=T, solver=solver, engine="julia",
            parameters={b: np.linspace(0.5, 1.2, n), k: 2.0}, threads=threads,
        )
        for threads in (1, None, 2)
    ]
    assert all(f.success for f in found)
    assert all((f.u == found[0].u).all() for f in found)
from pysymude.engines.registry import select_engine
print(select_engine("julia").threads())
try:
    psu.solve_ensemble(SYSTEM, u0=[1, 1], t=T, parameters={b: [1, 2], k: 1}, threads=64, engine="julia")
except psu.errors.InvalidInputError as error:
    print(error)
"""


def test_threads_give_the_same_numbers(julia: str):
    env = os.environ | {"PYTHON_JULIACALL_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-c", THREADS], capture_output=True, text=True, env=env, timeout=600
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.startswith("2\n")
    assert "engine 'julia' has 2; set PYTHON_JULIACALL_THREADS=64" in done.stdout
