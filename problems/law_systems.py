"""The systems of the laws benchmark: what is known of each, and how wide it is searched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy as sp

import pysymude as psu

__all__ = ["SYSTEMS", "Case"]

R = sp.Rational


@dataclass(frozen=True)
class Case:
    """A system, the degree of the search, its independent laws, and the seconds to stay below.

    `candidates` is the number of candidate functions that those seconds belong to; ours may be more.
    """

    name: str
    system: psu.ODESystem
    degree: int
    laws: int
    candidates: int
    limit: float
    time_dependent: bool = False


x, y, z = psu.states("x y z")
a, b, c, d = psu.parameters("a b c d")
mu = psu.parameters("mu", positive=True)
q, p = psu.states("q1:4"), psu.states("p1:4")
strengths, masses = psu.parameters("G1:4"), psu.parameters("m1:4")


def kepler(n: int, strength: Any) -> psu.ODESystem:
    kinetic = sum(v**2 for v in p[:n]) / 2
    potential = strength / sp.sqrt(sum(v**2 for v in q[:n]))
    return psu.hamiltonian_system(kinetic - potential, q[:n], p[:n])


def toda(n: int) -> psu.ODESystem:
    """The periodic lattice in Flaschka's variables: momenta and forces."""
    forces, momenta = psu.states(f"a1:{n + 1}"), psu.states(f"p1:{n + 1}")
    rhs = {momenta[i]: forces[i - 1] - forces[i] for i in range(n)}
    rhs |= {forces[i]: forces[i] * (momenta[i] - momenta[(i + 1) % n]) for i in range(n)}
    return psu.ODESystem(rhs)


def kovalevskaya() -> psu.ODESystem:
    """Moments of inertia 2, 2, 1; the centre of mass on the first axis."""
    w, g = psu.states("w1:4"), psu.states("g1:4")
    return psu.ODESystem(
        {
            w[0]: w[1] * w[2] / 2,
            w[1]: (-w[0] * w[2] - g[2]) / 2,
            w[2]: g[1],
            g[0]: w[2] * g[1] - w[1] * g[2],
            g[1]: w[0] * g[2] - w[2] * g[0],
            g[2]: w[1] * g[0] - w[0] * g[1],
        }
    )


def vortices(strength: Any) -> psu.ODESystem:
    X, Y = psu.states("x1:4"), psu.states("y1:4")
    rhs: dict[Any, Any] = {}
    for i in range(3):
        others = [j for j in range(3) if j != i]
        square = {j: (X[i] - X[j]) ** 2 + (Y[i] - Y[j]) ** 2 for j in others}
        rhs[X[i]] = -sum(strength[j] * (Y[i] - Y[j]) / square[j] for j in others)
        rhs[Y[i]] = sum(strength[j] * (X[i] - X[j]) / square[j] for j in others)
    return psu.ODESystem(rhs)


def three_bodies(mass: Any) -> psu.ODESystem:
    X, Y = psu.states("x1:4"), psu.states("y1:4")
    U, V = psu.states("u1:4"), psu.states("v1:4")
    rhs: dict[Any, Any] = {**dict(zip(X, U, strict=True)), **dict(zip(Y, V, strict=True))}
    for i in range(3):
        others = [j for j in range(3) if j != i]
        cube = {j: ((X[i] - X[j]) ** 2 + (Y[i] - Y[j]) ** 2) ** R(3, 2) for j in others}
        rhs[U[i]] = sum(mass[j] * (X[j] - X[i]) / cube[j] for j in others)
        rhs[V[i]] = sum(mass[j] * (Y[j] - Y[i]) / cube[j] for j in others)
    return psu.ODESystem(rhs)


def lorenz(sigma: Any, rho: Any, beta: Any) -> psu.ODESystem:
    return psu.ODESystem({x: sigma * (y - x), y: rho * x - y - x * z, z: x * y - beta * z})


henon_heiles = psu.hamiltonian_system(
    (p[0] ** 2 + p[1] ** 2 + q[0] ** 2 + q[1] ** 2) / 2 + q[0] ** 2 * q[1] - q[1] ** 3 / 3,
    q[:2],
    p[:2],
)
made, used = 10**4 * y * z, 3 * 10**7 * y**2

SYSTEMS = [
    Case("lotka-volterra", psu.ODESystem(
        {x: R(13, 10) * x - R(9, 10) * x * y, y: -R(18, 10) * y + R(8, 10) * x * y}), 2, 1, 7, 0.006),
    Case("lotka-volterra, 4 symbols",
         psu.ODESystem({x: a * x - b * x * y, y: -c * y + d * x * y}), 2, 1, 7, 0.08),
    Case("robertson", psu.ODESystem(
        {x: -R(4, 100) * x + made, y: R(4, 100) * x - made - used, z: used}), 2, 1, 9, 0.01),
    Case("rigid body", psu.ODESystem(
        {x: R(1, 2) * y * z, y: -R(2, 3) * x * z, z: R(1, 6) * x * y}), 2, 2, 9, 0.01),
    Case("kepler 2D", kepler(2, 1), 4, 3, 69, 0.045),
    Case("kepler 2D, mu", kepler(2, mu), 4, 3, 69, 0.18),
    Case("kepler 3D", kepler(3, 1), 4, 5, 167, 0.078),
    Case("henon-heiles, degree 6", henon_heiles, 6, 1, 209, 0.09),
    Case("henon-heiles, degree 10", henon_heiles, 10, 1, 1000, 0.67),
    Case("toda 3", toda(3), 3, 4, 83, 0.08),
    Case("toda 4", toda(4), 4, 5, 494, 0.64),
    Case("kovalevskaya", kovalevskaya(), 4, 4, 209, 0.22),
    Case("pendulum", psu.ODESystem({x: y, y: -sp.sin(x)}), 2, 1, 11, 0.010),
    Case("vortices", vortices((1, 2, 3)), 2, 4, 30, 0.10),
    Case("vortices, 3 symbols", vortices(strengths), 2, 4, 30, 0.36),
    Case("three bodies", three_bodies((1, 2, 3)), 3, 5, 727, 0.86),
    Case("three bodies, 3 symbols", three_bodies(masses), 3, 5, 727, 1.4),
    Case("lorenz, special", lorenz(10, 28, 20), 4, 1, 34, 0.009, time_dependent=True),
    Case("van der pol", psu.ODESystem({x: y, y: (1 - x**2) * y - x}), 8, 0, 44, 0.007),
    Case("brusselator", psu.ODESystem({x: 1 + x**2 * y - 4 * x, y: 3 * x - x**2 * y}), 8, 0, 44, 0.007),
    Case("lorenz", lorenz(10, 28, R(8, 3)), 6, 0, 83, 0.007),
]  # fmt: skip
