"""How every engine ends a solve that cannot succeed: a return code with a sentence, no exception."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import pysymude as psu
from problems.catalogue import known
from pysymude.errors import SolveFailedError

x = psu.states("x")
k = psu.parameters("k")

# (right-hand side, u0, times, what may be said)
FAILURES = {
    "blow-up at t = 1": (x**2, 1.0, (0.0, 0.5, 2.0), {"DtLessThanMin", "Unstable"}),
    "exponential blow-up": (sp.exp(x), 0.0, (0.0, 0.5, 2.0), {"DtLessThanMin", "Unstable"}),
    "log of a negative number": (sp.log(x), 0.5, (0.0, 0.1, 2.0), {"DtLessThanMin", "Unstable"}),
    "infinite at the start": (1 / x, 0.0, (0.0, 0.5, 2.0), {"InitialFailure"}),
    "not a number at the start": (sp.sqrt(x), -1.0, (0.0, 0.5, 2.0), {"InitialFailure"}),
}


def failing(name: str, engine: str, **keywords) -> psu.Solution:
    rhs, start, times, _ = FAILURES[name]
    return psu.solve(
        psu.ODESystem({x: rhs}), u0=[start], t=times, engine=engine, solver="Tsit5", **keywords
    )


@pytest.mark.parametrize("name", FAILURES)
def test_a_failed_solve_is_a_solution_with_a_sentence(engine: str, name: str):
    sol = failing(name, engine)
    assert sol.retcode.name in FAILURES[name][3]
    assert not sol.success
    assert sol.message.endswith(".")
    assert len(sol.message.split()) > 5
    assert sol.u.shape == (3, 1)
    assert np.isnan(sol.u[-1]).all()
    if sol.retcode.name != "InitialFailure":
        assert np.isfinite(sol.u[:2]).all()


@pytest.mark.parametrize("name", ["blow-up at t = 1", "log of a negative number"])
def test_an_implicit_solver_fails_in_the_same_way(engine: str, stiff_solver: str, name: str):
    rhs, start, times, _ = FAILURES[name]
    sol = psu.solve(
        psu.ODESystem({x: rhs}), u0=[start], t=times, engine=engine, solver=stiff_solver
    )
    assert not sol.success
    assert np.isnan(sol.u[-1]).all()
    assert np.isfinite(sol.u[:2]).all()


def test_the_step_limit_is_an_outcome_and_names_the_way_out(engine: str):
    # stability forces Tsit5 to 3e6 steps
    sol = psu.solve(
        known("decay").system, u0=[1.0], t=[0.0, 1.0], parameters={"k": 1e7}, solver="Tsit5",
        engine=engine,
    )  # fmt: skip
    assert sol.retcode.name == "MaxIters"
    assert "stiff" in sol.message
    # the advice is good
    again = psu.solve(
        known("decay").system, u0=[1.0], t=[0.0, 1.0], parameters={"k": 1e7}, solver="Rodas5P",
        engine=engine,
    )  # fmt: skip
    assert again.success, again.message


def test_throw_raises_and_carries_the_solution(engine: str):
    with pytest.raises(SolveFailedError, match="before the end") as caught:
        failing("blow-up at t = 1", engine, throw=True)
    assert caught.value.solution.u[1, 0] == pytest.approx(2.0, rel=1e-5)


def test_a_failed_solve_has_a_value_for_optimisers(engine: str):
    """The loss is large and finite, the gradient zero, and `evaluate` tells why."""
    data = psu.Dataset.from_arrays([0.0, 0.5, 2.0], [[1.0], [1.5], [2.0]], states=[x])
    obj = psu.objective(psu.ODESystem({x: k * x**2}, trainable={k: 0.2}), data, engine=engine)
    assert obj.evaluate([0.2]).success
    value, gradient = obj.value_and_grad([1.0])
    assert value == obj.value([1.0]) == 1e20
    np.testing.assert_array_equal(gradient, [0.0])
    assert not obj.evaluate([1.0]).retcode.successful
