"""Systems that would take for ever: how well `first_integrals` keeps its budget of time and memory.

    python -m benchmarks.bounds [--budget 5] [--json FILE]

Each in a process of its own. The limits are 1.5 times the budget and 2 GB.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pysymude as psu
from benchmarks.harness import arguments, finish
from problems.heavy_systems import bodies, of_degree, parameters, quadratic

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
