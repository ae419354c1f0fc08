"""The adjoint of a fitted system: its laws move no more than the solver's error lets them."""

from dataclasses import replace

import numpy as np
import pytest
import sympy as sp

import pysymude as psu
from pysymude.errors import InvalidInputError
from pysymude.fit.result.backward_drift import backward_drift

x, y = psu.states("x y")
w, b, k = psu.parameters("w b k")
nn = psu.MLP("nn", inputs=[x, y], outputs=2, hidden=(3,))
T = np.linspace(0.0, 2.0, 9)


def fitted(system, u, **how):
    data = psu.Dataset.from_arrays(T, u, states=list(system.states)[: u.shape[1]])
    return psu.fit(
        system, data, stages=psu.LBFGS(2), solver="Tsit5", progress=False, engine="native", **how
    )


@pytest.fixture(scope="module")
def turning():
    """A pendulum-like rotation with a network."""
    system = psu.ODESystem({x: y + nn[0], y: -x + nn[1]})
    return fitted(system, np.stack([np.cos(T), -np.sin(T)], axis=1))


def test_it_falls_with_the_tolerance(turning):
    found = [turning.adjoint_drift(reltol=r, abstol=r)["d/dt"] for r in (1e-3, 1e-6, 1e-9)]
    assert found[0] > 30 * found[1] > 900 * found[2] > 0
    assert found[2] < 1e-8


def test_a_wrong_adjoint_is_seen(turning):
    adjoint = psu.adjoint_laws(turning.system, generators=[psu.Generator(1)])
    how = {
        "theta": turning.theta, "engine": "native", "solver": "Tsit5", "reltol": 1e-9, "abstol": 1e-9,
    }  # fmt: skip
    u = psu.solve(turning.system, u0=turning.u0(), t=T, **how).u
    where = {"t": T, "u": u, "terminal": [1.0, 0.5], "parameters": {}, **how}
    assert backward_drift(adjoint, **where)["d/dt"] < 1e-8
    # the Jacobian itself instead of its transpose
    a = adjoint.adjoint_states
    f = list(adjoint.rhs.values())
    plain = {a[i]: -sp.Add(*(f[i].diff(s) * a[j] for j, s in enumerate((x, y)))) for i in range(2)}
    wrong = replace(adjoint, adjoint_rhs=plain)
    assert backward_drift(wrong, **where)["d/dt"] > 1e-2
    # a function that is no law
    other = replace(adjoint, laws=[replace(adjoint.laws[0], expr=a[0] * x + a[1] * y)])
    assert backward_drift(other, **where)["d/dt"] > 1e-2


def test_projected_networks_have_an_adjoint_of_their_own():
    system = psu.ODESystem({x: y + nn[0], y: -x + nn[1]})
    u = np.stack([np.cos(T), -np.sin(T)], axis=1)
    fit = fitted(system, u, laws=x**2 + y**2, conserve="project")
    tight = {"reltol": 1e-9, "abstol": 1e-9}
    assert fit.adjoint_drift(**tight)["d/dt"] < 100 * tight["reltol"]
    # the adjoint of the plain network is another one
    plain = psu.adjoint_laws(fit.system, generators=[psu.Generator(1)])
    along = backward_drift(
        plain, T, fit.predict(T).u, [1.0, 1.0], theta=fit.theta, parameters={}, engine="native",
        solver="Tsit5", **tight,
    )  # fmt: skip
    assert along["d/dt"] > 1e-3


def test_a_symmetry_of_ones_own_and_time_in_the_equations():
    system = psu.ODESystem({x: -k * x + sp.cos(psu.t)}, trainable={k: 0.5})
    fit = fitted(system, np.exp(-T)[:, None])
    # the difference of two solutions is a solution of x' = -k x, so e^(-k t) d/dx is a symmetry
    shift = psu.Generator(0, {x: sp.exp(-k * psu.t)})
    ((name, value),) = fit.adjoint_drift(generators=[shift], reltol=1e-8, abstol=1e-8).items()
    assert name == "exp(-k*t)*d/dx"
    assert value < 1e-6
    assert fit.adjoint_drift(generators=[shift], terminal={x: -3.0})[name] < 1e-3
    with pytest.raises(InvalidInputError, match="is no symmetry"):
        fit.adjoint_drift(generators=[psu.Generator(1)])
    with pytest.raises(InvalidInputError, match="terminal= is zero"):
        fit.adjoint_drift(generators=[shift], terminal=[0.0])
    with pytest.raises(InvalidInputError, match="one value for each of x"):
        fit.adjoint_drift(generators=[shift], terminal=[1.0, 2.0])


def test_parameters_of_each_experiment():
    system = psu.ODESystem({x: -k * x * w}, trainable={w: 0.7})
    data = psu.Dataset.from_arrays(
        [T, T], [np.exp(-T)[:, None], np.exp(-2 * T)[:, None]], states=[x],
        parameters=[{"k": 1.0}, {"k": 2.0}],
    )  # fmt: skip
    fit = psu.fit(
        system, data, stages=psu.LBFGS(2), solver="Tsit5", progress=False, engine="native"
    )
    for e in (0, 1):
        assert fit.adjoint_drift(experiment=e, reltol=1e-9, abstol=1e-9)["d/dt"] < 1e-7


