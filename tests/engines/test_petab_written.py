"""Fits and problems written as PEtab, and read again."""

import numpy as np
import pytest
import sympy as sp

import pysymude as psu
from pysymude.errors import EmissionError, InvalidInputError

pytest.importorskip("libsbml", reason="python-libsbml is not installed")
pytest.importorskip("h5py", reason="h5py is not installed")

from tests.engines.petab_text import ONE, TWO, hybrid, write

# of what PEtab's own checker does with pandas
pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword", "ignore::DeprecationWarning")

x, y = psu.states("x y")
k, b, s = psu.parameters("k b s")
T = np.linspace(0, 3, 7)
U = np.c_[2 * np.exp(-T) + 0.1, 1 + 0.1 * T]
SHORT = {"progress": False, "stages": psu.LBFGS(15)}


def rules_of_petab(path):
    """What PEtab's own checker has to say; nothing is right."""
    lint = pytest.importorskip("petab.v2.lint", reason="petab is not installed")
    return [str(issue) for issue in lint.lint_problem(str(path))]


def check(fit, folder, engine, *, lint=True):
    """The likelihood is that of the fit, and the checker is content."""
    path = psu.write_petab(fit, folder)
    method = fit.objective.method
    problem = psu.read_petab(path)
    found = problem.log_likelihood(
        engine=engine, reltol=method.reltol, abstol=method.abstol, solver=fit.objective.solver
    )
    assert found == pytest.approx(fit.objective.log_likelihood(fit.theta), abs=1e-9)
    if lint:
        assert rules_of_petab(path) == []
    return problem


def test_columns_noise_conditions_and_priors(engine, tmp_path):
    system = psu.ODESystem(
        {x: -k * x + b, y: sp.Piecewise((0.3 * x, psu.t < 1.5), (0.1, True))}, parameters={b: 0.1},
        trainable={k: 0.7, s: 0.2}, bounds={k: (1e-3, 10), s: (0, None)}, noise={y: psu.LogNormal(s)},
        observables={"total": sp.Abs(x) + y**2}, priors={k: psu.LogNormal(0, 1)},
    )  # fmt: skip
    u = np.c_[U, U.sum(axis=1)]
    data = psu.Dataset.from_arrays(
        [T, T], [u, u + 0.05], states=[x, y, "total"], parameters=[{b: 0.1}, {b: 0.2}]
    )
    fit = psu.fit(system, data, engine=engine, **SHORT)
    problem = check(fit, tmp_path, engine)
    starts = {"x_start0", "y_start1", "x_start2", "y_start3"}
    assert set(problem.nominal) == {"k", "s", *starts}
    assert problem.priors["k"].family == "log-normal"
    # the parameters at the optimum may lie on a bound, where the prior ends
    assert problem.nominal["k"] == fit.parameters["k"]


def test_doses_and_periods(engine, tmp_path):
    system = psu.ODESystem({x: -k * x + b}, trainable={k: 0.7}, parameters={b: 0.0})
    dosed = psu.Trajectory.from_arrays(
        T, U[:, :1], states=[x], u0={x: 2.0}, doses={x: [(1.0, 0.5), (2.0, k)]}, noise=0.1
    )
    check(psu.fit(system, dosed, engine=engine, **SHORT), tmp_path / "doses", engine)
    periods = [
        psu.Period(-np.inf, parameters={b: 1.0}),
        psu.Period(0.0),
        psu.Period(1.5, set={x: 2 * x}, parameters={b: 0.3}),
        psu.Period(2.25),
    ]
    changed = psu.Trajectory.from_arrays(
        T, U[:, :1], states=[x], u0={x: 2.0}, periods=periods, noise=0.1
    )
    check(psu.fit(system, changed, engine=engine, **SHORT), tmp_path / "periods", engine)


def test_networks_and_their_scalings(engine, tmp_path):
    nn = psu.MLP(
        "nn", inputs=[x, y], outputs=2, hidden=4, input_scaling="data", output_scaling="data"
    )
    system = psu.ODESystem(
        {x: -k * x, y: nn[0]}, trainable={k: 0.7}, observables={"seen": y + nn[1]}
    )
    data = psu.Dataset.from_arrays(T, np.c_[U, U[:, 1]], states=[x, y, "seen"])
    fit = psu.fit(system, data, engine=engine, frozen=["nn.b1"], **SHORT)
    problem = check(fit, tmp_path, engine, lint=False)
    assert {"nn.W1", "nn.W2", "nn.b2"} < set(problem.nominal)
    assert "nn.b1" not in problem.nominal
    assert np.array_equal(problem.nominal["nn.W1"], fit.values["nn.W1"])


def test_names_that_tables_have_taken(engine, tmp_path):
    gamma, exp = psu.states("time"), psu.parameters("exp")
    system = psu.ODESystem({gamma: -exp * gamma}, trainable={exp: 0.7})
    data = psu.Dataset.from_arrays(T, U[:, :1], states=[gamma])
    problem = check(psu.fit(system, data, engine=engine, **SHORT), tmp_path, engine)
    assert "exp_" in problem.nominal


@pytest.mark.parametrize("case", ["one", "two", "hybrid"])
def test_problems_are_written_as_they_were(engine, tmp_path, case):
    folder = tmp_path / "given"
    path = (
        hybrid(folder, before=True)
        if case == "hybrid"
        else write(folder, **(ONE if case == "one" else TWO))
    )
    problem = psu.read_petab(path)
    again = psu.read_petab(psu.write_petab(problem, tmp_path / "written"))
    assert again.log_likelihood(engine=engine) == problem.log_likelihood(engine=engine)
    key = next(iter(problem.nominal))
    values = {key: 1.5}
    moved = psu.read_petab(psu.write_petab(problem, tmp_path / "moved", values=values))
    assert moved.nominal[key] == 1.5
    assert moved.log_likelihood(engine=engine) == problem.log_likelihood(values, engine=engine)


def test_a_fit_of_a_problem(engine, tmp_path):
    problem = psu.read_petab(write(tmp_path / "given", **ONE))
    check(problem.fit(engine=engine, **SHORT), tmp_path / "written", engine)


@pytest.mark.parametrize("before", [False, True], ids=["within", "before"])
def test_a_fit_of_a_hybrid_problem(engine, tmp_path, before):
    problem = psu.read_petab(hybrid(tmp_path / "given", before=before, activation="silu"))
    check(problem.fit(engine=engine, **SHORT), tmp_path / "written", engine, lint=False)


def test_what_petab_has_no_word_for(engine, tmp_path):
    data = psu.Dataset.from_arrays(T, np.round(U[:, :1]), states=[x])
    system = psu.ODESystem({x: -k * x}, trainable={k: 0.7}, noise={x: psu.Poisson()})
    with pytest.raises(EmissionError, match="Poisson"):
        psu.write_petab(psu.fit(system, data, engine=engine, **SHORT), tmp_path)
    system = psu.ODESystem({x: -k * sp.erf(x)}, trainable={k: 0.7})
    with pytest.raises(EmissionError, match="erf"):
        psu.write_petab(psu.fit(system, data, engine=engine, **SHORT), tmp_path)
    with pytest.raises(InvalidInputError, match="found int"):
        psu.write_petab(3, tmp_path)
    assert list(tmp_path.iterdir()) == []
