"""What the benchmarks share: interleaved timing, tables, and results with the machine beside them."""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["Timing", "arguments", "environment", "finish", "interleaved", "passed"]

_PACKAGES = (
    "pysymude", "llvmlite", "numpy", "scipy", "sympy", "jax", "jaxlib", "diffrax", "optimistix",
)  # fmt: skip


@dataclass(frozen=True)
class Timing:
    """Seconds of one call: the best, quartiles over the rounds, and ratios to the first callable.

    `ratio` is the median of the ratios within each round, so that a slow moment of a shared machine
    weighs on both; `best_ratio` compares the undisturbed moments.
    """

    best: float
    median: float
    lower: float
    upper: float
    ratio: float
    best_ratio: float
    rounds: int

    def columns(self) -> dict[str, Any]:
        """For a table, in milliseconds."""
        return {
            "best ms": 1e3 * self.best,
            "q1": 1e3 * self.lower,
            "median": 1e3 * self.median,
            "q3": 1e3 * self.upper,
            "ratio": self.ratio,
            "best ratio": self.best_ratio,
        }


def interleaved(
    calls: Mapping[str, Callable[[], Any]], *, rounds: int = 40, least: float = 3e-3
) -> dict[str, Timing]:
    """Timings of several callables in turn: one sample of each a round, garbage collection off.

    A sample repeats its call until it takes `least` seconds. The order rotates from round to round.
    """
    names = list(calls)
    number = {name: _repeats(call, least) for name, call in calls.items()}
    samples: dict[str, list[float]] = {name: [] for name in names}
    enabled = gc.isenabled()
    gc.disable()
    try:
        for k in range(rounds):
            for name in names[k % len(names) :] + names[: k % len(names)]:
                call, n = calls[name], number[name]
                start = time.perf_counter()
                for _ in range(n):
                    call()
                samples[name].append((time.perf_counter() - start) / n)
    finally:
        if enabled:
            gc.enable()
    first = np.array(samples[names[0]])
    return {name: _timing(np.array(samples[name]), first) for name in names}


def _repeats(call: Callable[[], Any], least: float) -> int:
    # the first call may compile, and is not timed; those after it may still be slow
    call()
    n, took = 1, 0.0
    while took < least:
        start = time.perf_counter()
        for _ in range(n):
            call()
        took = time.perf_counter() - start
        if took < least:
            n = max(n + 1, min(10 * n, int(np.ceil(1.2 * n * least / took))))
    return n


def _timing(seconds: Any, first: Any) -> Timing:
    lower, median, upper = np.quantile(seconds, [0.25, 0.5, 0.75])
    best = float(seconds.min())
    return Timing(
        best, float(median), float(lower), float(upper),
        float(np.median(seconds / first)), best / float(first.min()), len(seconds),
    )  # fmt: skip


def environment() -> dict[str, Any]:
    """Versions, cores and the day: a time without them is no result."""
    found: dict[str, str] = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "from source" if package == "pysymude" else "not installed"
    return {
        "versions": found,
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "date": time.strftime("%Y-%m-%d"),
    }


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def passed(value: float, limit: float) -> str:
    """Whether a figure stays within its limit, in words."""
    return f"{'pass' if value <= limit else 'FAIL'} ({value:.3g}, limit {limit:g})"


def arguments(description: str, **options: Any) -> argparse.Namespace:
    """The command line: `--json FILE`, and one option a keyword with its default."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", type=Path, help="write the rows there, with the environment")
    for name, default in options.items():
        parser.add_argument(f"--{name}", type=type(default), default=default)
    return parser.parse_args()


def finish(title: str, rows: Sequence[Mapping[str, Any]], path: Path | None, **more: Any) -> None:
    """Prints the rows as a table, and writes them, and `more`, where the user asked."""
    where = environment()
    print(f"\n{title}\n{_cpu()}, {where['cores']} cores, load {_load()}")
    _print_table(rows)
    if path is not None:
        before = json.loads(path.read_text()) if path.exists() else {}
        found = before | {title: {"environment": where, "rows": list(rows), **more}}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found, indent=1) + "\n")


def _print_table(rows: Sequence[Mapping[str, Any]]) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [[_cell(row.get(name, "")) for name in names] for row in rows]
    widths = [max(len(r[j]) for r in [names, *cells]) for j in range(len(names))]
    for line in [names, *cells]:
        print("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip())


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
