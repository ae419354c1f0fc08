"""Whether the same laws are found whatever the hash seed and the budget are.

    python -m benchmarks.same_laws [--seeds 0,1,2] [--budgets 5,10,20] [--only NAME] [--json FILE]

Each seed and budget is a process of its own. Laws must be the same, in the same order, wherever no span
was ended by the budget; where one was, the laws of the spans before it must be, span by span. On a busy
machine give larger budgets. Exit code 1 where two answers differ.
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
from benchmarks.bounds import bodies, of_degree, parameters, quadratic
from benchmarks.harness import arguments, finish
from benchmarks.law_systems import SYSTEMS as TABLE
from tests.thirty_systems import SYSTEMS as LITERATURE

__all__ = ["CATALOGUE", "QUICK", "answer", "differences"]

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
    command = [sys.executable, "-m", "benchmarks.same_laws", "--answers", str(budget), *names]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True,
        env=os.environ | {"PYTHONHASHSEED": str(seed)},
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    given = arguments(__doc__ or "", seeds="0,1,2", budgets="5,10,20", only="")
    names = [given.only] if given.only else list(CATALOGUE)
    runs = {
        (seed, budget): answers(names, seed, budget)
        for budget in map(float, given.budgets.split(","))
        for seed in map(int, given.seeds.split(","))
    }
    rows: list[dict[str, Any]] = []
    for name in names:
        found = [run[name] for run in runs.values()]
        wrong = [text for other in found[1:] if (text := differences(found[0], other))]
        for text in wrong:
            print(f"{name}: {text}", flush=True)
        ended = sum(any(s["ended"] == "budget" for s in f["spans"]) for f in found)
        rows.append({
            "system": name, "laws": "/".join(sorted({str(len(f["laws"])) for f in found})),
            "runs": len(found), "ended by budget": ended, "verdict": "FAIL" if wrong else "pass",
        })  # fmt: skip
    finish("same laws", rows, given.json)
    sys.exit(1 if any(row["verdict"] == "FAIL" for row in rows) else 0)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--answers"]:
        print(json.dumps({name: answer(name, float(sys.argv[2])) for name in sys.argv[3:]}))
    else:
        main()
