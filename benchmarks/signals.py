"""Gradients of a loss whose system follows a measured input of 10^2 and of 10^5 points.

    python -m benchmarks.signals [--rounds N] [--reltol 1e-6] [--engine native] [--json FILE]

x' = k (c T(t) - x): between two points of T the solution is known, so every value and every derivative stands
beside the exact one, formed with complex steps. The same loss by hand is diffrax's Tsit5 with its
LinearInterpolation; that needs ``pip install pysymude[benchmarks]``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import pysymude as psu
from benchmarks.harness import arguments, finish, interleaved

END, START = 100.0, 0.5
TIMES = np.linspace(0.0, END, 101)
THETA = np.array([1.3, 0.8])
LIMIT = 1 << 17  # steps by hand


def inputs() -> dict[str, tuple[Any, Any]]:
    """Times and values by name."""
    rng = np.random.default_rng(0)
    few, many = np.linspace(0.0, END, 101), np.linspace(0.0, END, 100_001)
    pulses, spike = np.zeros(many.size), np.zeros(many.size)
    for i in rng.integers(0, many.size - 20, 30):
        pulses[i : i + 6] += rng.uniform(50, 100)
    spike[54_321] = 1000.0
    return {
        "waves, 1e2": (few, np.sin(few)),
        "waves, 1e5": (many, np.sin(many)),
        "random walk, 1e5": (many, np.cumsum(rng.normal(size=many.size)) * 0.03),
        "pulses, 1e5": (many, pulses),
        "one point, 1e5": (many, spike),
    }


def exact(times: Any, values: Any, theta: Any) -> Any:
    """The states at `TIMES`, point by point; theta may be complex."""
    k, c = theta
    h, forced = np.diff(times), c * values
    lag = np.diff(forced) / h / k
    at, found = START + 0j, [START + 0j]
    for i, decay in enumerate(np.exp(-k * h)):
        at = (at - forced[i] + lag[i]) * decay + forced[i + 1] - lag[i]
        found.append(at)
    i = np.clip(np.searchsorted(times, TIMES, side="right") - 1, 0, len(h) - 1)
    s = TIMES - times[i]
    start = np.array(found)[i] - forced[i] + lag[i]
    return start * np.exp(-k * s) + forced[i] + lag[i] * (k * s - 1)


def exact_loss(points: Any, y: Any) -> tuple[float, Any]:
    """The sum of squares and its gradient."""
    step = 1e-30
    slopes = [
        np.sum((exact(*points, THETA + 1j * step * e) - y) ** 2).imag / step for e in np.eye(2)
    ]
    return float(np.sum((exact(*points, THETA) - y).real ** 2)), np.array(slopes)


def ours(points: Any, y: Any, reltol: float, engine: str) -> Callable[..., Any]:
    """The loss here."""
    x, (k, c), T = psu.states("x"), psu.parameters("k c"), psu.Signal("T")
    system = psu.ODESystem(
        {x: k * (c * T(psu.t) - x)}, trainable=dict(zip((k, c), THETA, strict=True))
    )
    data = psu.Trajectory.from_arrays(TIMES, y, states=[x], u0={x: START}, signals={T: points})
    obj = psu.objective(system, data, solver="Tsit5", reltol=reltol, abstol=reltol, engine=engine)
    return partial(obj.value_and_grad, THETA)


def by_hand(points: Any, y: Any, reltol: float) -> Callable[..., Any]:
    """The loss in diffrax, with its defaults wherever it has one."""
    import diffrax
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    signal = diffrax.LinearInterpolation(*map(jnp.asarray, points))
    ts, measured = jnp.asarray(TIMES), jnp.asarray(y)

    def field(t: Any, x: Any, theta: Any) -> Any:
        return theta[0] * (theta[1] * signal.evaluate(t) - x)

    def value(theta: Any) -> Any:
        sol = diffrax.diffeqsolve(
            diffrax.ODETerm(field), diffrax.Tsit5(), ts[0], ts[-1], None, jnp.array(START), theta,
            saveat=diffrax.SaveAt(ts=ts), throw=False, max_steps=LIMIT,
            stepsize_controller=diffrax.PIDController(rtol=reltol, atol=reltol),
        )  # fmt: skip
        return jnp.sum((sol.ys - measured) ** 2)

    compiled = jax.jit(jax.value_and_grad(value))

    def call() -> tuple[float, Any]:
        v, g = compiled(jnp.asarray(THETA))
        return float(v), np.asarray(g)

    return call


def compare(name: str, points: Any, given: Any) -> list[dict[str, Any]]:
    """One input: by hand first, then here."""
    y = exact(*points, THETA * [1.1, 0.9]).real
    value, gradient = exact_loss(points, y)
    calls = {
        "diffrax": by_hand(points, y, given.reltol),
        f"pysymude {given.engine}": ours(points, y, given.reltol, given.engine),
    }
    timings = interleaved(calls, rounds=given.rounds)
    rows: list[dict[str, Any]] = []
    for label, call in calls.items():
        v, g = call()
        error = np.linalg.norm(g - gradient) / np.linalg.norm(gradient)
        row = {"input": name, "what": label} | timings[label].columns()
        rows.append(row | {"value": abs(v / value - 1), "gradient": float(error)})
    return rows


def main() -> None:
    """Every input; in the last row what 10^5 points cost beside 10^2."""
    given = arguments(__doc__ or "", rounds=20, reltol=1e-6, engine="native")
    rows = [row for name, points in inputs().items() for row in compare(name, points, given)]
    best = {(row["input"], row["what"]): row["best ms"] for row in rows}
    for what in dict.fromkeys(row["what"] for row in rows):
        ratio = best["waves, 1e5", what] / best["waves, 1e2", what]
        rows.append({"input": "waves, 1e5 / 1e2", "what": what, "ratio": ratio})
    finish(f"Measured inputs, reltol {given.reltol:g}", rows, given.json)


if __name__ == "__main__":
    main()