def test_the_pair_is_a_system():
    """Fitted like any other, its forward and its backward law as penalties."""
    z = psu.states("z")
    cosine = psu.ODESystem({z: sp.cos(w * z + b)}, trainable={w: 0.8, b: 0.1})
    adjoint = psu.adjoint_laws(cosine)
    (a_z,) = adjoint.adjoint_states
    assert adjoint.system.trainable == cosine.trainable
    truth = psu.solve(
        adjoint.system, u0={z: 0.1, a_z: 1.0}, t=T, parameters={w: 0.5, b: 0.2}, reltol=1e-10,
        abstol=1e-12, engine="native", solver="Tsit5",
    )  # fmt: skip
    law = truth["a_z"] * np.cos(0.5 * truth["z"] + 0.2)
    assert np.ptp(law) < 1e-8
    assert np.ptp(truth["a_z"]) > 0.1
    data = psu.Dataset.from_arrays(T, truth["z"][:, None], states=[z], u0={"z": 0.1, "a_z": 1.0})
    laws = [*psu.first_integrals(cosine), *adjoint.laws]
    how = {"laws": laws, "conserve": "penalty", "solver": "Tsit5", "engine": "native"}
    obj = psu.objective(adjoint.system, data, reltol=1e-9, abstol=1e-11, **how)
    found = obj.evaluate(obj.theta0())
    # along the model's own trajectory both hold at any w and b: no information, no gradient
    assert found.terms["data"] > 1e-3
    assert found.terms["law_1"] + found.terms["law_2"] < 1e-10 * found.terms["data"]
    plain = psu.objective(
        adjoint.system, data, reltol=1e-9, abstol=1e-11, solver="Tsit5", engine="native"
    )
    difference = found.gradient - plain.evaluate(plain.theta0()).gradient
    assert np.abs(difference).max() < 1e-6 * np.abs(found.gradient).max()


def test_backward_is_forward_in_reversed_time():
    z = psu.states("z")
    system = psu.ODESystem({z: psu.t * z + k}, parameters={k: 0.3})
    adjoint = psu.adjoint_laws(system, generators=[])
    how = {"reltol": 1e-10, "abstol": 1e-12, "solver": "Tsit5", "engine": "native"}
    forward = psu.solve(adjoint.system, u0=[0.5, 2.0], t=T, **how)
    backward = psu.solve(adjoint.backward(2.0), u0=forward.u[-1], t=T, **how)
    np.testing.assert_allclose(backward.u[::-1], forward.u, rtol=1e-6)


def test_backward_integration_that_cannot_work_is_seen():
    """Errors of a fast decay grow backwards by e^(30 t), and the adjoint reads the wrong states."""
    times = np.linspace(0.0, 0.6, 7)
    how = {"engine": "native", "solver": "Tsit5", "reltol": 1e-8, "abstol": 1e-10}
    system = psu.ODESystem({x: -k * sp.sin(x - y), y: sp.cos(x)})
    adjoint = psu.adjoint_laws(system, generators=[psu.Generator(1)])
    drift = {}
    for value in (0.1, 30.0):
        u = psu.solve(system, u0=[1.0, 0.2], t=times, parameters={k: value}, **how).u
        (drift[value],) = backward_drift(
            adjoint, times, u, [1.0, 1.0], theta=np.zeros(0), parameters={k: value}, **how
        ).values()
    assert drift[0.1] < 1e-6
    assert not drift[30.0] < 1e-3


def test_a_symmetry_that_a_network_need_not_have_informs_it():
    """d/dt (a . W) = a . [W, f]: along the pair this penalty has a gradient, and a correct one."""
    pair = psu.adjoint_laws(
        psu.ODESystem({x: y + nn[0], y: -x + nn[1]}), generators=[psu.Generator(1)]
    ).system
    a_x, a_y = pair.states[2:]
    data = psu.Dataset.from_arrays(
        T, np.stack([np.cos(T), -np.sin(T)], axis=1), states=[x, y],
        u0={"x": 1.0, "y": 0.0, "a_x": 0.6, "a_y": -1.0},
    )  # fmt: skip
    turned = -a_x * y + a_y * x
    assert not psu.is_first_integral(turned, pair)
    obj = psu.objective(
        pair, data, laws=turned, conserve="penalty", law_weight=3.0, reltol=1e-9, abstol=1e-11,
        solver="Tsit5", engine="native",
    )  # fmt: skip
    theta = 0.5 * obj.theta0(2)
    found = obj.evaluate(theta)
    assert found.terms["law_1"] > 1e-3
    rng = np.random.default_rng(0)
    direction = rng.normal(size=theta.size)
    h = 1e-5
    slope = (obj.value(theta + h * direction) - obj.value(theta - h * direction)) / (2 * h)
    assert found.gradient @ direction == pytest.approx(slope, rel=1e-5)
