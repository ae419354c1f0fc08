"""Systems above the size from which loops take the place of straight lines."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp

import pysymude as psu
from problems.brusselator_grid import problem

__all__ = ["brusselator", "networked_grid", "random_system"]

alpha = psu.parameters("alpha", positive=True)


def brusselator(N: int = 8) -> tuple[psu.ODESystem, Any]:
    """The benchmark's problem with a trainable diffusion coefficient that a small grid resolves."""
    system, u0, _ = problem(N, diffusion=alpha, trainable={alpha: 0.02})
    return system, u0


def networked_grid(n: int = 60) -> tuple[psu.ODESystem, Any]:
    """Two species on a ring: diffusion is known, and one small network reacts at every point."""
    x, y = psu.states(f"x0:{n}"), psu.states(f"y0:{n}")
    d = psu.parameters("d", positive=True)
    nn = psu.MLP("nn", inputs=[x[0], y[0]], outputs=2, hidden=(3,))
    rhs: dict[Any, Any] = {}
    for k in range(n):
        out = nn(x[k], y[k])
        rhs[x[k]] = d * (x[k - 1] - 2 * x[k] + x[(k + 1) % n]) + out[0]
        rhs[y[k]] = 0.1 * (y[k - 1] - 2 * y[k] + y[(k + 1) % n]) - y[k] * out[1] / 2
    system = psu.ODESystem({s: rhs[s] for s in (*x, *y)}, trainable={d: 0.3})
    return system, np.r_[1 + 0.5 * np.sin(np.arange(n)), np.cos(0.5 * np.arange(n))]


def random_system(seed: int, n: int = 110) -> psu.ODESystem:
    """Sums of random kinetics: shapes, constants, indices and lengths of rows all differ."""
    rng = np.random.default_rng(seed)
    x = psu.states(f"x0:{n}")
    k, K, a, b = psu.parameters("k K a b")
    rates = psu.parameters("r0:9", positive=True)

    def some() -> Any:
        return x[int(rng.integers(n))]

    def number() -> Any:
        return sp.Rational(int(rng.integers(-6, 7)) or 1, int(rng.integers(1, 4)))

    def term() -> Any:
        p, q, c = some(), some(), number()
        match int(rng.integers(16)):
            case 0 | 1:
                return c * p if c > 0 else p * q
            case 2:
                return c * p**2 * q
            case 3:
                return k * p / (K + q**2)
            case 4:
                return sp.sin(p - q)
            case 5:
                return sp.exp(-(p**2) / 2) * c
            case 6:
                return c * psu.t * p
            case 7:
                return sp.Piecewise((p * q, p > c), (c, True))
            case 8:
                return sp.Max(p, c * q) / 2
            case 9:
                return sp.sqrt(p**2 + q**2 + 1)
            case 10:
                return rates[int(rng.integers(9))] * p * q
            case 11:
                return a * sp.tanh(b * p)
            case 12:
                return c * p * q * (1 - p / 3)
            case 13:
                return sp.pi * sp.cos(psu.t) * p
            case 14:
                return sp.atan2(p, 2 + q**2)
            case _:
                return sp.Abs(p - q) * c

    lengths = rng.integers(1, 6, n)
    lengths[:3] = 0, 40, 21
    rhs = {s: sum((term() for _ in range(m)), number()) for s, m in zip(x, lengths, strict=True)}
    every = {s.name for f in rhs.values() for s in sp.sympify(f).free_symbols}
    given = {"k": 1.5, "K": 0.7, "b": 0.4, "a": 0.3} | {f"r{i}": 0.1 + i / 7 for i in range(9)}
    learned = {"a", "r1", "r2", "r5"} & every
    fixed = {s: v for s, v in given.items() if s in every - learned}
    return psu.ODESystem(
        rhs,
        parameters=fixed,
        trainable={s: given[s] for s in sorted(learned)},
        bounds={"r5": (0.0, 3.0)} if "r5" in learned else {},
    )
