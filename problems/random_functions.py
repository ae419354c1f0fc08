# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportReturnType=false, reportOperatorIssue=false, reportCallIssue=false, reportConstantRedefinition=false
"""Random systems with planted laws that need integrals, curves, angles or numbers of their own."""

from __future__ import annotations

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

__all__ = ["FUNCTIONS"]

t = psu.t
R = sp.Rational


def constants(rng: Random) -> RandomSystem:
    """Coefficients that are no fractions."""
    n = rng.randint(2, 3)
    u = states(rng, n)
    numbers = [
        sp.pi, sp.sqrt(2), sp.E, sp.log(2), 1 + sp.sqrt(2), sp.sqrt(3) / 2, sp.cos(1), sp.cbrt(2),
        sp.sqrt(5), sp.pi**2, 1 / sp.pi,
    ]  # fmt: skip
    some = [rng.choice(numbers) for _ in range(2)]

    def coefficient() -> sp.Expr:
        return rng.choice([*some, sp.S.One]) * rng.choice([1, -1, 2])

    H = sp.Add(*(coefficient() * m for m in polynomial(rng, u, 2, 3).as_coefficients_dict()))
    S = antisymmetric(n, lambda: rng.choice([coefficient(), number(rng)]))
    return made(u, (S * gradient(H, u)).expand(), [H], 2)


def exponents(rng: Random) -> RandomSystem:
    """Fitted numbers as exponents."""
    n = rng.randint(2, 3)
    u = states(rng, n, positive=True)
    k = rng.choice([R(37, 100), R(162, 100), R(2381, 1000), R(-63, 100)])
    H = polynomial(rng, u, 2, 3) + number(rng) * u[0] ** k
    if rng.random() < 0.3:
        H += number(rng) * u[1] ** (k + 1)
    f = constant(rng, u) * gradient(H, u)
    powers = {e for rate in f for e in rate.atoms(sp.Pow) if e.exp.is_Rational and e.exp.q > 9}
    written = {e: e.base ** sp.Float(float(e.exp)) for e in powers}
    # u**1.62 is its power 0.62 times u
    return made(u, f.xreplace(written), [H], 4)


def energies(rng: Random) -> RandomSystem:
    """Kinetic energy, and a potential with logarithms, arctangents, high powers."""
    n = rng.choice([1, 1, 1, 2])
    q = list(psu.states(f"q1:{n + 1}", positive=True))
    p = list(psu.states(f"p1:{n + 1}"))

    def well(x: sp.Expr) -> sp.Expr:
        wells = [
            x * sp.atan(x) - sp.log(1 + x**2) / 2, sp.log(1 + x**2), sp.atan(x), sp.log(x), x**8,
            x * sp.log(x), x**-12 - x**-6, sp.exp(-(x**2)), 1 / (1 + x**2), sp.sqrt(1 + x**2),
            sp.exp(-x) / x, x**3 * sp.exp(-x), x**2 * sp.log(x), sp.cosh(x), sp.log(1 + sp.exp(x)),
        ]  # fmt: skip
        return number(rng) * rng.choice(wells)

    H = sp.Add(*(z**2 for z in p)) / 2 + sp.Add(*map(well, q))
    if n == 1:
        H += rng.choice([0, number(rng) * q[0] ** rng.randint(1, 4)])
    else:
        H += number(rng) * rng.choice([q[0] * q[1], (q[0] - q[1]) ** 4, q[0] ** 2 * q[1]])
    f = [H.diff(z) for z in p] + [-H.diff(z) for z in q]
    return made([*q, *p], f, [H], 2, degree=None, time_dependent=False)


def cyclic_angle(rng: Random) -> RandomSystem:
    """cos(phi) A + sin(phi) B, where the field does not contain the angle."""
    phi, v, w = states(rng, 3)
    bend = number(rng) * rng.choice([0, v**2])
    A, B = v, w + bend
    g = rng.choice([number(rng) + number(rng) * v, 1 / (1 + v**2), v * w, number(rng)])
    dv = -g * B
    f = [g, dv, g * A - bend.diff(v) * dv if bend != 0 else g * A]
    laws = [sp.cos(phi) * A + sp.sin(phi) * B, sp.cos(phi) * B - sp.sin(phi) * A]
    return made([phi, v, w], f, laws, 3 if bend != 0 else 2)


def quadrature(rng: Random) -> RandomSystem:
    """x' = 1 / G'(x), so that G(x) - t is conserved; and another state that follows x."""
    x, y = states(rng, 2, positive=True)
    c = rng.randint(1, 3)
    pieces = [sp.log(x), x, x**2, 1 / x, sp.log(x + c), sp.atan(x), sp.log(1 + x**2)]
    first, second = rng.sample(pieces, 2)
    G = number(rng) * first + rng.choice([0, 1]) * number(rng) * second
    f = [sp.factor(1 / G.diff(x))]
    planted = [G - t]
    if rng.random() < 0.5:
        K = number(rng) * rng.choice(pieces)
        follows, law = rng.choice([(1, y), (y, sp.log(y)), (y**2, -1 / y)])
        f.append(sp.factor(follows * K.diff(x) * f[0]))
        planted.append(law - K)
    return made([x, y][: len(f)], f, planted, 3, degree=None)


def plane(rng: Random) -> RandomSystem:
    """A homogeneous field with invariant lines, some of them conjugate."""
    x, y = states(rng, 2)
    lines = [x, y, x + y, x - y, x + 2 * y, 3 * x - y, 2 * x + y, x + 3 * y]
    curves = rng.sample(lines, rng.randint(1, 3))
    angle = sp.S.Zero
    if len(curves) < 3 and rng.random() < 0.6:
        square, slope = rng.choice([
            (x**2 + y**2, (y, x)), (x**2 + 4 * y**2, (2 * y, x)),
            ((x + y) ** 2 + y**2, (y, x + y)),
        ])  # fmt: skip
        curves.append(square)
        angle = rng.choice([0, number(rng)]) * sp.atan(slope[0] / slope[1])
    elif len(curves) == 1:
        curves.append(rng.choice([z for z in lines if z not in curves]))
    law = sp.Add(*(number(rng) * sp.log(c) for c in curves)) + angle
    f = [law.diff(y), -law.diff(x)]
    whole = sp.Mul(*curves)
    f = [sp.expand(sp.cancel(sp.together(e * whole))) for e in f]
    return made([x, y], f, [law], 3, degree=None, time_dependent=False)


def darboux(rng: Random) -> RandomSystem:
    """Curves that the field maps to themselves, with cofactors that cancel."""
    n = rng.randint(2, 4)
    u = states(rng, n)
    count = 3 if n == 2 else 2

    def line() -> sp.Expr:
        return rng.randint(1, 3) + polynomial(rng, u, 1, 2)

    curves = [line() for _ in range(count)]
    if n == 2 and rng.random() < 0.5:
        curves[0] = rng.randint(1, 3) + polynomial(rng, u, 2, 3)
        curves.pop()
    curves = list(dict.fromkeys(curves))
    law = sp.Add(*(number(rng) * sp.log(c) for c in curves))
    S = constant(rng, u)
    whole = sp.Mul(*curves)
    f = [sp.expand(sp.cancel(e * whole)) for e in S * gradient(law, u)]
    return made(u, f, [law], 3, degree=None, time_dependent=False)


FUNCTIONS = (constants, exponents, energies, cyclic_angle, quadrature, plane, darboux)
