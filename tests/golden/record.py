"""What is recorded of each system of the catalogue, and how a record is compared with an engine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import pysymude as psu
from problems.catalogue import KNOWN, UNIVERSAL, Known, Universal, universal
from pysymude.engines.julia.printer import observation_source, system_source
from pysymude.plan.compiled import compile_system

__all__ = ["ALLOWED", "CASES", "SOURCES", "check", "emitted", "path_of", "recorded", "results"]

Float = NDArray[np.float64]
Case = Known | Universal

CASES: tuple[Case, ...] = (*KNOWN, *UNIVERSAL)
RELTOL = 1e-10
ALLOWED = 1e-6
SEED = 1
HERE = Path(__file__).parent


def results(case: Case, engine: str) -> dict[str, Any]:
    """States of shape (experiments, times, states); of universal systems also loss and gradient."""
    if isinstance(case, Known):
        # y2 of Robertson's problem stays below 4e-5: it needs an abstol of its own
        abstol = 1e-14 if case.stiff else RELTOL
        sol = psu.solve(
            case.system, u0=case.u0, t=case.t, parameters=case.values, reltol=RELTOL,
            abstol=abstol, engine=engine,
        ).raise_for_retcode()  # fmt: skip
        return {"solver": sol.solver, "abstol": abstol, "states": sol.u[None]}
    obj = psu.objective(*case.problem, reltol=RELTOL, abstol=case.abstol, engine=engine)
    theta = obj.theta0(SEED)
    found = obj.evaluate(theta)
    assert found.success
    solved = obj.runner.solve(obj.runner.compile(obj.plan), obj.loss.batch, theta, obj.method)
    return {
        "solver": obj.method.solver, "abstol": case.abstol, "loss": found.value,
        "gradient": found.gradient, "states": solved.u,
    }  # fmt: skip


def path_of(case: Case) -> Path:
    """The file of a case."""
    kind = type(case).__name__.lower()
    return HERE / "julia" / f"{kind}-{case.name.replace(' ', '-')}.json"


def recorded(case: Case) -> dict[str, Any]:
    """The record of a case, with arrays."""
    stored = json.loads(path_of(case).read_text())["results"]
    return {k: np.array(v) if isinstance(v, list) else v for k, v in stored.items()}


def check(found: Mapping[str, Any], record: Mapping[str, Any]) -> None:
    """Equal to `ALLOWED`: the loss, the gradient by its largest entry, states each by its largest value."""
    assert found.keys() == record.keys()
    assert found["states"].shape == record["states"].shape
    size = np.abs(record["states"]).max(axis=(0, 1))
    off = {"states": (np.abs(found["states"] - record["states"]) / size).max()}
    if "loss" in record:
        off["loss"] = abs(found["loss"] / record["loss"] - 1)
        slopes = np.abs(found["gradient"] - record["gradient"])
        off["gradient"] = slopes.max() / np.abs(record["gradient"]).max()
    for name, error in off.items():
        # NaN is no agreement
        assert error <= ALLOWED, (
            f"{name}: off by {error:.1e} of its size, where {ALLOWED:g} is allowed"
        )


def _learned_hamiltonian() -> tuple[psu.ODESystem, tuple[str, ...]]:
    q, p = psu.states("q p")
    energy = psu.MLP("H", inputs=[q, p], outputs=1, hidden=(4, 3))
    return psu.hamiltonian_system(energy[0], q, p), ("q", "p")


def _of_catalogue(name: str) -> tuple[psu.ODESystem, tuple[str, ...]]:
    system, data = universal(name).problem
    return system, data.columns


SOURCES = {
    "lotka-volterra": lambda: _of_catalogue("lotka-volterra"),
    "bounded": lambda: _of_catalogue("bounded"),
    "partly-observed": lambda: _of_catalogue("partly observed"),
    "learned-hamiltonian": _learned_hamiltonian,
}
"""Systems whose Julia source is kept and was read by eye: networks, bounds, observables, slopes."""


def emitted(name: str) -> str:
    """The source of one of `SOURCES`: the model's functions, then those of what is measured."""
    system, columns = SOURCES[name]()
    plan = compile_system(system)
    measured = observation_source(plan, [plan.column(name) for name in columns])
    return f"{system_source(plan)}\n# what is measured\n\n{measured}"
