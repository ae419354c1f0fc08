"""Systems of which a search for laws would take for ever: how it keeps its bounds is the question."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp

import pysymude as psu

__all__ = ["Field", "bodies", "of_degree", "parameters", "quadratic"]

Field = dict[sp.Symbol, Any]


def bodies(n: int, space: int = 2) -> Field:
    """Gravitating bodies with masses."""
    q = [[psu.states(f"q{i}_{k}") for k in range(space)] for i in range(n)]
    p = [[psu.states(f"p{i}_{k}") for k in range(space)] for i in range(n)]
    m = [psu.parameters(f"m{i}") for i in range(n)]
    field: Field = {}
    for i in range(n):
        others = [j for j in range(n) if j != i]
        far = {j: sum((q[j][k] - q[i][k]) ** 2 for k in range(space)) for j in others}
        for k in range(space):
            field[q[i][k]] = p[i][k] / m[i]
            field[p[i][k]] = sum(
                m[i] * m[j] * (q[j][k] - q[i][k]) / sp.sqrt(far[j]) ** 3 for j in others
            )
    return field


def quadratic(n: int) -> Field:
    """Every product in every equation."""
    u, rng = psu.states(f"u1:{n + 1}"), np.random.default_rng(0)
    pairs = [a * b for i, a in enumerate(u) for b in u[i:]]
    return {s: sp.Add(*(int(rng.integers(-9, 10)) * f for f in pairs)) for s in u}


def parameters(count: int) -> Field:
    """Six states, ten terms each, every coefficient a symbol."""
    u, rates = psu.states("u1:7"), iter(psu.parameters(f"k1:{count + 1}"))
    rng = np.random.default_rng(0)
    return {
        s: sum(
            next(rates) * u[rng.integers(len(u))] * u[rng.integers(len(u))]
            for _ in range(count // 6)
        )
        for s in u
    }


def of_degree(d: int) -> Field:
    """Thirty random terms of that degree in each of four equations."""
    u, rng = psu.states("u1:5"), np.random.default_rng(0)
    return {
        s: sum(
            int(rng.integers(-9, 10)) * sp.prod([u[rng.integers(len(u))] for _ in range(d)])
            for _ in range(30)
        )
        for s in u
    }
