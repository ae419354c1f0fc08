"""diffeqpy's algorithms as solvers here, and our systems as problems for its `solve`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pysymude as psu
from problems.catalogue import KNOWN, Known, known, universal
from pysymude.errors import EngineUnavailableError, InvalidInputError
from tests.golden.record import ALLOWED, recorded

x, y = psu.states("x y")
k, m = psu.parameters("k m")
TIGHT = {"reltol": 1e-10, "abstol": 1e-10}


@pytest.fixture
def load(julia: str) -> Any:
    """diffeqpy's loader of Julia packages."""
    if shutil.which("julia") is None:
        pytest.skip("no julia on PATH: diffeqpy would download one")
    from diffeqpy import load_julia_packages

    return load_julia_packages


@pytest.fixture
def ode(load) -> Any:
    """diffeqpy's module of OrdinaryDiffEq."""
    from diffeqpy import ode

    return ode


PAIRS = [
    (case, name)
    for case in KNOWN
    for name in ("Tsit5", "Rodas5P")
    if name == "Rodas5P" or not case.stiff
]


@pytest.mark.parametrize(("case", "name"), PAIRS, ids=lambda value: getattr(value, "name", value))
def test_diffeqpy_solves_our_problem(julia: str, ode, case: Known, name: str):
    """With diffeqpy's own defaults: no dual number reaches a system that brings its Jacobian."""
    abstol = 1e-12 if case.name == "robertson" else 1e-8

    def error(system: psu.ODESystem) -> float:
        problem = psu.to_diffeqpy(system, case.u0, case.t, case.values)
        sol = ode.solve(problem, getattr(ode, name)(), reltol=1e-8, abstol=abstol, saveat=case.t)
        assert ode.SciMLBase.successful_retcode(sol)
        found = np.array([np.asarray(u) for u in sol.u])
        return float((np.abs(found - case.reference) / np.abs(case.reference).max(axis=0)).max())

    assert error(case.system) < 1e-5
    assert error(case.with_error(0.01)) > 1e-5


def test_a_problem_with_a_network_and_trainable_parameters(julia: str, ode):
    """The end states are those on record, from theta as the problem's p."""
    for name in ("lotka-volterra", "bounded"):
        case = universal(name)
        obj = psu.objective(*case.problem, engine=julia)
        theta = obj.theta0(1)
        problem = psu.to_diffeqpy(
            obj.system, obj.loss.batch.u0[0], obj.loss.batch.ts[0], theta=theta
        )
        np.testing.assert_array_equal(np.asarray(problem.p), theta)
        end = np.asarray(ode.solve(problem, ode.Vern9(), **TIGHT).u[-1])
        record = recorded(case)["states"][0, -1]
        np.testing.assert_allclose(end, record, rtol=ALLOWED)
        # another theta, by Julia's own remake
        other = ode.remake(problem, p=obj.theta0(2))
        moved = np.asarray(ode.solve(other, ode.Vern9(), **TIGHT).u[-1])
        assert np.abs(moved - record).max() > 1e-3


def test_problems_of_one_system_do_not_disturb_each_other(julia: str, ode):
    system = psu.ODESystem({x: -k * x, y: m * x})
    make = [
        lambda v=v: psu.to_diffeqpy(system, [1.0, 0.0], [0.0, 1.0], {"k": v, "m": 1.0})
        for v in (1.0, 3.0)
    ]
    first, second = (f() for f in make)
    # the engine's own solves of the system share nothing with them either
    psu.solve(system, u0=[1, 0], t=[0, 1], parameters={"k": 7.0, "m": 1.0}, engine=julia)
    for problem, rate in ((first, 1.0), (second, 3.0), (first, 1.0)):
        end = ode.solve(problem, ode.Tsit5(), **TIGHT).u[-1]
        assert end[0] == pytest.approx(np.exp(-rate), rel=1e-8)
    scaled = [
        psu.ODESystem(
            {x: psu.MLP("n", inputs=[x], outputs=1, hidden=1, output_scaling=(0.0, scale))[0]}
        )
        for scale in (1.0, 2.0)
    ]
    theta = [0.0, 0.0, 0.0, 1.0]  # the network is 1: x grows by its output scale
    problems = [psu.to_diffeqpy(s, [0.0], [0.0, 1.0], theta=theta) for s in scaled]
    ends = [ode.solve(p, ode.Tsit5(), **TIGHT).u[-1][0] for p in problems]
    assert ends == pytest.approx([1.0, 2.0])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("package", "call", "name"),
    [
        ("OrdinaryDiffEq", "Rodas5P()", "Rodas5P()"),
        ("OrdinaryDiffEqSDIRK", "KenCarp47()", "KenCarp47()"),
        ("OrdinaryDiffEq", "FBDF(max_order = Val(3))", "FBDF(max_order=Val{3}())"),
        (
            "OrdinaryDiffEq",
            "AutoTsit5(Rosenbrock23())",
            "CompositeAlgorithm(Tsit5(), Rosenbrock23())",
        ),
        ("Sundials", "CVODE_BDF()", "CVODE_BDF()"),
    ],
)
def test_an_algorithm_object_as_solver(julia: str, load, package: str, call: str, name: str):
    """Solves and gradients, by the adjoint: with dual numbers a Rosenbrock method would fail there."""
    made = load(package).seval(call)
    case = known("damped")
    sol = psu.solve(case.system, u0=case.u0, t=case.t, solver=made, reltol=1e-8, abstol=1e-8)
    assert (sol.engine, sol.solver) == (julia, name)
    np.testing.assert_allclose(sol.u, case.reference, atol=1e-5)
    ude = universal("three experiments")
    obj = psu.objective(*ude.problem, solver=made, engine=julia, reltol=1e-9, abstol=1e-9)
    assert obj.method.solver == name
    found, record = obj.evaluate(obj.theta0(1)), recorded(ude)
    assert found.success
    assert found.value == pytest.approx(record["loss"], rel=1e-5)
    scale = np.abs(record["gradient"]).max()
    np.testing.assert_allclose(found.gradient, record["gradient"], rtol=0, atol=1e-5 * scale)


