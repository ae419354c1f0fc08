"""What the recorded results say: the table of factors on the page about speed.

    python -m problems.recorded_results

Prints the rows for ``docs/performance.md``, made of ``benchmarks/recorded``; a test holds the page to them. Each
file there is what a command of the table wrote with ``--json``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["FACTORS", "Factor", "rows"]

RESULTS = Path(__file__).parents[1] / "benchmarks" / "recorded"
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Factor:
    """A row of the table: what takes how many times as long elsewhere.

    Attributes
    ----------
    what, against : str
    command : str
        The module of `benchmarks` with its arguments, without ``--json``.
    file : str
        In `RESULTS`.
    read : callable
        From a mapping of titles to rows to the factors, in the order of `against`.
    """

    what: str
    against: str
    command: str
    file: str
    read: Callable[[dict[str, Rows]], list[float]]

    def row(self) -> str:
        """The row of the page."""
        stored = json.loads((RESULTS / self.file).read_text())
        found = self.read({title: part["rows"] for title, part in stored.items()})
        shown = "; ".join(f"{float(f'{value:.2g}'):g}" for value in found)
        return f"| {self.what} | {self.against} | {shown} | `python -m benchmarks.{self.command}` |"


def picked(rows: Rows, **known: str) -> dict[str, Any]:
    """The row with these entries."""
    (row,) = (r for r in rows if all(r.get(k) == v for k, v in known.items()))
    return row


def _gradients(stored: dict[str, Rows]) -> list[float]:
    return [
        1.0 / picked(stored[f"gradients, {name}"], what="pysymude adjoint")["ratio"]
        for name in ("lotka-volterra", "robertson")
    ]


def _doses(stored: dict[str, Rows]) -> list[float]:
    found = stored["gradients through 120 doses"]
    names = "diffrax, scan by hand", "SciPy LSODA, differences"
    return [picked(found, by=name)["ratio"] for name in names]


def _bounces(stored: dict[str, Rows]) -> list[float]:
    found = stored["gradients through 100 bounces"]
    return [picked(found, by="SciPy RK45, differences")["ratio"]]


def _signals(stored: dict[str, Rows]) -> list[float]:
    (found,) = stored.values()
    names = "waves, 1e5", "random walk, 1e5"
    return [1.0 / picked(found, input=n, what="pysymude native")["ratio"] for n in names]


def _chains(stored: dict[str, Rows]) -> list[float]:
    (found,) = stored.values()
    return [row["times as fast"] for row in found if row["way"] == "pysymude"]


def _precision(stored: dict[str, Rows]) -> list[float]:
    """How many times slower at the level where it is least, in the middle over problems."""
    found: dict[str, list[float]] = {}
    for part in stored.values():
        for row in part:
            times = [v for k, v in row.items() if k.startswith("times best at") and v == v]
            if times:
                found.setdefault(row["method"], []).append(min(times))
    return [float(np.median(found[f"SciPy {name}"])) for name in ("LSODA", "BDF", "Radau")]


FACTORS = (
    Factor(
        "gradient of the Lotka-Volterra UDE; of Robertson's with one unknown rate",
        "the same loss by hand in diffrax", "gradients --part compare", "gradients.json", _gradients,
    ),
    Factor(
        "10,000 gradients of a log posterior: the Lotka-Volterra UDE; Boehm's PEtab problem",
        "the same density by hand in JAX and diffrax", "chains", "chains.json", _chains,
    ),
    Factor(
        "stiff problems at equal errors, in the middle of five",
        "SciPy's LSODA; BDF; Radau", "work_precision", "work_precision.json", _precision,
    ),
    Factor(
        "gradient through 120 doses",
        "a scan by hand in diffrax; SciPy's LSODA with differences", "changes", "changes.json", _doses,
    ),
    Factor(
        "gradient through 100 bounces",
        "SciPy's events with differences", "changes", "changes.json", _bounces,
    ),
    Factor(
        "gradient with a measured input of 10^5 points, smooth; a random walk",
        "the same in diffrax", "signals", "signals.json", _signals,
    ),
)  # fmt: skip


def rows() -> list[str]:
    """The rows of the page."""
    return [factor.row() for factor in FACTORS]


if __name__ == "__main__":
    print("\n".join(rows()))
