"""What all derivatives of the residuals cost beside one gradient of their sum of squares, on both engines.

    python -m benchmarks.jacobians [--engine native] [--json FILE]

A Jacobian by repeated gradients would take as many of them as there are residuals; by tangents one solve and one
sweep for each number of theta are enough.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import pysymude as psu
from benchmarks.harness import arguments, finish, interleaved

x, y = psu.states("x y", positive=True)
a, b, c, d = psu.parameters("a b c d", positive=True)


def predators(engine: str, experiments: int) -> psu.Objective:
    system = psu.ODESystem(
        {x: a * x - b * x * y, y: c * x * y - d * y}, trainable={a: 1.3, b: 0.9, c: 0.8, d: 1.8}
    )
    return objective(system, engine, experiments)


def universal(engine: str, hidden: tuple[int, ...]) -> psu.Objective:
    nn = psu.MLP("nn", inputs=[x, y], outputs=2, hidden=hidden)
    system = psu.ODESystem({x: a * x + nn[0], y: nn[1] - d * y}, trainable={a: 1.3, d: 1.8})
    return objective(system, engine, 1)


def objective(system: psu.ODESystem, engine: str, experiments: int) -> psu.Objective:
    t = np.linspace(0.0, 6.0, 31)
    data = psu.Dataset.from_arrays(
        [t] * experiments, [np.ones((31, 2))] * experiments, states=[x, y], u0={x: 1.0, y: 1.0}
    )
    return psu.objective(system, data, engine=engine)


def main() -> None:
    """A row a problem."""
    options = arguments(__doc__ or "", engine="native")
    rows: list[dict[str, Any]] = []
    for name, obj in {
        "four rates": predators(options.engine, 1),
        "four rates, ten experiments": predators(options.engine, 10),
        "22 weights": universal(options.engine, (4,)),
        "354 weights": universal(options.engine, (16, 16)),
    }.items():
        theta = obj.theta0()
        found = interleaved(
            {
                "gradient": lambda o=obj, z=theta: o.value_and_grad(z),
                "jacobian": lambda o=obj, z=theta: o.jacobian(z),
            },
            rounds=10,
        )
        rows.append(
            {
                "problem": name, "theta": theta.size, "residuals": obj.residuals(theta).size,
                "gradient ms": 1e3 * found["gradient"].best,
                "jacobian ms": 1e3 * found["jacobian"].best,
                "gradients": found["jacobian"].best_ratio,
            }
        )  # fmt: skip
    finish(f"Jacobians beside gradients, engine {options.engine}", rows, options.json)


if __name__ == "__main__":
    main()
