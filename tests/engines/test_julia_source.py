"""The Julia half where there is no Julia: its syntax, what is emitted, and what a missing Julia says."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import sympy as sp

import pysymude as psu
from problems.catalogue import KNOWN, UNIVERSAL
from problems.large_systems import brusselator, networked_grid, random_system
from pysymude.engines.julia.finding import package_folder
from pysymude.engines.julia.julia_solvers import SOLVERS
from pysymude.engines.julia.printer import observation_source, system_source, watch_source
from pysymude.engines.outcomes import CODES
from pysymude.plan.compiled import compile_system
from pysymude.plan.tape import FUNCTIONS
from tests.engines.julia_syntax import syntax_errors

JULIA = package_folder() / "PySymUDE"
SHIPPED = sorted(JULIA.rglob("*.jl"))

x, y = psu.states("x y")
k = psu.parameters("k")

# one expression for every function that a tape may hold; each is smooth at x = 0.4, y = 0.3
EXPRESSIONS = {
    "sin": sp.sin(x), "cos": sp.cos(x), "tan": sp.tan(x), "asin": sp.asin(x), "acos": sp.acos(x),
    "atan": sp.atan(x), "atan2": sp.atan2(x, y), "sinh": sp.sinh(x), "cosh": sp.cosh(x),
    "tanh": sp.tanh(x), "asinh": sp.asinh(x), "acosh": sp.acosh(1 + x), "atanh": sp.atanh(x),
    "exp": sp.exp(x), "log": sp.log(x), "erf": sp.erf(x), "abs": sp.Abs(x - 1),
    "sign": sp.sign(x) * y, "min": sp.Min(x, y), "max": sp.Max(x, y), "heaviside": sp.Heaviside(x) * y,
    "lt": sp.Piecewise((x, x < y), (y**2, True)), "le": sp.Piecewise((x, x <= y), (y**2, True)),
    "gt": sp.Piecewise((x**2, x > y), (y, True)), "ge": sp.Piecewise((x**2, x >= y), (y, True)),
    "eq": sp.Piecewise((x, sp.Eq(x, y)), (y**2, True)),
    "ne": sp.Piecewise((x**3, sp.Ne(x, y)), (y, True)),
    "and": sp.Piecewise((x**2, (x > 0) & (y > 0)), (y, True)),
    "or": sp.Piecewise((x**2, (x > 1) | (y > 0)), (y, True)),
    "not": sp.Piecewise((x**2, sp.Not(sp.Eq(x, 1) & (y > 0))), (y, True)),
    "pow": x**y, "sqrt": sp.sqrt(x), "ipow": x**-3,
}  # fmt: skip


WORDS = """
const SIZES NETWORKS USES Int function end return nothing for in true false
rhs! jac! tgrad! vjp! vjp_p! rhs_pull! jac_pull! tgrad_pull! observe! pull! sweep
forward! pullback! jacobian! jacobian_pullback!
fill! zeros seed time row _ J dT du u p t q c g v y i j gu gp outputs inputs jacobian
tanh softplus gelu swish relu sigmoid rbf identity integer_power Val ifelse
conditions! conditions_pull! TIME_ONLY Bool recip0 mul0 pow0 log0
SCRATCH PATTERN ENTRIES ints floats let inbounds k z r s d
sin_ cos_ tan_ asin_ acos_ acosh_ atanh_ log_ sqrt_ power erf_ heaviside
atan sinh cosh asinh exp abs sign min max
"""
GENERATED = re.compile(r"[vdwIF]\d+|x\d+_\d+")


# what builds each: the large ones take longer than what is done with them
SYSTEMS: dict[str, Callable[[], psu.ODESystem]] = {
    **{case.name: lambda case=case: case.system for case in KNOWN},
    **{case.name: lambda case=case: case.problem[0] for case in UNIVERSAL},
    "learned Hamiltonian": lambda: psu.hamiltonian_system(
        psu.MLP("H", inputs=[x, y], outputs=1, hidden=(3,))[0], x, y
    ),
    **{name: lambda f=f: psu.ODESystem({x: k * f, y: -y}) for name, f in EXPRESSIONS.items()},
    "grid": lambda: brusselator()[0],
    "grid of networks": lambda: networked_grid()[0],
    "many equations": lambda: random_system(0),
}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.name)
def test_shipped_source_is_julia(path: Path):
    assert syntax_errors(path.read_text()) == []


def test_the_parser_notices_what_is_not_julia():
    assert syntax_errors("function f(x)\n    return x +\nend\n")
    assert syntax_errors("f(x) = (x + 1\n")


@pytest.mark.parametrize("name", SYSTEMS)
def test_emitted_source_is_julia(name: str):
    system = SYSTEMS[name]()
    plan = compile_system(system)
    columns = [plan.column(name) for name in (*plan.states, *system.observables)]
    sources = system_source(plan), observation_source(plan, columns), watch_source(plan, plan.rhs)
    for source in sources:
        assert syntax_errors(source) == []
        # only generated names, functions of the list, and numbers
        source = re.sub(r'"[-+.e\d ]*"', '""', source)
        numberless = re.sub(r"\d+\.?\d*e[+-]?\d+", "", source)
        words = set(re.findall(r"[A-Za-z_][A-Za-z_0-9]*!?", numberless))
        assert {w for w in words if not GENERATED.fullmatch(w)} <= set(WORDS.split())


def test_where_the_jacobian_is_not_zero():
    u = psu.states("a b c d e")
    chain = {v: k * w - v**2 for v, w in zip(u, (*u[1:], u[0]), strict=True)}
    source = system_source(compile_system(psu.ODESystem(chain, parameters={k: 2.0})))
    found = re.search(r"const ENTRIES = Int\[(.*)\]", source)
    assert found
    J = sp.Matrix(list(chain.values())).jacobian(u)
    wanted = [i + 1 for i, entry in enumerate(J.T) if entry != 0]
    assert [int(i) for i in found[1].split(",")] == wanted
    assert len(wanted) == 10
    # not where there are many, and not where there are few states
    full = {v: k * sum(u) ** 2 for v in u}
    few = {v: -k * v for v in u[:4]}
    for rhs in (full, few):
        system = psu.ODESystem(rhs, parameters={k: 2.0})
        assert "ENTRIES" not in system_source(compile_system(system))


def test_every_function_of_a_tape_has_an_expression_here():
    assert set(FUNCTIONS.values()) <= set(EXPRESSIONS)


def test_solvers_and_codes_are_those_of_the_package():
    algorithms = (JULIA / "src" / "algorithms.jl").read_text()
    assert set(re.findall(r'^    "(\w+)" =>', algorithms, re.M)) == set(SOLVERS)
    text = (JULIA / "src" / "solving.jl").read_text()
    codes = re.search(r"const CODES = \((.*?)\)", text, re.S)
    assert codes
    assert re.findall(r":(\w+)", codes[1]) == [code.name for code in CODES]


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_every_function_in_julia(julia: str, name: str):
    """Values, and gradients through the reverse of each operation, against the embedded engine."""
    system = psu.ODESystem({x: k * EXPRESSIONS[name] / 3, y: 0.1 * x}, trainable={k: 1.0})
    t = np.linspace(0.0, 0.5, 4)
    data = psu.Dataset.from_arrays(
        t, np.c_[t, t + 1.0], states=[x, y], u0=[0.4, 0.3], trainable_u0=True
    )
    found = []
    for engine in (julia, "native"):
        obj = psu.objective(system, data, engine=engine, reltol=1e-10, abstol=1e-10, solver="Tsit5")
        found.append(obj.value_and_grad(obj.theta0()))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-7)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-6, atol=1e-6)


def test_a_learned_hamiltonian_in_julia(julia: str):
    """Second derivatives of a network, in the right-hand side's own adjoint."""
    energy = psu.MLP("H", inputs=[x, y], outputs=1, hidden=(4, 3))
    t = np.linspace(0.0, 2.0, 9)
    data = psu.Dataset.from_arrays(t, np.c_[np.cos(t), -np.sin(t)], states=[x, y])
    found = []
    for engine in (julia, "native"):
        obj = psu.objective(
            psu.hamiltonian_system(energy[0], x, y), data, engine=engine, reltol=1e-10, abstol=1e-10
        )
        found.append(obj.value_and_grad(obj.theta0(3)))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-6)
    scale = np.abs(found[1][1]).max()
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=0, atol=1e-6 * scale)


