"""Large systems on every engine: the same trajectories, gradients that equal differences, no garbage."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp
from scipy.integrate import solve_ivp

import pysymude as psu
from problems.large_systems import brusselator, networked_grid, random_system
from problems.oracles import central_differences
from pysymude.engines.native.blocks import place, slopes, spare
from pysymude.engines.native.entries import Entry
from pysymude.engines.native.holding import hold
from pysymude.engines.native.records import Record
from pysymude.engines.registry import select_engine
from pysymude.plan.compiled import CompiledSystem, compile_system
from pysymude.plan.looped import Looped
from pysymude.plan.numeric import NumericModel
from tests.engines.tolerances import error, factor

# the source has set in, so that all is smooth
TIMES = 1.2 + np.linspace(0.0, 2.0, 6)


def reference(system: psu.ODESystem, u0: Any, t: Any) -> Any:
    """SciPy, with SymPy's own printer."""
    values = {**system.parameters, **system.trainable}
    f = sp.lambdify([psu.t, list(system.states), list(values)], list(system.rhs.values()), "scipy")
    p = list(values.values())
    found = solve_ivp(
        lambda t, u: np.array(f(t, u, p), dtype=float), (t[0], t[-1]), u0, "DOP853", t_eval=t,
        rtol=1e-10, atol=1e-10, max_step=0.05,
    )  # fmt: skip
    return found.y.T


@pytest.fixture(scope="module")
def grid() -> tuple[psu.ODESystem, Any, Any]:
    """The Brusselator on 8 x 8 points, with its source at work."""
    system, u0 = brusselator()
    assert isinstance(compile_system(system).rhs, Looped)
    return system, u0, reference(system, u0, TIMES)


STIFF = {"native": "Rodas5P", "julia": "FBDF"}


@pytest.mark.parametrize("kind", ["explicit", "stiff"])
def test_the_brusselator_on_a_grid(engine: str, kind: str, grid: Any):
    system, u0, exact = grid
    solver = STIFF[engine] if kind == "stiff" else "Tsit5"
    sol = psu.solve(system, u0=u0, t=TIMES, engine=engine, solver=solver, reltol=1e-7, abstol=1e-9)
    assert sol.retcode.name == "Success"
    assert error(sol.u, exact, 1e-7, 1e-9) < factor(solver, 1e-7)


@pytest.mark.parametrize("make", [brusselator, networked_grid])
def test_gradients_of_large_systems(engine: str, make: Any):
    """Of trainable parameters and of the weights of a network at every point."""
    system, u0 = make()
    truth = np.stack([u0, 0.8 * u0 + 0.3, 0.9 * u0 + 0.2])
    data = psu.Dataset.from_arrays([0.0, 0.5, 1.0], truth, states=system.states)
    obj = psu.objective(
        system, data, engine=engine, solver="Tsit5", reltol=1e-9, abstol=1e-9, sensealg="adjoint"
    )
    theta = obj.theta0(1)
    value, gradient = obj.value_and_grad(theta)
    assert value == pytest.approx(obj.value(theta), rel=1e-8)
    rng = np.random.default_rng(0)
    directions = np.vstack([np.eye(theta.size)[-1:], rng.normal(size=(2, theta.size))])
    slopes = central_differences(obj.value, theta, directions, 0.02)
    np.testing.assert_allclose(directions @ gradient, slopes, rtol=2e-6)
    assert np.all(np.abs(slopes) > 1e-3)


def test_an_implicit_solver_has_the_same_gradient(julia: str):
    system, u0 = brusselator()
    data = psu.Dataset.from_arrays(
        [0.0, 0.5, 1.0], np.stack([u0, u0 + 0.1, u0]), states=system.states
    )
    found = [
        psu.objective(
            system, data, engine=julia, solver=solver, reltol=1e-9, abstol=1e-9
        ).value_and_grad([np.log(0.02)])
        for solver in ("Tsit5", "Rodas5P")
    ]
    assert found[1][0] == pytest.approx(found[0][0], rel=1e-6)
    np.testing.assert_allclose(found[1][1], found[0][1], rtol=1e-5)


def seval(source: str) -> Any:
    import juliacall

    return juliacall.Main.seval(source)


