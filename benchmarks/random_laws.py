"""Random systems with planted laws: how many are found, whether any is false, and how long it takes.

    python -m benchmarks.random_laws [--systems 2000] [--seed 0] [--family all] [--limit 60] [--json FILE]

Every law is judged by `problems.law_checks`: substitution in exact arithmetic or with 60 digits, drift
along trajectories, its certificate, and the certificate of the law with one coefficient changed.

Searches get a budget of 120 seconds where the default is 3, so that nothing is missed because a machine
is busy; all figures are processor time. A system that takes longer than `limit` seconds of that is given
up and counted as "late"; "beyond" are planted laws that were not found before a budget ended. Exit code 1
where a law is false, a planted one is missed, a certificate fails or accepts a changed law.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from random import Random
from typing import Any

import numpy as np

from benchmarks.harness import arguments, finish
from problems.law_checks import Verdict, verdict
from problems.planted import RandomSystem
from problems.random_systems import FAMILIES

PROOF = 2.0  # seconds that a certificate may take


@contextmanager
def limited(seconds: int) -> Generator[None]:
    """Raises TimeoutError after some seconds of this process; never where there is no timer (Windows)."""

    def give_up(*_: Any) -> None:
        raise TimeoutError(f"longer than {seconds} s")

    if not hasattr(signal, "SIGPROF"):
        yield
        return
    before = signal.signal(signal.SIGPROF, give_up)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def run(
    name: str, make: Callable[[Random], RandomSystem], keys: list[str], limit: int
) -> dict[str, Any]:
    """One family: a row of the table; problems are printed as they come."""
    done: list[Verdict] = []
    crashed = late = slow_proofs = 0
    for key in keys:
        try:
            with limited(limit):
                result = verdict(make(Random(key)))  # noqa: S311
        except TimeoutError as error:
            late += 1
            print(f"{key}: {error}", flush=True)
            continue
        except Exception as error:
            crashed += 1
            print(f"{key}: {type(error).__name__}: {error}", flush=True)
            continue
        done.append(result)
        if result.proof_seconds > PROOF:
            slow_proofs += 1
            print(f"{key}: a certificate took {result.proof_seconds:.1f} s", flush=True)
        for problem in result.problems:
            print(f"{key}: {problem}", flush=True)

    def total(what: str) -> int:
        return sum(getattr(v, what) for v in done)

    planted, recovered, beyond = total("planted"), total("recovered"), total("beyond")
    seconds = np.array([v.seconds for v in done] or [0.0])
    return {
        "family": name, "systems": len(keys), "planted": planted, "found": recovered,
        "missed": planted - recovered - beyond, "beyond": beyond, "laws": total("laws"),
        "false": total("false"), "integrated": total("integrated"), "changed": total("spoilt"),
        "rejected": total("rejected"), "other": sum(bool(v.problems) for v in done),
        "crashed": crashed, "late": late, "slow proofs": slow_proofs,
        "median ms": 1e3 * float(np.median(seconds)), "max ms": 1e3 * float(seconds.max()),
        "worst proof ms": 1e3 * max((v.proof_seconds for v in done), default=0.0),
    }  # fmt: skip


def main() -> None:
    given = arguments(__doc__ or "", systems=2000, seed=0, family="all", limit=60)
    chosen = {k: f for k, f in FAMILIES.items() if given.family in ("all", k)}
    each = -(-given.systems // len(chosen))
    rows = []
    for name, make in chosen.items():
        keys = [f"{given.seed}/{name}/{k}" for k in range(each)]
        rows.append(run(name, make, keys, given.limit))
        print(f"{name}: {rows[-1]}", flush=True)
    counts = [k for k in rows[0] if isinstance(rows[0][k], int)]
    rows.append({"family": "all"} | {k: sum(row[k] for row in rows) for k in counts})
    finish(f"random laws, seed {given.seed}", rows, given.json)
    sys.exit(1 if any(rows[-1][what] for what in ("false", "missed", "other", "crashed")) else 0)


if __name__ == "__main__":
    main()
