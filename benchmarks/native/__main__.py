"""Gradients through pysymude's Julia engine against the textbook ways, on the same loss.

    python -m benchmarks.native [--problem all] [--rounds 60] [--budget 8] [--torch PYTHON]
        [--json FILE]

(a) textbook SciML: `textbook.jl`, every adjoint; (b) PySymUDE.jl called in Julia; (c) the same from
Python; (d) the embedded engine; (e) torchdiffeq, by the interpreter that --torch names. Each time stands
beside the error of its gradient against one at 1e-11, on which two engines agree. A textbook way has
`--budget` seconds after its first call: its median is of the rounds that fit, or it is reported as not
in the budget.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import pysymude as psu
from benchmarks.harness import Timing, arguments, finish, interleaved, passed
from problems.catalogue import universal
from pysymude.engines.julia.literals import number
from pysymude.engines.julia.runtime import package
from pysymude.fit.loss.objective import Objective

Float = NDArray[np.float64]
HERE = Path(__file__).parent
RELTOL = 1e-6
CROSSING = 40e-6  # seconds that the way through Python may add
FIRST_CALLS = 100.0  # seconds for loading and compiling the textbook's packages


@dataclass(frozen=True, eq=False)
class Problem:
    """A system, its data, and the absolute tolerance that suits both."""

    name: str
    system: psu.ODESystem
    data: psu.Dataset
    abstol: float

    def objective(self, engine: str, reltol: float = RELTOL) -> Objective:
        """The loss; tolerances keep their ratio."""
        abstol = self.abstol * reltol / RELTOL
        return psu.objective(self.system, self.data, engine=engine, reltol=reltol, abstol=abstol)


def spiral() -> tuple[psu.ODESystem, psu.Dataset]:
    """The neural ODE of Chen et al., arXiv:1806.07366, as DiffEqFlux's documentation sets it up."""
    from scipy.integrate import solve_ivp

    x, y = psu.states("x y")
    A = np.array([[-0.1, 2.0], [-2.0, -0.1]])
    t = np.linspace(0.0, 1.5, 30)
    found = solve_ivp(
        lambda t, u: A.T @ u**3, (0.0, 1.5), (2.0, 0.0), t_eval=t, rtol=1e-10, atol=1e-10
    )
    nn = psu.MLP("nn", inputs=[x**3, y**3], outputs=2, hidden=(50,))
    data = psu.Dataset.from_arrays(t, found.y.T, states=[x, y])
    return psu.ODESystem({x: nn[0], y: nn[1]}), data


PROBLEMS = {
    "lotka_volterra": lambda: Problem("lotka_volterra", *universal("lotka-volterra").problem, 1e-6),
    "robertson": lambda: Problem("robertson", *universal("robertson").problem, 1e-10),
    "spiral": lambda: Problem("spiral", *spiral(), 1e-6),
}


# -- the ways --------------------------------------------------------------------------------------


def textbook(
    problem: Problem, theta: Float, rounds: int, budget: float
) -> dict[str, dict[str, Any]]:
    """(a): rows by label, gradients among them; each way has `budget` seconds after its first call."""
    loss = problem.objective("native").loss
    values = {
        "THETA": theta, "TS": loss.batch.ts[0], "U0": loss.batch.u0[0],
    }  # fmt: skip
    lines = [f"const {name} = [{', '.join(map(number, v))}]" for name, v in values.items()]
    for name, matrix in (("Y", loss.y[0]), ("WEIGHT", loss.weight[0])):
        rows = "; ".join(" ".join(map(number, row)) for row in matrix.T)
        lines.append(f"const {name} = [{rows}]")
    lines += [f"const RELTOL, ABSTOL, ROUNDS = {RELTOL}, {problem.abstol}, {rounds}"]
    lines += [f"const BUDGET = {budget}", f"const NAME = :{problem.name}"]
    exe, project = os.environ["PYTHON_JULIACALL_EXE"], os.environ["PYTHON_JULIACALL_PROJECT"]
    with tempfile.TemporaryDirectory() as folder:
        given, printed = Path(folder, "problem.jl"), Path(folder, "rows.txt")
        given.write_text("\n".join(lines) + "\n")
        command = [
            exe, "--startup-file=no", f"--project={project}", str(HERE / "textbook.jl"), str(given),
        ]  # fmt: skip
        # first calls compile, and nothing in Julia ends one that takes too long: all share a limit
        limit = FIRST_CALLS + 8 * budget
        with printed.open("w") as out:
            try:
                done = subprocess.run(
                    command,
                    stdout=out,
                    stderr=subprocess.PIPE,
                    text=True,
                    check=False,
                    timeout=limit,
                )
                if done.returncode:
                    raise SystemExit(done.stderr)
            except subprocess.TimeoutExpired:
                pass
        names, *found = map(json.loads, printed.read_text().splitlines() or ['["any way"]'])
    rows = {name: row for line in found for name, row in line.items()}
    for name in names:
        late = f"not in the budget: all ways together took {limit:g} s"
        rows.setdefault(name, {"failed": late})
    return {f"(a) textbook, {name}": row for name, row in rows.items()}


