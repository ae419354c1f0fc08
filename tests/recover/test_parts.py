"""The parts of a recovery, each against a second way to the same answer."""

from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pytest
import sympy as sp

import pysymude as psu
from pysymude.recover.front import FrontRow, criterion_value, pareto
from pysymude.recover.library import candidates
from pysymude.recover.linearised import Linear, best_subsets
from pysymude.recover.recovery import _limit_reached
from pysymude.recover.rounding import simplest_within
from pysymude.recover.sampling import Samples
from pysymude.recover.sparse import sparse_supports

x, y = psu.states("x y")
T = np.linspace(0.0, 4.0, 21)


def planted(seed=0, n=60, candidates=9, noise=0.01):
    rng = np.random.default_rng(seed)
    C, N = rng.standard_normal((n, candidates)), rng.standard_normal((n, 2))
    target = N @ [5.0, -7.0] + 2.0 * C[:, 1] - 0.3 * C[:, 6] + noise * rng.standard_normal(n)
    return Linear(C, N, target)


def test_the_beam_finds_the_best_subsets():
    linear = planted()
    found = best_subsets(linear, 3)
    for size in (1, 2, 3):

        def loss(support):
            A = np.hstack([linear.nuisance, linear.columns[:, support]])
            return float(np.sum((linear.target - A @ np.linalg.lstsq(A, linear.target)[0]) ** 2))

        best = min(combinations(range(9), size), key=loss)
        assert found[size][0][1] == best
        assert found[size][0][0] == pytest.approx(loss(best), rel=1e-8)
    assert found[2][0][1] == (1, 6)
    np.testing.assert_allclose(linear.solve([(1, 6)])[1][0], [2.0, -0.3], atol=0.01)


def test_what_the_nuisances_explain_is_no_candidate():
    linear = planted()
    same = Linear(
        np.hstack([linear.columns, linear.nuisance[:, :1]]), linear.nuisance, linear.target
    )
    assert 9 not in same.live
    assert best_subsets(same, 1)[1][0][1] == (1,)


def test_pysindy_finds_planted_terms():
    rng = np.random.default_rng(1)
    X = rng.standard_normal((80, 6)) * [1, 10, 0.01, 1, 1, 1]
    s = Samples(3e3 * X[:, 2] - X[:, 1], X, 80)
    for method in ("stlsq", "sr3"):
        assert (1, 2) in sparse_supports([s], method, 4)
        # outputs are numbered one after the other
        assert (1, 2, 7, 8) in sparse_supports([s, s], method, 4)


def test_criteria_by_hand():
    given = {"loss": 2.0, "measurements": 50, "learned": 3, "terms": 2, "candidates": 10}
    fit = 50 * np.log(2.0 / 50)
    assert criterion_value("bic", **given) == pytest.approx(fit + 4 * np.log(50))
    assert criterion_value("ebic", **given) == pytest.approx(fit + 4 * np.log(50) + 2 * np.log(45))
    assert criterion_value("aicc", **given) == pytest.approx(fit + 8 * 50 / 45)


def test_the_front_keeps_what_is_better_than_all_smaller():
    rows = [FrontRow(n, {}, loss, 0.0, 0.0) for n, loss in [(1, 5.0), (1, 4.0), (2, 4.5), (3, 1.0)]]
    assert [(r.terms, r.loss) for r in pareto(rows)] == [(1, 4.0), (3, 1.0)]


@pytest.mark.parametrize(
    ("low", "high", "wanted"),
    [(0.788, 0.809, "4/5"), (-0.91, -0.89, "-9/10"), (-0.1, 0.3, "1/6"), (0.7071, 0.7072, None)],
)
def test_the_simplest_rational(low, high, wanted):
    found = simplest_within(low, high, 20)
    assert wanted == (None if found is None else str(found)) or found == sp.Rational(wanted)


def test_libraries():
    nn = psu.MLP("nn", inputs=[x, 2 * y], outputs=2, hidden=3)
    one, two = candidates(psu.ODESystem({x: nn[0], y: nn[1]}), ["poly2", "trig", x / (1 + x**2)])
    assert one.terms == two.terms
    assert one.terms == (
        sp.S.One, x, 2 * y, x**2, 2 * x * y, 4 * y**2,
        sp.sin(x), sp.cos(x), sp.sin(2 * y), sp.cos(2 * y), x / (1 + x**2),
    )  # fmt: skip
    # the same network at other inputs
    assert one.at((y, x))[1:4] == (y, x, y**2)


