"""One process and its children: threads, forks, many objectives, one thread or several, no compiler."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pysymude as psu
from pysymude.fit.loss.objective import Objective

x, y = psu.states("x y")
k = psu.parameters("k")


def tiny(engine: str, seed: int = 0, experiments: int = 1, **keywords: Any) -> Objective:
    nn = psu.MLP("nn", inputs=[x, y], outputs=1, hidden=(4,))
    system = psu.ODESystem({x: y - 0.1 * x, y: -x + nn[0]}, trainable={})
    times = np.linspace(0.0, 3.0, 8)
    rng = np.random.default_rng(seed)
    data = psu.Dataset(
        [
            psu.Trajectory.from_arrays(
                times + 0.01 * e,
                np.stack([np.cos(times), -np.sin(times)], axis=1)
                + 0.1 * rng.standard_normal((8, 2)),
                states=[x, y], u0={x: 1.0 + 0.01 * e, y: 0.0},
            )
            for e in range(experiments)
        ]
    )  # fmt: skip
    return psu.objective(system, data, engine=engine, **keywords)


# -- threads -----------------------------------------------------------------------------------


@pytest.mark.parametrize("sensealg", ["adjoint", "forward"])
def test_two_threads_at_once_on_one_objective(engine: str, sensealg: str):
    obj = tiny(engine, experiments=10, sensealg=sensealg)
    thetas = [obj.theta0(s) for s in range(40)]
    alone = [obj.value_and_grad(z) for z in thetas]
    assert len({value for value, _ in alone}) == len(thetas)  # a mix-up would show
    found: dict[int, list[tuple[float, np.ndarray]]] = {}
    gate = threading.Barrier(2)

    def work(number: int) -> None:
        gate.wait()
        order = thetas if number == 0 else thetas[::-1]
        found[number] = [obj.value_and_grad(z) for z in order]

    workers = [threading.Thread(target=work, args=(n,)) for n in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    for got in (found[0], found[1][::-1]):
        for (value, gradient), (value0, gradient0) in zip(got, alone, strict=True):
            assert value == value0
            np.testing.assert_array_equal(gradient, gradient0)


def test_one_thread_and_several_give_the_same_numbers(engine: str, monkeypatch: pytest.MonkeyPatch):
    found = []
    for threads in ("1", "2", "5"):
        monkeypatch.setenv("PYSYMUDE_NUM_THREADS", threads)
        obj = tiny(engine, experiments=23)
        found.append(obj.value_and_grad(obj.theta0(3)))
    for value, gradient in found[1:]:
        assert value == found[0][0]
        np.testing.assert_array_equal(gradient, found[0][1])


# -- forks -------------------------------------------------------------------------------------


def _child(obj: Objective, theta: np.ndarray, ends: Any) -> None:
    ends.send(obj.value_and_grad(theta))
    ends.close()


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork here")
@pytest.mark.lacking("julia", "Julia's own threads do not live on in a forked child")
def test_a_forked_child_computes_too(engine: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYSYMUDE_NUM_THREADS", "2")
    obj = tiny(engine, experiments=10)
    theta = obj.theta0(1)
    value, gradient = obj.value_and_grad(theta)  # threads have been started
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    child = context.Process(target=_child, args=(obj, theta, there))
    child.start()
    try:
        assert here.poll(60), "the child hangs"
        got = here.recv()
    finally:
        child.kill()
        child.join()
    assert got[0] == value
    np.testing.assert_array_equal(got[1], gradient)


# -- memory ------------------------------------------------------------------------------------


def _resident() -> float:
    """Resident memory in MB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


GROWTH = """
import gc, sys
import numpy as np
import pysymude as psu
from tests.engines.test_process import _resident, different

def use(first, last):
    for i in range(first, last):
        obj = different(ENGINE, i)
        assert obj.evaluate(obj.theta0()).success
    gc.collect()
    return _resident()

start = use(0, 60)
print(use(60, 560) - start)
"""


def different(engine: str, i: int) -> Objective:
    """Objectives that share nothing: each has equations of its own."""
    system = psu.ODESystem(
        {x: -k * x + (i + 1) * y / 1000, y: -y + x / (i + 2)}, trainable={k: 1.0 + i / 1000}
    )
    times = np.linspace(0.0, 1.0, 4)
    data = psu.Dataset.from_arrays(times, np.exp(-times), states=[x], u0={x: 1.0, y: 0.1})
    return psu.objective(system, data, engine=engine)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
def test_five_hundred_objectives_in_one_process(engine: str):
    if engine == "julia":
        pytest.skip("compiles each system")
    done = subprocess.run(
        [sys.executable, "-c", GROWTH.replace("ENGINE", repr(engine))], capture_output=True,
        text=True, timeout=500,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) <= 20.0


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
def test_the_measure_of_memory_sees_thirty_megabytes():
    # a process that has let go of memory has some to give again
    code = (
        "import numpy as np; from tests.engines.test_process import _resident as r; before = r(); "
        "held = np.ones(30_000_000 // 8); print(r() - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert 20.0 < float(done.stdout) < 40.0


# -- without a compiler ------------------------------------------------------------------------

PLAIN = """
import json
from tests.engines.test_process import tiny
obj = tiny(ENGINE, reltol=1e-10, abstol=1e-12)
value, gradient = obj.value_and_grad(obj.theta0(1))
print(json.dumps([value, gradient.tolist()]))
"""


def test_plain_python_gives_the_same_numbers(engine: str):
    if engine != "native":
        pytest.skip("it has no loops in Python")
    # sums are taken in another order; where tolerances are loose that moves the ends of steps
    obj = tiny(engine, reltol=1e-10, abstol=1e-12)
    value, gradient = obj.value_and_grad(obj.theta0(1))
    done = subprocess.run(
        [sys.executable, "-c", PLAIN.replace("ENGINE", repr(engine))], capture_output=True,
        text=True, timeout=300, env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    plain_value, plain_gradient = json.loads(done.stdout)
    # fused products round otherwise, and step sizes carry that on
    assert plain_value == pytest.approx(value, rel=1e-10)
    size = np.abs(gradient).max()
    np.testing.assert_allclose(plain_gradient, gradient, rtol=1e-9, atol=1e-10 * size)
