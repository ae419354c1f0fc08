"""Gradients through doses and bounces, beside SciPy's pieces with differences and diffrax by hand.

    python -m benchmarks.changes [--part doses|bounces|all] [--json FILE]

The comparison with diffrax needs ``pip install pysymude[benchmarks]``. Every time stands beside the error of the
gradient against that of the closed form.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp

import pysymude as psu
from benchmarks.harness import arguments, finish, interleaved

RELTOL, ABSTOL = 1e-6, 1e-8
EVERY, COUNT, AMOUNT = 6.0, 120, 10.0  # hours, doses, mg
gut, blood = psu.states("gut blood")
ka, ke = psu.parameters("ka ke")
TIMES = np.arange(1.0, EVERY * COUNT, 3.0)
TRUE = np.array([1.2, 0.3])


def closed_form(theta: Any, t: Any = TIMES) -> Any:
    """The amount in the blood by Bateman's function."""
    a, e = theta
    since = t[:, None] - EVERY * np.arange(COUNT)[None, :]
    s = np.maximum(since, 0.0)
    each = a / (a - e) * (np.exp(-e * s) - np.exp(-a * s))
    return AMOUNT * (each * (since >= 0)).sum(axis=1)


MEASURED = closed_form(TRUE) * (1 + 0.05 * np.sin(7.0 * TIMES))
START = np.array([0.9, 0.2])


def loss_of(model: Callable[[Any], Any]) -> Callable[[Any], float]:
    """The sum of squares of a model."""
    return lambda theta: float(((model(theta) - MEASURED) ** 2).sum())


def differences(value: Callable[[Any], float], theta: Any, h: float, *, central: bool) -> Any:
    """The gradient by finite differences."""
    steps = h * np.eye(theta.size)
    if central:
        return np.array([(value(theta + s) - value(theta - s)) / (2 * h) for s in steps])
    here = value(theta)
    return np.array([(value(theta + s) - here) / h for s in steps])


def by_scipy(theta: Any) -> Any:
    """LSODA from dose to dose."""
    a, e = theta
    u, found = np.zeros(2), []
    for k in range(COUNT):
        u = u + np.array([AMOUNT, 0.0])
        begin, end = EVERY * k, EVERY * (k + 1)
        own = TIMES[(begin <= TIMES) & (end > TIMES)]
        sol = solve_ivp(
            lambda t, s: [-a * s[0], a * s[0] - e * s[1]], (begin, end), u, t_eval=np.append(own, end),
            method="LSODA", rtol=RELTOL, atol=ABSTOL,
        )  # fmt: skip
        found.append(sol.y[1, :-1])
        u = sol.y[:, -1]
    return np.concatenate(found)


def by_diffrax() -> Callable[[Any], tuple[float, Any]]:
    """A scan over the doses, each a solve of its own."""
    import diffrax
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    y = jnp.asarray(MEASURED.reshape(COUNT, 2))
    field = diffrax.ODETerm(lambda t, s, p: jnp.stack([-p[0] * s[0], p[0] * s[0] - p[1] * s[1]]))

    def value(theta: Any) -> Any:
        def leg(u: Any, seen: Any) -> Any:
            sol = diffrax.diffeqsolve(
                field, diffrax.Tsit5(), 0.0, EVERY, None, u + jnp.array([AMOUNT, 0.0]), theta,
                saveat=diffrax.SaveAt(ts=jnp.array([1.0, 4.0, EVERY])), max_steps=256,
                stepsize_controller=diffrax.PIDController(rtol=RELTOL, atol=ABSTOL),
            )  # fmt: skip
            return sol.ys[-1], ((sol.ys[:2, 1] - seen) ** 2).sum()

        return jax.lax.scan(leg, jnp.zeros(2), y)[1].sum()

    compiled = jax.jit(jax.value_and_grad(value))
    return lambda theta: tuple(map(np.asarray, compiled(theta)))


def doses(rounds: int) -> list[dict[str, Any]]:
    """A dose every six hours for thirty days."""
    system = psu.ODESystem(
        {gut: -ka * gut, blood: ka * gut - ke * blood}, trainable={ka: START[0], ke: START[1]}
    )
    data = psu.Trajectory.from_arrays(
        TIMES, MEASURED, states=[blood], u0={gut: 0, blood: 0}, t0=0.0,
        doses={gut: [(EVERY * k, AMOUNT) for k in range(COUNT)]},
    )  # fmt: skip
    obj = psu.objective(system, data, engine="native", reltol=RELTOL, abstol=ABSTOL)
    theta, exact = obj.theta0(), differences(loss_of(closed_form), START, 1e-5, central=True)
    calls: dict[str, Callable[[], Any]] = {
        "pysymude, native": lambda: obj.value_and_grad(theta)[1],
        "SciPy LSODA, differences": lambda: differences(
            loss_of(by_scipy), START, 1e-5, central=False
        ),
    }
    try:
        hand = by_diffrax()
        calls["diffrax, scan by hand"] = lambda: hand(START)[1]
    except ImportError:
        print("diffrax is not installed: its row is left out")
    return table("120 doses", calls, exact, rounds)