def test_parameters_observables_experiments_and_starts_are_learned_again():
    """x' = r x + nn, truly -x^2/2, from a signal 2 x + 1 in two experiments; r and a start unknown."""
    r = psu.parameters("r", positive=True)
    state = psu.states("z", positive=True)

    def logistic(start):
        return 2 / (1 + (2 / start - 1) * np.exp(-T))

    signals = [2 * logistic(s)[:, None] + 1 for s in (0.2, 3.0)]
    rng = np.random.default_rng(0)
    signals = [s + 1e-3 * rng.standard_normal(s.shape) for s in signals]
    one = psu.Trajectory.from_arrays(
        T, signals[0], states=["signal"], u0={state: 0.25}, trainable_u0=True
    )
    two = psu.Trajectory.from_arrays(T, signals[1], states=["signal"], u0={state: 3.0})
    nn = psu.MLP("nn", inputs=[state], outputs=1, hidden=4)
    system = psu.ODESystem(
        {state: r * state + nn[0]}, trainable={r: 0.8}, observables={"signal": 2 * state + 1}
    )
    fit = psu.fit(
        system, psu.Dataset([one, two]), stages=psu.LBFGS(60), engine="native", progress=False
    )
    # a term proportional to z would say the same as r does
    recovered = psu.recover(fit, library=[sp.S.One, state**2, state**3, sp.sin(state)], resamples=5)
    assert [c.term for c in recovered.coefficients] == [state**2]
    assert recovered.coefficients[0].value == pytest.approx(-0.5, rel=0.01)
    assert recovered.refit.parameters["r"] == pytest.approx(1.0, rel=0.01)
    assert recovered.refit.u0(0) == pytest.approx([0.2], rel=0.02)
    assert recovered.trusted


def test_a_term_that_a_learned_parameter_can_take_over_is_never_chosen():
    r = psu.parameters("r")
    z = psu.states("z", positive=True)
    data = psu.Dataset.from_arrays(T, 2 / (1 + 9 * np.exp(-T))[:, None], states=[z])
    nn = psu.MLP("nn", inputs=[z], outputs=1, hidden=4)
    fit = psu.fit(
        psu.ODESystem({z: r * z + nn[0]}, trainable={r: 0.8}), data, stages=psu.LBFGS(60),
        engine="native", progress=False,
    )  # fmt: skip
    recovered = psu.recover(fit, library="poly3", resamples=5)
    assert [c.term for c in recovered.coefficients] == [z**2]
    assert recovered.coefficients[0].value == pytest.approx(-0.5, rel=1e-3)


def test_a_refit_is_made_as_the_fit_was():
    x, y = psu.states("x y", positive=True)
    t = np.linspace(0.0, 2.0, 21)
    truth = psu.ODESystem({x: -1.5 * x + 0.5 * y, y: 1.5 * x - 0.5 * y})
    clean = psu.solve(truth, u0=[1.0, 0.2], t=t, reltol=1e-10, engine="native").u
    nn = psu.MLP("nn", inputs=[x], outputs=1, hidden=4)
    fit = psu.fit(
        psu.ODESystem({x: nn[0] + 0.5 * y, y: -nn[0] - 0.5 * y}),
        psu.Dataset.from_arrays(t, clean, states=[x, y]),
        laws=x + y, conserve="penalty", law_weight=2.0, sensealg="forward", max_steps=5000, engine="native",
        stages=[psu.GradientMatching(), psu.LBFGS(200)], progress=False,
    )  # fmt: skip
    refit = psu.recover(fit, library=["poly2"]).refit
    assert refit.objective.method == fit.objective.method
    assert [law.expr for law in refit.laws] == [x + y]
    assert refit.objective.enforced.conserve == "penalty"
    assert refit.objective.settings.law_weight == fit.objective.settings.law_weight == 2.0
    assert refit.objective.settings.weigh == fit.objective.settings.weigh


@pytest.mark.parametrize(
    ("terms", "asked", "there", "message"),
    [
        (3, 8, 3, "uses all candidates that the library has (3)"),
        (3, 3, 9, "as many terms as max_terms=3 allows"),
        (3, 8, 9, "so few measurements do not determine more"),
    ],
)
def test_what_kept_a_form_from_more_terms_is_named(terms, asked, there, message):
    search = SimpleNamespace(max_terms=terms, asked_terms=asked, live=np.arange(there))
    assert message in _limit_reached(search)
