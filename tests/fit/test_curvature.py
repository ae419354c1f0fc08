"""What a Newton step promises, on functions whose minimum is known."""

import numpy as np
import pytest

from pysymude.fit.optimizers.curvature import newton_promise
from pysymude.fit.optimizers.optimizer import Point


def quadratic(H, lowest, theta):
    step = theta - lowest
    return Point(theta, float(0.5 * step @ H @ step) + 3.0, H @ step, True)


def test_of_a_quadratic_it_is_all_that_there_is_to_gain():
    rng = np.random.default_rng(1)
    A = rng.standard_normal((5, 5))
    H, lowest = A @ A.T + np.eye(5), rng.standard_normal(5)
    here = quadratic(H, lowest, np.zeros(5))
    found = newton_promise(here, lambda theta: quadratic(H, lowest, theta))
    assert found == pytest.approx(here.value - 3.0, rel=1e-6)


def test_at_a_minimum_there_is_nothing_and_on_a_saddle_no_end():
    H = np.diag([1.0, -1.0])
    here = quadratic(H, np.array([0.0, 1.0]), np.zeros(2))
    assert newton_promise(here, lambda z: quadratic(H, np.array([0.0, 1.0]), z)) == np.inf
    flat = quadratic(np.eye(2), np.zeros(2), np.zeros(2))
    assert newton_promise(flat, lambda z: quadratic(np.eye(2), np.zeros(2), z)) == 0.0


def test_where_a_solve_fails_nothing_is_known():
    here = quadratic(np.eye(2), np.ones(2), np.zeros(2))
    failed = Point(np.ones(2), np.inf, np.zeros(2), False)
    assert newton_promise(here, lambda z: failed) == np.inf