def torch(problem: Problem, theta: Float, rounds: int, python: str) -> dict[str, dict[str, Any]]:
    """(e): rows by label; a reason where there is no torchdiffeq, or no method for the problem."""
    if problem.name == "robertson":
        return {"(e) torchdiffeq": {"failed": "it has no method for stiff systems"}}
    loss = problem.objective("native").loss
    given = {
        "name": problem.name, "widths": problem.system.networks[0].widths, "theta": theta.tolist(),
        "ts": loss.batch.ts[0].tolist(), "u0": loss.batch.u0[0].tolist(), "y": loss.y[0].tolist(),
        "weight": loss.weight[0].tolist(), "reltol": RELTOL, "abstol": problem.abstol,
        "rounds": rounds,
    }  # fmt: skip
    done = subprocess.run(
        [python, str(HERE / "torch_gradient.py")], input=json.dumps(given), capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr)
    found = json.loads(done.stdout)
    if "missing" in found:
        return {"(e) torchdiffeq": {"failed": f"not installed: {found['missing']}"}}
    return {f"(e) torchdiffeq {label}": row for label, row in found["rows"].items()}


def inside(obj: Objective, rounds: int) -> dict[str, dict[str, Any]]:
    """(b): the loop over calls runs in Julia, on the object that Python made."""
    run = package().seval(
        "(loss, gradient, n) -> (evaluate!(loss, gradient); "
        "[(@elapsed evaluate!(loss, gradient)) for _ in 1:n])"
    )
    loss = obj.runner.loss(obj.runner.compile(obj.plan), obj.spec, obj.loss, obj.method)
    loss.theta[:] = obj.theta0(1)
    found = {}
    for label, gradient in (("gradient", True), ("forward", False)):
        samples = 1e3 * np.asarray(run(loss.object, gradient, max(rounds, 200)))
        lower, median, upper = np.quantile(samples, [0.25, 0.5, 0.75])
        found[label] = {
            "best ms": samples.min(), "q1": lower, "median": median, "q3": upper,
            "rounds": len(samples),
        }  # fmt: skip
    return found


def allocations(obj: Objective) -> dict[str, int]:
    """Bytes that one call of each function of the model allocates."""
    count = package().seval(
        """
        function (loss, theta)
            f, u, p = loss.model.f, loss.u0[:, 1], theta[1:loss.model.learned]
            n = length(u)
            du, v, J, g = zeros(n), ones(n), zeros(n, n), zeros(length(p))
            bytes(f, args...) = (f(args...); @allocated f(args...))
            return (bytes(f.f, du, u, p, 0.0), bytes(f.jac, J, u, p, 0.0),
                bytes(f.vjp, du, v, u, p, 0.0), bytes(f.vjp_p, g, v, u, p, 0.0))
        end
        """
    )
    loss = obj.runner.loss(obj.runner.compile(obj.plan), obj.spec, obj.loss, obj.method)
    found = count(loss.object, obj.theta0(1))
    return dict(zip(("rhs", "jac", "vjp", "vjp_p"), map(int, found), strict=True))


# -- one problem -----------------------------------------------------------------------------------