def test_a_fit_with_an_algorithm_object(julia: str, ode, tmp_path):
    system = psu.ODESystem({x: -k * x}, trainable={k: 1.0})
    t = np.linspace(0.0, 1.0, 5)
    data = psu.Dataset.from_arrays(t, np.exp(-2 * t)[:, None], states=[x])
    fit = psu.fit(system, data, solver=ode.Vern7(), engine=julia, progress=False)
    assert fit.solver == "Vern7()"
    assert fit.theta == pytest.approx([2.0], rel=1e-4)
    fit.save(tmp_path / "fit")
    with pytest.raises(InvalidInputError, match=r"solver 'Vern7\(\)' is unknown to engine 'julia'"):
        psu.FitResult.load(tmp_path / "fit")
    again = psu.FitResult.load(tmp_path / "fit", solver=ode.Vern7())
    assert again.predict(t).u == pytest.approx(fit.predict(t).u)


def test_settings_of_an_algorithm_are_kept_apart(julia: str, ode):
    """Equal algorithms share a name; others of one type have another, and do what they say."""

    def steps(order: str) -> tuple[str, int]:
        case = known("damped")
        sol = psu.solve(
            case.system, u0=case.u0, t=case.t, solver=ode.seval(f"FBDF(max_order = Val({order}))")
        )
        return sol.solver, sol.stats.accepted

    low, high = steps("1"), steps("5")
    assert low[0] != high[0]
    assert low[1] > 2 * high[1]
    assert steps("1") == low


def _solve(solver: Any, engine: str) -> psu.Solution:
    return psu.solve(psu.ODESystem({x: -x}), u0=[1.0], t=[0.0, 1.0], solver=solver, engine=engine)


FIXED = (
    "import SciMLBase; struct Fixed <: SciMLBase.AbstractODEAlgorithm end; "
    "SciMLBase.isadaptive(::Fixed) = false; Fixed()"
)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("Tsit5", r"is the type Tsit5 of Julia; call it: Tsit5\(\)"),
        ("[1.0]", r"is a Vector{Float64} of Julia; give an algorithm such as ode.Tsit5\(\)"),
        (FIXED, r"Fixed\(\) has a fixed step, which no tolerance governs"),
    ],
)
def test_a_wrong_julia_object_is_told_so(julia: str, ode, call: str, message: str):
    with pytest.raises(InvalidInputError, match=message):
        _solve(ode.seval(call), julia)


def test_another_engine_and_another_object():
    with pytest.raises(
        InvalidInputError, match=r"engine 'native' takes a solver by name.*found obj"
    ):
        _solve(object(), "native")


def test_the_julia_engine_wants_an_object_of_julia(julia: str, ode):
    with pytest.raises(InvalidInputError, match=r"such as 'Tsit5' or ode.Tsit5\(\).*found int"):
        _solve(5, julia)
    with pytest.raises(InvalidInputError, match="An algorithm made in Julia needs engine='julia'"):
        _solve(ode.Tsit5(), "native")


def test_wrong_calls_are_told_before_julia_starts(monkeypatch):
    from pysymude.engines.julia import interop

    monkeypatch.setattr(interop, "package", lambda: pytest.fail("Julia was asked for"))
    system = psu.ODESystem({x: -k * x})
    with pytest.raises(InvalidInputError, match="expected an ODESystem"):
        psu.to_diffeqpy({x: -x}, [1.0], [0.0, 1.0])
    with pytest.raises(InvalidInputError, match="parameter 'k' has no value"):
        psu.to_diffeqpy(system, [1.0], [0.0, 1.0])
    with pytest.raises(InvalidInputError, match="u0 must have one value"):
        psu.to_diffeqpy(system, [1.0, 2.0], [0.0, 1.0], {"k": 1.0})


def test_without_julia_a_problem_says_what_to_run(tmp_path, monkeypatch):
    from pysymude.engines.julia import runtime

    runtime._load.cache_clear()
    monkeypatch.setattr(runtime, "problem", lambda: "no Julia project is set up")
    try:
        with pytest.raises(EngineUnavailableError, match="no Julia project is set up"):
            psu.to_diffeqpy(psu.ODESystem({x: -x}), [1.0], [0.0, 1.0])
    finally:
        runtime._load.cache_clear()


@pytest.mark.parametrize("name", ["torch_autograd", "jax_custom_vjp"])
def test_the_examples_for_other_packages_run_on_julia(julia: str, name: str):
    """Julia first, as the examples say: torch comes second, and JAX calls back from where it likes."""
    if find_spec(name.split("_")[0]) is None:
        pytest.skip(f"{name.split('_')[0]} is not installed")
    code = f"import juliacall, {name}; losses = {name}.main(10, {julia!r}); print(losses[-1] < losses[0])"
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root / "examples", capture_output=True, text=True,
        timeout=300, env=os.environ | {"PYTHONPATH": str(root)},
    )  # fmt: skip
    assert done.stdout.endswith("True\n"), done.stderr
