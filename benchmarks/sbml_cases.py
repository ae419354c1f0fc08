"""The cases of the SBML semantic test suite: which pass, and why the others are not read.

    PYSYMUDE_SBML_SUITE=FOLDER python -m benchmarks.sbml_cases [--every 10] [--json FILE]

FOLDER is its ``cases/semantic``. A case passes within the tolerances of its settings; of its files the one of
the highest level and version is read.
"""

from __future__ import annotations

import csv
import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

import pysymude as psu
from benchmarks.harness import arguments, finish
from pysymude.errors import PySymUDEError
from pysymude.interchange.sbml.contents import contents_of
from pysymude.interchange.sbml.document import read_document

VERSIONS = ("l3v2", "l3v1", "l2v5", "l2v4", "l2v3", "l2v2", "l2v1", "l1v2")


def settings(folder: Path) -> dict[str, str]:
    """What a case asks for."""
    lines = (folder / f"{folder.name}-settings.txt").read_text().splitlines()
    return {k.strip(): v.strip() for k, _, v in (line.partition(":") for line in lines)}


def names(text: str) -> list[str]:
    """Names between commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def solved(path: Path, asked: dict[str, str]) -> dict[str, Any]:
    """What was asked for, by name, over the times."""
    quantities = contents_of(read_document(path)).quantities
    wanted = names(asked["variables"])
    species = {
        n: quantities[n] for n in wanted if n in quantities and quantities[n].kind == "species"
    }
    observables = {f"out_{i}": n for i, n in enumerate(wanted)}
    observables |= {f"size_{q.compartment}": q.compartment for q in species.values()}
    model = psu.read_sbml(path, observables=observables)
    t = float(asked["start"]) + np.linspace(0, float(asked["duration"]), int(asked["steps"]) + 1)
    solution = psu.solve(
        model.system, t=t, reltol=1e-9, abstol=min(1e-12, 1e-3 * float(asked["absolute"]))
    )
    found = {n: np.asarray(solution.observables[f"out_{i}"]) for i, n in enumerate(wanted)}
    for name, q in species.items():
        size = np.asarray(solution.observables[f"size_{q.compartment}"])
        if name in names(asked["amount"]) and not q.amount:
            found[name] = found[name] * size
        if name in names(asked["concentration"]) and q.amount:
            found[name] = found[name] / size
    return found


def outcome(folder: Path) -> tuple[str, str]:
    """``"pass"``, ``"fail"`` or ``"not read"``, and why."""
    asked = settings(folder)
    path = next(p for v in VERSIONS if (p := folder / f"{folder.name}-sbml-{v}.xml").exists())
    try:
        found = solved(path, asked)
    except PySymUDEError as error:
        reason = re.sub(r".*?(line \d+|\.xml): ", "", str(error), count=1)
        return "not read", re.sub(r"^\w+ '[^']*': ", "", reason)
    with (folder / f"{folder.name}-results.csv").open() as file:
        rows = list(csv.DictReader(file, skipinitialspace=True))
    for name, values in found.items():
        wanted = np.array([float(row[name]) for row in rows])
        with np.errstate(invalid="ignore"):
            limit = float(asked["absolute"]) + float(asked["relative"]) * np.abs(wanted)
            if not (np.abs(values - wanted) <= limit).all():
                return "fail", f"{name} is off"
    return "pass", ""


def main() -> None:
    """All cases, and the reasons counted."""
    given = arguments(__doc__ or "", every=1)
    root = Path(os.environ.get("PYSYMUDE_SBML_SUITE", "."))
    folders = sorted(p for p in root.iterdir() if (p / f"{p.name}-settings.txt").exists())
    counted: Counter[tuple[str, str]] = Counter()
    for folder in folders[:: given.every]:
        found = outcome(folder)
        counted[found] += 1
        if found[0] == "fail":
            print(folder.name, found[1], flush=True)
    rows = [{"outcome": k, "cases": n, "why": why[:70]} for (k, why), n in counted.most_common()]
    finish("SBML semantic suite", rows, given.json)


if __name__ == "__main__":
    main()
