"""Writes the records that tests compare with.

python -m tests.golden             results of the Julia engine (needs Julia)
python -m tests.golden --sources   the emitted Julia source; read the difference before a commit
"""

from __future__ import annotations

import argparse
import json
import re
from typing import Any

import numpy as np

import pysymude as psu
from tests.golden.record import CASES, HERE, RELTOL, SEED, SOURCES, emitted, path_of, results

# read inside Julia, from what is loaded there
VERSIONS = """
Dict(k.name => string(pkgversion(m)) for (k, m) in Base.loaded_modules if !endswith(k.name, "Ext") &&
    (startswith(k.name, r"SciML|OrdinaryDiffEq") || k.name in ("PythonCall", "DiffEqBase", "Zygote")))
"""


def versions() -> dict[str, Any]:
    """Those of Julia, of its packages and of pysymude."""
    from juliacall import Main  # pyright: ignore[reportAttributeAccessIssue]

    packages = dict(Main.seval(VERSIONS.replace("\n", " ")))
    return {
        "pysymude": psu.__version__,
        "julia": str(Main.seval("string(VERSION)")),
        "packages": {str(name): str(packages[name]) for name in sorted(packages)},
    }


def write_results() -> None:
    """One file a case, by the Julia engine."""
    for case in CASES:
        found = results(case, "julia")
        numbers = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in found.items()}
        record = {
            "case": case.name, "reltol": RELTOL, "seed": SEED, "versions": versions(),
            "results": numbers,
        }  # fmt: skip
        path_of(case).write_text(_lines(json.dumps(record, indent=1)))
        print(path_of(case).relative_to(HERE))


def _lines(text: str) -> str:
    """Rows of numbers on one line each, so that a difference can be read."""
    return (
        re.sub(r"\[\s+(-?\d[^\[\]]*?)\s+\]", lambda m: f"[{' '.join(m[1].split())}]", text) + "\n"
    )


def write_sources() -> None:
    """One file a system."""
    for name in SOURCES:
        path = HERE / "julia_sources" / f"{name}.jl"
        path.write_text(emitted(name))
        print(path.relative_to(HERE))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", action="store_true", help="the emitted source alone")
    (write_sources if parser.parse_args().sources else write_results)()
