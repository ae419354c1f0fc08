"""PEtab problems of our own: each table entry against the sum that it stands for."""

import numpy as np
import pytest
from scipy import integrate, stats

import pysymude as psu
from pysymude.plot import plot_fit

pytest.importorskip("libsbml", reason="python-libsbml is not installed")
pytest.importorskip("h5py", reason="h5py is not installed")

from tests.engines.petab_text import DECAY, ONE, TWO, WEIGHTS, decay, hybrid, table, write
from tests.interchange import sbml_text as s


def check_gradient(problem, engine, ask="log_likelihood", step=1e-5, **keywords):
    """All slopes against central differences."""
    _, slopes = getattr(problem, ask)(gradient=True, engine=engine, **keywords)
    assert set(slopes) == set(problem.nominal)
    for key, value in problem.nominal.items():
        for place in np.ndindex(np.shape(value)):
            sides = []
            for h in (step, -step):
                moved = np.array(value, dtype=float)
                moved[place] += h
                given = {key: moved if moved.ndim else float(moved)}
                sides.append(getattr(problem, ask)(given, engine=engine, **keywords))
            central = (sides[0] - sides[1]) / (2 * step)
            found = np.asarray(slopes[key])[place]
            assert found == pytest.approx(central, rel=2e-4, abs=2e-4), (key, place)


def test_version_one(engine, tmp_path):
    problem = psu.read_petab(write(tmp_path, **ONE))
    assert dict(problem.nominal) == {"k": 0.5, "sd": 0.2}
    model = np.array([4.0, *(2 * decay([1, 1])), 2 * decay(2, b=1.5), 2 * decay(2, b=1.5) + 1.5])
    assert np.allclose(problem.simulations(engine=engine), model, rtol=1e-6)
    y, sd = np.array([4.1, 2.3, 2.6, 3.9, 5.1]), np.array([0.2, 0.2, 0.2, 0.2, 0.5])
    expected = stats.norm(model, sd).logpdf(y).sum()
    assert problem.log_likelihood(engine=engine) == pytest.approx(expected, abs=1e-5)
    assert problem.log_posterior(engine=engine) == problem.log_likelihood(engine=engine)
    check_gradient(problem, engine)


def test_version_two(engine, tmp_path):
    problem = psu.read_petab(write(tmp_path, **TWO))
    steady = 1.0 / 0.5
    kicked = decay(2, x0=steady) + 1.5
    model = np.array([steady, decay(1, x0=steady), decay(1, x0=kicked), decay(1)])
    assert np.allclose(problem.simulations(engine=engine), model, rtol=1e-6)
    y = np.array([2.1, 1.2, 1.4, 1.1])
    terms = stats.lognorm(0.3, scale=model).logpdf(y)[:3]
    expected = terms.sum() + stats.laplace(model[3], 0.1 + 0.2 * model[3]).logpdf(y[3])
    assert problem.log_likelihood(engine=engine) == pytest.approx(expected, abs=1e-5)
    prior = stats.truncnorm(-2, 18, loc=1.0, scale=0.5).logpdf(0.5) - 2 * np.log(10)
    assert problem.log_posterior(engine=engine) == pytest.approx(expected + prior, abs=1e-5)
    check_gradient(problem, engine)
    check_gradient(problem, engine, "log_posterior")


def forward(z, activation):
    functions = {
        "tanh": np.tanh, "relu": lambda a: np.maximum(a, 0), "silu": lambda a: a / (1 + np.exp(-a)),
        "softsign": lambda a: a / (1 + np.abs(a)), "elu": lambda a: np.where(a > 0, a, np.exp(a) - 1),
    }  # fmt: skip
    hidden = functions[activation](WEIGHTS["first", "weight"] @ z + WEIGHTS["first", "bias"])
    return hidden, WEIGHTS["last", "weight"] @ hidden


