"""The first gradient and the first solve of a process: with an empty cache on disk, and after it.

    python -m benchmarks.cold_start [--repeats 5] [--json FILE]

Each row is a new process. "from start" counts from its creation, the stages add up to it. "first gradient" is
what compiles where nothing is kept: beside it the processor's time for it, that of child processes included.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import arguments, finish, passed
from problems.catalogue import universal

LIMIT, COLD_LIMIT = 1.2, 15.0  # seconds: of later processes, and of the first gradient of all
SOLVE_LIMIT = 1.0  # seconds from the start of a later process to the end of its first solve

CHILD = """
import json, resource, sys, time
marks = [("interpreter", time.time())]
def mark(name):
    marks.append((name, time.time()))
def processor():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)

import numpy as np
import pysymude as psu
mark("import pysymude")
import sympy as sp
x, y = psu.states("x y", positive=True)
SYSTEM
stored = np.load(sys.argv[2])
data = psu.Dataset.from_arrays(stored["t"], stored["u"], states=list(ude.states), noise=NOISE)
mark("model and data")
from pysymude.engines.native import desks
from pysymude.engines.native.entries import Entry
mark("engine imports")
obj = psu.objective(ude, data, reltol=1e-6, abstol=ABSTOL)
theta = obj.theta0(0)
mark("objective")
before = processor()
value, gradient = obj.value_and_grad(theta)
mark("first gradient")
cpu = processor()
start = time.time()
obj.value_and_grad(theta)
warm = time.time() - start
print(json.dumps({"spawned": float(sys.argv[1]), "marks": marks,
    "compiled": sum(e.compiled for e in vars(desks).values() if isinstance(e, Entry)),
    "warm": warm, "cpu": cpu, "first cpu": cpu - before}))
"""

SOLVE = """
import sys, time
import numpy as np
import pysymude as psu
x, y = psu.states("x y", positive=True)
system = psu.ODESystem({x: 1.3*x - 0.9*x*y, y: -1.8*y + 0.8*x*y})
sol = psu.solve(system, u0={x: 0.4, y: 4.6}, t=np.linspace(0, 3, 31))
assert sol.success
print(time.time() - float(sys.argv[1]))
"""

PROBLEMS = {
    "lotka-volterra": (
        """
nn = psu.MLP("nn", inputs=[x, y], outputs=2, hidden=(5, 5, 5))
ude = psu.ODESystem({x: 1.3*x + nn[0], y: -1.8*y + nn[1]})
""",
        "None",
        "1e-6",
    ),
    "robertson": (
        """
y1, y2, y3 = psu.states("y1 y2 y3")
scaling = ((0.5, 1.8e-5, 0.5), (0.5, 1.8e-5, 0.5))
nn = psu.MLP("nn", inputs=[y1, y2, y3], outputs=1, hidden=(4,), input_scaling=scaling,
             output_scaling=(float(np.log(0.04)), 0.2))
slow, fast, back = y1*sp.exp(nn[0]), 3e7*y2**2, 1e4*y2*y3
ude = psu.ODESystem({y1: -slow + back, y2: slow - back - fast, y3: fast})
""",
        "{y1: 0.05, y2: 1e-6, y3: 0.05}",
        "1e-10",
    ),
}


def child(name: str, folder: str, measured: Path) -> dict[str, Any]:
    """One process; its stages in seconds."""
    system, noise, abstol = PROBLEMS[name]
    code = CHILD.replace("SYSTEM", system).replace("NOISE", noise).replace("ABSTOL", abstol)
    done = subprocess.run(
        [sys.executable, "-c", code, str(time.time()), str(measured)],
        capture_output=True, text=True, check=True, env=os.environ | {"PYSYMUDE_CACHE_DIR": folder},
    )  # fmt: skip
    found = json.loads(done.stdout)
    row: dict[str, Any] = {}
    before = found["spawned"]
    for stage, at in found["marks"]:
        row[stage], before = at - before, at
    row["compiled"] = found["compiled"]
    row["from start"] = before - found["spawned"]
    row["from import"] = before - dict(found["marks"])["import pysymude"]
    # on a busy machine the wall clock also counts the time of others
    row["cpu"] = found["cpu"]
    row["cpu of first gradient"] = found["first cpu"]
    row["second call"] = found["warm"]
    return row


def first_solves(repeats: int) -> None:
    """From the start of a process to the end of its first solve."""
    with tempfile.TemporaryDirectory() as folder:
        env = os.environ | {"PYSYMUDE_CACHE_DIR": folder}
        seconds = [
            float(subprocess.check_output(
                [sys.executable, "-c", SOLVE, str(time.time())], env=env, text=True
            ))
            for _ in range(1 + repeats)
        ]  # fmt: skip
    later = np.array(seconds[1:])
    verdict = passed(float(np.median(later)), SOLVE_LIMIT)
    print(f"first solve: {seconds[0]:.3g} s in the first process, {later.min():.3g} to {later.max():.3g} in later "
          f"ones: median {verdict}")  # fmt: skip


def main() -> None:
    given = arguments(__doc__ or "", repeats=5)
    first_solves(given.repeats)
    for name in PROBLEMS:
        data = universal(name).problem[1]
        with tempfile.TemporaryDirectory() as folder:
            measured = Path(folder) / "data.npz"
            np.savez(measured, t=data[0].t, u=data[0].u)
            first = child(name, folder, measured)
            later = [child(name, folder, measured) for _ in range(given.repeats)]
        middle = {k: float(np.median([row[k] for row in later])) for k in first}
        best = {k: float(np.min([row[k] for row in later])) for k in first}
        rows = [{"process": k} | r for k, r in zip(("first", "median of later", "best of later"),
                                                   (first, middle, best), strict=True)]  # fmt: skip
        finish(f"cold start, {name}", rows, given.json)
        cold = first["first gradient"]
        print(f"first process, first gradient: {passed(cold, COLD_LIMIT)}")
        for what in ("from start", "from import"):
            print(f"second process, {what}: median {passed(middle[what], LIMIT)}, "
                  f"best {passed(best[what], LIMIT)}")  # fmt: skip


if __name__ == "__main__":
    main()