def measure(problem: Problem, rounds: int, budget: float, python: str) -> list[dict[str, Any]]:
    """All ways on one problem, and how their ratios stand against the wanted ones."""
    start = time.perf_counter()
    julia, embedded = problem.objective("julia"), problem.objective("native")
    theta = julia.theta0(1)
    julia.value_and_grad(theta)
    cold = {"(c)": time.perf_counter() - start}
    start = time.perf_counter()
    embedded.value_and_grad(theta)
    cold["(d)"] = time.perf_counter() - start
    exact = problem.objective("julia", 1e-11).value_and_grad(theta)[1]
    other = problem.objective("native", 1e-11).value_and_grad(theta)[1]

    rows = textbook(problem, theta, rounds, budget) | torch(problem, theta, rounds, python)
    timings = interleaved(
        {
            "(c)": partial(julia.value_and_grad, theta),
            "(d)": partial(embedded.value_and_grad, theta),
        },
        rounds=rounds,
    )
    native = inside(julia, rounds)
    # back to back, as the loop in Julia: beside another program both caches are cold
    alone = interleaved({"(c)": partial(julia.value_and_grad, theta)}, rounds=rounds)["(c)"]
    rows["(c) the same, back to back"] = _row(alone, cold["(c)"])
    rows["(b) PySymUDE.jl, forward"] = native["forward"]
    rows["(b) PySymUDE.jl"] = native["gradient"] | {"gradient": julia.value_and_grad(theta)[1]}
    rows["(c) pysymude, engine='julia'"] = _row(timings["(c)"], cold["(c)"]) | {
        "gradient": julia.value_and_grad(theta)[1]
    }
    rows["(d) pysymude, engine='native'"] = _row(timings["(d)"], cold["(d)"]) | {
        "gradient": embedded.value_and_grad(theta)[1]
    }
    table: list[dict[str, Any]] = []
    for label, row in rows.items():
        slope = row.pop("gradient", None)
        error = "" if slope is None else _apart(np.asarray(slope), exact)
        table.append({"problem": problem.name, "what": label, **row, "error": error})
    verdicts = _verdicts(rows, allocations(julia))
    verdicts["two engines at 1e-11 agree"] = passed(_apart(other, exact), 1e-6)
    return [*table, *({"what": what, "failed": text} for what, text in verdicts.items())]


def _verdicts(rows: dict[str, dict[str, Any]], bytes_of: dict[str, int]) -> dict[str, str]:
    books = [
        row["median"] for label, row in rows.items()
        if label.startswith("(a)") and "median" in row and "forward" not in label
    ]  # fmt: skip
    b, forward = rows["(b) PySymUDE.jl"]["median"], rows["(b) PySymUDE.jl, forward"]["median"]
    c = rows["(c) pysymude, engine='julia'"]["median"]
    alone = rows["(c) the same, back to back"]["median"]
    d = rows["(d) pysymude, engine='native'"]["median"]
    return {
        "(c) - (b), ms": passed(alone - b, 1e3 * CROSSING),
        "8 (c) / best (a)": passed(8 * c / min(books), 1.0) if books else "no (a) in the budget",
        "(b) / its forward solve": passed(b / forward, 8.0),
        "(c) / (d)": passed(c / d, 1.0),
        "bytes allocated": passed(float(sum(bytes_of.values())), 0.0) + f" {bytes_of}",
    }


def _row(timing: Timing, cold: float) -> dict[str, Any]:
    columns = timing.columns()
    return {
        "cold s": cold, **{k: columns[k] for k in ("best ms", "q1", "median", "q3")},
        "rounds": timing.rounds,
    }  # fmt: skip


def _apart(found: Float, exact: Float) -> float:
    return float(np.linalg.norm(found - exact) / np.linalg.norm(exact))


def main() -> None:
    given = arguments(__doc__ or "", problem="all", rounds=60, budget=8.0, torch=sys.executable)
    for name in PROBLEMS if given.problem == "all" else given.problem.split(","):
        rows = measure(PROBLEMS[name](), given.rounds, given.budget, given.torch)
        finish(f"gradients natively, {name}", rows, given.json)


if __name__ == "__main__":
    main()
