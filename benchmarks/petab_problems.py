"""Public PEtab problems: which cases pass, seconds from file to gradient, and fits from random starts.

    PYSYMUDE_PETAB_SUITE=FOLDER python -m benchmarks.petab_problems [--engine native] [--starts 20] [--json FILE]
    PYSYMUDE_AMICI_PYTHON=PYTHON ...      # a Python with amici and pypesto[fides]: it gets the same starts

A case passes within the tolerances of its suite. Starts are uniform in the logarithm between the bounds of
the Boehm problem; SciPy's `least_squares` gets the same starts, weighted residuals with the nominal noise, and
takes finite differences.
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
from scipy.optimize import least_squares

import pysymude as psu
from benchmarks.harness import arguments, finish
from problems.petab_suites import FOLDER, cases, outcome
from pysymude.errors import PySymUDEError

MODELS = (
    "Boehm_JProteomeRes2014", "Bachmann_MSB2011", "Elowitz_Nature2000", "Crauste_CellSystems2017",
    "Brannmark_JBC2010", "Borghans_BiophysChem1997", "Sneyd_PNAS2002", "Perelson_Science1996",
    "Rahman_MBS2016",
)  # fmt: skip
BOEHM, NEAR = 138.22200, 0.01


def suites(engine: str) -> list[dict[str, Any]]:
    """Each case: whether it passes, or why not."""
    found: list[dict[str, Any]] = []
    for kind in ("v1", "v2", "sciml"):
        for name in cases(kind):
            row: dict[str, Any] = {"suite": kind, "case": name, "passes": False, "why": ""}
            try:
                result = outcome(kind, name, engine)
                row |= {
                    "passes": result.passes,
                    "why": "" if result.passes else str(result.distances),
                }
            except PySymUDEError as error:
                row["why"] = str(error).rpartition("/")[2]
            found.append(row)
        here = [r for r in found if r["suite"] == kind]
        print(f"{kind}: {sum(r['passes'] for r in here)} of {len(here)} pass", flush=True)
    return found


def models(engine: str) -> list[dict[str, Any]]:
    """Published problems: minus the log-likelihood at nominal values, and seconds; the second of two reads."""
    found: list[dict[str, Any]] = []
    for name in MODELS:
        path = FOLDER / "models" / name / f"{name}.yaml"
        if not path.is_file():
            continue
        psu.read_petab(path).log_likelihood(gradient=True, engine=engine)
        begun = time.perf_counter()
        problem = psu.read_petab(path)
        read = time.perf_counter()
        value, _ = problem.log_likelihood(gradient=True, engine=engine)
        first = time.perf_counter()
        problem.log_likelihood(gradient=True, engine=engine)
        each = time.perf_counter() - first
        found.append(
            {
                "problem": name,
                "-log L": -value,
                "read": read - begun,
                "first": first - read,
                "each": each,
            }
        )
        print(found[-1], flush=True)
    return found


def boehm(engine: str, starts: int) -> list[dict[str, Any]]:
    """The share of starts that reach the best likelihood, beside SciPy."""
    path = FOLDER / "models" / MODELS[0] / f"{MODELS[0]}.yaml"
    if not path.is_file():
        return []
    problem = psu.read_petab(path)
    rng = np.random.default_rng(0)
    bounds = {k: np.log10(b) for k, b in problem.bounds.items()}
    points = [{k: 10 ** rng.uniform(*b) for k, b in bounds.items()} for _ in range(starts)]
    problem.fit(engine=engine, progress=False, theta0=points[0], stages=psu.LBFGS(2))
    ours, begun = [], time.perf_counter()
    for point in points:
        fit = problem.fit(engine=engine, progress=False, theta0=point)
        found = {k: fit.parameters[k] for k in problem.nominal}
        ours.append(-problem.log_likelihood(found, engine=engine))
    seconds = (time.perf_counter() - begun) / starts
    theirs, begun = [], time.perf_counter()
    free = [k for k in problem.nominal if not k.startswith("sd_")]
    rows = problem.described.measurements
    measured = np.array([row.value for row in rows])
    sd = np.array([problem.nominal[row.noise_given[0]] for row in rows])

    def residuals(z):
        seen = problem.simulations(dict(zip(free, 10**z, strict=True)), engine=engine)
        return np.nan_to_num((seen - measured) / sd, nan=1e3)

    box = np.array([bounds[k] for k in free]).T
    for point in points:
        z = np.log10([point[k] for k in free])
        best = least_squares(residuals, z, bounds=box, max_nfev=200)
        parts = dict(zip(free, 10**best.x, strict=True))
        # the noise that these residuals make likeliest
        off = problem.simulations(parts, engine=engine) - measured
        for name in {row.noise_given[0] for row in rows}:
            own = [i for i, row in enumerate(rows) if row.noise_given[0] == name]
            parts[name] = float(np.sqrt(np.mean(off[own] ** 2)))
        theirs.append(-problem.log_likelihood(parts, engine=engine))
    theirs_seconds = (time.perf_counter() - begun) / starts
    found = [("psu", ours, seconds), ("least_squares", theirs, theirs_seconds)]
    scaled = [[float(np.log10(point[k])) for k in problem.nominal] for point in points]
    if (amici := _amici(path, scaled)) is not None:
        found.append(("amici, fides", amici["values"], float(np.mean(amici["seconds"]))))
    first = [{"who": "psu", "to first gradient": _fresh(path, engine)}]
    if amici is not None:
        whole = sum(amici[k] for k in ("import", "compile", "first"))
        first.append({"who": "amici", "to first gradient": whole, "compile": amici["compile"]})
    return [
        {
            "who": who,
            "share": float(np.mean(np.array(v) < BOEHM + NEAR)),
            "best": min(v),
            "seconds": each,
        }
        for who, v, each in found
    ] + first


def _amici(path: Path, points: list[list[float]]) -> dict[str, Any] | None:
    """What AMICI and pyPESTO make of these starts; None where no Python with them is named."""
    python = os.environ.get("PYSYMUDE_AMICI_PYTHON")
    if not python:
        return None
    with tempfile.TemporaryDirectory() as folder:
        starts, result = Path(folder, "starts.json"), Path(folder, "result.json")
        starts.write_text(json.dumps(points))
        script = str(Path(__file__).with_name("petab_amici.py"))
        # its own swig and ninja stand beside it
        search = f"{Path(python).parent}{os.pathsep}{os.environ['PATH']}"
        subprocess.run(
            [python, script, str(path), str(starts), str(result)], check=True, stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, cwd=folder, env=os.environ | {"PATH": search},
        )  # fmt: skip
        return dict(json.loads(result.read_text()))


def _fresh(path: Path, engine: str) -> float:
    """Seconds from starting Python to the first gradient."""
    code = (
        "import sys, pysymude as psu\n"
        "psu.read_petab(sys.argv[1]).log_likelihood(gradient=True, engine=sys.argv[2])"
    )
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", code, str(path), engine], check=True)
    return time.perf_counter() - begun


def main() -> None:
    """All three parts."""
    given = arguments(__doc__ or "", engine="native", starts=20)
    if not FOLDER.is_dir():
        raise SystemExit(f"there is no folder {FOLDER}; PYSYMUDE_PETAB_SUITE names one")
    found = suites(given.engine)
    more = {"models": models(given.engine)}
    if given.starts:
        more["boehm"] = boehm(given.engine, given.starts)
        for row in more["boehm"]:
            print(row, flush=True)
    finish("PEtab suites", found, given.json, **more)


if __name__ == "__main__":
    main()
