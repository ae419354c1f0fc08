"""`import pysymude` in new processes: its time, and that it loads neither LLVM nor Julia.

python -m benchmarks.import_time [--repeats 7] [--json FILE]
"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np

from benchmarks.harness import arguments, finish, passed

LIMIT = 0.5
NOT_LOADED = ("llvmlite", "juliacall", "matplotlib", "scipy")
LOADED = f"import sys, pysymude; print([m for m in {NOT_LOADED} if m in sys.modules])"


def import_times() -> dict[str, float]:
    """Seconds by module, as `-X importtime` reports them: everything imported on the way included."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "import pysymude"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found: dict[str, float] = {}
    for line in done.stderr.splitlines():
        _, cumulative, name = line.removeprefix("import time:").split("|")
        if cumulative.strip().isdigit():
            found[name.strip()] = int(cumulative) / 1e6
    return found


def main() -> None:
    given = arguments(__doc__ or "", repeats=7)
    # the first import may write byte code, and is not counted
    import_times()
    runs = [import_times() for _ in range(given.repeats)]
    rows: list[dict[str, Any]] = []
    for name in ("pysymude", "sympy", "numpy", "pysymude.model.dataset", "pysymude.model.system"):
        seconds = [run[name] for run in runs if name in run]
        if seconds:
            rows.append(
                {"module": name, "median s": float(np.median(seconds)), "best s": min(seconds)}
            )
    finish("import pysymude", rows, given.json)
    loaded = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, check=True
    ).stdout.strip()
    print(f"median {passed(rows[0]['median s'], LIMIT)}, best {passed(rows[0]['best s'], LIMIT)}")
    print(f"loaded although not needed, of {', '.join(NOT_LOADED)}: {loaded}")


if __name__ == "__main__":
    main()
