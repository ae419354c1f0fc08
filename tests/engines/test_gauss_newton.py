"""Gauss-Newton steps: against SciPy's least squares, with learned noise, and where they are left out."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import least_squares

import pysymude as psu
from pysymude.errors import InvalidInputError
from pysymude.fit.optimizers.optimizer import Point
from pysymude.fit.optimizers.trust_region import TrustRegion

x, y = psu.states("x y")
a, b, s = psu.parameters("a b s", positive=True)
T = np.linspace(0.0, 4.0, 17)
SEEN = np.stack([2 * np.exp(-0.6 * T), 1.5 * (np.exp(-0.2 * T) - np.exp(-0.6 * T))], axis=1)
SEEN += 0.03 * np.random.default_rng(0).standard_normal(SEEN.shape)


def problem(start, noise=None):
    system = psu.ODESystem(
        {x: -a * x, y: a * x / 2 - b * y}, trainable=dict(zip((a, b), start, strict=True)),
        bounds={a: (1e-3, 1e3), b: (1e-3, 1e3)},
    )  # fmt: skip
    if noise is not None:
        system = system.replace(
            trainable={**system.trainable, s: 1.0}, bounds={**system.bounds, s: (1e-4, 1e4)},
            noise={"x": noise, "y": noise},
        )  # fmt: skip
    fixed = None if noise is not None else 0.03
    return system, psu.Dataset.from_arrays(T, SEEN, states=[x, y], u0={x: 2.0, y: 0.0}, noise=fixed)


def best_of_scipy(start):
    def residuals(z):
        rates = np.exp(z)
        path = solve_ivp(
            lambda _, u: [-rates[0] * u[0], rates[0] * u[0] / 2 - rates[1] * u[1]], (0, 4), [2, 0],
            t_eval=T, rtol=1e-9, atol=1e-11, method="LSODA",
        )  # fmt: skip
        return ((path.y.T - SEEN) / 0.03).ravel()

    return np.exp(
        least_squares(residuals, np.log(start), jac="3-point", diff_step=1e-4, xtol=1e-12).x
    )


@pytest.mark.parametrize("start", [(0.05, 5.0), (20.0, 0.01), (0.5, 0.5)])
def test_they_find_the_least_squares_of_scipy(engine, start):
    fit = psu.fit(
        *problem(start), stages=psu.GaussNewton(40), engine=engine, progress=False, reltol=1e-8
    )
    wanted = best_of_scipy((0.5, 0.3))
    assert [fit.parameters["a"], fit.parameters["b"]] == pytest.approx(wanted.tolist(), rel=1e-4)
    assert set(fit.history["stage"]) == {"GaussNewton"}
    assert len(fit.history["stage"]) < 40
    assert np.all(np.diff(fit.history["value"]) < 0)
    assert fit.converged


def test_noise_is_learned_with_the_rest(engine):
    system, data = problem((0.05, 5.0), psu.Normal(s))
    fit = psu.fit(
        system, data, stages=psu.GaussNewton(60), engine=engine, progress=False, reltol=1e-8
    )
    long = psu.fit(system, data, theta0={"a": 0.6, "b": 0.2, "s": 0.03}, stages=psu.LBFGS(300),
                   engine=engine, progress=False, reltol=1e-8)  # fmt: skip
    assert fit.loss == pytest.approx(long.loss, abs=1e-4)
    off = np.array([fit.predict(T)["x"] - SEEN[:, 0], fit.predict(T)["y"] - SEEN[:, 1]])
    assert fit.parameters["s"] == pytest.approx(np.sqrt(np.mean(off**2)), rel=1e-3)


def test_priors_have_a_part(engine):
    system, data = problem((0.5, 0.5), psu.Normal(s))
    system = system.replace(priors={a: psu.LogNormal(np.log(0.3), 0.05)})
    options = {"engine": engine, "progress": False, "reltol": 1e-8}
    fit = psu.fit(system, data, stages=psu.GaussNewton(60), **options)
    long = psu.fit(system, data, stages=psu.LBFGS(500), **options)
    assert fit.loss == pytest.approx(long.loss, abs=1e-3)
    assert fit.parameters["a"] < 0.55


def test_where_noise_is_not_normal_they_are_left_out(engine):
    system, data = problem((0.5, 0.5), psu.Laplace(s))
    fit = psu.fit(
        system, data, stages=[psu.GaussNewton(), psu.LBFGS(20)], engine=engine, progress=False
    )
    assert set(fit.history["stage"]) == {"LBFGS"}


def test_a_step_stays_in_the_region_and_shrinks_it():
    """Rosenbrock's valley: the model is only good nearby."""

    def evaluate(v):
        r = np.array([10 * (v[1] - v[0] ** 2), 1 - v[0]])
        J = np.array([[-20 * v[0], 10.0], [-1.0, 0.0]])
        return Point(v, float(r @ r), 2 * J.T @ r, True)

    def curvature(v):
        J = np.array([[-20 * v[0], 10.0], [-1.0, 0.0]])
        return 2 * J.T @ J

    region = TrustRegion(curvature, lambda v: np.ones(2))
    point = evaluate(np.array([-1.2, 1.0]))
    memory = region.start(point.theta)
    for _ in range(60):
        before, radius = point, float(memory["radius"][0])
        found = region.step(point, memory, evaluate)
        if found is None:
            break
        point = found
        assert np.linalg.norm(point.theta - before.theta) <= radius * (1 + 1e-9)
    np.testing.assert_allclose(point.theta, [1, 1], atol=1e-6)
    assert region.promise(point, memory) < 1e-10


def test_wrong_iterations():
    with pytest.raises(InvalidInputError, match="iterations"):
        psu.GaussNewton(0)