@pytest.mark.parametrize("activation", ["tanh", "silu", "softsign", "relu", "elu"])
@pytest.mark.parametrize("before", [False, True], ids=["within", "before"])
def test_networks(engine, tmp_path, activation, before):
    problem = psu.read_petab(hybrid(tmp_path, before=before, activation=activation))

    def rate(x):
        _, z = forward(np.array([2.0 if before else float(x), 0.3]), activation)
        return 1 / (1 + np.exp(-(z[0] + 0.05)))

    path = integrate.solve_ivp(
        lambda _, x: -rate(x[0]) * x, (0, 3), [2.0], t_eval=[0, 1, 3], rtol=1e-10, atol=1e-12
    ).y[0]
    assert np.allclose(problem.simulations(engine=engine), [*path, path[1]], rtol=1e-5)
    assert {k: np.shape(v) for k, v in problem.nominal.items()} == {
        "x0": (), "net.b1": (3,), "net.W2": (1, 3), "net.b2": (1,),
    }  # fmt: skip
    check_gradient(problem, engine, reltol=1e-9)


def test_a_layer_without_bias(engine, tmp_path):
    problem = psu.read_petab(hybrid(tmp_path, before=True, bias=False))
    _, z = forward(np.array([2.0, 0.3]), "tanh")
    k = 1 / (1 + np.exp(-z[0]))
    assert problem.simulations(engine=engine)[1] == pytest.approx(decay(1, k=k), rel=1e-6)
    assert "net.b2" not in problem.nominal
    check_gradient(problem, engine)


def test_fits(engine, tmp_path):
    problem = psu.read_petab(write(tmp_path, **ONE))
    fit = problem.fit(engine=engine, progress=False)
    found = {k: fit.parameters[k] for k in problem.nominal}
    best = problem.log_likelihood(found, engine=engine)
    _, slopes = problem.log_likelihood(found, gradient=True, engine=engine)
    assert best > problem.log_likelihood(engine=engine) + 0.1
    assert all(abs(g * found[k]) < 1e-2 for k, g in slopes.items())


def test_a_measurement_at_rest(engine, tmp_path):
    files = ONE | {
        "measurements_tsv": ONE["measurements_tsv"] + table("obs fed inf 4.2 0 0.5"),
    }
    problem = psu.read_petab(write(tmp_path, **files))
    assert problem.simulations(engine=engine)[-1] == pytest.approx(6.0, rel=1e-7)
    check_gradient(problem, engine, reltol=1e-10)


def test_a_measurement_at_rest_after_several_periods(engine, tmp_path):
    """At the end of the last one: version 1 after preequilibration, version 2 after a change of a state."""
    rows = table(
        "observableId preequilibrationConditionId simulationConditionId time measurement "
        "observableParameters noiseParameters", "obs slow fed inf 5.5 0 0.5", "obs slow fed 1 3.1 0 0.5",
    )  # fmt: skip
    problem = psu.read_petab(write(tmp_path / "one", **(ONE | {"measurements_tsv": rows})))
    at_rest, later = problem.simulations(engine=engine)
    assert at_rest == pytest.approx(6.0, rel=1e-7)
    assert later == pytest.approx(2 * decay(1, k=0.5, x0=0.0, b=1.5), rel=1e-6)
    check_gradient(problem, engine, reltol=1e-10)
    # what is kept in a closed cycle is what the last period began with
    cycle = s.sbml(
        parameters=[
            *(s.parameter(k, 0.0, constant="false") for k in ("A", "B")), s.parameter("k", 0.5),
            s.parameter("a0", 1.0),
        ],
        starts=[s.initial("A", "a0")], rules=[s.rate("A", "-k*A + B"), s.rate("B", "k*A - B")],
    )  # fmt: skip
    files = {
        "problem_yaml": TWO["problem_yaml"], "model_xml": cycle,
        "parameters_tsv": table(
            "parameterId lowerBound upperBound nominalValue estimate", "k 0 10 0.5 true",
            "a0 0 10 1.0 true",
        ),
        "conditions_tsv": table("conditionId targetId targetValue", "dose A A+2*a0", "less B B/2"),
        "experiments_tsv": table("experimentId time conditionId", "e 0 -", "e 1 dose", "e 3 less"),
        "observables_tsv": table(
            "observableId observableFormula noiseFormula noiseDistribution", "obs A 0.1 normal"
        ),
        "measurements_tsv": table(
            "observableId experimentId time measurement", "obs e inf 1.5", "obs e 3 1.4"
        ),
    }  # fmt: skip
    problem = psu.read_petab(write(tmp_path / "two", **files))

    # by the sums and differences of A and B
    def b_after(a, b, span):
        total, rest = a + b, 0.5 * (a + b) / 1.5
        return total - rest, rest + (b - rest) * np.exp(-1.5 * span)

    b = b_after(1.0, 0.0, 1.0)[1]
    a = 1.0 - b + 2.0
    total, b = a + b, b_after(a, b, 2.0)[1]
    a = total - b
    whole = a + 0.5 * b
    at_rest, just_after = problem.simulations(engine=engine, reltol=1e-10)
    assert just_after == pytest.approx(a, rel=1e-8)
    assert at_rest == pytest.approx(whole / 1.5, rel=1e-8)
    check_gradient(problem, engine, reltol=1e-10)


