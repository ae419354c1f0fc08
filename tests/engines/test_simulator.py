"""`simulator`: values beside `solve`, derivatives beside central differences, JAX, torch, wrong calls."""

from __future__ import annotations

from threading import Thread
from typing import Any

import numpy as np
import pytest
import sympy as sp

import pysymude as psu

x, y = psu.states("x y")
a, b, c = psu.parameters("a b c", positive=True)
T = np.linspace(0.0, 3.0, 7)
TIGHT: dict[str, Any] = {"reltol": 1e-11, "abstol": 1e-11}
U0, P = np.array([1.0, 0.5]), np.array([0.8, 0.4])


def predator(**keywords: Any) -> psu.ODESystem:
    """Lotka-Volterra with two learned rates, one between bounds, and two that are given."""
    return psu.ODESystem(
        {x: a * x - b * x * y, y: c * x * y - sp.Symbol("d") * y},
        trainable={a: 1.3, b: 0.9},
        bounds={b: (0.1, 5.0)},
        observables={"all": x + c * y},
        **keywords,
    )


def universal() -> psu.ODESystem:
    nn = psu.MLP("nn", inputs=[x, c * y], outputs=1, hidden=(4,))
    return psu.ODESystem(
        {x: a * x - nn[0], y: c * x - b * y}, trainable={a: 0.4}, parameters={b: 0.4}
    )


def switched() -> psu.ODESystem:
    """A parameter that is the time of a switch, and one on the state."""
    rate = a + sp.Piecewise((b, psu.t > c), (0, True)) + sp.Piecewise((1, x < 0.5), (0, True))
    return psu.ODESystem({x: -rate * x, y: x - y}, trainable={a: 0.4})


CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    "predator": (predator, {"observables": [x, "all", x * y * c]}),
    "universal": (universal, {}),
    "stiff": (universal, {"solver": "Rodas5P", "reltol": 1e-9, "abstol": 1e-9}),
    "forward": (predator, {"sensealg": "forward"}),
    "switched": (switched, {}),
}


def made(name: str, engine: str, **more: Any) -> tuple[psu.Simulator, np.ndarray]:
    system, keywords = CASES[name]
    sim = psu.simulator(system(), t=T, engine=engine, **(TIGHT | keywords | more))
    return sim, 0.3 * np.random.default_rng(2).normal(size=sim.layout.size)


def differences(f: Any, at: np.ndarray) -> np.ndarray:
    h = 1e-4
    return np.array([(f(at + h * e) - f(at - h * e)) / (2 * h) for e in np.eye(at.size)])


