"""Tasks on several threads: order, errors, calls inside of calls; results that no number of threads changes."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

import pysymude as psu
from problems.catalogue import universal
from pysymude.engines.native.desks import parts_of
from pysymude.engines.native.workers import each


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_come_in_the_order_of_the_tasks(threads):
    assert each(lambda k: k * k, range(100), threads) == [k * k for k in range(100)]
    assert each(str, [3, 1], threads) == ["3", "1"]
    assert each(str, [], threads) == []


def test_the_caller_works_beside_its_helpers():
    meet = threading.Barrier(2, timeout=30)
    seen = each(lambda _: (meet.wait(), threading.get_ident())[1], range(2), 2)
    assert threading.get_ident() in seen
    assert len(set(seen)) == 2


def test_an_error_reaches_the_caller_and_ends_the_rest():
    begun = []

    def task(k):
        begun.append(k)
        raise ValueError(f"task {k}")

    with pytest.raises(ValueError, match="task"):
        each(task, range(1000), 2)
    assert len(begun) <= 2
    assert each(str, range(3), 2) == ["0", "1", "2"]


def test_nobody_works_on_behind_an_error():
    busy = []

    def task(k):
        if k == 1:
            time.sleep(0.01)
            raise ValueError
        busy.append(k)
        time.sleep(0.2 if k == 2 else 0.02)
        busy.remove(k)

    with pytest.raises(ValueError):  # noqa: PT011
        each(task, range(12), 4)
    assert not busy


def test_calls_inside_of_calls_end():
    """All helpers wait for what is inside: nobody is left to help, and nobody is needed."""

    def outer(k):
        return sum(each(lambda j: k * j, range(20), 3))

    done = []
    ran = threading.Thread(target=lambda: done.append(each(outer, range(20), 3)), daemon=True)
    ran.start()
    ran.join(60)
    assert done == [[190 * k for k in range(20)]]


@pytest.mark.parametrize("count", [1, 7, 8, 9, 15, 16, 61, 100, 1234])
def test_parts_hold_each_experiment_once_and_end_small(count):
    parts = parts_of(count)
    assert [e for part in parts for e in range(*part)] == list(range(count))
    sizes = [last - first for first, last in parts]
    assert all(sizes)
    if count > 100:
        assert 1.9 < sizes[0] / sizes[-1] < 3.1
        assert max(sizes) < 0.1 * count


def test_threads_change_no_bit_of_a_gradient(monkeypatch):
    system, data = universal("lotka-volterra").problem
    many = psu.Dataset.from_arrays(
        [data.trajectories[0].t] * 30,
        [data.trajectories[0].u * (1 + 0.01 * k) for k in range(30)],
        states=list(system.states),
    )
    obj = psu.objective(system, many, engine="native")
    found = []
    for threads in ("1", "2", "3"):
        monkeypatch.setenv("PYSYMUDE_NUM_THREADS", threads)
        found.append(obj.value_and_grad(0.3 * obj.theta0(0)))
    for value, gradient in found[1:]:
        assert value == found[0][0]
        np.testing.assert_array_equal(gradient, found[0][1])
