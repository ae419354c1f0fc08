"""Designs beside equal distances: the volume of confidence ellipsoids, promised and found by refits.

    python -m benchmarks.designs [--sets 100] [--problem NAME] [--json FILE]

Data are simulated from the fitted model, as many sets for each design, and the model is fitted to each by
Levenberg and Marquardt's method with exact Jacobians. The volume
is the root of the determinant of the covariance of what was fitted, in natural units: the logarithms of positive
parameters. From 100 sets and p parameters it has a relative standard error of about sqrt(p / 200).
"""

from __future__ import annotations

from typing import Any

from benchmarks.harness import arguments, finish
from problems.designed_experiments import PROBLEMS, compared


def main() -> None:
    """All problems as one table."""
    options = arguments(__doc__ or "", sets=100, problem="")
    rows: list[dict[str, Any]] = []
    for name, make in PROBLEMS.items():
        if options.problem not in ("", name):
            continue
        for row in compared(make(), options.sets):
            rows.append({"problem": name} | row)
            print(rows[-1], flush=True)
    finish("designs beside equal distances", rows, options.json)


if __name__ == "__main__":
    main()