@pytest.mark.parametrize("name", CASES)
def test_cotangents_are_central_differences(engine: str, name: str):
    sim, theta = made(name, engine)
    w = np.random.default_rng(1).normal(size=sim.shape)
    values, pullback = sim.vjp(theta, U0, P)
    np.testing.assert_array_equal(values, sim(theta, U0, P))
    right = (
        differences(lambda z: (w * sim(z, U0, P)).sum(), theta),
        differences(lambda z: (w * sim(theta, z, P)).sum(), U0),
        differences(lambda z: (w * sim(theta, U0, z)).sum(), P),
    )
    for found, wanted in zip(pullback(w), right, strict=True):
        assert found.dtype == np.float64
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)
    # a pullback may be asked again
    np.testing.assert_allclose(pullback(2 * w)[0], 2 * pullback(w)[0], rtol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_tangents_are_what_cotangents_say(engine: str, name: str):
    sim, theta = made(name, engine)
    rng = np.random.default_rng(3)
    w, dtheta, du0, dp = (rng.normal(size=s) for s in (sim.shape, theta.size, 2, 2))
    values, tangent = sim.jvp(theta, U0, P, dtheta=dtheta, du0=du0, dp=dp)
    np.testing.assert_allclose(values, sim(theta, U0, P), rtol=1e-12)
    parts = sim.vjp(theta, U0, P)[1](w)
    right = sum(float(p @ d) for p, d in zip(parts, (dtheta, du0, dp), strict=True))
    assert (w * tangent).sum() == pytest.approx(right, rel=1e-8)
    # along one state, by name
    _, along = sim.jvp(theta, U0, P, du0={y: 1.0})
    assert (w * along).sum() == pytest.approx(parts[1][1], rel=1e-8, abs=1e-9)


def test_values_are_those_of_solve(engine: str):
    sim, _ = made("predator", engine)
    found = sim({a: 1.1}, {y: 0.5, x: 1.0}, {c: 0.8, "d": 0.4})
    sol = psu.solve(
        predator(), u0=U0, t=T, parameters={a: 1.1, c: 0.8, "d": 0.4}, engine=engine, **TIGHT
    )
    assert sim.columns == ("x", "all", "column2")
    assert sim.parameters == ("c", "d")
    np.testing.assert_allclose(found[:, 0], sol["x"], rtol=1e-8)
    np.testing.assert_allclose(found[:, 1], sol["all"], rtol=1e-8)
    np.testing.assert_allclose(found[:, 2], 0.8 * sol["x"] * sol["y"], rtol=1e-8)
    # theta is unconstrained, as everywhere
    theta = sim.layout.pack({"a": 1.1, "b": 0.9})
    np.testing.assert_array_equal(found, sim(theta, U0, P))


def test_parameters_may_have_any_sign(engine: str):
    """They have cotangents, not bounds, whatever is assumed of their symbols."""
    sim, theta = made("predator", engine)
    p = np.array([-0.2, 0.0])
    w = np.ones(sim.shape)
    wanted = differences(lambda z: sim(theta, U0, z).sum(), p)
    np.testing.assert_allclose(sim.vjp(theta, U0, p)[1](w)[2], wanted, rtol=1e-6)


def test_a_failed_solve_is_nan_with_a_reason(engine: str):
    system = psu.ODESystem({x: a * x**2}, trainable={a: 1.0})
    sim = psu.simulator(system, t=[0.0, 2.0], engine=engine)
    values, pullback = sim.vjp([0.0], [1.0])
    assert np.isnan(values).all()
    assert not sim.retcode.successful
    assert all(np.isnan(part).all() for part in pullback(np.ones((2, 1))) if part.size)
    assert np.isnan(sim.jvp([0.0], [1.0], dtheta=[1.0])[1]).all()
    assert np.isfinite(sim([-2.0], [1.0])).all()
    assert sim.retcode is psu.ReturnCode.Success
    strict = psu.simulator(system, t=[0.0, 2.0], engine=engine, throw=True)
    with pytest.raises(psu.PySymUDEError, match=r"blows up|infinite"):
        strict([0.0], [1.0])


def test_numbers_depend_on_what_is_asked_alone(engine: str):
    """The default of abstol follows each start, and nothing that was solved before."""
    system = psu.ODESystem({x: -a * x, y: a * x - y}, trainable={a: 1.0})

    def scaled(sim: psu.Simulator, size: float) -> np.ndarray:
        return sim([0.0], [size, 0.0]) / size

    one = psu.simulator(system, t=T, engine=engine)
    other = psu.simulator(system, t=T, engine=engine)
    first = [scaled(one, s) for s in (1.0, 1e-9, 1.0)]
    np.testing.assert_array_equal(first[0], first[2])
    np.testing.assert_array_equal(first[1], scaled(other, 1e-9))
    exact = np.exp(-T)
    for found in first:
        np.testing.assert_allclose(found[:, 0], exact, rtol=1e-5)
        np.testing.assert_allclose(found[:, 1], T * exact, rtol=1e-4, atol=1e-6)


def test_threads_do_not_meet():
    sim, theta = made("universal", "native")
    right = [sim.vjp(theta, U0 + j, P)[1](np.ones(sim.shape)) for j in range(4)]
    wrong: list[str] = []

    def work(j: int) -> None:
        for _ in range(20):
            found = sim.vjp(theta, U0 + j, P)[1](np.ones(sim.shape))
            if any(not np.array_equal(f, r) for f, r in zip(found, right[j], strict=True)):
                wrong.append(f"thread {j}")

    threads = [Thread(target=work, args=(j,)) for j in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


# -- JAX and torch ------------------------------------------------------------------------------------


def jax_tools() -> Any:
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    return jax


def test_jax_differentiates_it(engine: str):
    jax = jax_tools()
    from jax.test_util import check_grads

    sim, theta = made("predator", engine)
    f = sim.to_jax()
    np.testing.assert_array_equal(f(theta, U0, P), sim(theta, U0, P))
    check_grads(f, (theta, U0, P), order=1, modes=["rev"], rtol=1e-5, atol=1e-5)
    w = np.random.default_rng(1).normal(size=sim.shape)

    def loss(theta: Any, u0: Any, p: Any) -> Any:
        return (jax.numpy.sin(f(theta, u0, p)) * w).sum()

    found = jax.jit(jax.grad(loss, argnums=(0, 1, 2)))(theta, U0, P)
    right = sim.vjp(theta, U0, P)[1](w * np.cos(sim(theta, U0, P)))
    for one, other in zip(found, right, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10)


def test_jax_maps_over_experiments(engine: str):
    jax = jax_tools()
    sim, theta = made("predator", engine)
    f = sim.to_jax()
    starts = U0 + 0.1 * np.arange(3.0)[:, None]
    rates = P * (1 + 0.1 * np.arange(3.0)[:, None])
    together = jax.jit(jax.vmap(f, in_axes=(None, 0, 0)))(theta, starts, rates)
    for k in range(3):
        np.testing.assert_array_equal(together[k], sim(theta, starts[k], rates[k]))

    def loss(theta: Any) -> Any:
        return (jax.vmap(f, in_axes=(None, 0, None))(theta, starts, P) ** 2).sum()

    right = sum(sim.vjp(theta, s, P)[1](2 * sim(theta, s, P))[0] for s in starts)
    np.testing.assert_allclose(jax.jit(jax.grad(loss))(theta), right, rtol=1e-10)


def test_jax_mappings_and_failures():
    jax = jax_tools()
    sim, theta = made("predator", "native")
    f = sim.to_jax()
    slope = jax.grad(lambda s: f(theta, {x: s, "y": 0.5}, {c: 0.8, "d": 0.4}).sum())(1.0)
    right = sim.vjp(theta, U0, P)[1](np.ones(sim.shape))[1][0]
    assert float(slope) == pytest.approx(right, rel=1e-10)
    assert np.isnan(f(theta * np.nan, U0, P)).all()
    with pytest.raises(psu.PySymUDEError, match=r"float32.*jax_enable_x64"):
        f(theta.astype(np.float32), U0, P)
    with pytest.raises(psu.PySymUDEError, match=r"u0 must have shape \(2,\)"):
        f(theta, np.ones(3), P)
    with pytest.raises(psu.PySymUDEError, match="u0 is made of x, y here; missing y, unknown z"):
        f(theta, {"x": 1.0, "z": 2.0}, P)


def test_torch_differentiates_it(engine: str):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    sim, theta = made("predator", engine)
    f = sim.to_torch()
    given = [torch.tensor(v, requires_grad=True) for v in (theta, U0, P)]
    assert torch.autograd.gradcheck(f, given, eps=1e-5, atol=1e-5, rtol=1e-5)
    # starts as a batch; what is shared gets the sum
    starts = torch.tensor(np.stack([U0, 2 * U0]), requires_grad=True)
    found = f(given[0], starts, given[2])
    assert found.shape == (2, *sim.shape)
    found.sum().backward()
    right = [sim.vjp(theta, s * U0, P)[1](np.ones(sim.shape)) for s in (1, 2)]
    np.testing.assert_allclose(given[0].grad, right[0][0] + right[1][0], rtol=1e-10)
    np.testing.assert_allclose(starts.grad, [r[1] for r in right], rtol=1e-10)
    with pytest.raises(psu.PySymUDEError, match=r"theta is torch.float32.*theta.double"):
        f(given[0].float(), starts, given[2])


def test_torch_takes_mappings():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    sim, theta = made("predator", "native")
    start = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    sim.to_torch()(torch.tensor(theta), {x: start, y: 0.5}, {c: 0.8, "d": 0.4}).sum().backward()
    right = sim.vjp(theta, U0, P)[1](np.ones(sim.shape))[1][0]
    assert float(start.grad) == pytest.approx(right, rel=1e-10)


# -- wrong calls --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: s([0.0, 0.0]), "u0 is missing: give a value for each of x, y"),
        (lambda s: s([0.0], U0, P), r"theta must have shape \(2,\)"),
        (lambda s: s([0.0, np.nan], U0, P), "theta must be finite"),
        (lambda s: s({"k": 1.0}, U0, P), "theta names 'k', which is not learned; there are a, b"),
        (lambda s: s({"b": 9.0}, U0, P), "b must lie between 0.1 and 5.0"),
        (lambda s: s(None, [1.0], P), "u0 must have 2 numbers here"),
        (lambda s: s(None, {x: 1.0}, P), "u0 has no value for state 'y'"),
        (lambda s: s(None, {x: 1.0, "z": 1.0}, P), "u0 names 'z'; there are x, y"),
        (lambda s: s(None, U0), "parameter 'c' has no value"),
        (lambda s: s(None, U0, {"q": 1.0}), "p names 'q'; there are c, d"),
        (lambda s: s(None, U0, [np.inf, 1.0]), "p must be finite"),
        (lambda s: s.vjp(None, U0, P)[1](np.ones(3)), r"pullback takes a number for each value"),
        (lambda s: s.jvp(None, U0, P, dtheta=[1.0]), "theta must have 2 numbers here"),
        (lambda s: s.jvp(None, U0, P, du0={"q": 1.0}), "du0 names 'q'"),
    ],
)  # fmt: skip
def test_wrong_calls_of_a_simulator(call: Any, message: str):
    with pytest.raises(psu.PySymUDEError, match=message):
        call(psu.simulator(predator(), t=T))


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"t": [0.0]}, "t must hold at least two times"),
        ({"t": [0.0, 1.0, 1.0]}, "strictly ascending"),
        ({"observables": ["xx"]}, "observables= takes states.*did you mean x"),
        ({"observables": []}, "observables= is empty"),
        ({"observables": [x + sp.Symbol("q")]}, "contains q, which the system does not have"),
        ({"solver": "RK45"}, "solver 'RK45' is unknown"),
        ({"engine": "fortran"}, "engine 'fortran' is unknown"),
        ({"reltol": 2.0}, "reltol must be"),
        ({"rtol": 1e-6}, "write reltol="),
        ({"sensealg": "magic"}, "sensealg 'magic' is unknown"),
    ],
)
def test_wrong_keywords(keywords: dict[str, Any], message: str):
    with pytest.raises(psu.PySymUDEError, match=message):
        psu.simulator(predator(), **({"t": T} | keywords))
    with pytest.raises(psu.PySymUDEError, match="expected an ODESystem"):
        psu.simulator({x: -x}, t=T)  # type: ignore[arg-type]
