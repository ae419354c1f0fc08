# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportReturnType=false, reportOperatorIssue=false, reportCallIssue=false, reportConstantRedefinition=false
"""Random systems with planted laws that contain time."""

from __future__ import annotations

from itertools import combinations_with_replacement
from random import Random

import sympy as sp

import pysymude as psu
from problems.planted import (
    RandomSystem,
    antisymmetric,
    constant,
    gradient,
    made,
    number,
    polynomial,
    states,
)

__all__ = ["FORCED"]

t = psu.t
a, b = psu.parameters("a b")


def moving_frame(rng: Random) -> RandomSystem:
    """A known system seen from a frame that moves by g(t): H(u - g(t)) is conserved."""
    n = rng.randint(2, 3)
    u, d = states(rng, n), 2
    H, S = polynomial(rng, u, d, 4), constant(rng, u)
    moves = rng.choice([t, sp.sin(t), sp.cos(2 * t), sp.exp(-t)])
    g = [rng.choice([0, number(rng)]) * moves for _ in u]
    shifted = {z: z - k for z, k in zip(u, g, strict=True)}
    f = (S * gradient(H, u)).subs(shifted, simultaneous=True) + sp.Matrix(g).diff(t)
    return made(u, f.expand(), [sp.expand(H.subs(shifted, simultaneous=True))], d)


def growing(rng: Random) -> RandomSystem:
    """f = S grad P + s u/d with P homogeneous of degree d, so that P' = s P."""
    n = rng.randint(2, 3)
    u, d = states(rng, n), rng.randint(1, 2)
    monomials = [sp.Mul(*m) for m in combinations_with_replacement(u, d)]
    P = sp.Add(*(number(rng) * m for m in monomials))
    s = rng.choice([number(rng), number(rng), a])
    S = antisymmetric(n, lambda: number(rng) + rng.choice([0, 1]) * polynomial(rng, u, 1, 2))
    f = (S * gradient(P, u) + s / d * sp.Matrix(u)).expand()
    return made(u, f, [sp.exp(-s * t) * P], d, degree=2)


def clock(rng: Random) -> RandomSystem:
    """P = u_1 + Q(others) grows at a constant rate: P - k t is conserved."""
    n = rng.randint(2, 3)
    u = states(rng, n)
    P = u[0] + polynomial(rng, u[1:], 2, 2)
    S = antisymmetric(n, lambda: number(rng) + rng.choice([0, 1]) * polynomial(rng, u, 2, 2))
    k = rng.choice([number(rng), b])
    f = (S * gradient(P, u)).expand() + sp.Matrix([k, *[0] * (n - 1)])
    return made(u, f, [P - k * t], 2)


def forced(rng: Random) -> RandomSystem:
    """P' = s P + g' - s g for a linear P and a known g: exp(-s t) (P - g) is conserved."""
    n = rng.randint(1, 3)
    u = states(rng, n)
    s = rng.choice([number(rng), number(rng), a])
    size = number(rng)
    g = rng.choice([sp.sin(t), size * sp.cos(2 * t), size * t**2, size * t - 1, sp.sin(t) + 2 * t])
    weights = [number(rng) for _ in u[1:]]
    others = [polynomial(rng, u, 1, 2) for _ in u[1:]]
    P = u[0] + sp.Add(*(k * z for k, z in zip(weights, u[1:], strict=True)))
    first = s * (P - g) + g.diff(t) - sp.Add(*(k * f for k, f in zip(weights, others, strict=True)))
    return made(u, [sp.expand(first), *others], [sp.exp(-s * t) * (P - g)], 2)


def exact_equation(rng: Random) -> RandomSystem:
    """One state, y' = -I_t / I_y for a polynomial I(t, y)."""
    (y,) = states(rng, 1)
    law = polynomial(rng, [t, y], 2, 4)
    law += sp.Add(*(z for z in (t, y) if not law.has(z)))
    return made([y], [sp.cancel(-law.diff(t) / law.diff(y))], [law], 2)


def carried(rng: Random) -> RandomSystem:
    """Two states with an energy, and a third one that grows at the rate of that energy."""
    q, p, z = states(rng, 3)
    H = p**2 / 2 + number(rng) * q + rng.choice([0, number(rng)]) * q**2
    grows = rng.choice([H, H - 1, 2 * H])
    f = [H.diff(p), -H.diff(q), grows * z]
    return made([q, p, z], f, [H, z * sp.exp(-grows * t)], 2, degree=None)


FORCED = (moving_frame, growing, clock, forced, exact_equation, carried)
