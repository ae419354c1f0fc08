"""The gradient with the projection against the unconstrained one, where both take the same steps.

The weights are those of an unconstrained fit to data without noise: there the field nearly keeps the law
already, the projection changes little, and both models have the same dynamics.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

import pysymude as psu
from benchmarks.harness import finish, interleaved, passed
from benchmarks.laws_in_training.lotka_volterra import (
    BETA,
    GAMMA,
    LAW,
    SHORT,
    beta,
    gamma,
    model,
    truth,
)
from benchmarks.laws_in_training.store import Store
from pysymude.fit.loss.objective import Objective

__all__ = ["show"]

LIMIT = 1.3
ROUNDS = 200


def show(store: Store, engine: str, seeds: int) -> None:
    """Times and steps, with the law's coefficients known and learned."""
    rows = [
        store.row(f"cost/{name}/{how}", partial(_compare, name, how == "learned"))
        for name in _engines(engine)
        for how in ("known", "learned")
    ]
    finish("value_and_grad, projected against unconstrained", rows, None)
    for row in rows:
        print(
            f"{row['engine']}, coefficients {row['coefficients']}: {passed(row['ratio per step'], LIMIT)}"
        )


def _engines(engine: str) -> list[str]:
    usable = [entry["name"] for entry in psu.engines() if entry["available"]]
    return usable if engine == "auto" else [engine]


def _compare(engine: str, learned: bool) -> dict[str, Any]:
    setting = SHORT[0]
    t = np.linspace(0.0, setting.end, setting.points)
    data = psu.Dataset.from_arrays(t, truth(t), states=["x", "y"])
    plain = model("none")
    fit = psu.fit(plain, data, engine=engine, progress=False)
    values = {beta: BETA, gamma: GAMMA}
    system = plain.replace(trainable=values) if learned else plain
    law = LAW if learned else LAW.subs(values)
    free = psu.objective(plain, data, engine=engine)
    bound = psu.objective(system, data, laws=[law], conserve="project", engine=engine)
    at = free.layout.unpack(fit.theta)
    calls = {"free": (free, fit.theta), "projected": (bound, _theta(bound, at))}
    timings = interleaved(
        {name: partial(obj.value_and_grad, theta) for name, (obj, theta) in calls.items()},
        rounds=ROUNDS,
    )
    steps = {name: obj.evaluate(theta).steps for name, (obj, theta) in calls.items()}
    ratio, best = timings["projected"].ratio, timings["projected"].best_ratio
    fewer = steps["free"] / steps["projected"]
    return {
        "engine": engine, "coefficients": "learned" if learned else "known",
        "free ms": 1e3 * timings["free"].median, "projected ms": 1e3 * timings["projected"].median,
        "steps": steps["free"], "projected steps": steps["projected"], "ratio": ratio,
        "ratio per step": ratio * fewer, "best ratio": best, "best per step": best * fewer,
    }  # fmt: skip


def _theta(obj: Objective, values: dict[str, Any]) -> Any:
    """Theta with the weights of another fit, and the parameters at their starts."""
    start = obj.layout.unpack(obj.theta0())
    return obj.layout.pack(start | values)
