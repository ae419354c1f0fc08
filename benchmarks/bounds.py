"""Systems that would take for ever: how well `first_integrals` keeps its budget of time and memory.

    python -m benchmarks.bounds [--budget 5] [--json FILE]

Each in a process of its own. The limits are 1.5 times the budget and 2 GB.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import numpy as np
import sympy as sp

import pysymude as psu
from benchmarks.harness import arguments, finish

Field = dict[sp.Symbol, Any]
RNG = np.random.default_rng(0)


def bodies(n: int, space: int = 2) -> Field:
    """Gravitating bodies with masses."""
    q = [[psu.states(f"q{i}_{k}") for k in range(space)] for i in range(n)]
    p = [[psu.states(f"p{i}_{k}") for k in range(space)] for i in range(n)]
    m = [psu.parameters(f"m{i}") for i in range(n)]
    field: Field = {}
    for i in range(n):
        others = [j for j in range(n) if j != i]
        far = {j: sum((q[j][k] - q[i][k]) ** 2 for k in range(space)) for j in others}
        for k in range(space):
            field[q[i][k]] = p[i][k] / m[i]
            field[p[i][k]] = sum(
                m[i] * m[j] * (q[j][k] - q[i][k]) / sp.sqrt(far[j]) ** 3 for j in others
            )
    return field


def quadratic(n: int) -> Field:
    """Every product in every equation."""
    u = psu.states(f"u1:{n + 1}")
    pairs = [a * b for i, a in enumerate(u) for b in u[i:]]
    return {s: sp.Add(*(int(RNG.integers(-9, 10)) * f for f in pairs)) for s in u}


def parameters(count: int) -> Field:
    """Six states, ten terms each, every coefficient a symbol."""
    u, rates = psu.states("u1:7"), iter(psu.parameters(f"k1:{count + 1}"))
    return {
        s: sum(
            next(rates) * u[RNG.integers(len(u))] * u[RNG.integers(len(u))]
            for _ in range(count // 6)
        )
        for s in u
    }


def of_degree(d: int) -> Field:
    """Thirty random terms of that degree in each of four equations."""
    u = psu.states("u1:5")
    return {
        s: sum(
            int(RNG.integers(-9, 10)) * sp.prod([u[RNG.integers(len(u))] for _ in range(d)])
            for _ in range(30)
        )
        for s in u
    }


CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    "seven bodies": (lambda: bodies(7), {}),
    "four bodies": (lambda: bodies(4), {}),
    "three bodies in space": (lambda: bodies(3, 3), {}),
    "dense quadratic, 40 states": (lambda: quadratic(40), {}),
    "60 parameters": (lambda: parameters(60), {}),
    "degree 12": (lambda: of_degree(12), {"degree": 12}),
}


def run(name: str, budget: float) -> None:
    """One case, as a line of JSON."""
    import resource
    import time

    make, keywords = CASES[name]
    system = psu.ODESystem(make())
    start = time.perf_counter()
    laws = psu.first_integrals(system, budget=budget, **keywords)
    row = {
        "s": time.perf_counter() - start,
        "MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "laws": len(laws),
        "complete": laws.complete,
    }
    print(json.dumps(row))


def main() -> None:
    given = arguments(__doc__ or "", budget=5.0, case="")
    if given.case:
        run(given.case, given.budget)
        return
    rows: list[dict[str, Any]] = []
    for name in CASES:
        command = [
            sys.executable,
            "-m",
            "benchmarks.bounds",
            "--case",
            name,
            "--budget",
            str(given.budget),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found = json.loads(done.stdout.splitlines()[-1])
        good = found["s"] <= 1.5 * given.budget and found["MB"] <= 2048
        rows.append({"system": name, **found, "verdict": "pass" if good else "FAIL"})
    finish(f"bounds, budget {given.budget:g} s", rows, given.json)


if __name__ == "__main__":
    main()
