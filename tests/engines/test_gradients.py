"""Every engine: gradients against central differences and against CVODES' adjoint."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

import pysymude as psu
from problems.catalogue import UNIVERSAL, Universal, universal
from problems.oracles import (
    LOTKA_VOLTERRA,
    ROBERTSON,
    casadi_gradient,
    casadi_loss,
    central_differences,
)
from pysymude.engines.registry import select_engine
from pysymude.errors import CapabilityError, InvalidInputError
from pysymude.fit.loss.objective import Objective
from pysymude.fit.stages.multiple_shooting import shooting_task
from pysymude.fit.stages.stage import Training
from pysymude.fit.stages.task import Task
from pysymude.fit.terms.slope_matches import slope_match
from tests.engines.tolerances import is_implicit

Float = NDArray[np.float64]

SENSEALGS = ("adjoint", "forward")
ALLOWED = 1e-6
RELTOL = 1e-10
STEP = 0.02  # of weights of order one: the extrapolated error is near STEP^6, the noise RELTOL/STEP


def objective(case: Universal, engine: str, *, reltol: float = RELTOL, **keywords) -> Objective:
    abstol = max(case.abstol * reltol / RELTOL, 1e-15)
    return psu.objective(*case.problem, reltol=reltol, abstol=abstol, engine=engine, **keywords)


def difference(gradient: Float, reference: Float) -> float:
    """Relative, in the Euclidean norm."""
    return float(np.linalg.norm(gradient - reference) / np.linalg.norm(reference))


def implicit_steps(obj: Objective) -> bool:
    """Whether an implicit solver takes steps of the loss at the start with seed 1."""
    runner, theta = obj.runner, obj.theta0(1)
    solved = runner.solve(runner.compile(obj.plan), obj.loss.batch, theta, obj.method)
    return is_implicit(runner.name, solved.solver or obj.method.solver)


def check(gradient: Float, reference: Float) -> None:
    """Right to `ALLOWED`; and the same comparison notices errors just above it, anywhere."""
    assert difference(gradient, reference) < ALLOWED
    assert difference(gradient * (1 + 3 * ALLOWED), reference) > ALLOWED
    for k in range(gradient.size):
        wrong = gradient.copy()
        wrong[k] += 3 * ALLOWED * np.linalg.norm(gradient)
        assert difference(wrong, reference) > ALLOWED


@cache
def slopes(name: str, engine: str) -> Float:
    """Central differences along every coordinate, at the start with seed 1."""
    obj = objective(_case(name), engine, sensealg="forward")
    theta = obj.theta0(1)
    return central_differences(obj.value, theta, np.eye(theta.size), STEP)


@pytest.mark.parametrize("sensealg", SENSEALGS)
@pytest.mark.parametrize("case", UNIVERSAL, ids=lambda case: case.name)
def test_gradient_against_central_differences(engine: str, case: Universal, sensealg: str):
    obj = objective(case, engine, sensealg=sensealg)
    assert obj.method.sensealg == sensealg
    assert implicit_steps(obj) == case.stiff
    found = obj.evaluate(obj.theta0(1))
    assert found.success
    assert found.value > 0.1  # residuals that vanish would hide the gradient of the solve
    check(found.gradient, slopes(case.name, engine))


@pytest.mark.parametrize("sensealg", SENSEALGS)
@pytest.mark.parametrize(
    ("name", "by_hand"), [("lotka-volterra", LOTKA_VOLTERRA), ("robertson", ROBERTSON)]
)
def test_gradient_against_cvodes(engine: str, name: str, by_hand, sensealg: str):
    system, data = universal(name).problem
    obj = objective(universal(name), engine, sensealg=sensealg)
    theta = obj.theta0(1)
    value, gradient = casadi_gradient(by_hand, system.networks[0], theta, data)
    found = obj.evaluate(theta)
    assert found.value == pytest.approx(value, rel=ALLOWED)
    check(found.gradient, gradient)


# robertson's states in units in which they and their adjoints are near one
UNITS = {"robertson": (1.0, 1e-5, 1.0), "van der Pol": (1.0, 1.0)}
NATIVE = ("Tsit5", "Vern7", "Rosenbrock23", "Rodas5P", "auto")


@cache
def gradient_by_casadi(name: str) -> tuple[float, Float]:
    """At the start with seed 1."""
    obj = objective(_case(name), "native")
    return casadi_loss(obj, UNITS.get(name, ()))(obj.theta0(1))


def _case(name: str) -> Universal:
    return VAN_DER_POL if name == VAN_DER_POL.name else universal(name)


def _van_der_pol() -> tuple[psu.ODESystem, psu.Dataset]:
    """From beside the slow manifold onto it: not stiff at first, stiff then."""
    x, y = psu.states("x y")
    mu, a = psu.parameters("mu a")
    times = np.linspace(0.0, 0.6, 13)  # its first jump is near 0.807/a
    measured = np.stack([np.cos(times), -np.sin(times)], axis=1)
    system = psu.ODESystem(
        {x: y, y: 2e4 * mu * ((1 - x**2) * y - a * x)}, trainable={mu: 1.1, a: 0.9}
    )
    return system, psu.Dataset.from_arrays(times, measured, states=[x, y], u0={x: 2.0, y: 8.0})


VAN_DER_POL = Universal("van der Pol", _van_der_pol, stiff=True)


@pytest.mark.parametrize("sensealg", SENSEALGS)
@pytest.mark.parametrize("solver_name", NATIVE)
@pytest.mark.parametrize("name", [*(case.name for case in UNIVERSAL), VAN_DER_POL.name])
def test_gradient_by_every_solver_and_mode(name: str, solver_name: str, sensealg: str):
    """Against central differences and CVODES' adjoint; of a stiff system also through a change of solver."""
    case = _case(name)
    if case.name == "robertson" and solver_name in ("Tsit5", "Vern7"):
        pytest.skip("stability would force millions of steps")
    obj = objective(case, "native", solver=solver_name, sensealg=sensealg)
    found = obj.evaluate(obj.theta0(1))
    assert found.success
    value, gradient = gradient_by_casadi(name)
    assert found.value == pytest.approx(value, rel=ALLOWED)
    check(found.gradient, gradient)
    check(found.gradient, slopes(name, "native"))
    assert ("+" in obj.solver) == (solver_name == "auto" and case.stiff)


