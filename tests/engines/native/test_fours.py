"""Fours: compiled, each function does what it does in plain Python."""

from __future__ import annotations

import numpy as np
import pytest

from pysymude.engines.native.fours import (
    add_part,
    each,
    few,
    four,
    is_zero,
    magnitude,
    part,
    placed,
    put,
    select_less,
    sums,
    two_to_the,
    zeros,
)
from tests.engines.native.compiled import compiled

NAN, INF = float("nan"), float("inf")


def arithmetic(x, y, out):
    a, b = four(x, 0), four(y, 0)
    put(out, 0, a + b)
    put(out, 4, 2.0 - a)
    put(out, 8, a * b - 0.5)
    put(out, 12, a / b)
    total = zeros()
    total += a
    put(out, 16, 1.0 / (total + 3.0))


def choices(x, y, out):
    a, b = four(x, 0), four(y, 0)
    put(out, 0, select_less(a, b, a, b))
    put(out, 4, select_less(0.0, a, 1.0, b))
    put(out, 8, select_less(a, 0.5, b, -1.0))
    put(out, 12, select_less(a, b, 1.0, 2.0))
    put(out, 16, magnitude(-1.0 * a))


def places(x, y, out):
    put(out, 0, each(x, 2))
    put(out, 4, placed(four(x, 0), 3, 7.0))
    put(out, 8, placed(four(x, 0), -1, 7.0))
    put(out, 12, sums(four(x, 0), four(y, 0), each(x, 1), zeros()))
    put(out, 16, two_to_the(four(y, 0) * 0.0 + (1.5 * 2.0**52 - 3.0)))


def both_ways(function, x, y):
    found = []
    for run in (compiled(function), function):
        out = np.zeros(20)
        run(x, y, out)
        found.append(out)
    return found


@pytest.mark.parametrize("function", [arithmetic, choices, places])
def test_compiled_and_plain_agree(function):
    rng = np.random.default_rng(0)
    for x, y in [(rng.normal(size=4), rng.normal(size=4)), (np.arange(4.0), -np.ones(4))]:
        found, plain = both_ways(function, x, y)
        np.testing.assert_allclose(found, plain, rtol=1e-15, atol=1e-15)


def test_comparisons_with_what_is_not_a_number_are_false():
    x, y = np.array([NAN, 1.0, NAN, INF]), np.array([1.0, NAN, NAN, INF])
    found, plain = both_ways(choices, x, y)
    np.testing.assert_array_equal(found, plain)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 9])
def test_parts_touch_what_they_name(count):
    def run(v, out, start, count):
        put(out, 0, part(v, start, count))
        if count > 0:
            put(out, 4, few(v, start, count))
        add_part(v, start, each(out, 8), count)

    for function in (compiled(run), run):
        inside = min(max(count, 0), 4)
        v, out = np.arange(1.0, 7.0 + inside)[: 6 + inside], np.full(9, 0.5)
        function(v, out, 6, count)
        expected = np.zeros(4)
        expected[:inside] = np.arange(7.0, 7.0 + inside)
        assert (out[:4] == expected).all()
        if count > 0:
            assert (out[4:8] == expected).all()
        assert v[:6].tolist() == [1, 2, 3, 4, 5, 6]
        assert (v[6:] == expected[:inside] + 0.5).all()


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize(
    ("value", "expected"), [(0.0, True), (-0.0, True), (1e-320, False), (NAN, False)]
)
def test_zero_means_all_four(place, value, expected):
    def run(v):
        return 1 if is_zero(four(v, 0)) else 0

    v = np.zeros(4)
    v[place] = value
    assert compiled(run)(v) == run(v) == expected
