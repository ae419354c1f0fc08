"""Every engine and solver: accuracy, tolerances, the choice of a solver, ownership of results."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import sympy as sp

import pysymude as psu
from problems.catalogue import KNOWN, Known, known, universal
from pysymude.engines.registry import select_engine
from tests.engines.tolerances import error, factor, is_implicit

# far enough from both ends: looser, a few steps decide by chance; tighter, order 3 takes seconds
LOOSE, TIGHT = 1e-5, 1e-7
CLOSED = [case for case in KNOWN if not case.stiff]
STIFF = [case for case in KNOWN if case.stiff]


def abstol_of(case: Known, tolerance: float) -> float:
    # y2 of Robertson's problem stays below 4e-5: a common abstol would not resolve it
    return tolerance * (1e-4 if case.name == "robertson" else 1.0)


def run(
    case: Known, engine: str, *, tolerance: float = TIGHT, solver: str = "auto", wrong: float = 0.0
) -> psu.Solution:
    return psu.solve(
        case.with_error(wrong), u0=case.u0, t=case.t, parameters=case.values, solver=solver,
        reltol=tolerance, abstol=abstol_of(case, tolerance), engine=engine,
    )  # fmt: skip


def error_of(sol: psu.Solution, case: Known, tolerance: float = TIGHT) -> float:
    assert sol.success, sol.message
    return error(sol.u, case.reference, tolerance, abstol_of(case, tolerance))


def check_both_sides(case: Known, engine: str, solver: str) -> None:
    """Accurate; no more accurate than asked by chance; and able to notice a wrong system."""
    # stiff systems take few steps at loose tolerances: there the asymptotic range starts later
    loose, tight = (LOOSE / 10, TIGHT / 10) if case.stiff else (LOOSE, TIGHT)
    at_loose, at_tight = (run(case, engine, tolerance=tol, solver=solver) for tol in (loose, tight))
    most = factor(solver, tight)
    assert error_of(at_loose, case, loose) < factor(solver, loose)
    assert error_of(at_tight, case, tight) < most
    # a tolerance that is ignored gives equal steps, and equal errors or none at all
    if solver == "DefaultODEAlgorithm":  # which takes another method, with longer steps
        assert at_tight.stats.accepted != at_loose.stats.accepted
    else:
        assert at_tight.stats.accepted > 1.1 * at_loose.stats.accepted
    # judged from one loose tolerance on: below it, a loose solve was lucky
    least = max(error_of(at_loose, case, loose), 1.0) * loose / tight
    assert error_of(at_tight, case, tight) < least / 10
    assert error_of(at_tight, case, tight) > 1e-3
    wrong = run(case, engine, tolerance=tight, solver=solver, wrong=0.01)
    assert error_of(wrong, case, tight) > most


@pytest.mark.parametrize("name", ["forced", "damped"])
def test_every_solver_is_as_accurate_as_asked(engine: str, solver: str, name: str):
    check_both_sides(known(name), engine, solver)


@pytest.mark.parametrize("case", STIFF, ids=lambda case: case.name)
def test_every_implicit_solver_is_as_accurate_as_asked(engine: str, stiff_solver: str, case: Known):
    check_both_sides(case, engine, stiff_solver)


@pytest.mark.parametrize("tolerance", np.logspace(-8, -4, 9))
def test_radau_takes_no_first_iterate_for_the_solution(engine: str, tolerance: float):
    """Steps that end at outputs were solved with the factorisation of longer ones: 31 tolerances."""
    if "RadauIIA5" not in select_engine(engine).solvers:
        pytest.skip(f"{engine} has no RadauIIA5")
    case = known("damped")
    sol = run(case, engine, tolerance=tolerance, solver="RadauIIA5")
    assert 0.01 < error_of(sol, case, tolerance) < 2.0


@pytest.mark.parametrize("case", CLOSED, ids=lambda case: case.name)
def test_the_default_solver_on_closed_forms(engine: str, case: Known):
    sol = run(case, engine)
    assert not is_implicit(engine, sol.solver)
    assert error_of(sol, case) < factor(sol.solver, TIGHT)
    assert error_of(run(case, engine, wrong=0.01), case) > factor(sol.solver, TIGHT)


@pytest.mark.parametrize(
    "case", [case for case in KNOWN if case.invariants], ids=lambda case: case.name
)
def test_invariants_drift_no_more_than_the_tolerance(engine: str, case: Known):
    def drift(sol: psu.Solution) -> float:
        numbers = dict(case.system.parameters)
        laws = sp.lambdify(case.system.states, [law.subs(numbers) for law in case.invariants])
        values = np.array(laws(*sol.u.T))
        return float(np.abs(values - values[:, :1]).max() / TIGHT)

    sol = run(case, engine)
    assert drift(sol) < factor(sol.solver, TIGHT)
    assert drift(run(case, engine, wrong=0.01)) > factor(sol.solver, TIGHT)


@pytest.mark.parametrize("case", STIFF, ids=lambda case: case.name)
def test_auto_takes_an_implicit_solver_for_stiff_systems(engine: str, case: Known):
    sol = run(case, engine, tolerance=LOOSE)
    assert is_implicit(engine, sol.solver)
    assert sol.success


def test_auto_takes_an_explicit_solver_where_only_accuracy_counts(engine: str):
    fast = psu.solve(
        known("oscillator").system, u0=[1.0, 0.0], t=[0.0, 0.5, 1.0], parameters={"w": 1000.0},
        engine=engine,
    )  # fmt: skip
    x, y = psu.states("x y", positive=True)
    predators = psu.solve(
        psu.ODESystem({x: 1.3 * x - 0.9 * x * y, y: -1.8 * y + 0.8 * x * y}),
        u0=[0.44249296, 4.6280594], t=[0.0, 3.0], engine=engine,
    )  # fmt: skip
    forced = psu.solve(known("forced").system, u0=[1.0], t=[0.0, 4.0], engine=engine)
    for sol in (fast, predators, forced):
        assert sol.success
        assert not is_implicit(engine, sol.solver)


def test_results_own_their_memory_in_float64(engine: str):
    case = known("oscillator")
    sol = psu.solve(
        case.system.replace(observables={"energy": case.invariants[0]}), u0=case.u0, t=case.t,
        engine=engine,
    )  # fmt: skip
    for array in (sol.t, sol.u, sol.observables["energy"]):
        assert type(array) is np.ndarray
        assert array.dtype == np.float64
        assert array.flags.writeable
        assert array.flags.owndata
    given = case.t.copy()
    psu.solve(case.system, u0=case.u0, t=given, engine=engine).t[:] = -1.0
    np.testing.assert_array_equal(given, case.t)


def test_gradients_own_their_memory_in_float64(engine: str):
    obj = psu.objective(*universal("bounded").problem, engine=engine)
    value, gradient = obj.value_and_grad(obj.theta0())
    assert type(value) is float
    assert gradient.dtype == np.float64
    assert gradient.flags.owndata
    assert gradient.flags.writeable


COMPILED = {"native": lambda: _kernels(), "julia": lambda: _julia_sources()}
"""Per engine, how many programs this process has compiled or loaded."""

# the loops of the native engine serve every system
ANOTHER_SYSTEM = {"native": 0, "julia": 1}


def _kernels() -> int:
    from pysymude.engines.native import desks

    made = (desks.drive, desks.initial_states, desks.start_slopes)
    return sum(len(entry.ways) for entry in made)


def _julia_sources() -> int:
    from pysymude.engines.julia.runtime import package

    return package().count_sources()


def test_new_values_do_not_compile_a_solve(engine: str):
    case = known("logistic")
    run(case, engine)
    before = COMPILED[engine]()
    assert before > 0
    values = case.values | {"r": 0.3}
    run(dataclasses.replace(case, values=values, u0=(1.1,), t=case.t[:-3] * 0.5), engine)
    run(case, engine, tolerance=1e-9)
    fixed = psu.ODESystem(case.with_error(0.0).rhs, parameters={"r": 2.0, "K": 5.0, "wrong": 0.0})
    psu.solve(fixed, u0=case.u0, t=case.t, engine=engine)
    assert COMPILED[engine]() == before
    # in Julia the count does notice another system
    other = psu.ODESystem({x: 3.25 * f for x, f in case.system.rhs.items()})
    psu.solve(other, u0=case.u0, t=case.t, parameters=case.values, engine=engine)
    assert COMPILED[engine]() == before + ANOTHER_SYSTEM[engine]


def test_new_values_do_not_compile_a_loss(engine: str):
    system, data = universal("lotka-volterra").problem
    system = system.replace(observables={"again": system.states[0]})
    obj = psu.objective(system, data, engine=engine)
    obj.value_and_grad(obj.theta0(0))
    before = COMPILED[engine]()
    obj.value_and_grad(0.5 * obj.theta0(3))
    other = psu.Dataset.from_arrays(
        data[0].t * 0.5, data[0].u + 0.1, states=["x", "y"], noise=0.2, u0={"x": 0.6, "y": 3.0}
    )
    system = system.replace(parameters={"alpha": 1.0, "gamma": 1.5})
    obj = psu.objective(system, other, engine=engine, reltol=1e-4, abstol=1e-5)
    obj.value_and_grad(obj.theta0(0))
    assert COMPILED[engine]() == before
    # in Julia the count does notice a loss of other columns, in an order that no other test has
    part = psu.Dataset.from_arrays(
        data[0].t, data[0].u[:, [1, 0, 0]], states=["y", "x", "again"], u0={"x": 0.6, "y": 3.0}
    )
    psu.objective(system, part, engine=engine).value_and_grad(obj.theta0(0))
    assert COMPILED[engine]() == before + ANOTHER_SYSTEM[engine]
    # and no engine another solver of that kind
    psu.objective(system, data, engine=engine, solver="Vern7").value_and_grad(obj.theta0(0))
    assert COMPILED[engine]() == before + ANOTHER_SYSTEM[engine]


def test_a_solution_is_not_changed_by_later_ones(engine: str):
    x, k = psu.states("x"), psu.parameters("k")
    system = psu.ODESystem({x: -k * x})
    u0, t, rates = [1.0], np.linspace(0.0, 1.0, 5), (1.0, 2.0, 3.0)

    def solved(rate: float, scale: float) -> psu.Solution:
        return psu.solve(
            system, u0=np.array(u0) * scale, t=t * scale, parameters={k: rate}, engine=engine,
            reltol=1e-9,
        )  # fmt: skip

    found = [solved(rate, rate) for rate in rates]
    later = solved(7.0, 0.5)
    for sol, rate in zip(found, rates, strict=True):
        np.testing.assert_allclose(sol.u[:, 0], rate * np.exp(-rate * sol.t), rtol=1e-6, atol=1e-8)
        # between its outputs it is solved again
        np.testing.assert_allclose(
            sol(0.3)[..., 0], rate * np.exp(-rate * 0.3), rtol=1e-6, atol=1e-8
        )
        assert sol.t[-1] == rate
    np.testing.assert_allclose(later.u[:, 0], 0.5 * np.exp(-7.0 * later.t), rtol=1e-6, atol=1e-8)


def test_a_failed_solve_leaves_nothing_to_the_next(engine: str):
    x, k = psu.states("x"), psu.parameters("k")
    system = psu.ODESystem({x: k * x**2})
    keywords = {"u0": {x: 1.0}, "engine": engine, "max_steps": 2000}
    t = [0.0, 0.5, 2.0]
    good = psu.solve(system, t=t, parameters={k: 0.1}, **keywords)
    lost = psu.solve(system, t=t, parameters={k: 1.0}, **keywords)
    again = psu.solve(system, t=t, parameters={k: 0.1}, **keywords)
    assert good.success
    assert not lost.success
    assert np.isnan(lost.u[-1]).all()
    np.testing.assert_array_equal(again.u, good.u)
    assert again.stats == good.stats
