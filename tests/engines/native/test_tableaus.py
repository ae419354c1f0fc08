"""The coefficients of the methods: what they satisfy, and the orders that steps with them have."""

import dataclasses
import math

import numpy as np
import pytest

from pysymude.engines.native.tableaus import RODAS5P, ROSENBROCK23, TSIT5, VERN7

EXPLICIT = pytest.mark.parametrize("tableau", [TSIT5, VERN7], ids=lambda x: x.name)
IMPLICIT = pytest.mark.parametrize("tableau", [RODAS5P, ROSENBROCK23], ids=lambda x: x.name)
INSIDE = (0.1, 0.35, 0.5, 0.8)
T0 = 0.6


# a system that depends on time and whose solution is known
def exact(t):
    return np.exp([np.sin(t * t), np.cos(t * t)])


def f(u, t):
    return 2 * t * np.array([u[0] * np.log(u[1]), -u[1] * np.log(u[0])])


def jacobian(u, t):
    x, y = u
    return 2 * t * np.array([[np.log(y), x / y], [-y / x, -np.log(x)]])


def time_derivative(u, t):
    return f(u, t) / t


def explicit_step(tableau, u, t, h):
    """The step, its error estimate, and the solution inside it."""
    k = np.zeros((tableau.total, u.size))
    for q in range(tableau.total):
        k[q] = f(u + h * tableau.A[q] @ k, t + tableau.c[q] * h)

    def inside(x):
        return u + h * dense_weights(tableau, x) @ k

    return u + h * tableau.b @ k, h * tableau.error @ k, inside


def dense_weights(tableau, x):
    return tableau.dense @ x ** np.arange(1, tableau.dense.shape[1] + 1)


def implicit_step(tableau, u, t, h, f=f, jacobian=jacobian, time_derivative=time_derivative):
    U = np.zeros((tableau.stages, u.size))
    W = np.eye(u.size) / (h * tableau.gamma) - jacobian(u, t)
    ft = time_derivative(u, t)
    for q in range(tableau.stages):
        slope = f(u + tableau.A[q] @ U, t + tableau.c[q] * h)
        U[q] = np.linalg.solve(W, slope + tableau.C[q] @ U / h + h * tableau.d[q] * ft)
    new = u + tableau.b @ U

    def inside(x):
        bend = x ** np.arange(len(tableau.H)) @ tableau.H @ U
        return u + x * (new - u + (1 - x) * bend)

    return new, tableau.error @ U, inside


def sizes(step, tableau, h):
    """Of the error, its estimate and the errors inside, over steps from several times."""
    found = np.zeros(2 + len(INSIDE))
    for t in np.linspace(0.3, 1.2, 7):
        new, estimate, inside = step(tableau, exact(t), t, h)
        errors = [inside(x) - exact(t + x * h) for x in INSIDE]
        found += [np.linalg.norm(x) for x in (new - exact(t + h), estimate, *errors)]
    return found


def measured_orders(step, tableau, h):
    """The powers of h with which those fall, less one."""
    return np.log2(sizes(step, tableau, h) / sizes(step, tableau, h / 2)) - 1


STEPS = pytest.mark.parametrize(
    ("step", "tableau", "h"),
    [
        (explicit_step, TSIT5, 0.05),
        (explicit_step, VERN7, 0.1),
        (implicit_step, RODAS5P, 0.01),
        (implicit_step, ROSENBROCK23, 0.02),
    ],
    ids=lambda x: getattr(x, "name", "step" if callable(x) else None),
)


@STEPS
def test_orders(step, tableau, h):
    # the leading errors of an optimized method are so small that its order may seem higher
    order, estimate_order, *dense_orders = measured_orders(step, tableau, h)
    assert order > tableau.order - 0.2
    assert estimate_order == pytest.approx(tableau.estimate_order, abs=0.4)
    assert min(dense_orders) > tableau.dense_order - 0.2