def test_packages_of_solvers_are_declared_and_their_names_are_right():
    """What PySymUDE loads by identifier stands in its Project.toml under the same one."""
    project = tomllib.loads((JULIA / "Project.toml").read_text())
    declared = project["deps"] | project["weakdeps"]
    text = (JULIA / "src" / "algorithms.jl").read_text()
    found = re.findall(r'PkgId\(UUID\("([0-9a-f-]+)"\), "(\w+)"\)', text)
    assert len(found) == 6
    losses = (JULIA / "src" / "losses.jl").read_text()
    found += re.findall(r'PkgId\(Base.UUID\("([0-9a-f-]+)"\), "(\w+)"\)', losses)
    assert all(declared[name] == uuid for uuid, name in found)
    assert {"julia", *declared} == set(project["compat"])


LEAN = """
import sys, pysymude as psu
x = psu.states("x")
def run(solver):
    sol = psu.solve(psu.ODESystem({x: -x}), u0=[1.0], t=[0.0, 1.0], engine="julia", solver=solver)
    assert sol.success and abs(sol["x"][-1] - 0.36787944) < 1e-4
def loaded():
    import juliacall
    names = set(str(juliacall.Main.seval("join((k.name for k in keys(Base.loaded_modules)), ' ')")).split())
    return names & {"OrdinaryDiffEqSDIRK", "OrdinaryDiffEqFIRK", "Sundials"}
run("Tsit5")
run("Rodas5P")
assert not loaded(), loaded()
run("CVODE_BDF")
assert loaded() == {"Sundials"}
import juliacall
juliacall.Main.seval("empty!(LOAD_PATH)")
try:
    run("RadauIIA5")
except psu.errors.JuliaRuntimeError as error:
    print(error)
"""


def test_packages_of_solvers_are_loaded_when_asked_for(julia: str):
    done = subprocess.run([sys.executable, "-c", LEAN], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert "solver RadauIIA5 needs the Julia package OrdinaryDiffEqFIRK" in done.stdout
    assert 'Pkg.add("OrdinaryDiffEqFIRK")' in done.stdout


def test_an_error_inside_julia_keeps_both_tracebacks(julia: str):
    from pysymude.engines.julia.runtime import package, translated
    from pysymude.errors import JuliaRuntimeError

    with (
        pytest.raises(JuliaRuntimeError, match="activation none is unknown") as caught,
        translated("x"),
    ):
        package().load_model("const SIZES = (1, 0, 0); const NETWORKS = [([1, 1], :none, 0)]")
    assert "networks.jl" in caught.value.julia_backtrace
    assert caught.value.__cause__ is not None
