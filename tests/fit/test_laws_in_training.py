"""What laws do for training: longer predictions, no drift, and terms that are defined everywhere."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest
import sympy as sp
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

import pysymude as psu
from pysymude.fit.training.fitting import Step
from pysymude.plan.guards import guarded, half_line_arguments

Float = NDArray[np.float64]

x, y = psu.states("x y", positive=True)
alpha, beta, gamma, delta = psu.parameters("alpha beta gamma delta", positive=True)
LAW = gamma * x - delta * sp.log(x) + beta * y - alpha * sp.log(y)
END = 6.0


def truth(t: Float) -> Float:
    def field(_: float, u: Float) -> list[float]:
        return [1.3 * u[0] - 0.9 * u[0] * u[1], 0.8 * u[0] * u[1] - 1.8 * u[1]]

    sol = solve_ivp(field, (0, t[-1]), (1.0, 2.5), t_eval=t, rtol=1e-10, atol=1e-12)
    return cast("Float", sol.y.T)


def data(seed: int = 0, level: float = 0.05) -> psu.Dataset:
    t = np.linspace(0.0, END, 41)
    clean = truth(t)
    noise = level * clean.mean(axis=0)
    u = clean + noise * np.random.default_rng(seed).standard_normal(clean.shape)
    return psu.Dataset.from_arrays(
        t, u, states=[x, y], noise={"x": noise[0], "y": noise[1]}, u0=[1.0, 2.5]
    )


def model(*, law: bool = True) -> psu.ODESystem:
    nn = psu.MLP(
        "nn", inputs=[x, y], outputs=2, hidden=(4,), input_scaling="data", output_scaling="data"
    )
    return psu.ODESystem(
        {x: alpha * x + nn[0], y: -delta * y + nn[1]},
        parameters={alpha: 1.3, delta: 1.8},
        trainable={beta: 0.5, gamma: 0.5} if law else {},
    )


def fitted(seed: int = 0, **keywords: Any) -> psu.FitResult:
    given: dict[str, Any] = {
        "stages": [psu.LawMatching(), psu.GradientMatching(), psu.LBFGS(40)],
        "progress": False, "engine": "native", "solver": "Tsit5",
    } | keywords  # fmt: skip
    return psu.fit(model(law="laws" in keywords), data(seed), **given)


@pytest.fixture(scope="module")
def projected() -> psu.FitResult:
    return fitted(laws=LAW, conserve="project")


def relative_error(fit: psu.FitResult, t: Float) -> float:
    wrong, exact = fit.predict(t).u - truth(t), truth(t)
    later = t > END
    return float(np.sqrt(np.mean(wrong[later] ** 2) / np.mean(exact[later] ** 2)))


def test_a_projected_law_lengthens_the_prediction(projected: psu.FitResult):
    t = np.linspace(0.0, 30.0, 301)
    with_law = [projected, *(fitted(seed, laws=LAW, conserve="project") for seed in (1, 2))]
    errors = [relative_error(fit, t) for fit in with_law]
    free = [relative_error(fitted(seed), t) for seed in (0, 1, 2)]
    assert max(errors) < 0.1
    assert max(errors) < min(free)
    assert np.median(free) > 5 * np.median(errors)
    # learned with the network, from data with 5 % noise
    assert projected.parameters["beta"] == pytest.approx(0.9, rel=0.06)
    assert projected.parameters["gamma"] == pytest.approx(0.8, rel=0.06)


def test_a_projected_law_holds_long_after_the_data(projected: psu.FitResult):
    t = np.linspace(0.0, 100 * END, 2001)
    long = projected.predict(t)
    assert long.success
    assert long.u.max() < 2 * truth(t[t < 10]).max()
    # Tsit5 at 1e-6 drifts by itself, in 100 periods
    assert projected.drift(t)["law_1"] < 1e-3


def test_coefficients_are_found_on_the_data_alone():
    fit = fitted(laws=LAW, stages=psu.LawMatching())
    assert fit.parameters["beta"] == pytest.approx(0.9, rel=0.1)
    assert fit.parameters["gamma"] == pytest.approx(0.8, rel=0.1)
    weights = [slot.slice for slot in fit.layout.of_kind("weight")]
    start = fit.objective.theta0()
    assert all(np.array_equal(fit.theta[w], start[w]) for w in weights)


def test_two_projected_laws_hold_for_any_network():
    a, b, c = psu.states("a b c")
    nn = psu.MLP("nn", inputs=[a, b, c], outputs=3, hidden=(4,))
    body = psu.ODESystem({a: nn[0], b: nn[1], c: nn[2]})
    laws = [a**2 + b**2 + c**2, a**2 + b**2 / 2 + c**2 / 3]
    t = np.linspace(0.0, 300.0, 301)
    start = {a: 0.8, b: 0.2, c: 1.0}
    drifts = {}
    for name, system in {"free": body, "projected": psu.project(body, laws)}.items():
        theta = 2 * psu.objective(
            body, psu.Dataset.from_arrays([0.0, 1.0], np.zeros((2, 3)), states=[a, b, c])
        ).theta0(0)  # fmt: skip
        sol = psu.solve(
            system, u0=start, t=t, theta=theta, reltol=1e-9, abstol=1e-11, solver="Vern7",
            engine="native",
        )  # fmt: skip
        values = np.stack([sp.lambdify([a, b, c], law)(*sol.u.T) for law in laws])
        drifts[name] = np.abs(values / values[:, :1] - 1).max()
    assert drifts["projected"] < 1e-6
    assert drifts["free"] > 1e-2


def test_a_penalty_is_defined_where_the_law_is_not():
    obj = psu.objective(
        model(), data(), laws=LAW, conserve="penalty", engine="native", solver="Tsit5",
        reltol=1e-9, abstol=1e-9,
    )  # fmt: skip
    values = obj.layout.unpack(0 * obj.theta0())
    # both networks pull hard downwards: the model leaves the quadrant in which the law is defined
    theta = obj.layout.pack(values | {"nn.b2": [-3.0, -0.05], "beta": 0.8, "gamma": 0.7})
    bound = obj.with_loss(obj.loss.with_horizon(0.2))
    found = bound.evaluate(theta)
    assert found.success
    assert found.terms["law_1"] > 1.0
    rng = np.random.default_rng(1)
    direction = rng.standard_normal(theta.size)
    h = 1e-6 * direction
    central = (bound.value(theta + h) - bound.value(theta - h)) / 2e-6
    assert found.gradient is not None
    assert found.gradient @ direction == pytest.approx(central, rel=1e-5)


def test_guards_change_nothing_above_their_floors():
    law = LAW + sp.sqrt(x) * sp.log(x + y)
    arguments = half_line_arguments(law, [x, y])
    assert set(arguments) == {x, y, x + y}
    assert half_line_arguments(x**2 / y + sp.log(gamma), [x, y]) == []
    safe = guarded(law, dict.fromkeys(arguments, 0.25))
    numbers = {alpha: 1.3, beta: 0.9, gamma: 0.8, delta: 1.8}
    both = sp.lambdify([x, y], [law.subs(numbers), safe.subs(numbers)], "numpy")
    u = np.random.default_rng(0).uniform(0.26, 3.0, size=(50, 2))
    np.testing.assert_allclose(*both(*u.T), rtol=1e-13)
    # below, value and slope are continuous: the step is that of the slope alone
    near = [both(0.25 + d, 1.0)[1] for d in (-1e-7, 0.0, 1e-7)]
    assert near[1] - near[0] == pytest.approx(near[2] - near[1], rel=1e-4)
    below = sp.lambdify([x, y], safe.subs(numbers), "numpy")
    assert np.isfinite(below(-1.0, -2.0))


def test_coefficients_of_all_the_data_are_not_learned_again_from_a_part_of_it():
    seen: dict[str, list[float]] = {}

    def note(step: Step) -> None:
        seen.setdefault(step.stage, []).append(step.theta[place])

    obj = psu.objective(model(), data(), laws=LAW, conserve="project", engine="native")
    place = obj.layout["gamma"].offset
    psu.fit(
        model(), data(), laws=LAW, conserve="project", engine="native", progress=False,
        solver="Tsit5", callback=note,
        stages=[psu.LawMatching(), psu.LBFGS(2, horizon=(0.4,)), psu.LBFGS(2)],
    )  # fmt: skip
    matched = seen["LawMatching"][-1]
    assert seen["LBFGS (to 40%)"] == [matched, matched]
    assert seen["LBFGS"][-1] != matched
