"""The optimisers by themselves: known minima, failing regions, and memory that survives a file."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from pysymude.fit.optimizers.first_order import Adam
from pysymude.fit.optimizers.optimizer import Evaluate, Memory, Optimizer, Point
from pysymude.fit.optimizers.quasi_newton import LBFGS
from pysymude.fit.optimizers.trust_region import TrustRegion

Float = NDArray[np.float64]

START = np.array([-1.2, 1.0, -0.5, 0.8])
WELL = 1.0 + 9.0 * np.arange(5)  # eigenvalues of the quadratic


def rosenbrock(z: Float) -> Point:
    a, b = z[:-1], z[1:]
    gradient = np.zeros_like(z)
    gradient[:-1] = -400 * a * (b - a**2) - 2 * (1 - a)
    gradient[1:] += 200 * (b - a**2)
    return Point(z, float((100 * (b - a**2) ** 2 + (1 - a) ** 2).sum()), gradient, True)


def quadratic(z: Float) -> Point:
    return Point(z, float(0.5 * (WELL * z**2).sum()), WELL * z, True)


def logarithm(z: Float) -> Point:
    """z - log z: the minimum is at 1, and nothing can be computed at 0 or below."""
    with np.errstate(all="ignore"):
        value = float((z - np.log(z)).sum())
    if not np.isfinite(value):
        return Point(z, np.inf, np.zeros_like(z), False, {}, "not finite")
    return Point(z, value, 1 - 1 / z, True)


def run(
    optimizer: Optimizer, evaluate: Evaluate, start: Float, iterations: int
) -> tuple[list[Point], Memory]:
    """The points visited, the first one included."""
    points = [evaluate(start)]
    memory = optimizer.start(start)
    for _ in range(iterations):
        found = optimizer.step(points[-1], memory, evaluate)
        if found is None:
            break
        points.append(found)
    return points, memory


def counted(evaluate: Evaluate) -> tuple[Evaluate, list[Point]]:
    calls: list[Point] = []

    def counting(z: Float) -> Point:
        calls.append(evaluate(z))
        return calls[-1]

    return counting, calls


def test_lbfgs_finds_the_minimum_of_rosenbrocks_function():
    evaluate, calls = counted(rosenbrock)
    points, _ = run(LBFGS(), evaluate, START, 200)
    np.testing.assert_allclose(points[-1].theta, 1.0, atol=1e-7)
    assert len(points) < 100
    assert len(calls) < 2 * len(points)
    values = [p.value for p in points]
    assert all(b < a for a, b in itertools.pairwise(values))


def test_a_wrong_gradient_is_noticed_by_the_tests_above():
    def wrong(z: Float) -> Point:
        found = rosenbrock(z)
        return Point(z, found.value, found.gradient * np.array([1.0, 1.0, 1.0, -1.0]), True)

    points, _ = run(LBFGS(), wrong, START, 200)
    assert np.abs(points[-1].theta - 1).max() > 1e-3


def test_lbfgs_ends_on_a_quadratic_after_few_steps():
    points, memory = run(LBFGS(), quadratic, np.ones(5), 100)
    # exact line searches would need 5
    assert len(points) <= 20
    assert np.abs(points[-1].theta).max() < 1e-7
    assert len(memory["s"]) == len(memory["y"]) <= len(points)


def test_lbfgs_keeps_no_more_pairs_than_asked():
    _, memory = run(LBFGS(memory=3), rosenbrock, START, 30)
    assert memory["s"].shape == memory["y"].shape == (3, 4)


def test_lbfgs_takes_no_step_at_a_minimum():
    assert LBFGS().step(quadratic(np.zeros(5)), LBFGS().start(np.zeros(5)), quadratic) is None


def test_lbfgs_drops_a_memory_that_points_uphill():
    """A direction of ascent must cost a restart along the gradient, not the leg."""
    point = quadratic(np.ones(5))
    memory = {"s": np.eye(5)[:1], "y": -np.eye(5)[:1]}
    found = LBFGS().step(point, memory, quadratic)
    assert found is not None
    assert found.value < point.value


@pytest.mark.parametrize("start", [0.05, 3.0, 40.0])
def test_lbfgs_backs_off_from_a_failing_region(start: float):
    evaluate, calls = counted(logarithm)
    points, _ = run(LBFGS(), evaluate, np.full(3, start), 100)
    assert all(p.ok for p in points)
    np.testing.assert_allclose(points[-1].theta, 1.0, atol=1e-6)
    if start == 40.0:
        assert not all(p.ok for p in calls)  # it did look into the region


@pytest.mark.parametrize("distance", [1e-3, 1e-6, 1e-9])
def test_lbfgs_finds_a_first_step_however_short(distance: float):
    """Near the floor of a steep valley, as where a leg begins after a good one, it must not give up."""

    def valley(z: Float) -> Point:
        found = quadratic(z)
        return Point(z, 1e6 * found.value, 1e6 * found.gradient, True)

    points, _ = run(LBFGS(), valley, distance * np.ones(5), 100)
    assert points[-1].value < 1e-6 * points[0].value


def test_lbfgs_gives_up_where_everything_else_fails():
    start = np.ones(5)

    def lonely(z: Float) -> Point:
        return quadratic(z) if np.array_equal(z, start) else Point(z, np.inf, 0 * z, False)

    assert LBFGS().step(quadratic(start), LBFGS().start(start), lonely) is None


def test_adam_comes_near_both_minima():
    points, _ = run(Adam(0.05, 400, clip=1e9), quadratic, np.ones(5), 400)
    assert points[-1].value < 1e-6
    # two unknowns: with four there is another minimum near this start
    points, _ = run(Adam(0.1, 3000, clip=1e3), rosenbrock, START[:2], 3000)
    np.testing.assert_allclose(points[-1].theta, 1.0, atol=1e-4)


def test_adam_is_algorithm_1_of_kingma_and_ba():
    """Moments as sums over all gradients so far, divided by the sum of their weights."""
    optimizer = Adam(0.1, 10**9, clip=1e9)
    points, _ = run(optimizer, rosenbrock, START, 6)
    gradients = np.array([p.gradient for p in points])
    for k in range(1, 7):
        past = gradients[:k][::-1]
        m = np.average(past, axis=0, weights=0.9 ** np.arange(k))
        v = np.average(past**2, axis=0, weights=0.999 ** np.arange(k))
        expected = points[k - 1].theta - 0.1 * m / (np.sqrt(v) + 1e-8)
        np.testing.assert_allclose(points[k].theta, expected, rtol=1e-9)


def test_adams_steps_shrink_to_a_hundredth():
    points, _ = run(
        Adam(0.1, 50, clip=1e9),
        lambda z: Point(z, float(z.sum()), np.ones(2), True),
        np.zeros(2),
        50,
    )
    steps = [np.abs(b.theta - a.theta).max() for a, b in itertools.pairwise(points)]
    assert steps[0] == pytest.approx(0.1, rel=0.01)
    assert steps[-1] == pytest.approx(0.001, rel=0.05)
    assert all(b < a * (1 + 1e-9) for a, b in itertools.pairwise(steps))


def test_adam_clips_the_gradient_to_a_norm():
    memory = Adam(0.1, 100, clip=1.0).start(np.zeros(2))
    steep = Point(np.zeros(2), 0.0, np.array([3e6, 4e6]), True)
    Adam(0.1, 100, clip=1.0).step(steep, memory, lambda z: Point(z, 0.0, np.ones(2), True))
    np.testing.assert_allclose(memory["m"], 0.1 * np.array([0.6, 0.8]), rtol=1e-12)


def test_adam_takes_a_step_into_a_failing_region_back_and_stays_careful():
    evaluate, calls = counted(logarithm)
    # the first step would land at -0.5
    points, memory = run(Adam(1.5, 10**6, clip=1e9), evaluate, np.array([1.0 + 1e-3]), 1)
    assert [p.ok for p in calls] == [True, False, True]
    assert points[-1].theta[0] == pytest.approx(1.001 - 0.75, rel=1e-3)
    assert memory["shrink"][0] == 0.5


def test_adam_gives_up_where_everything_fails():
    failing: Callable[[Float], Point] = lambda z: Point(z, np.inf, 0 * z, False)  # noqa: E731
    optimizer = Adam(0.1, 10, clip=1.0)
    assert optimizer.step(quadratic(np.ones(5)), optimizer.start(np.ones(5)), failing) is None


@pytest.mark.parametrize("optimizer", [Adam(0.02, 40, clip=1e3), LBFGS(memory=5)])
def test_a_memory_copied_in_between_leads_to_the_same_steps(optimizer: Optimizer):
    whole, _ = run(optimizer, rosenbrock, START, 30)
    first, memory = run(optimizer, rosenbrock, START, 11)
    copied = {name: array.copy() for name, array in memory.items()}
    point = rosenbrock(first[-1].theta.copy())
    for expected in whole[12:]:
        found = optimizer.step(point, copied, rosenbrock)
        assert found is not None
        np.testing.assert_array_equal(found.theta, expected.theta)
        point = found


def test_a_model_without_curvature_goes_as_far_as_its_region():
    """Along the slope, as priors of Laplace have it: a step of length 1 gains the length of the slope, 5."""
    slope = np.array([3.0, 4.0])

    def plane(z: Float) -> Point:
        return Point(z, float(slope @ z), slope, ok=True)

    optimizer = TrustRegion(lambda _: np.zeros((2, 2)), lambda _: np.ones(2))
    begin = plane(np.zeros(2))
    found = optimizer.step(begin, optimizer.start(begin.theta), plane)
    assert found is not None
    np.testing.assert_allclose(found.theta, -slope / 5.0, rtol=2e-3)
    assert found.value == pytest.approx(-5.0, rel=2e-3)
    assert optimizer.promise(begin, {}) > 5.0
