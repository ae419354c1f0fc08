"""Factors of a I - J, dense and by plans that know the zeros, against NumPy, and what is a solution."""

import numpy as np
import pytest

from pysymude.engines.native import dense_lu as linear
from pysymude.engines.native import structures as st
from pysymude.engines.native.flat_lu import factor_flat, solve_flat, solve_flat_transposed
from pysymude.engines.native.flat_plan import plan_flat
from pysymude.engines.native.lu_layouts import choose_layout
from pysymude.engines.native.sparse_lu import (
    factor_sparse,
    solve_sparse,
    solve_sparse_transposed,
)
from pysymude.engines.native.sparse_plan import plan_elimination
from tests.engines.native.compiled import compiled

BEFORE = 3  # everything begins at such an offset
PAD = np.full(BEFORE, 7.0)


@compiled
def solve_both(n, a, J, rows, columns, W, pivots, x, y):
    o = 3
    linear.shift_dense(W, o, n, a, J, o, rows, columns)
    if not linear.factor_dense(W, o, pivots, o, n):
        return 0
    linear.solve_dense(W, o, pivots, o, n, x, o)
    linear.solve_dense_transposed(W, o, pivots, o, n, y, o)
    return 1


@compiled
def eliminate(plan, a, J, F, x, y, w):
    o = 3
    if not factor_sparse(plan, a, J, o, F, o, w, o):
        return 0
    solve_sparse(plan, F, o, x, o, w, o)
    solve_sparse_transposed(plan, F, o, y, o, w, o)
    return 1


@compiled
def eliminate_flat(plan, a, J, F, x, y):
    o = 3
    if not factor_flat(plan, a, J, o, F, o):
        return 0
    solve_flat(plan, F, o, x, o)
    solve_flat_transposed(plan, F, o, y, o)
    return 1


@compiled
def check(n, a, J, rows, columns, x, b, w):
    o = 3
    return 1 if linear.is_solution(n, a, J, o, rows, columns, x, o, b, o, w, o) else 0


def padded(values):
    return np.concatenate([PAD, values])


def matrix(n, a, values, rows, columns):
    J = np.zeros((n, n))
    np.add.at(J, (rows, columns), values)
    return a * np.eye(n) - J


def dense(n, a, values, rows, columns, b, c):
    """Whether there are factors, and the solutions for b and, transposed, for c."""
    W, pivots = np.full(BEFORE + n * n, 7.0), np.full(BEFORE + n, 7)
    x, y = padded(b), padded(c)
    good = solve_both(n, a, padded(values), rows, columns, W, pivots, x, y)
    for given in (W, pivots, x, y):
        np.testing.assert_array_equal(given[:BEFORE], 7)
    return good, x[BEFORE:], y[BEFORE:]


def sparse(n, a, values, rows, columns, b, c):
    found = plan_elimination(n, rows, columns)
    # what was there before must not matter
    F, w = np.full(BEFORE + found.size, np.nan), np.full(BEFORE + n, np.nan)
    F[:BEFORE] = w[:BEFORE] = 7
    x, y = padded(b), padded(c)
    good = eliminate(found.plan, a, padded(values), F, x, y, w)
    for given in (F, w, x, y):
        np.testing.assert_array_equal(given[:BEFORE], 7)
    return good, x[BEFORE:], y[BEFORE:]


def flat(n, a, values, rows, columns, b, c):
    found = plan_flat(n, rows, columns)
    F = np.full(BEFORE + found.size, np.nan)
    F[:BEFORE] = 7
    x, y = padded(b), padded(c)
    good = eliminate_flat(found.plan, a, padded(values), F, x, y)
    for given in (F, x, y):
        np.testing.assert_array_equal(given[:BEFORE], 7)
    return good, x[BEFORE:], y[BEFORE:]


def accepts(n, a, values, rows, columns, x, b):
    w = np.full(BEFORE + 2 * n, 7.0)
    return check(n, a, padded(values), rows, columns, padded(x), padded(b), w)


def places(n, rng, each):
    """Of the diagonal and of some entries in each row; one place comes twice."""
    rows = np.concatenate([np.arange(n), rng.integers(0, n, n * each), [0]])
    columns = np.concatenate([np.arange(n), rng.integers(0, n, n * each), [0]])
    return rows, columns


def grid(side):
    """The pattern of two species that diffuse on a periodic grid and react."""
    cells = np.arange(side * side).reshape(side, side)
    beside = [cells, *(np.roll(cells, shift, axis) for shift in (1, -1) for axis in (0, 1))]
    near = [(cells + s, other + s) for s in (0, cells.size) for other in beside]
    here = [(cells, cells + cells.size), (cells + cells.size, cells)]
    rows, columns = (np.concatenate([x.ravel() for x in y]) for y in zip(*near, *here, strict=True))
    return 2 * cells.size, rows, columns


EACH = pytest.mark.parametrize("solve", [dense, sparse, flat])


@EACH
@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 20, 27, 28, 33, 80, 130])
def test_random_patterns(solve, n):
    rng = np.random.default_rng(n)
    for each in (0, 1, 3, n):
        rows, columns = places(n, rng, each)
        values = rng.normal(size=len(rows))
        # on the diagonal enough that no rows need be exchanged
        a = 3.0 + 2 * np.abs(matrix(n, 0.0, values, rows, columns)).sum(axis=1).max()
        b, c = rng.normal(size=(2, n))
        good, x, y = solve(n, a, values, rows, columns, b, c)
        W = matrix(n, a, values, rows, columns)
        assert good
        np.testing.assert_allclose(x, np.linalg.solve(W, b), rtol=1e-11, atol=1e-15)
        np.testing.assert_allclose(y, np.linalg.solve(W.T, c), rtol=1e-11, atol=1e-15)
        assert accepts(n, a, values, rows, columns, x, b)


