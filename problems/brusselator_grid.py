"""The Brusselator with diffusion on a periodic grid, a large stiff system.

References
----------
.. [1] Hairer and Wanner, Solving Ordinary Differential Equations II, 2nd ed., sec. IV.10, BRUSS-2D.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from numpy.typing import NDArray

import pysymude as psu

__all__ = ["DIFFUSION", "SPAN", "A", "B", "problem"]

Float = NDArray[np.float64]

A, B, DIFFUSION, SPAN = 3.4, 1.0, 10.0, (0.0, 11.5)


def problem(
    N: int, *, diffusion: float | sp.Expr = DIFFUSION, **keywords: object
) -> tuple[psu.ODESystem, Float, tuple[float, float]]:
    """The system of 2 N^2 equations, its initial state and its time span.

    Parameters
    ----------
    N : int
        Grid points along each side of the unit square.
    diffusion : float or SymPy expression
        The coefficient of the Laplacian; a symbol stays a parameter.
    **keywords
        For `ODESystem`: `parameters`, `trainable`, ...
    """
    x = np.linspace(0.0, 1.0, N)
    name = [[f"{i}_{j}" for j in range(N)] for i in range(N)]
    u = [[psu.states(f"u_{name[i][j]}") for j in range(N)] for i in range(N)]
    v = [[psu.states(f"v_{name[i][j]}") for j in range(N)] for i in range(N)]
    scale = diffusion * (N - 1) ** 2
    pulse = sp.Piecewise((5.0, psu.t >= 1.1), (0.0, True))

    def diffuse(w: list[list[sp.Symbol]], i: int, j: int) -> sp.Expr:
        around = w[i - 1][j] + w[(i + 1) % N][j] + w[i][j - 1] + w[i][(j + 1) % N]
        return scale * (around - 4 * w[i][j])

    fed: dict[sp.Symbol, sp.Expr] = {}
    eaten: dict[sp.Symbol, sp.Expr] = {}
    for i in range(N):
        for j in range(N):
            a, b = u[i][j], v[i][j]
            inside = (x[i] - 0.3) ** 2 + (x[j] - 0.6) ** 2 <= 0.1**2
            source = pulse if inside else 0.0
            fed[a] = B + a**2 * b - (A + 1) * a + diffuse(u, i, j) + source
            eaten[b] = A * a - a**2 * b + diffuse(v, i, j)
    row, column = np.meshgrid(x, x, indexing="ij")
    start = 22 * (column * (1 - column)) ** 1.5, 27 * (row * (1 - row)) ** 1.5
    system = psu.ODESystem(fed | eaten, **keywords)
    return system, np.concatenate([s.ravel() for s in start]), SPAN
