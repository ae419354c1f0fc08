"""Doses in the march of an engine: amounts at known times, beside switches and events."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sympy as sp

import pysymude as psu
from pysymude.engines.base import Method
from pysymude.engines.registry import select_engine
from pysymude.plan.compiled import compile_system
from pysymude.plan.problem import Batch, Doses, LossSpec
from tests.engines.random_hybrids import MARCHES, doses_of, plain_loss, random_case

gut, blood, x = psu.states("gut blood x")
ka, ke = psu.parameters("ka ke")
TABLET = psu.ODESystem(
    {gut: -ka * gut, blood: ka * gut - ke * blood}, parameters={ka: 1.2, ke: 0.3}
)


def bateman(t: Any, doses: list[tuple[float, float]]) -> Any:
    """One compartment with first-order uptake: Bateman, Proc. Cambridge Philos. Soc. 15 (1910), 423."""
    found = np.zeros((len(t), 2))
    for when, amount in doses:
        s, given = np.where(t >= when, t - when, 0.0), (t >= when) * amount
        found[:, 0] += given * np.exp(-1.2 * s)
        found[:, 1] += given * 1.2 / (1.2 - 0.3) * (np.exp(-0.3 * s) - np.exp(-1.2 * s))
    return found


def solve(engine: str, solver: str, t: Any, doses: Doses | None, u0: Any = (0.0, 0.0)) -> Any:
    plan, made = compile_system(TABLET), select_engine(engine)
    batch = Batch(
        np.array([t[0]]), np.array([u0], dtype=float), plan.default_parameters[None],
        np.asarray(t, dtype=float)[None], doses=doses,
    )  # fmt: skip
    return made.solve(made.compile(plan), batch, np.zeros(0), Method(solver, 1e-10, 1e-12))


def test_repeated_doses_against_the_closed_form(engine: str):
    """Every six hours for thirty days; outputs at a dose are those behind it, the first one too."""
    rows = [(6.0 * i, 10.0 + i % 3) for i in range(120)]
    t = np.sort(np.r_[np.linspace(0.0, 720.0, 301), [when for when, _ in rows]])
    doses = doses_of([(when, 0, amount, -1) for when, amount in rows])
    for solver in MARCHES[engine]:
        if solver == "Rosenbrock23":
            continue
        found = solve(engine, solver, t, doses)
        assert found.retcodes[0].name == "Success"
        np.testing.assert_allclose(found.u[0], bateman(t, rows), rtol=0, atol=1e-8, err_msg=solver)
        assert found.u[0, 0, 0] == 10.0
    wrong = solve(engine, "Tsit5", t, doses_of([(w + 1e-4, 0, a, -1) for w, a in rows]))
    assert np.abs(wrong.u[0] - bateman(t, rows)).max() > 1e-5


def test_doses_at_both_ends_twice_at_once_and_outside(engine: str):
    rows = [(-1.0, 0, 7.0, -1), (0.0, 0, 2.0, -1), (1.0, 0, 3.0, -1), (1.0, 1, 4.0, -1),
            (1.0, 0, -1.0, -1), (2.0, 1, 5.0, -1), (3.0, 1, 9.0, -1)]  # fmt: skip
    found = solve(engine, "Tsit5", [0.0, 1.0, 2.0], doses_of(rows)).u[0]
    plain = solve(engine, "Tsit5", [0.0, 1.0], None, (2.0, 0.0)).u[0]
    np.testing.assert_allclose(found[0], [2.0, 0.0])
    np.testing.assert_allclose(found[1], plain[1] + [2.0, 4.0], atol=1e-8)
    after = solve(engine, "Tsit5", [1.0, 2.0], None, plain[1] + [2.0, 4.0]).u[0]
    np.testing.assert_allclose(found[2], after[1] + [0.0, 5.0], atol=1e-8)
    # where nothing is solved, the first dose still counts
    still = solve(engine, "Tsit5", [1.0, 1.0], doses_of(rows[2:4])).u[0]
    np.testing.assert_allclose(still, [[3.0, 4.0], [3.0, 4.0]])


def test_experiments_of_several_lengths(engine: str):
    plan, made = compile_system(TABLET), select_engine(engine)
    doses = Doses(
        np.array([[0.0, 2.0], [1.0, 9.0], [0.0, 0.0]]), np.array([[0, 1], [1, -1], [-1, -1]], np.int32),
        np.array([[1.0, 2.0], [3.0, np.nan], [np.nan, np.nan]]), np.full((3, 2), -1, np.int32),
    )  # fmt: skip
    ts = np.array([[0.0, 1.0, 3.0], [0.0, 1.5, 1.5], [0.0, 1.0, 2.0]])
    u0 = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]])
    p = np.tile(plan.default_parameters, (3, 1))
    batch = Batch(np.zeros(3), u0, p, ts, doses=doses)
    found = made.solve(made.compile(plan), batch, np.zeros(0), Method("Tsit5", 1e-9, 1e-11))
    for e in range(3):
        own = doses.rows(slice(e, e + 1))
        rows = [
            (t, int(k), a, -1)
            for t, k, a in zip(own.t[0], own.state[0], own.amount[0], strict=True)
            if k >= 0
        ]
        alone = solve(engine, "Tsit5", ts[e], doses_of(rows), u0[e]).u[0]
        np.testing.assert_allclose(found.u[e], alone, atol=1e-8)


def test_the_gradient_by_amounts_is_that_of_the_closed_form(engine: str):
    """u depends on amounts linearly; so does the residual."""
    t = np.linspace(0.0, 10.0, 21)
    times = [0.0, 2.5, 5.0, 10.0]
    plan, made = compile_system(TABLET), select_engine(engine)
    batch = Batch(
        np.zeros(1), np.zeros((1, 2)), plan.default_parameters[None], t[None],
        doses=doses_of([(when, 0, 0.0, i) for i, when in enumerate(times)]),
    )  # fmt: skip
    y = np.random.default_rng(0).normal(size=(1, 21, 2))
    data = plain_loss(batch, y, np.ones_like(y), np.full((1, 2), -1, dtype=np.int32))
    theta = np.array([10.0, 3.0, 4.0, 1.0])
    basis = np.stack([bateman(t, [(when, 1.0)]) for when in times])
    rest = np.tensordot(theta, basis, 1) - y[0]
    for solver in MARCHES[engine]:
        tol = 1e-8 if solver == "Rosenbrock23" else 1e-10
        for way in ("adjoint", "forward"):
            method = Method(solver, tol, 1e-2 * tol, sensealg=way)
            loss = made.loss(made.compile(plan), LossSpec(("gut", "blood")), data, method)
            found = loss.evaluate(theta, gradient=True)
            assert found.value == pytest.approx((rest**2).sum(), rel=1e-6)
            expected = 2 * np.tensordot(basis, rest, 2)
            np.testing.assert_allclose(found.gradient, expected, rtol=1e-6, err_msg=solver)


def test_doses_go_where_states_are_mixed(engine: str):
    """The solved states are combinations of those that doses are given for."""
    other = psu.ODESystem({x: sp.Integer(0), gut: sp.Integer(0)})
    plan, made = compile_system(other), select_engine(engine)
    batch = Batch(
        np.zeros(1), np.array([[1.0, 2.0]]), np.zeros((1, 0)), np.array([[0.0, 1.0, 2.0]]),
        doses=doses_of([(1.0, 1, 5.0, 0)]),
    )  # fmt: skip
    y = np.zeros((1, 3, 2))
    data = plain_loss(batch, y, np.ones_like(y), np.full((1, 2), -1, dtype=np.int32))
    data = replace(data, mix=np.array([[1.0, 1.0], [0.0, 1.0]]))
    loss = made.loss(
        made.compile(plan), LossSpec(("x", "gut"), mixes=True), data, Method("Tsit5", 1e-9, 1e-11)
    )
    found = loss.evaluate(np.array([5.0]), gradient=True)
    # (3, 2), then (8, 7) twice
    assert found.value == pytest.approx(9 + 4 + 2 * (64 + 49))
    np.testing.assert_allclose(found.gradient, [4 * (8 + 7)])


@pytest.mark.parametrize("seed", [2, 5, 15, 16, 17, 31, 42, 57])
def test_gradients_of_random_mixtures(engine: str, seed: int):
    """Doses, kinks and events at once; parameters, starts and every second dose are learned."""
    case = random_case(seed)
    for solver in MARCHES[engine]:
        if solver == "Rosenbrock23":
            continue
        back, theta = case.loss(engine, solver, "adjoint", 1e-10, seed)
        ahead, _ = case.loss(engine, solver, "forward", 1e-10, seed)
        found, other = (loss.evaluate(theta, gradient=True) for loss in (back, ahead))
        assert found.success
        size = np.abs(found.gradient).max()
        np.testing.assert_allclose(other.gradient, found.gradient, rtol=0, atol=1e-9 * size)
        errors: list[float] = []
        for d in (1e-5, 1e-4):
            ends = [
                [back.evaluate(theta + s * d * row, gradient=False).value for s in (1, -1)]
                for row in np.eye(theta.size)
            ]
            numbers = np.array([(up - down) / (2 * d) for up, down in ends])
            errors.append(np.abs(numbers - found.gradient).max() / size)
        assert min(errors) < 1e-6, (solver, errors)