def test_conditions_that_later_conditions_do_not_mention(engine, tmp_path):
    """Version 1 goes back to the model's value, version 2 keeps what was set."""
    files = ONE | {
        "conditions_tsv": table("conditionId b k", "before 1.0 0.25", "after - 0.25"),
        "parameters_tsv": table(
            "parameterId parameterScale lowerBound upperBound nominalValue estimate", "x0 lin 0 10 2.0 1"
        ),
        "measurements_tsv": table(
            "observableId preequilibrationConditionId simulationConditionId time measurement "
            "observableParameters noiseParameters", "obs before after 1 4.1 0 1",
        ),
    }  # fmt: skip
    problem = psu.read_petab(write(tmp_path / "one", **files))
    assert problem.simulations(engine=engine)[0] == pytest.approx(
        2 * decay(1, k=0.25, x0=4.0), rel=1e-6
    )
    files = TWO | {
        "experiments_tsv": table(
            "experimentId time conditionId", "e -inf rest", "e 0 -", "e 2 kick", "f 0 -"
        )
    }
    kept = psu.read_petab(write(tmp_path / "two", **files))
    assert kept.simulations(engine=engine)[1] == pytest.approx(2.0, rel=1e-6)


def test_conditions_of_observables_alone(engine, tmp_path):
    """What no equation reads may differ from condition to condition, by something learned."""
    files = ONE | {
        "conditions_tsv": table("conditionId b offset", "slow 0.0 low", "fed 1.5 4.0"),
        "observables_tsv": table("observableId observableFormula noiseFormula", "obs x+offset 0.3"),
        "parameters_tsv": ONE["parameters_tsv"].replace("sd\t", "low\t"),
        "measurements_tsv": table(
            "observableId simulationConditionId time measurement", "obs slow 1 1.0", "obs fed 1 6.0"
        ),
    }  # fmt: skip
    problem = psu.read_petab(write(tmp_path, **files))
    expected = [decay(1) + 0.2, decay(1, b=1.5) + 4.0]
    assert np.allclose(problem.simulations(engine=engine), expected, rtol=1e-6)
    check_gradient(problem, engine)