G, BOUNCES = 9.81, 100
height, speed = psu.states("height speed")
r, h0 = psu.parameters("r h0")
HEIGHTS = np.array([0.98, 1.0])  # restitution, first height


def hits(theta: Any) -> tuple[Any, Any]:
    """When the ball has hit the floor, and how fast it leaves."""
    keeps, first = theta
    v = np.sqrt(2 * G * first) * keeps ** np.arange(1, BOUNCES + 2)
    flights = np.append(np.sqrt(2 * first / G), 2 * v[:-1] / G)
    return np.cumsum(flights), v


SEEN = np.linspace(0.05, hits(HEIGHTS)[0][-1] - 0.01, 400)


def parabolas(theta: Any) -> Any:
    """The heights in closed form."""
    t, v = hits(theta)
    k = np.searchsorted(t, SEEN) - 1
    s = SEEN - t[np.maximum(k, 0)]
    return np.where(k < 0, theta[1] - G / 2 * SEEN**2, v[np.maximum(k, 0)] * s - G / 2 * s**2)


def bounced(theta: Any) -> Any:
    """SciPy from hit to hit."""

    def floor(t: float, u: Any) -> float:
        return u[0]

    floor.terminal, floor.direction = True, -1  # type: ignore[attr-defined]
    u, t, found = np.array([theta[1], 0.0]), 0.0, []
    while t < SEEN[-1]:
        own = SEEN[t <= SEEN]
        sol = solve_ivp(
            lambda t, u: [u[1], -G],
            (t, SEEN[-1]),
            u,
            events=floor,
            t_eval=own,
            rtol=RELTOL,
            atol=ABSTOL,
        )
        found.append(sol.y[0] if len(sol.t) else np.zeros(0))
        if not sol.t_events[0].size:
            break
        t = float(sol.t_events[0][0])
        u = np.array([1e-12, -theta[0] * sol.y_events[0][0][1]])
    return np.concatenate(found)


def bounces(rounds: int) -> list[dict[str, Any]]:
    """A ball that bounces a hundred times."""
    wanted = parabolas(HEIGHTS) + 0.02 * np.sin(9.0 * SEEN)
    start = HEIGHTS - np.array([1e-4, 0.0])
    system = psu.ODESystem(
        {height: speed, speed: -G}, trainable={r: start[0], h0: start[1]}, initial={height: h0, speed: 0},
        events=[psu.Event(height, set={speed: -r * speed}, direction=-1)],
    )  # fmt: skip
    data = psu.Trajectory.from_arrays(SEEN, wanted, states=[height], t0=0.0)
    obj = psu.objective(system, data, engine="native", reltol=RELTOL, abstol=ABSTOL)

    def loss(model: Callable[[Any], Any]) -> Callable[[Any], float]:
        return lambda theta: float(((model(theta) - wanted) ** 2).sum())

    theta, exact = obj.theta0(), differences(loss(parabolas), start, 1e-8, central=True)
    calls: dict[str, Callable[[], Any]] = {
        "pysymude, native": lambda: obj.value_and_grad(theta)[1],
        "SciPy RK45, differences": lambda: differences(loss(bounced), start, 1e-7, central=False),
    }
    return table(f"{BOUNCES} bounces", calls, exact, rounds)


def table(
    problem: str, calls: dict[str, Callable[[], Any]], exact: Any, rounds: int
) -> list[dict[str, Any]]:
    """Times of all, and the errors of their gradients."""
    found = interleaved(calls, rounds=rounds)
    size = float(np.abs(exact).max())
    return [
        {
            "problem": problem,
            "by": name,
            **timing.columns(),
            "error": float(np.abs(np.asarray(calls[name]()) - exact).max()) / size,
        }
        for name, timing in found.items()
    ]


def main() -> None:
    """The parts that were asked for."""
    given = arguments(__doc__ or "", part="all", rounds=20)
    if given.part in ("doses", "all"):
        finish("gradients through 120 doses", doses(given.rounds), given.json)
    if given.part in ("bounces", "all"):
        finish("gradients through 100 bounces", bounces(given.rounds), given.json)


if __name__ == "__main__":
    main()