@pytest.mark.parametrize("n", [3, 20, 60, 150])
def test_rows_are_exchanged(n):
    rng = np.random.default_rng(n)
    rows, columns = (x.ravel() for x in np.indices((n, n)))
    values = rng.normal(size=n * n)
    values[rows == columns] = 0.0
    b, c = rng.normal(size=(2, n))
    good, x, y = dense(n, 0.0, values, rows, columns, b, c)
    W = matrix(n, 0.0, values, rows, columns)
    assert good
    np.testing.assert_allclose(W @ x, b, atol=1e-11 * np.abs(x).max() * n)
    np.testing.assert_allclose(W.T @ y, c, atol=1e-11 * np.abs(y).max() * n)


@EACH
def test_badly_scaled_rows_and_columns(solve):
    # as of a mechanism with slow and with fast reactions, states of very different sizes
    n, rng = 20, np.random.default_rng(4)
    rows, columns = places(n, rng, 3)
    sizes = 10.0 ** rng.uniform(-8, 8, n)
    values = rng.normal(size=len(rows)) * sizes[rows] / sizes[columns]
    diagonal = rows == columns
    values[diagonal] = -20.0 * np.abs(values[diagonal])
    b, c = rng.normal(size=n) * sizes, rng.normal(size=n) / sizes
    good, x, y = solve(n, 1.0, values, rows, columns, b, c)
    scaled = matrix(n, 1.0, values, rows, columns) / sizes[:, None] * sizes
    assert good
    np.testing.assert_allclose(x / sizes, np.linalg.solve(scaled, b / sizes), rtol=1e-9)
    np.testing.assert_allclose(y * sizes, np.linalg.solve(scaled.T, c * sizes), rtol=1e-9)
    assert accepts(n, 1.0, values, rows, columns, x, b)


@EACH
@pytest.mark.parametrize("n", [1, 3, 20, 60])
def test_no_factors_of_a_singular_matrix(solve, n):
    rows = columns = np.arange(n)
    values = np.ones(n)
    values[n // 2] = 2.0
    b = np.ones(n)
    assert not solve(n, 2.0, values, rows, columns, b, b)[0]
    assert solve(n, 3.0, values, rows, columns, b, b)[0]


@EACH
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_no_factors_where_the_jacobian_is_not_finite(solve, bad):
    n = 20
    rows, columns = places(n, np.random.default_rng(1), 2)
    values = np.full(len(rows), 0.1)
    values[5] = bad
    assert not solve(n, 10.0, values, rows, columns, np.ones(n), np.ones(n))[0]


def test_a_solution_without_exchanged_rows_is_found_wanting():
    # the pivot is tiny: only what exchanges rows solves this
    n, rows, columns = 2, np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    values = -np.array([1e-18, 1.0, 1.0, 1e-18])
    b = np.array([1.0, 2.0])
    for pattern in (slice(None), slice(None, None, -1)):
        given = values[pattern].copy(), rows[pattern].copy(), columns[pattern].copy()
        good, x, _ = sparse(n, 0.0, *given, b, b)
        assert good
        assert not accepts(n, 0.0, *given, x, b)
        good, x, _ = dense(n, 0.0, *given, b, b)
        assert good
        assert accepts(n, 0.0, *given, x, b)


def test_the_check_sees_one_wrong_digit():
    n, rng = 30, np.random.default_rng(2)
    rows, columns = places(n, rng, 3)
    values, b = rng.normal(size=len(rows)), rng.normal(size=n)
    _, x, _ = dense(n, 5.0, values, rows, columns, b, b)
    assert accepts(n, 5.0, values, rows, columns, x, b)
    for i in (0, 17, n - 1):
        wrong = x.copy()
        wrong[i] *= 1 + 1e-7
        assert not accepts(n, 5.0, values, rows, columns, wrong, b)
        wrong[i] = np.nan
        assert not accepts(n, 5.0, values, rows, columns, wrong, b)


def test_elimination_fills_up_little():
    # a hub that all depend on, and which depends on all, is last
    n = 50
    others = np.arange(1, n)
    rows = np.concatenate([np.arange(n), others, 0 * others])
    columns = np.concatenate([np.arange(n), 0 * others, others])
    for plan in (plan_elimination, plan_flat):
        assert plan(n, rows, columns).size == n + 2 * (n - 1)


def test_a_large_grid():
    n, rows, columns = grid(32)
    found = plan_elimination(n, rows, columns)
    assert n == 2048
    assert found.size < 170_000
    assert choose_layout(n, rows, columns)[0] == st.RUNS
    rng = np.random.default_rng(0)
    values, b, c = rng.normal(size=len(rows)), *rng.normal(size=(2, n))
    good, x, y = sparse(n, 12.0, values, rows, columns, b, c)
    assert good
    assert accepts(n, 12.0, values, rows, columns, x, b)
    assert accepts(n, 12.0, values, columns, rows, y, c)


def test_choice():
    def band(n):
        rows = np.concatenate([np.arange(n)] * 3)
        return n, rows, np.clip(rows + np.repeat([-1, 0, 1], n), 0, n - 1)

    for n in (3, 12):
        assert choose_layout(*band(n)) == (st.DENSE, None)
    for n in (16, 80, 300):
        assert choose_layout(*band(n))[0] == st.FLAT
    rows, columns = (x.ravel() for x in np.indices((80, 80)))
    assert choose_layout(80, rows, columns)[0] == st.DENSE
    rng = np.random.default_rng(0)
    # sparse at first, but it fills up: rows become runs, and then a dense matrix
    assert choose_layout(300, *places(300, rng, 4))[0] == st.RUNS
    assert choose_layout(40, *places(40, rng, 12))[0] == st.DENSE