@pytest.mark.parametrize(
    ("activation", "reltol", "usual", "worst"),
    [
        ("relu", 1e-6, 1e-2, 1e-1),
        ("relu", 1e-8, 1e-3, 1e-2),
        ("softplus", 1e-6, 1e-6, 1e-6),
        ("swish", 1e-6, 1e-6, 1e-6),
    ],
)
def test_gradients_through_kinks_are_as_exact_as_is_said(
    activation: str, reltol: float, usual: float, worst: float
):
    """Over many networks, against steps so short that kinks do not matter."""
    system, data = universal("lotka-volterra").problem
    x, y = system.states
    found: list[float] = []
    for hidden in ((8,), (16, 16)):
        nn = psu.MLP("nn", inputs=[x, y], outputs=2, hidden=hidden, activation=activation)
        ude = psu.ODESystem({x: 1.3 * x + nn[0], y: -1.8 * y + nn[1]})
        exact = psu.objective(ude, data, engine="native", reltol=1e-12, abstol=1e-12, dtmax=1e-3)
        coarse = psu.objective(ude, data, engine="native", reltol=reltol)
        for seed in range(15):
            theta = exact.theta0(seed)
            right = exact.evaluate(theta).gradient
            found.append(difference(coarse.evaluate(theta).gradient, right))
    assert np.median(found) < usual
    assert max(found) < worst


@pytest.mark.parametrize("sensealg", ["gauss", "quadrature", "interpolating", "backsolve"])
def test_sciml_adjoints_by_name(julia: str, sensealg: str):
    """An explicit solver has all of them."""
    obj = objective(universal("lotka-volterra"), julia, sensealg=sensealg, solver="Tsit5")
    assert obj.method.sensealg == sensealg
    check(obj.evaluate(obj.theta0(1)).gradient, slopes("lotka-volterra", julia))


def test_the_gauss_adjoint_of_a_stiff_system(julia: str):
    obj = objective(universal("robertson"), julia, sensealg="gauss")
    # the system is found to be stiff on the way, and solved by Rodas5P alone
    assert obj.method.solver == "auto"
    check(obj.evaluate(obj.theta0(1)).gradient, slopes("robertson", julia))


@pytest.mark.parametrize("sensealg", ["quadrature", "interpolating", "backsolve"])
def test_adjoints_that_fail_where_systems_are_stiff_are_refused(julia: str, sensealg: str):
    with pytest.raises(CapabilityError, match="write sensealg='gauss'"):
        objective(universal("lotka-volterra"), julia, sensealg=sensealg, solver="Rodas5P")


def test_a_sensealg_that_the_engine_lacks_is_told(engine: str):
    message = "sensealg 'gaus' is unknown to engine .*; it has 'auto', 'adjoint', 'forward'"
    with pytest.raises(InvalidInputError, match=message):
        objective(universal("lotka-volterra"), engine, sensealg="gaus")


