"""A ball that bounces: how much of its speed it keeps is learned from its height, and so is its drag.

    python examples/bouncing_ball.py

Heights of a ball that falls from 2 m and hits the floor a few times, measured forty times a second with an
error of 1 cm; made here from known numbers, so that one sees what is found. The times of the hits are not
told: the solver finds them, and the gradient goes through them. Beside it SciPy: `solve_ivp` from hit to hit
inside `least_squares`.
"""

from __future__ import annotations

import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import least_squares

import pysymude as psu

TRUE = {"restitution": 0.82, "drag": 0.05}
TIMES = np.linspace(0.0, 2.6, 105)  # s

height, speed = psu.states("height speed")
restitution, drag = psu.parameters("restitution drag", positive=True)
bounce = psu.Event(height, set={speed: -restitution * speed}, direction=-1, name="bounce")
BALL = psu.ODESystem(
    {height: speed, speed: -9.81 - drag * speed * abs(speed)},
    trainable={restitution: 0.7, drag: 0.1},
    bounds={restitution: (0.0, 1.0)},
    noise={"height": 0.01},
    events=[bounce],
)


def by_pieces(r: float, d: float) -> np.ndarray:
    """The heights by SciPy, from hit to hit."""

    def hit(t: float, u: np.ndarray) -> float:
        return u[0]

    hit.terminal, hit.direction = True, -1
    u, t, found = np.array([2.0, 0.0]), 0.0, []
    while t < TIMES[-1]:
        own = TIMES[(t <= TIMES) & (TIMES[-1] >= TIMES)]
        sol = solve_ivp(
            lambda t, u: [u[1], -9.81 - d * u[1] * abs(u[1])], (t, TIMES[-1]), u, events=hit, t_eval=own,
            rtol=1e-8, atol=1e-8,
        )  # fmt: skip
        found.append(sol.y[0] if len(sol.t) else np.zeros(0))
        if not sol.t_events[0].size:
            break
        t = sol.t_events[0][0]
        u = np.array([1e-9, -r * sol.y_events[0][0][1]])
    return np.concatenate(found)[: len(TIMES)]


def measured() -> np.ndarray:
    """Heights with their errors."""
    return by_pieces(*TRUE.values()) + 0.01 * np.random.default_rng(0).normal(size=TIMES.size)


def main() -> psu.FitResult:
    """Prints both; returns the fit."""
    heights = measured()
    data = psu.Dataset.from_arrays(TIMES, heights, states=[height], u0={height: 2.0, speed: 0.0})
    fit = psu.fit(BALL, data, progress=False)
    scipy = least_squares(lambda z: by_pieces(*z) - heights, [0.7, 0.1], diff_step=1e-6)
    hits = fit.predict(TIMES).events["bounce"].t
    print("true:     restitution = {restitution:.4f}, drag = {drag:.4f} 1/m".format(**TRUE))
    print("SciPy:    restitution = {:.4f}, drag = {:.4f} 1/m".format(*scipy.x))
    print(
        "pysymude: restitution = {restitution:.4f}, drag = {drag:.4f} 1/m".format(**fit.parameters)
    )
    print("hits at " + ", ".join(f"{t:.3f}" for t in hits) + " s")
    print(fit.summary())
    return fit


if __name__ == "__main__":
    main()
