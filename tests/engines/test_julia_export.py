"""`export_julia`: the script is Julia, reads well, and computes the same loss and gradient."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
from typer.testing import CliRunner

import pysymude as psu
from problems.catalogue import UNIVERSAL
from pysymude.cli import app
from pysymude.engines.julia.julia_solvers import SOLVERS as JULIA_SOLVERS
from pysymude.engines.registry import select_engine
from pysymude.errors import CapabilityError, EmissionError, InvalidInputError, SaveFileError
from pysymude.export.julia import SOLVERS, julia_script
from pysymude.export.julia_formulas import Formulas, Names
from pysymude.fit.loss.objective import Objective
from pysymude.model.network import ACTIVATIONS
from tests.engines.julia_syntax import syntax_errors
from tests.engines.test_julia_source import EXPRESSIONS

GOLDEN = Path(__file__).parents[1] / "golden" / "julia_scripts"
x, y = psu.states("x y")
k, r, K = psu.parameters("k r K")


def logistic() -> tuple[psu.ODESystem, psu.Dataset]:
    """No network; one parameter with two bounds, one trainable start of a positive state."""
    x = psu.states("x", positive=True)
    t = np.linspace(0.0, 2.0, 6)
    data = psu.Dataset.from_arrays(
        t, (1 + t)[:, None], states=[x], u0={x: 0.2}, trainable_u0=True, noise={x: 0.1}
    )
    system = psu.ODESystem(
        {x: r * x * (1 - x / K)}, parameters={K: 3.0}, trainable={r: 1.0}, bounds={r: (0.5, 4.0)}
    )
    return system, data


def hamiltonian() -> tuple[psu.ODESystem, psu.Dataset]:
    energy = psu.MLP("H", inputs=[x, y], outputs=1, hidden=(4, 3))
    t = np.linspace(0.0, 1.0, 5)
    data = psu.Dataset.from_arrays(t, np.c_[np.cos(t), -np.sin(t)], states=[x, y])
    return psu.hamiltonian_system(energy[0], x, y), data


def functions() -> tuple[psu.ODESystem, psu.Dataset]:
    """Every function a tape may hold, as something that is measured."""
    t = np.linspace(0.0, 0.5, 4)
    y_ = np.tile(0.3 + 0.1 * np.arange(len(EXPRESSIONS)), (4, 1))
    data = psu.Dataset.from_arrays(
        t, y_, states=[f"m_{name}" for name in EXPRESSIONS], u0={x: 0.4, y: 0.3}, trainable_u0=True
    )
    system = psu.ODESystem(
        {x: k * x / 3, y: 0.1 * x},
        trainable={k: 1.0},
        observables={f"m_{name}": f for name, f in EXPRESSIONS.items()},
    )
    return system, data


def activations() -> tuple[psu.ODESystem, psu.Dataset]:
    """One network of each activation, scaled, at inputs of its own and at others, and in time."""
    total = sp.S.Zero
    for n, name in enumerate(ACTIVATIONS):
        scaling = (0.1 * n, 1.0 + n)
        nn = psu.MLP(
            f"n{n}", inputs=[x, psu.t], outputs=2, hidden=(3,), activation=name,
            input_scaling=scaling, output_scaling=scaling,
        )  # fmt: skip
        total += (nn[0] + nn(x**2, k)[1]) / 10
    # so short that no relu passes its kink, where the two gradients would differ by 5e-5
    t = np.linspace(0.0, 0.1, 4)
    data = psu.Dataset.from_arrays(t, np.cos(t)[:, None], states=[x])
    return psu.ODESystem({x: -x + total / 10}, parameters={k: 0.5}), data


def clashes() -> tuple[psu.ODESystem, psu.Dataset]:
    """Names that mean something to Julia or to the script."""
    theta, end, du = psu.states("theta end du")
    function, exp, nn_out, u = psu.parameters("function exp nn_out u")
    nn = psu.MLP("loss", inputs=[theta], outputs=1, hidden=(2,))
    t = np.linspace(0.0, 1.0, 4)
    data = psu.Dataset.from_arrays(t, np.c_[t, t, t + 1], states=[theta, end, du])
    system = psu.ODESystem(
        {theta: -function * theta + nn[0], end: exp * sp.exp(-end), du: nn_out * du * u - theta},
        parameters={function: 0.3, exp: 0.7, u: 0.2},
        trainable={nn_out: 0.4},
    )
    return system, data


def _circle(change: Callable[..., psu.ODESystem]) -> tuple[psu.ODESystem, psu.Dataset]:
    x, y = psu.states("x y")
    nn = psu.MLP("nn", inputs=[x, y], outputs=2, hidden=(3,))
    t = np.linspace(0.0, 2.0, 7)
    data = psu.Dataset.from_arrays(t, np.stack([np.sin(t), np.cos(t)], axis=1), states=[x, y])
    return change(psu.ODESystem({x: y + nn[0], y: nn[1]}), x**2 + y**2), data


CASES = {case.name: (lambda case=case: case.problem) for case in UNIVERSAL} | {
    "logistic": logistic,
    "learned Hamiltonian": hamiltonian,
    "functions": functions,
    "activations": activations,
    "clashes": clashes,
    "projected": lambda: _circle(psu.project),
}
ADJOINT = ("lotka-volterra", "robertson", "three experiments", "functions", "clashes", "projected")
RUNS = [(name, "forward") for name in CASES] + [(name, "adjoint") for name in ADJOINT]


@cache
def made(name: str) -> Objective:
    system, data = CASES[name]()
    abstol = 1e-14 if name == "robertson" else 1e-10
    return psu.objective(system, data, engine="native", reltol=1e-10, abstol=abstol)


@pytest.mark.parametrize(("name", "sensealg"), RUNS)
def test_scripts_are_julia_and_name_what_the_user_named(name: str, sensealg: str):
    obj = made(name)
    text = julia_script(obj, sensealg=sensealg)
    assert syntax_errors(text) == []
    assert "pysymude" not in "".join(line for line in text.splitlines() if line[:1] != "#")
    for state in obj.plan.states:
        assert f"# d{state}/dt" in text


def test_every_solver_of_both_engines_can_be_named():
    # CVODE_BDF takes no dual numbers, and its reverse problem none either; the others switch
    refused = {"CVODE_BDF", "AutoTsit5", "DefaultODEAlgorithm"}
    assert {*JULIA_SOLVERS, *select_engine("native").solvers} - refused == set(SOLVERS)


def test_formulas_stay_readable():
    a, b = sp.symbols("a b", real=True)
    written = {
        a * b**2 / (1 + a): "a*b^2/(a + 1)",
        -a / 3 + 2 * b: "-a/3 + 2*b",
        (a + b) ** -2: "(a + b)^(-2)",
        sp.sqrt(a) * sp.exp(-b): "sqrt(a)*exp(-b)",
        1 / sp.sqrt(a): "sqrt(a)^(-1)",
        a**b: "pow(a, b)",
        sp.Piecewise((a, (a > 0) & (b <= 1)), (-b, True)): "(((a > 0) & (b <= 1)) ? a : -b)",
        sp.Integer(10) ** 30 * a: "1e+30*a",
        sp.pi * a + sp.E: "pi*a + exp(1)",
        -(a**2): "-a^2",
        (-a) ** 3: "-a^3",
        2.5e-7 * a: "2.5e-07*a",
    }
    for expr, text in written.items():
        assert Formulas(Names())(expr) == text


def test_a_tape_is_recorded_only_where_nothing_branches():
    assert "ReverseDiffVJP(true)" in julia_script(made("lotka-volterra"), sensealg="adjoint")
    system, data = hamiltonian()
    branching = system.replace(rhs={x: k * sp.Piecewise((y, x > 0), (-y, True)), y: -x})
    obj = psu.objective(
        branching.replace(trainable={k: 1.0}), data, engine="native", solver="Tsit5"
    )
    assert "ReverseDiffVJP()" in julia_script(obj, sensealg="adjoint")


def test_names_that_are_no_identifiers_are_refused():
    with pytest.raises(EmissionError, match="no plain identifier"):
        Formulas(Names())(sp.Symbol("x; run(`ls`)"))
    with pytest.raises(EmissionError, match="besselj"):
        Formulas(Names())(sp.besselj(0, x))


@pytest.mark.parametrize("name", ["three experiments", "clashes"])
def test_scripts_look_as_reviewed(name: str):
    """PYSYMUDE_UPDATE_GOLDEN=1 writes the files anew; read the difference before it is kept."""
    path = GOLDEN / f"{name.replace(' ', '_')}.jl"
    theta = np.round(made(name).theta0(), 3)
    text = julia_script(made(name), theta=theta)
    # the data come from solvers, whose last digits are the machine's
    text = re.sub(r"-?\d+\.\d{6,}(e-?\d+)?", lambda m: f"{float(m[0]):.5g}", text)
    if os.environ.get("PYSYMUDE_UPDATE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()


def run_julia(*arguments: str) -> str:
    exe, project = os.environ["PYTHON_JULIACALL_EXE"], os.environ["PYTHON_JULIACALL_PROJECT"]
    command = [exe, "-O0", "--startup-file=no", f"--project={project}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(("name", "sensealg"), RUNS)
def test_scripts_compute_the_same_loss_and_gradient(
    julia: str, tmp_path: Path, name: str, sensealg: str
):
    obj, path = made(name), tmp_path / "script.jl"
    theta = obj.theta0() + 0.01
    psu.export_julia(obj, path, theta=theta, sensealg=sensealg)
    found = re.findall(r"= (\S+)$", run_julia(str(path)), re.M)
    value, gradient = obj.value_and_grad(theta)
    assert np.array(found, dtype=float) == pytest.approx(
        [value, np.linalg.norm(gradient)], rel=1e-6
    )


def test_a_saved_fit_is_exported_whichever_engine_made_it(tmp_path: Path):
    system, data = logistic()
    fit = psu.fit(system, data, engine="native", stages=[psu.LBFGS(3)], progress=False)
    saved, script = tmp_path / "fit.npz", tmp_path / "fit.jl"
    fit.save(saved)
    done = CliRunner().invoke(app, ["export-julia", str(saved), str(script)])
    assert done.exit_code == 0, done.output
    assert script.read_text() == julia_script(fit) == julia_script(saved)
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_laws_are_part_of_the_script_or_refused(tmp_path: Path):
    system, data = _circle(lambda given, law: given)
    x, y = system.states
    keywords = {
        "engine": "native",
        "stages": [psu.LBFGS(2)],
        "progress": False,
        "laws": x**2 + y**2,
    }
    fit = psu.fit(system, data, conserve="project", **keywords)
    fit.save(tmp_path / "fit.npz")
    script = julia_script(tmp_path / "fit.npz")
    assert script == julia_script(fit) != julia_script(psu.objective(system, data, engine="native"))
    assert syntax_errors(script) == []
    psu.fit(system, data, conserve="penalty", **keywords).save(tmp_path / "soft.npz")
    for source, named in (
        (tmp_path / "soft.npz", "conserve='penalty'"),
        (
            psu.objective(system, data, laws=x**2 + y**2, conserve="penalty", engine="native"),
            "conserve='penalty'",
        ),
        (
            psu.objective(
                system, data, equivariance=psu.Generator(0, {x: -y, y: x}), engine="native"
            ),
            "equivariance=",
        ),
        (
            psu.objective(system.replace(noise={x: psu.Laplace(0.1)}), data, engine="native"),
            r"the noise model Laplace\(0.1\) of 'x'",
        ),
        (
            psu.objective(
                system.replace(priors={system.networks[0]: psu.Normal(0, 1)}), data, engine="native"
            ),
            r"the prior Normal\(0, 1\) of 'nn'",
        ),
        (psu.objective(system.replace(initial={x: 1.0}), data, engine="native"), "the start 1"),
        (psu.objective(system, data, loss=lambda seen, _: 0.0, engine="native"), "of your own"),
    ):
        with pytest.raises(CapabilityError, match=f"more than residuals.*{named}"):
            julia_script(source)


def test_wrong_calls(tmp_path: Path):
    obj = made("logistic")
    with pytest.raises(InvalidInputError, match="takes a FitResult, an Objective or the path"):
        julia_script(3)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="theta must have shape"):
        julia_script(obj, theta=[1.0])
    with pytest.raises(InvalidInputError, match="'auto', 'forward' or 'adjoint'"):
        julia_script(obj, sensealg="backward")
    with pytest.raises(InvalidInputError, match="cannot be written"):
        psu.export_julia(obj, tmp_path / "no" / "folder.jl")
    with pytest.raises(SaveFileError, match="no such file"):
        julia_script(tmp_path / "missing.npz")
    with pytest.raises(CapabilityError, match="only go forward"):
        julia_script(made("learned Hamiltonian"), sensealg="adjoint")
    cut = obj.with_loss(obj.loss.with_horizon(0.0))
    julia_script(cut)
    tied = obj.with_loss(replace(obj.loss, link=np.array([0])))
    with pytest.raises(CapabilityError, match="more than residuals"):
        julia_script(tied)
