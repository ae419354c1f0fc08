"""The first gradient of a model that nobody has met, after its construction, and those that follow.

    python -m benchmarks.fresh_models [--repeats 5] [--json FILE]

Mass action among random states, a linear ring and one small network; a learned rate for each state. What is timed
goes from the finished system to its first gradient: SymPy's derivatives, programs, one solve and the way back.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import sympy as sp

import pysymude as psu
from benchmarks.harness import arguments, finish, passed

LIMITS = {10: 0.3, 30: 0.5, 80: 1.0}  # seconds to the first gradient, by the number of states
WARM = 20.0  # milliseconds of a later one


def fresh(n: int, seed: int) -> psu.ODESystem:
    """A system of `n` states that no other seed gives."""
    rng = np.random.default_rng(seed)
    x, k = psu.states(f"x0:{n}"), psu.parameters(f"k0:{n}", positive=True)
    nn = psu.MLP("nn", inputs=[x[0], x[1]], outputs=1, hidden=(5, 5))
    rhs: dict[Any, Any] = {
        state: sp.Rational(1, 10) * (x[(i + 1) % n] - state) for i, state in enumerate(x)
    }
    for rate in k:
        a, b, c = (x[int(i)] for i in rng.integers(0, n, 3))
        for state, gain in ((a, -1), (b, -1), (c, 1)):
            rhs[state] += gain * rate * a * b
    rhs[x[0]] += nn[0] / 10
    return psu.ODESystem(rhs, trainable=dict.fromkeys(k, 0.5))


def gradients(n: int, seed: int) -> tuple[float, float]:
    """Seconds to the first gradient, and the median of nine later ones."""
    system = fresh(n, seed)
    ones = np.ones((11, n))
    data = psu.Dataset.from_arrays(np.linspace(0, 2, 11), ones, states=list(system.states))
    start = time.perf_counter()
    obj = psu.objective(system, data, solver="Rodas5P", engine="native")
    theta = obj.theta0(0)
    _, gradient = obj.value_and_grad(theta)
    first = time.perf_counter() - start
    if not np.isfinite(gradient).all():
        raise SystemExit(f"{n} states, seed {seed}: the gradient is not finite")
    later: list[float] = []
    for _ in range(9):
        start = time.perf_counter()
        obj.value_and_grad(theta)
        later.append(time.perf_counter() - start)
    return first, float(np.median(later))


def main() -> None:
    given = arguments(__doc__ or "", repeats=5)
    gradients(10, 0)  # loads the solvers
    rows: list[dict[str, Any]] = []
    for n, limit in LIMITS.items():
        found = np.array([gradients(n, seed) for seed in range(1, 1 + given.repeats)])
        first, warm = np.median(found, axis=0)
        rows.append(
            {
                "states": n, "first s": first, "slowest s": found[:, 0].max(), "later ms": 1e3 * warm,
                "verdict": passed(first, limit), "later": passed(1e3 * warm, WARM),
            }
        )  # fmt: skip
    finish("first gradients of fresh models", rows, given.json)


if __name__ == "__main__":
    main()
