"""Systems whose laws must not hang on the hash seed or the budget, and their answers from other processes.

    python -m problems.law_answers BUDGET NAME ...

prints the answers as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import sympy as sp

import pysymude as psu
from problems.heavy_systems import bodies, of_degree, parameters, quadratic
from problems.law_systems import SYSTEMS as TABLE
from problems.thirty_systems import SYSTEMS as LITERATURE

__all__ = ["CATALOGUE", "QUICK", "answer", "answers", "differences"]

x, y, z = psu.states("x y z")
a = psu.parameters("a")
t = psu.t


def _learned() -> psu.ODESystem:
    q, p = psu.states("q1:3"), psu.states("p1:3")
    well = psu.MLP("V", inputs=[q[0] ** 2 + q[1] ** 2], outputs=1, hidden=3)
    return psu.hamiltonian_system((p[0] ** 2 + p[1] ** 2) / 2 + well[0], list(q), list(p))


def _positive() -> psu.ODESystem:
    nn = psu.MLP("nn", inputs=[x, y], outputs=2, hidden=3)
    one, other = sp.exp(nn[0]) * x * y, sp.exp(nn[1]) * y
    return psu.ODESystem({x: -one, y: one - other, z: other})


def _of_table(name: str) -> Callable[[], psu.ODESystem]:
    return lambda: next(case.system for case in TABLE if case.name == name)


def _of_literature(name: str) -> Callable[[], psu.ODESystem]:
    return lambda: psu.ODESystem(LITERATURE[name][0])


CATALOGUE: dict[str, Callable[[], psu.ODESystem]] = {
    **{name: _of_table(name) for name in (
        "lotka-volterra, 4 symbols", "robertson", "kepler 2D, mu", "kepler 3D", "toda 4",
        "kovalevskaya", "pendulum", "vortices, 3 symbols", "three bodies, 3 symbols", "lorenz",
    )},
    **{name: _of_literature(name) for name in (
        "calogero-moser", "fokas-lagerstrom", "kepler, spherical", "ray-reid", "three waves",
        "nahm", "painleve III", "sir, standard incidence", "darboux-halphen",
    )},
    "learned central force": _learned,
    "positive rates": _positive,
    "a branch": lambda: psu.ODESystem({x: -sp.Abs(x) * y, y: sp.Abs(x) * y, z: sp.Max(x, z)}),
    "values": lambda: psu.ODESystem({x: y, y: -x - a * y}, parameters={a: sp.Rational(1, 2)}),
    "forced": lambda: psu.ODESystem({x: y, y: -2 * y - 5 * x + sp.sin(t)}),
    "four bodies": lambda: psu.ODESystem(bodies(4)),
    "seven bodies": lambda: psu.ODESystem(bodies(7)),
    "dense quadratic, 12 states": lambda: psu.ODESystem(quadratic(12)),
    "60 parameters": lambda: psu.ODESystem(parameters(60)),
    "degree 12": lambda: psu.ODESystem(of_degree(12)),
}  # fmt: skip
# those that end by themselves in a fraction of a second
QUICK = (
    "lotka-volterra, 4 symbols", "robertson", "kepler 2D, mu", "kepler 3D", "pendulum", "nahm",
    "calogero-moser", "sir, standard incidence", "positive rates", "a branch", "values", "forced",
)  # fmt: skip

Spans = list[dict[str, Any]]


def answer(name: str, budget: float) -> dict[str, Any]:
    """The laws with their structure, and the spans: whatever two processes must agree in."""
    laws = psu.first_integrals(CATALOGUE[name](), budget=budget)
    return {
        "laws": [[sp.srepr(law.expr), sp.srepr(law.rate), str(law.values)] for law in laws],
        "spans": [
            {"family": s.family, "degree": s.degree, "candidates": s.candidates, "laws": s.laws,
             "ended": s.ended, "values": dict(s.values)}
            for s in laws.searched
        ],
    }  # fmt: skip


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """What two answers differ in, as far as no budget ended a span; empty where they agree."""
    whole = not any(s["ended"] == "budget" for a in (one, other) for s in a["spans"])
    if whole:
        return "" if one == other else f"answers: {one} and {other}"
    count = 0
    for mine, theirs in zip(one["spans"], other["spans"], strict=False):
        if "budget" in (mine["ended"], theirs["ended"]):
            break
        if mine != theirs:
            return f"spans: {mine} and {theirs}"
        count += mine["laws"]
    if any(s["values"] for a in (one, other) for s in a["spans"]):
        # laws at values are chosen at the end, of all that were found
        return ""
    mine, theirs = one["laws"][:count], other["laws"][:count]
    return "" if mine == theirs else f"laws: {mine} and {theirs}"


def answers(names: Iterable[str], seed: int, budget: float) -> dict[str, Any]:
    """Those of another process."""
    command = [sys.executable, "-m", "problems.law_answers", str(budget), *names]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True,
        env=os.environ | {"PYTHONHASHSEED": str(seed)},
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    print(json.dumps({name: answer(name, float(sys.argv[1])) for name in sys.argv[2:]}))