def test_a_solver_without_an_adjoint_says_so_and_auto_goes_forward(julia: str):
    case = universal("lotka-volterra")
    with pytest.raises(CapabilityError, match="no adjoint; write sensealg='forward'"):
        objective(case, julia, solver="DefaultODEAlgorithm", sensealg="adjoint")
    auto = objective(case, julia, solver="DefaultODEAlgorithm")
    assert auto.method.sensealg == "forward"


@pytest.mark.slow
def test_gradient_of_every_solver(engine: str, solver: str):
    # a low order takes too many thousand steps at tight tolerances
    reltol = 1e-8 if (engine, solver) == ("julia", "Rosenbrock23") else RELTOL
    sensealg = "adjoint" if select_engine(engine).solvers[solver].adjoint else "forward"
    obj = objective(
        universal("non-autonomous"), engine, reltol=reltol, solver=solver, sensealg=sensealg
    )
    theta = obj.theta0(1)
    directions = np.random.default_rng(0).standard_normal((4, theta.size)) / np.sqrt(theta.size)
    found = obj.evaluate(theta)
    reference = central_differences(obj.value, theta, directions, 5 * STEP)
    check(directions @ found.gradient, reference)


@pytest.mark.parametrize("name", ["lotka-volterra", "three experiments"])
def test_adjoint_and_forward_agree_for_any_number_of_steps(engine: str, name: str):
    """From a few steps to hundreds: an adjoint that works in blocks must meet every remainder."""
    steps: set[int] = set()
    for reltol in np.logspace(-2, -11, 19):
        found = [
            objective(
                universal(name), engine, reltol=reltol, sensealg=sensealg, solver="Tsit5"
            ).evaluate(objective(universal(name), engine).theta0(2))
            for sensealg in SENSEALGS
        ]
        assert all(f.success for f in found)
        assert difference(found[0].gradient, found[1].gradient) < 1e-10
        steps.add(found[0].steps)
    assert len(steps) > 10
    assert min(steps) < 60
    assert max(steps) > 150


@pytest.mark.slow
def test_gradient_beyond_the_first_step_limit(engine: str):
    """Many thousand steps: nobody sets a step limit, and the gradient stays right."""
    x, v = psu.states("x v")
    k, c = psu.parameters("k c")
    t = np.linspace(0.0, 2.0, 6)
    data = psu.Dataset.from_arrays(
        t, np.cos(300 * t)[:, None] + 0.3, states=[x], u0={x: 1.0, v: 0.0}
    )
    system = psu.ODESystem({x: 300 * k * v, v: -300 * k * x - c * v}, trainable={k: 1.001, c: 0.2})
    made = [
        psu.objective(
            system,
            data,
            engine=engine,
            sensealg=sensealg,
            solver="Tsit5",
            reltol=1e-10,
            abstol=1e-10,
        )
        for sensealg in SENSEALGS
    ]
    found = [obj.evaluate(obj.theta0()) for obj in made]
    assert all(f.success and f.steps > 5000 for f in found)
    # k turns the phase by 600 rad: a step in k must be small
    reference = central_differences(made[1].value, made[1].theta0(), np.diag([1e-4, 1e-2]), 1.0)
    for f in found:
        check(np.diag([1e-4, 1e-2]) @ f.gradient, reference)


def _check_task(task: Task, theta: Float) -> None:
    vector = task.embed(theta)
    found = task.evaluate(vector)
    assert found.ok
    directions = np.random.default_rng(0).standard_normal((8, vector.size)) / np.sqrt(vector.size)
    check(
        directions @ found.gradient,
        central_differences(lambda z: task.evaluate(z).value, vector, directions, STEP),
    )


@pytest.mark.parametrize("name", ["lotka-volterra", "three experiments"])
def test_gradient_of_multiple_shooting(engine: str, name: str):
    """Starts of segments, ties between them, and weight decay."""
    obj = objective(universal(name), engine, sensealg="adjoint")
    decay = np.full(obj.layout.size, 0.3)
    task = shooting_task(Training(obj, obj.loss, decay), 10.0, 3)
    assert task.extra.size > 0
    _check_task(task, obj.theta0(1))


def test_gradient_of_gradient_matching(engine: str):
    obj = objective(universal("lotka-volterra"), engine)
    smoothed = obj.prepared.smoothing.at()
    assert smoothed is not None
    prepared = Training(obj, obj.loss, np.zeros(obj.layout.size))
    _check_task(prepared.unsolved([slope_match(obj.prepared, smoothed)]), obj.theta0(1))