@STEPS
def test_a_wrong_coefficient_costs_order(step, tableau, h):
    A = tableau.A.copy()
    A[tableau.stages // 2, 0] *= 1.01
    order, *_ = measured_orders(step, dataclasses.replace(tableau, A=A), h)
    assert order < tableau.order - 0.2


@EXPLICIT
def test_shape_of_explicit_tableaus(tableau):
    n = tableau.total
    assert tableau.A.shape == (n, n)
    assert not np.triu(tableau.A).any()
    for vector in (tableau.c, tableau.b, tableau.error):
        assert vector.shape == (n,)
    assert tableau.dense.shape[0] == n
    assert not tableau.b[tableau.stages :].any()
    assert not tableau.error[tableau.stages :].any()
    assert not tableau.A[: tableau.stages, tableau.stages :].any()
    np.testing.assert_allclose(tableau.A.sum(axis=1), tableau.c, atol=1e-13)
    assert tableau.error.sum() == pytest.approx(0, abs=1e-14)


@EXPLICIT
def test_conditions_on_weights(tableau):
    for k in range(tableau.order):
        assert tableau.b @ tableau.c**k == pytest.approx(1 / (k + 1), abs=1e-13)
    for k in range(tableau.dense_order):
        for x in INSIDE:
            moment = dense_weights(tableau, x) @ tableau.c**k
            assert moment == pytest.approx(x ** (k + 1) / (k + 1), abs=1e-11)


@EXPLICIT
def test_dense_output_ends_where_the_step_does(tableau):
    np.testing.assert_allclose(dense_weights(tableau, 1.0), tableau.b, atol=2e-12)


@EXPLICIT
def test_last_stage_starts_the_next_step(tableau):
    np.testing.assert_array_equal(tableau.A[tableau.last], tableau.b)
    assert tableau.c[tableau.last] == 1
    assert tableau.fsal == (tableau.last < tableau.stages)


@EXPLICIT
def test_twins_are_at_one_time(tableau):
    one, other = tableau.twins
    assert max(one, other) < tableau.stages
    assert tableau.c[one] == tableau.c[other]
    assert np.abs(tableau.A[one] - tableau.A[other]).max() > 1


@EXPLICIT
def test_stability_along_the_negative_axis(tableau):
    def growth(z):
        slopes = np.zeros(tableau.total)
        for q in range(tableau.stages):
            slopes[q] = z * (1 + tableau.A[q] @ slopes)
        return abs(1 + tableau.b @ slopes)

    assert max(growth(z) for z in np.linspace(-0.999 * tableau.stability, 0, 500)) <= 1 + 1e-12
    assert growth(-1.001 * tableau.stability) > 1


def as_published(tableau):
    """What the method has of Gamma, A and b before its stages are scaled."""
    gamma = np.linalg.inv(np.eye(tableau.stages) / tableau.gamma - tableau.C)
    return gamma, tableau.A @ gamma, tableau.b @ gamma


@IMPLICIT
def test_conditions_on_rosenbrock_coefficients(tableau):
    gamma, A, b = as_published(tableau)
    np.testing.assert_allclose(np.diag(gamma), tableau.gamma, rtol=1e-13)
    np.testing.assert_allclose(A.sum(axis=1), tableau.c, atol=1e-12)
    np.testing.assert_allclose(gamma.sum(axis=1), tableau.d, atol=1e-12)
    for k in range(tableau.order):
        assert b @ tableau.c**k == pytest.approx(1 / (k + 1), abs=1e-12)
    assert b @ (A + gamma).sum(axis=1) == pytest.approx(1 / 2, abs=1e-12)


def test_rodas5p_is_stiffly_accurate():
    np.testing.assert_array_equal(RODAS5P.A[7, :7], RODAS5P.b[:7])
    assert RODAS5P.b[7] == RODAS5P.error[7] == 1


def ode23s(u, t, h):
    """As Shampine and Reichelt write it."""
    d, e = 1 / (2 + math.sqrt(2)), 6 + math.sqrt(2)
    W = np.eye(u.size) - h * d * jacobian(u, t)
    T = time_derivative(u, t)
    f0 = f(u, t)
    k1 = np.linalg.solve(W, f0 + h * d * T)
    f1 = f(u + h / 2 * k1, t + h / 2)
    k2 = np.linalg.solve(W, f1 - k1) + k1
    new = u + h * k2
    f2 = f(new, t + h)
    k3 = np.linalg.solve(W, f2 - e * (k2 - f1) - 2 * (k1 - f0) + h * d * T)

    def inside(x):
        return u + h * (x * (1 - x) * k1 + x * (x - 2 * d) * k2) / (1 - 2 * d)

    return new, h / 6 * (k1 - 2 * k2 + k3), inside


@pytest.mark.parametrize("h", [0.01, 0.3])
def test_rosenbrock23_is_ode23s(h):
    u = exact(T0)
    new, estimate, inside = implicit_step(ROSENBROCK23, u, T0, h)
    expected = ode23s(u, T0, h)
    np.testing.assert_allclose(new, expected[0], atol=1e-13)
    np.testing.assert_allclose(estimate, expected[1], atol=1e-13)
    for x in INSIDE:
        np.testing.assert_allclose(inside(x), expected[2](x), atol=1e-13)


@pytest.mark.parametrize(("tableau", "limit"), [(RODAS5P, 1e-6), (ROSENBROCK23, 1e-6)])
def test_stiff_decay_is_damped(tableau, limit):
    new, *_ = implicit_step(
        tableau,
        np.ones(1),
        0.0,
        1.0,
        f=lambda u, t: -1e8 * u,
        jacobian=lambda u, t: np.array([[-1e8]]),
        time_derivative=lambda u, t: np.zeros(1),
    )
    assert abs(new[0]) < limit
