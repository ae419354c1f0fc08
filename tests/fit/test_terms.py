"""Every term of a loss: its slopes are differences of its value, whatever kind it is of."""

import inspect
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import pysymude as psu
from pysymude.fit import terms
from pysymude.fit.stages.multiple_shooting import shooting_task
from pysymude.fit.stages.stage import Training
from pysymude.fit.terms.balance import balance_terms
from pysymude.fit.terms.equivariance import equivariance_terms
from pysymude.fit.terms.law_drift import LawDrift
from pysymude.fit.terms.law_matches import law_matches
from pysymude.fit.terms.likelihood import Likelihood
from pysymude.fit.terms.own_loss import OwnLoss
from pysymude.fit.terms.priors import Priors
from pysymude.fit.terms.sampled_terms import SampledTerm
from pysymude.fit.terms.shooting_ties import ShootingTies
from pysymude.fit.terms.slope_matches import slope_match
from pysymude.fit.terms.term import AbstractScore, AbstractTerm, AbstractTie
from pysymude.plan.law import Law

x, y = psu.states("x y")
k, c = psu.parameters("k c")
T = np.linspace(0.0, 2.0, 13)
KINDS = AbstractScore, AbstractTerm, AbstractTie


def objective(**keywords) -> psu.Objective:
    more = keywords.pop("system", {})
    nn = psu.MLP("nn", inputs=[x, y], outputs=1, hidden=(3,))
    rhs = {x: y + nn[0], y: -k * x}
    u = np.column_stack([np.cos(T), -np.sin(T)]) + 0.01 * np.sin(17 * T)[:, None]
    system = psu.ODESystem(rhs, trainable={k: 1.2, **more.pop("trainable", {})}, **more)
    return psu.objective(
        system,
        psu.Dataset.from_arrays(T, u, states=[x, y]),
        engine="native",
        reltol=1e-9,
        **keywords,
    )


DAMPED = {"trainable": {c: 0.2}}
ENERGY = {"laws": [k * x**2 / 2 + y**2 / 2], "conserve": "penalty"}
# a way to a term of each file: the terms of an objective, or an objective whose loss holds it
ALONE = {
    "priors": lambda: objective(system={"priors": {k: psu.Normal(1.0, 0.5)}}).composition.terms,
    "sampled_terms": lambda: law_matches(objective(laws=[k * x**2 + y**2]).prepared),
    "law_matches": lambda: law_matches(objective(laws=[k * x**2 + y**2]).prepared),
    "balance": lambda: balance_terms(
        objective(laws=[Law("energy", k * x**2 / 2 + y**2 / 2, -c * y**2)], system=DAMPED).prepared,
        1.0,
    ),
    "equivariance": lambda: equivariance_terms(
        objective().prepared, [psu.Generator(0, {x: y, y: -x})], 2.0
    ),
    "slope_matches": lambda: [
        slope_match(obj.prepared, obj.prepared.smoothing.at()) for obj in [objective()]
    ],
}
WITHIN = {
    "likelihood": lambda: objective(
        system={"noise": {x: psu.Laplace(c), y: psu.Normal(c)}, "trainable": {c: 0.1}}
    ),
    "own_loss": lambda: objective(loss=lambda seen, data: ((seen[0]["x"] - 1.0) ** 2).sum()),
    "law_drift": lambda: objective(**ENERGY),
}


def differences(value, theta: np.ndarray) -> np.ndarray:
    step = 1e-5 * np.eye(theta.size)
    return np.array([(value(theta + h) - value(theta - h)) / 2e-5 for h in step])


def files() -> set[str]:
    """Files with a term, or with a way to make one."""
    found = {p.stem for p in Path(terms.__file__).parent.glob("*.py")}
    return found - {"__init__", "term", "own_gradients"}


def test_every_file_has_a_case():
    assert files() == {*ALONE, *WITHIN, "shooting_ties"}


def test_every_class_of_a_term_is_final_and_of_one_kind():
    classes: set[type] = set()
    for name in files():
        module = import_module(f"pysymude.fit.terms.{name}")
        own = [v for v in vars(module).values() if inspect.isclass(v) and issubclass(v, KINDS)]
        classes |= {v for v in own if v not in KINDS}
    assert classes == {Likelihood, OwnLoss, Priors, SampledTerm, LawDrift, ShootingTies}
    for one in classes:
        assert one.__final__
        assert sum(issubclass(one, kind) for kind in KINDS) == 1


@pytest.mark.parametrize("name", ALONE)
def test_a_term_that_needs_no_solve(name):
    made = list(ALONE[name]())
    assert made
    for term in made:
        layout = getattr(term, "layout", None) or term.prepared.layout
        theta = 0.3 * np.random.default_rng(1).standard_normal(layout.size)
        _, slopes = term.evaluate(theta, gradient=True)
        expected = differences(lambda z, term=term: term.evaluate(z, gradient=False)[0], theta)
        np.testing.assert_allclose(slopes, expected, rtol=1e-6, atol=1e-6 * np.abs(slopes).max())
        assert np.abs(slopes).max() > 0


@pytest.mark.parametrize("name", WITHIN)
def test_a_term_within_a_loss(name):
    obj = WITHIN[name]()
    theta = obj.theta0(1)
    _, slopes = obj.value_and_grad(theta)
    expected = differences(obj.value, theta)
    np.testing.assert_allclose(slopes, expected, rtol=2e-5, atol=2e-5 * np.abs(slopes).max())


def test_the_ties_of_shooting():
    obj = objective()
    task = shooting_task(Training(obj, obj.loss, np.zeros(obj.layout.size)), 10.0, 3)
    vector = task.embed(obj.theta0(1)) + 0.01
    point = task.evaluate(vector)
    assert point.terms["links"] > 0
    expected = differences(lambda z: task.evaluate(z).value, vector)
    np.testing.assert_allclose(
        point.gradient, expected, rtol=2e-5, atol=1e-5 * np.abs(expected).max()
    )
