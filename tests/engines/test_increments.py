"""Counts per interval: a state that is put back at each report, and one that keeps what it was."""

import numpy as np

import pysymude as psu

S, sick, new, cases = psu.states("S sick new cases")
beta, gamma = psu.parameters("beta gamma", positive=True)
FLOW = beta * S * sick / 1e4
WEEKS = np.arange(7.0, 71.0, 7.0)
START = {S: 9990.0, sick: 10.0, new: 0.0, cases: 0.0}


def plain() -> np.ndarray:
    """Increments of a plain solve: what left S in each week."""
    system = psu.ODESystem(
        {S: -FLOW, sick: FLOW - gamma * sick}, parameters={beta: 0.5, gamma: 0.25}
    )
    t = np.append(0.0, WEEKS)
    found = psu.solve(system, u0=[9990.0, 10.0], t=t, engine="native", reltol=1e-10)
    return -np.diff(found["S"])


def objective(engine: str) -> psu.Objective:
    system = psu.ODESystem(
        {S: -FLOW, sick: FLOW - gamma * sick, new: FLOW, cases: 0},
        trainable={beta: 0.5, gamma: 0.25}, noise={cases: psu.Poisson()},
    )  # fmt: skip
    counts = np.random.default_rng(0).poisson(plain()).astype(float)
    reports = [psu.Period(week, set={cases: new, new: 0}) for week in WEEKS]
    data = psu.Trajectory.from_arrays(
        WEEKS, counts[:, None], states=[cases], t0=0.0, u0=START, periods=reports
    )
    return psu.objective(system, data, engine=engine, reltol=1e-9)


def test_the_model_gives_increments(engine: str):
    obj = objective(engine)
    seen = obj.simulated(obj.theta0())[0, :, 0]
    np.testing.assert_allclose(seen, plain(), rtol=1e-5)
    assert not np.allclose(seen, np.cumsum(plain()), rtol=0.1)


def test_their_gradient_is_exact(engine: str):
    obj = objective(engine)
    theta = obj.theta0() + 0.1
    slopes = obj.value_and_grad(theta)[1]
    for k, h in enumerate(1e-5 * np.eye(theta.size)):
        difference = (obj.value(theta + h) - obj.value(theta - h)) / 2e-5
        np.testing.assert_allclose(slopes[k], difference, rtol=1e-5)