def test_transformed_observables(engine, tmp_path):
    files = ONE | {
        "observables_tsv": table(
            "observableId observableFormula noiseFormula observableTransformation noiseDistribution",
            "obs 2*x sd log10 normal", "raw x 0.1 log laplace",
        ),
        "measurements_tsv": table(
            "observableId simulationConditionId time measurement", "obs slow 1 2.0", "raw fed 1 2.1"
        ),
    }  # fmt: skip
    problem = psu.read_petab(write(tmp_path, **files))
    log_ten = stats.norm(np.log10(2 * decay(1)), 0.2).logpdf(np.log10(2.0)) - np.log(
        2.0 * np.log(10)
    )
    log_e = stats.laplace(np.log(decay(1, b=1.5)), 0.1).logpdf(np.log(2.1)) - np.log(2.1)
    assert problem.log_likelihood(engine=engine) == pytest.approx(log_ten + log_e, abs=1e-5)
    check_gradient(problem, engine)


def test_priors_on_the_scale_of_parameters(engine, tmp_path):
    rows = table(
        "parameterId parameterScale lowerBound upperBound nominalValue estimate objectivePriorType "
        "objectivePriorParameters", "k log10 1e-3 1e3 0.5 1 parameterScaleNormal 0;1", "x0 lin 0 10 2.0 0 - -",
        "sd log10 1e-3 10 0.2 1 laplace 0.1;0.5",
    )  # fmt: skip
    problem = psu.read_petab(write(tmp_path, **(ONE | {"parameters_tsv": rows})))
    inside = stats.norm.cdf(3) - stats.norm.cdf(-3)
    k = stats.norm.logpdf(np.log10(0.5)) - np.log(0.5 * np.log(10)) - np.log(inside)
    law = stats.laplace(0.1, 0.5)
    sd = law.logpdf(0.2) - np.log(law.cdf(10) - law.cdf(1e-3))
    added = problem.log_posterior(engine=engine) - problem.log_likelihood(engine=engine)
    assert added == pytest.approx(k + sd, abs=1e-9)
    check_gradient(problem, engine, "log_posterior")
    # but for the constants of what is cut off, fits have the same priors
    objective = problem.objective(engine=engine)
    theta = objective.theta0()
    constants = np.log(inside) + np.log(law.cdf(10) - law.cdf(1e-3))
    assert objective.log_posterior(theta) - objective.log_likelihood(theta) == pytest.approx(
        k + sd + constants, abs=1e-9
    )


RARE = {
    "cauchy 0.3;0.7": stats.cauchy(0.3, 0.7), "gamma 2.0;0.5": stats.gamma(2.0, scale=0.5),
    "exponential 0.7": stats.expon(scale=0.7), "chisquare 3.0": stats.chi2(3.0),
    "rayleigh 0.7": stats.rayleigh(scale=0.7), "log-uniform 0.02;8.0": stats.loguniform(0.02, 8.0),
    "log-laplace 0.1;0.7": stats.loglaplace(1 / 0.7, scale=np.exp(0.1)),
}  # fmt: skip


@pytest.mark.parametrize("given", RARE)
def test_every_prior_of_version_two(engine, tmp_path, given):
    """Cut off at the bounds in `log_posterior`; in fits but for that constant, with the same slope."""
    words = given.replace(" ", "\t")
    rows = TWO["parameters_tsv"].replace("normal\t1.0;0.5", words)
    assert words in rows
    problem = psu.read_petab(write(tmp_path, **(TWO | {"parameters_tsv": rows})))
    law, (low, high) = RARE[given], problem.bounds["k"]
    k = problem.nominal["k"]
    cut = np.log(law.cdf(high) - law.cdf(low))
    others = sum(
        d.log_density(problem.nominal[n])[0] for n, d in problem.priors.items() if n != "k"
    )
    added = problem.log_posterior(engine=engine) - problem.log_likelihood(engine=engine) - others
    assert added == pytest.approx(law.logpdf(k) - cut, abs=1e-9)
    check_gradient(problem, engine, "log_posterior")
    objective = problem.objective(engine=engine)
    theta = objective.theta0()
    found = objective.log_posterior(theta) - objective.log_likelihood(theta)
    assert found == pytest.approx(law.logpdf(k), abs=1e-9)
    fit = problem.fit(engine=engine, progress=False, stages=psu.LBFGS(30))
    best = {name: fit.parameters[name] for name in problem.nominal}
    assert problem.log_posterior(best, engine=engine) > problem.log_posterior(engine=engine) - 1e-6


