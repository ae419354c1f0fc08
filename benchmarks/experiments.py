"""The cost of one experiment when 1, 10 or 100 of them are solved in one call, and of 100 by threads.

python -m benchmarks.experiments [--json FILE]
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import pysymude as psu
from benchmarks.harness import arguments, finish, interleaved, passed
from problems.catalogue import independent_solution, universal

NUMBERS = (1, 10, 100)
LIMIT = 0.6  # two threads against one


def experiments(number: int) -> psu.Dataset:
    """Lotka-Volterra from `number` initial states, 31 times each."""
    x, y = psu.states("x y", positive=True)
    truth = psu.ODESystem({x: 1.3 * x - 0.9 * x * y, y: -1.8 * y + 0.8 * x * y})
    t = np.linspace(0.0, 3.0, 31)
    starts = np.random.default_rng(0).uniform([0.4, 1.0], [2.0, 4.7], size=(number, 2))
    measured = [independent_solution(truth, start, t) for start in starts]
    return psu.Dataset.from_arrays([t] * number, measured, states=[x, y])


def on_threads(number: int, call: Callable[[], Any]) -> Any:
    """The call with so many threads."""
    os.environ["PYSYMUDE_NUM_THREADS"] = str(number)
    try:
        return call()
    finally:
        del os.environ["PYSYMUDE_NUM_THREADS"]


def threads(system: psu.ODESystem, rounds: int) -> list[dict[str, Any]]:
    """A gradient of 100 experiments on one thread and on two."""
    obj = psu.objective(system, experiments(100), abstol=1e-6)
    call = partial(obj.value_and_grad, 0.5 * obj.theta0(0))
    timings = interleaved({str(n): partial(on_threads, n, call) for n in (1, 2)}, rounds=rounds)
    rows = [{"threads": n} | timings[n].columns() for n in timings]
    rows[1]["verdict"] = passed(timings["2"].ratio, LIMIT)
    return rows


def main() -> None:
    given = arguments(__doc__ or "", rounds=40)
    system, _ = universal("lotka-volterra").problem
    rows: list[dict[str, Any]] = []
    for sensealg in ("adjoint", "forward"):
        made = {
            n: psu.objective(system, experiments(n), sensealg=sensealg, abstol=1e-6)
            for n in NUMBERS
        }
        theta = 0.5 * made[1].theta0(0)
        timings = interleaved(
            {str(n): partial(obj.value_and_grad, theta) for n, obj in made.items()},
            rounds=given.rounds,
        )
        costs = [timings[str(n)].median / n for n in NUMBERS]
        falls = "pass" if costs == sorted(costs, reverse=True) else "FAIL"
        for n, cost in zip(NUMBERS, costs, strict=True):
            row = {"gradient": sensealg, "experiments": n, "ms each": 1e3 * cost}
            row |= timings[str(n)].columns() | {"steps": made[n].evaluate(theta).steps}
            rows.append(row | {"cost of each falls": falls})
    finish("experiments", rows, given.json)
    finish("100 experiments", threads(system, given.rounds), None)


if __name__ == "__main__":
    main()
