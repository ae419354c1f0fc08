"""Periods that begin at -inf: against long integration, and gradients by differences."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import pysymude as psu

x, y, z = psu.states("x y z")
k1, k2, k3, u, d = psu.parameters("k1 k2 k3 u d")
TIGHT = {"reltol": 1e-10, "abstol": 1e-12}
CYCLE = psu.ODESystem(
    {x: -(k1 + u) * x + k3 * z, y: (k1 + u) * x - k2 * y, z: k2 * y - k3 * z},
    trainable={k1: 0.5, k2: 1.0, k3: 0.7, d: 1.0},
    parameters={u: 1.0},
)
T = np.linspace(0.0, 5.0, 9)
Y = np.random.default_rng(0).uniform(0.0, 1.0, (9, 2))
REST = psu.Period(-np.inf, parameters={u: 0.0})


def experiment(u0, *periods):
    return psu.Trajectory.from_arrays(
        T, Y, states=[y, z], u0=u0, periods=[*periods, psu.Period(0.0)]
    )


def random_network(seed):
    """Six species in two cycles that share an enzyme, by mass action: two or three conserved totals."""
    rng = np.random.default_rng(seed)
    s = psu.states(f"s{seed}_:6")
    rates = psu.parameters(f"r{seed}_:6", positive=True)
    rhs = dict.fromkeys(s, 0)
    pairs = [
        ((0, 1), (2,)),
        ((2,), (0, 1)),
        ((2,), (0, 3)),
        ((3,), (1,)),
        ((4, 0), (5, 0)),
        ((5,), (4,)),
    ]
    for k, (left, right) in zip(rates, pairs, strict=True):
        rate = k
        for i in left:
            rate = rate * s[i]
        for i in left:
            rhs[s[i]] -= rate
        for i in right:
            rhs[s[i]] += rate
    starts = dict(zip(rates, rng.uniform(0.3, 2.0, 6), strict=True))
    return psu.ODESystem(rhs, trainable=starts), dict(zip(s, rng.uniform(0.2, 2.0, 6), strict=True))


@pytest.mark.parametrize("sensealg", ["adjoint", "forward"])
def test_gradients_go_through_the_steady_state(engine: str, sensealg: str):
    data = psu.Dataset(
        [
            experiment({x: 2 * d, y: 0.3, z: 0.0}, REST),
            experiment({x: 1.0, y: 0.3, z: 0.0}, psu.Period(-np.inf, parameters={u: k2 * d})),
        ]
    )
    obj = psu.objective(CYCLE, data, engine=engine, sensealg=sensealg, **TIGHT)
    theta = obj.theta0() + 0.1
    gradient = obj.value_and_grad(theta)[1]
    wanted = [
        (obj.value(theta + 1e-5 * e) - obj.value(theta - 1e-5 * e)) / 2e-5
        for e in np.eye(theta.size)
    ]
    np.testing.assert_allclose(gradient, wanted, rtol=1e-6)
    assert np.abs(gradient).min() > 1e-4


def test_it_is_where_a_long_integration_ends(engine: str):
    data = experiment({x: 2.0 * d, y: 0.3, z: 0.0}, REST)
    obj = psu.objective(CYCLE, data, engine=engine, **TIGHT)

    def f(t, s, u):
        a = (0.5 + u) * s[0]
        return [-a + 0.7 * s[2], a - s[1], s[1] - 0.7 * s[2]]

    how = {"rtol": 1e-11, "atol": 1e-13, "method": "LSODA"}
    rest = solve_ivp(f, (0, 300), [2.0, 0.3, 0.0], args=(0.0,), **how).y[:, -1]
    wanted = solve_ivp(f, (0, 5), rest, args=(1.0,), t_eval=T, **how).y[1:].T
    np.testing.assert_allclose(
        obj.simulated(obj.layout.pack({"k1": 0.5, "k2": 1.0, "k3": 0.7, "d": 1.0}))[0],
        wanted,
        atol=1e-9,
    )


@pytest.mark.parametrize("seed", range(10))
def test_networks_with_totals_rest_where_a_long_integration_ends(engine: str, seed: int):
    system, u0 = random_network(seed)
    names = [s.name for s in system.states]
    data = psu.Trajectory.from_arrays(
        [0.0, 1.0],
        np.ones((2, 6)),
        states=names,
        u0=u0,
        periods=[psu.Period(-np.inf), psu.Period(0.0)],
    )
    obj = psu.objective(system, data, engine=engine, **TIGHT)
    theta = obj.theta0()
    found = obj.simulated(theta)[0]
    long = psu.solve(
        system, t=[0.0, 3000.0], u0=u0, engine=engine, solver="Rodas5P", reltol=1e-10, abstol=1e-13
    )
    np.testing.assert_allclose(found[0], long.u[-1], atol=1e-8)
    np.testing.assert_allclose(found[1], found[0], atol=1e-9)
    gradient = obj.value_and_grad(theta)[1]
    e = np.random.default_rng(seed).normal(size=theta.size)
    wanted = (obj.value(theta + 1e-5 * e) - obj.value(theta - 1e-5 * e)) / 2e-5
    assert gradient @ e == pytest.approx(wanted, rel=2e-6, abs=1e-8)


@pytest.mark.parametrize(
    ("rhs", "code"),
    [
        ({x: y, y: -x}, "NoSteadyState"),
        ({x: -k1 * x, y: k1 * x - y}, "Success"),
        ({x: k1 * x, y: -y}, "Unstable"),
        ({x: x * (1 - x), y: x - y}, "Success"),
        ({x: k1, y: -y}, "NoSteadyState"),
    ],
    ids=["turns", "dies out", "grows", "saturates", "rises"],
)
def test_what_does_not_rest_says_so(engine: str, rhs, code: str):
    system = psu.ODESystem(rhs, trainable={k1: 0.5}, observables={"seen": k1 * x})
    data = psu.Trajectory.from_arrays(
        T,
        np.ones(9),
        states=["seen"],
        u0={x: 0.5, y: 0.2},
        periods=[psu.Period(-np.inf), psu.Period(0.0)],
    )
    obj = psu.objective(system, data, engine=engine)
    found = obj.evaluate(obj.theta0())
    assert found.retcode.name == code
    assert np.isfinite(found.value) == (code == "Success")
    assert code != "NoSteadyState" or "did not come to rest" in found.message


def test_rest_between_periods(engine: str):
    """After a dose and a change of values: totals are those at the start of the period that comes to rest."""
    later = [
        psu.Period(1.0, set={x: x + 2 * d}, parameters={u: 0.3}),
        psu.Period(2.5, set={z: 0.5 * z}, parameters={u: k2}, rest=True),
    ]
    one = psu.Trajectory.from_arrays(
        T, Y, states=[y, z], u0={x: 2 * d, y: 0.3, z: 0.0}, periods=[psu.Period(0.0), *later]
    )
    data = psu.Dataset([one])
    obj = psu.objective(CYCLE, data, engine=engine, **TIGHT)
    theta = obj.theta0()
    seen = obj.simulated(theta)[0]
    c = {"k1": 0.5, "k2": 1.0, "k3": 0.7}

    def rhs(on):
        return lambda _, v: [
            -(c["k1"] + on) * v[0] + c["k3"] * v[2], (c["k1"] + on) * v[0] - c["k2"] * v[1],
            c["k2"] * v[1] - c["k3"] * v[2],
        ]  # fmt: skip

    def far(on, start, span):
        return solve_ivp(rhs(on), (0, span), start, method="LSODA", rtol=1e-11, atol=1e-13).y[:, -1]

    state = far(1.0, [2.0, 0.3, 0.0], 1.0) + np.array([2.0, 0.0, 0.0])
    state = far(0.3, state, 1.5)
    on_the_way = far(0.3, far(1.0, [2.0, 0.3, 0.0], 1.0) + np.array([2.0, 0.0, 0.0]), 0.25)
    np.testing.assert_allclose(seen[2], on_the_way[1:], rtol=1e-7)  # t = 1.25
    rested = far(0.3, state, 500.0) * [1.0, 1.0, 0.5]
    np.testing.assert_allclose(seen[4], rested[1:], rtol=1e-7)  # t = 2.5
    np.testing.assert_allclose(seen[-1], far(1.0, rested, 2.5)[1:], rtol=1e-7)
    gradient = obj.value_and_grad(theta)[1]
    for i in range(theta.size):
        step = np.zeros_like(theta)
        step[i] = 1e-6
        slope = (obj.value(theta + step) - obj.value(theta - step)) / 2e-6
        assert gradient[i] == pytest.approx(slope, rel=2e-5, abs=1e-6)
    # `predict` takes the same way, and so does a fit that was stored
    fit = psu.fit(CYCLE, data, engine=engine, stages=psu.LBFGS(1), progress=False, **TIGHT)
    assert "rest=True" in repr(fit.data[0].periods[-1])
    again = fit.objective.simulated(fit.theta)[0]
    np.testing.assert_allclose(fit.predict(T)["y"], again[:, 0], rtol=1e-6)


@pytest.mark.parametrize("start", [-np.inf, d])
def test_rest_needs_a_time_and_is_a_truth_value(start):
    with pytest.raises(psu.PySymUDEError, match="rest must be True or False; found 'yes'"):
        psu.Period(3.0, rest="yes")
    with pytest.raises(psu.PySymUDEError, match="rest=True begins at a time that is a number"):
        psu.Period(start, rest=True)