def test_a_uniform_prior_bounds_a_fit(engine, tmp_path):
    rows = TWO["parameters_tsv"].replace("normal\t1.0;0.5", "uniform\t0.55;0.65")
    problem = psu.read_petab(write(tmp_path, **(TWO | {"parameters_tsv": rows})))
    (bounds,) = [b for s, b in problem.system.bounds.items() if s.name == "k"]
    assert bounds == (0.55, 0.65)


def test_networks_of_what_conditions_say(engine, tmp_path):
    """Inputs from the condition table; one output is a rate constant, and one a start."""
    path = hybrid(tmp_path, before=True)
    for name, text in {
        "conditions.tsv": table(
            "conditionId targetId targetValue", "low in1 0.5", "high in1 2.0", "start x 10*out"
        ),
        "experiments.tsv": table(
            "experimentId time conditionId", "e 0 low", "f 0 high", "f 0 start"
        ),
        "hybridization.tsv": table("targetId targetValue", "k out"),
    }.items():
        (tmp_path / name).write_text(text)
    path.write_text(
        path.read_text().replace(
            "mapping_files", "condition_files: [conditions.tsv]\nmapping_files"
        )
    )
    problem = psu.read_petab(path)

    def rate(z):
        return 1 / (1 + np.exp(-(forward(np.array([z, 0.3]), "tanh")[1][0] + 0.05)))

    found = [decay(s, k=rate(0.5)) for s in (0, 1, 3)] + [decay(1, k=rate(2.0), x0=10 * rate(2.0))]
    assert np.allclose(problem.simulations(engine=engine), found, rtol=1e-6)
    check_gradient(problem, engine)


def test_a_network_that_only_starts_something(engine, tmp_path):
    path = hybrid(tmp_path, before=True)
    (tmp_path / "hybridization.tsv").write_text(table("targetId targetValue", "in1 x0", "x 3*out"))
    (tmp_path / "parameters.tsv").write_text(
        (tmp_path / "parameters.tsv").read_text() + table("k 0 10 0.7 true")
    )
    problem = psu.read_petab(path)
    z = forward(np.array([2.0, 0.3]), "tanh")[1][0] + 0.05
    start = 3 / (1 + np.exp(-z))
    found = [decay(s, k=0.7, x0=start) for s in (0, 1, 3, 1)]
    assert np.allclose(problem.simulations(engine=engine), found, rtol=1e-6)
    check_gradient(problem, engine)


def test_units_of_a_problem(engine, tmp_path):
    """Those of the model, and of an observable that is a multiple of a state; they change no number."""
    timed = DECAY.replace('<model id="m" ', '<model id="m" timeUnits="second" ')
    timed = timed.replace('<parameter id="x" ', '<parameter id="x" units="mole" ')
    plain_sum = ONE["observables_tsv"].replace("+observable", "+0*observable")
    files = ONE | {"model_xml": timed, "observables_tsv": plain_sum}
    problem = psu.read_petab(write(tmp_path / "with", **files))
    assert dict(problem.system.units) == {
        "x": "mole",
        "t": "second",
        "obs": "mole",
        "obs_2": "mole",
    }
    plain = psu.read_petab(write(tmp_path / "without", **(files | {"model_xml": DECAY})))
    assert dict(plain.system.units) == {}
    same = plain.log_likelihood(engine=engine)
    assert problem.log_likelihood(engine=engine) == pytest.approx(same, rel=1e-12)
    fit = problem.fit(engine=engine, progress=False, stages=psu.LBFGS(3))
    assert "obs [mole] " in fit.summary()
    axes = plot_fit(fit).axes[0]
    assert axes.get_xlabel() == "time t [second]"
    assert axes.get_ylabel() == "obs, obs_2 [mole]"
