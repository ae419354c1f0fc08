"""The compiler of loops: it computes what Python does, and says where it does not know how."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from pysymude.engines.native.compiler.compilation import Compilation
from pysymude.engines.native.compiler.kinds import FLOAT, NONE, Array, NotCompiledError
from pysymude.engines.native.compiling import inner
from tests.engines.native.compiled import compiled

NAN, INF = float("nan"), float("inf")
VALUES = [0.0, -0.0, 1.5, -2.5, 3.0, 1e150, INF, -INF, NAN]


def floats(a, b, out):
    out[0], out[1], out[2], out[3] = a + b, a - b, a * b, -a
    out[4], out[5], out[6] = max(a, b), min(a, b), abs(a)
    out[7] = 1.0 if a < b else (2.0 if a <= b else (3.0 if a == b else 4.0))
    out[8] = 1.0 if a != b else 0.0
    out[9] = 1.0 if a > b or a >= b else 0.0
    out[10] = 1.0 if math.isfinite(a) and not math.isfinite(b) else 0.0
    out[11] = 1.0 if a else 0.0
    out[12] = 1.0 if -3.0 < a < b < 2.0 else 0.0
    out[13] = a**2
    out[14] = max(a, b, 1.0)


def whole(a, b, out):
    out[0], out[1], out[2], out[3] = a + b, a - b, a * b, -a
    out[4], out[5] = a // b, a % b
    out[6], out[7] = a // 8, a % 8
    out[8], out[9], out[10] = a & b, a | b, abs(a)
    out[11], out[12] = max(a, b), min(a, b)
    out[13] = (a < b) + (a == b)
    out[14] = int(2.5 * a)
    out[15] = a >> 1


def both(function, *values, size=16, kind=np.float64):
    found = np.zeros((2, size), dtype=kind)
    compiled(function)(*values, found[0])
    function(*values, found[1])
    return found


@pytest.mark.parametrize("a", VALUES)
def test_numbers(a):
    run = compiled(floats)
    for b in VALUES:
        found = np.zeros((2, 16))
        run(a, b, found[0])
        with np.errstate(all="ignore"):
            floats(a, b, found[1])
        np.testing.assert_array_equal(found[0], found[1])
        assert (np.signbit(found[0]) == np.signbit(found[1]))[~np.isnan(found[0])].all()


@pytest.mark.parametrize("a", [-17, -8, -1, 0, 5, 8, 23])
@pytest.mark.parametrize("b", [-7, -1, 1, 2, 9])
def test_whole_numbers(a, b):
    found, expected = both(whole, a, b, kind=np.int64)
    np.testing.assert_array_equal(found, expected)


def functions(x, out):
    out[0], out[1], out[2], out[3] = math.sqrt(x), math.exp(x), math.log(x), math.sin(x)
    out[4], out[5], out[6], out[7] = math.cos(x), math.tan(x), math.tanh(x), math.erf(x)
    out[8], out[9], out[10] = x**0.5, x**2.5, math.nextafter(x, math.inf)
    out[11] = np.arctan2(x, 2.0)


@pytest.mark.parametrize("x", [0.3, 1.0, 7.7])
def test_functions(x):
    found, expected = both(functions, x)
    np.testing.assert_allclose(found, expected, rtol=1e-15)


@inner
def part_of(n, k):
    if n <= k:
        return 0.0, 1
    return n / k, 2


def ways(n, out):
    at, total = 0, 0.0
    for i in range(n):
        if i % 3 == 0:
            continue
        for j in range(n - 1, -1, -2):
            if j < i:
                break
            total += 1.0 + 10.0 * j
        out[at] = total
        at += 1
        if at == 8:
            break
    k = 0
    while True:
        k += 1
        if k > 4 and k * k > n:
            break
    out[9] = k
    share, which = part_of(n, 3)
    share, out[10], out[11] = out[0], share, which
    out[12] = share
    a, b = 1.0, 2.0
    a, b = b, a + b
    out[13] = a - b
    out[14] = sum_between(out, 1, 4)


@inner
def sum_between(x, first, last):
    piece, total = x[first:last], 0.0
    for i in range(piece.shape[0]):
        total += piece[i]
    return total


@pytest.mark.parametrize("n", [0, 1, 3, 4, 11, 40])
def test_ways(n):
    found, expected = both(ways, n)
    np.testing.assert_array_equal(found, expected)


def test_rows_are_those_of_the_array():
    x, k, out = np.arange(12.0).reshape(3, 4), np.arange(8).reshape(2, 2, 2), np.zeros(16)

    def run(x, k, out):
        row = x[1]
        row[2] = 7.0
        x[0, 1] += row[2] * k[0, 1, 1]
        page = k[1]
        page[0, 0] = 5
        out[:3] = 2.0
        out[0] = k.shape[1] + x.shape[0]

    for function in (run, compiled(run)):
        a, b, c = x.copy(), k.copy(), out.copy()
        function(a, b, c)
        assert a[1, 2] == 7.0
        assert a[0, 1] == 22.0
        assert b[1, 0, 0] == 5
        assert c[:4].tolist() == [5.0, 2.0, 2.0, 0.0]


def another_kind(x):
    n = 0
    n = x[0]
    return int(n)


def negative(x):
    return int(x[-1])


def a_list(x):
    return len([1.0])


def two_kinds(x):
    if x[0] > 0.0:
        return 1
    return 2.5


def itself(x):
    return itself(x)


@pytest.mark.parametrize(
    ("function", "line", "words"),
    [
        (another_kind, 2, "n is int, and is given float"),
        (negative, 1, "an index that is -1"),
        (a_list, 1, "an expression of the type List"),
        (two_kinds, 3, "float where int is needed"),
        (itself, 1, "itself calls itself"),
    ],
)
def test_what_is_not_known_is_said_with_its_line(function, line, words):
    with pytest.raises(NotCompiledError) as error:
        compiled(function)(np.ones(3))
    place = f"{Path(__file__)}:{function.__code__.co_firstlineno + line}, in {function.__name__}: "
    assert str(error.value.args[0]) == place + words


def test_what_is_none_leaves_no_code():
    def run(x, y):
        if y is not None and y.nothing:
            return y.nothing
        if x > 0.0 or y is None:
            return 1 if y is None else y.nothing
        return y.nothing

    with pytest.raises(NotCompiledError, match="None has no nothing"):
        Compilation().entry(run, (FLOAT, NONE))

    def good(x, y):
        if y is not None and y.nothing:
            return y.nothing
        return 1 if y is None else y.nothing

    Compilation().entry(good, (FLOAT, NONE))


def test_a_function_is_written_once_for_the_same_kinds():
    def run(x):
        return int(sum_between(x, 0, 1) + sum_between(x, 1, 2) + sum_between(x, 0, 2))

    made = Compilation()
    made.entry(run, (Array.of(FLOAT, 1),))
    assert made.functions == 2
    assert compiled(run)(np.array([1.0, 2.0])) == 6