def right_hand_side(engine: str, plan: CompiledSystem, theta: Any, t: float, u: Any) -> Any:
    """One evaluation by the engine's own program."""
    if engine == "julia":
        from pysymude.engines.julia.printer import system_source
        from pysymude.engines.julia.runtime import package

        model, du = package().load_model(system_source(plan)), np.zeros(len(u))
        model.q[:] = plan.default_parameters
        call = "(model, du, u, p, t) -> (f = model.f.f; x = zeros(length(u)); "
        call += "f(x, Vector{Float64}(u), Vector{Float64}(p), t); copyto!(du, x); nothing)"
        seval(call)(model, du, u, theta, t)
        return du
    from pysymude.engines.native.kernel_arrays import make_memory
    from pysymude.engines.native.structures import NOTHING

    model = select_engine("native").compile(plan).model((), implicit=False)
    memory = make_memory(model, 1, theta.size, 1, 0, keep=NOTHING, room=1)
    found = np.zeros(len(u))
    SLOPES(
        Point(
            model=model, memory=memory, p=plan.default_parameters[None], theta=theta,
            t=np.array([t]), u=np.ascontiguousarray(u), k=found,
        )
    )  # fmt: skip
    return found


class Point(Record):
    """Where the native engine's right-hand side is wanted."""

    model: Any
    memory: Any
    p: Any
    theta: Any
    t: Any
    u: Any
    k: Any


def slopes_at(point):
    """The native engine's right-hand side, as `entries` compiles it."""
    m, w = point.model, point.memory
    hold(m, w, point.p, point.theta, 0)
    o = spare(m, w)
    place(m, w, o, point.t[0], True)
    for i in range(m.n):
        w.v[o + w.held.shape[0] + 1 + i] = point.u[i]
    slopes(m, w, point.theta, o, point.k, 0)
    return 0


SLOPES = Entry(__name__, "slopes_at")


@pytest.mark.parametrize("seed", range(2))
def test_random_systems_have_the_same_right_hand_side(engine: str, seed: int):
    """Tables, wide rows, Piecewise, bounds: against NumPy's evaluation, which SymPy has checked."""
    system = random_system(seed)
    plan = compile_system(system)
    theta = plan.layout.pack({s.name: v for s, v in system.trainable.items()})
    model = NumericModel(plan, plan.default_parameters, theta)
    u = np.random.default_rng(seed).uniform(-2, 2, len(system.states))
    found = right_hand_side(engine, plan, theta, 0.3, u)
    np.testing.assert_allclose(found, model.rhs(0.3, u), rtol=1e-12, atol=1e-12)


ALLOCATIONS = """
function (model, u, p)
    run(f, x, u, p) = (f(x, u, p, 0.5); @allocated f(x, u, p, 0.5))
    run(f, x, v, u, p) = (f(x, v, u, p, 0.5); @allocated f(x, v, u, p, 0.5))
    f, u, p = model.f, Vector{Float64}(u), Vector{Float64}(p)
    J = copy(f.jac_prototype)
    dense = zeros(length(u), length(u))
    f.jac(J, u, p, 0.5)
    f.jac(dense, u, p, 0.5)
    used = (run(f.f, copy(u), u, p), run(f.jac, J, u, p), run(f.tgrad, copy(u), u, p),
            run(f.vjp, copy(u), u, u, p), run(f.vjp_p, copy(p), u, u, p))
    return (collect(used), Matrix(J), dense)
end
"""


@pytest.mark.parametrize("make", [brusselator, networked_grid])
def test_loops_in_julia_allocate_nothing(julia: str, make: Any):
    from pysymude.engines.julia.printer import system_source
    from pysymude.engines.julia.runtime import package

    system, u0 = make()
    plan = compile_system(system)
    model = package().load_model(system_source(plan))
    theta = np.random.default_rng(0).normal(size=plan.layout.size)
    used, J, dense = seval(ALLOCATIONS)(model, u0, theta)
    assert list(used) == [0] * 5
    exact = NumericModel(plan, plan.default_parameters, theta).jacobian(0.5, u0)
    np.testing.assert_allclose(np.asarray(J), exact, rtol=1e-12, atol=1e-13)
    np.testing.assert_array_equal(np.asarray(dense), np.asarray(J))


def test_a_nearly_full_pattern_is_solved_as_a_dense_one(julia: str):
    n = 100
    x = psu.states(f"x0:{n}")
    rhs = {a: sum(sp.sin(b - a) for b in x if b is not a) / n for a in x}
    u0 = np.linspace(0.0, 1.0, n)
    sols = [
        psu.solve(psu.ODESystem(rhs), u0=u0, t=[0.0, 1.0], engine=julia, solver=solver).u
        for solver in ("Rodas5P", "Tsit5")
    ]
    np.testing.assert_allclose(sols[0], sols[1], rtol=1e-5)
