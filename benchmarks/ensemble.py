"""An ensemble of twenty fits: one after the other, on two processes, and through Dask with two workers.

    python -m benchmarks.ensemble [--members 20] [--json FILE]

The system is the published Lotka-Volterra set-up with noise 5e-3 (see benchmarks/recovery.py). Every way is
tried once untimed with two members, so that processes have started and programs are compiled. With Dask,
two members more are counted as the start of its workers.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import joblib
import numpy as np

import pysymude as psu
from benchmarks.harness import arguments, finish, passed
from benchmarks.recovery import measured, universal

WANTED = 1.8


def run(members: int, jobs: int | None) -> psu.FitEnsemble:
    return psu.fit_ensemble(
        universal(), measured(5e-3, 0, "learned"), members, jobs=jobs, engine="native"
    )


def timed(call: Callable[[int], psu.FitEnsemble], members: int) -> tuple[float, psu.FitEnsemble]:
    call(2)
    start = time.perf_counter()
    found = call(members)
    return time.perf_counter() - start, found


def main() -> None:
    from distributed import Client, LocalCluster

    given = arguments(__doc__ or "", members=20)
    alone, reference = timed(lambda n: run(n, 1), given.members)
    ways = {
        "one process": (alone, reference),
        "two processes": timed(lambda n: run(n, 2), given.members),
    }
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster),
        joblib.parallel_config(backend="dask"),
    ):
        ways["Dask, two workers"] = timed(lambda n: run(n, None), given.members)
    rows: list[dict[str, Any]] = []
    for way, (seconds, found) in ways.items():
        same = all(
            np.array_equal(a.theta, b.theta)
            for a, b in zip(found.fits, reference.fits, strict=True)
        )
        speed = alone / seconds
        rows.append(
            {
                "way": way, "members": len(found.fits), "failures": len(found.failures),
                "seconds": seconds, "times faster": speed, "same numbers": same,
                "verdict": "" if way == "one process" else passed(-speed, -WANTED),
            }
        )  # fmt: skip
    finish("ensemble of fits", rows, given.json)


if __name__ == "__main__":
    main()
