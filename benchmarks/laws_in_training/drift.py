"""How far laws move on predictions 100 times as long as the data, at reltol 1e-9."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import pysymude as psu
from benchmarks.harness import finish, passed
from benchmarks.laws_in_training.drift_systems import CASES, Case
from benchmarks.laws_in_training.store import Store

__all__ = ["LIMIT", "TIMES", "run", "show"]

LIMIT = 1e-6
TIMES = 100
# what one takes for long accurate runs
SOLVERS = {"julia": ("Tsit5", "Vern7"), "native": ("Tsit5", "Vern7")}


def show(store: Store, engine: str, seeds: int) -> None:
    """Every case with every solver."""
    name = "native" if engine == "auto" else engine
    rows: list[dict[str, Any]] = []
    for case in CASES:
        found = store.row(f"drift/{name}/{case.name}", partial(run, case, name))
        rows += [{"case": case.name, "solver": s, **found[s]} for s in SOLVERS[name]]
    finish(f"drift over {TIMES} times the data's span, reltol 1e-9", rows, None)
    for solver in SOLVERS[name]:
        worst = max(row["drift"] for row in rows if row["solver"] == solver)
        print(f"largest drift with {solver}: {passed(worst, LIMIT)}")


def run(case: Case, engine: str) -> dict[str, Any]:
    """A fit, and the drift of its laws long after the data, by solver."""
    using: dict[str, Any] = {"laws": case.laws, "conserve": case.conserve} if case.laws else {}
    fit = psu.fit(
        case.system, case.data(),
        stages=[psu.LawMatching(), psu.GradientMatching(60), psu.LBFGS(15)],
        solver="Tsit5", reltol=1e-9, abstol=1e-11, engine=engine, progress=False, **using,
    )  # fmt: skip
    with TemporaryDirectory() as folder:
        path = Path(folder) / "fit.npz"
        fit.save(path)
        others = {s: psu.FitResult.load(path, solver=s) for s in SOLVERS[engine][1:]}
    return {solver: _judged(case, found) for solver, found in {"Tsit5": fit, **others}.items()}


def _judged(case: Case, fit: psu.FitResult) -> dict[str, Any]:
    t = np.linspace(0.0, TIMES * case.end, 2001)
    start = time.perf_counter()
    predicted = fit.predict(t)
    seconds = time.perf_counter() - start
    drifts: list[float] = list(fit.drift(t).values()) if case.laws else []
    for name in case.observed:
        values = predicted.observables[name]
        # a learned potential has no zero: its scale is that of the kinetic energy
        drifts.append(float(np.abs(values - values[0]).max() / np.ptp(predicted.u[:, 1]) ** 2))
    data = fit.data[0].u
    fitted = np.sqrt(np.mean((fit.predictions[0].u - data) ** 2) / np.mean(data**2))
    return {
        "conserve": case.conserve, "laws": len(drifts), "drift": max(drifts),
        "retcode": predicted.retcode.name, "fit error": float(fitted),
        "steps": predicted.stats.steps, "seconds": seconds,
    }  # fmt: skip
