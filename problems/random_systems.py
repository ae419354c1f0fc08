# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportReturnType=false, reportOperatorIssue=false, reportCallIssue=false, reportConstantRedefinition=false
"""Random systems with laws that are known because the system was built around them.

Most are u' = S grad H with an antisymmetric matrix S, so that H' = grad H . S grad H = 0.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations_with_replacement
from random import Random

import sympy as sp

import pysymude as psu
from problems.planted import (
    RandomSystem,
    antisymmetric,
    casimirs,
    constant,
    gradient,
    made,
    number,
    polynomial,
    states,
)
from problems.random_forced import FORCED
from problems.random_functions import FUNCTIONS
from problems.random_unknowns import UNKNOWN

__all__ = ["FAMILIES"]

t = psu.t
a, b, c = psu.parameters("a b c")


# -- with a planted law ------------------------------------------------------------------------


def polynomial_energy(rng: Random) -> RandomSystem:
    """Constant S; one in four is asked for without a degree."""
    n = rng.randint(2, 4)
    u, d = states(rng, n), rng.randint(2, 4 if n == 2 else 3)
    H, S = polynomial(rng, u, d), constant(rng, u)
    f, planted = (S * gradient(H, u)).expand(), [H, *casimirs(S, u)]
    if n < 4 and rng.random() < 0.25:
        return made(u, f, planted, d, degree=None)
    return made(u, f, planted, d)


def polynomial_structure(rng: Random) -> RandomSystem:
    """S with polynomial entries."""
    n = rng.randint(2, 4)
    u, d = states(rng, n), rng.randint(2, 3)
    S = antisymmetric(n, lambda: number(rng) + polynomial(rng, u, rng.randint(1, 2), 2))
    H = polynomial(rng, u, d, 4)
    return made(u, (S * gradient(H, u)).expand(), [H], d)


def nambu(rng: Random) -> RandomSystem:
    """n - 1 planted laws: f is g times the vector of minors of their gradients."""
    n = rng.randint(2, 4)
    u = states(rng, n)
    laws = [polynomial(rng, u, rng.randint(1, 2), 3) for _ in range(n - 1)]
    J = sp.Matrix([gradient(law, u).T for law in laws])
    g = rng.choice([sp.S.One, number(rng) + polynomial(rng, u, 1, 2)])
    f = []
    for k in range(n):
        minor = J.copy()
        minor.col_del(k)
        f.append(sp.expand((-1) ** k * g * minor.det(method="berkowitz")))
    return made(u, f, laws, 2)


def rational(rng: Random) -> RandomSystem:
    """H = P/Q + A; 1/Q counts as one degree."""
    n = rng.randint(2, 3)
    u = states(rng, n)
    Q = rng.randint(1, 3) + polynomial(rng, u, rng.randint(1, 2), 2)
    H = polynomial(rng, u, rng.randint(1, 2), 2) / Q + polynomial(rng, u, 2, 3)
    return made(u, constant(rng, u) * gradient(H, u), [H], 3)


def trigonometric(rng: Random) -> RandomSystem:
    """An angle that appears in sine and cosine only."""
    n = rng.randint(2, 3)
    u = states(rng, n)
    angle = rng.choice([1, 1, 2, sp.Rational(1, 2)]) * u[0] + rng.choice([0, 0, 1])
    rest = u[1:]
    H = polynomial(rng, rest, 2, 3) + number(rng) * sp.cos(angle)
    if rng.random() < 0.5:
        H += number(rng) * rng.choice(rest) * sp.sin(angle)
    return made(u, constant(rng, u) * gradient(H, u), [H], 2)


def exponential(rng: Random) -> RandomSystem:
    """Exponentials of one state, or of a difference as in a lattice: exp(u)/exp(v) counts as two."""
    n = rng.randint(2, 3)
    u = states(rng, n)
    argument = rng.choice([u[0], -u[0], 2 * u[0], u[0] - u[1], u[0] / 2])
    H = polynomial(rng, u, 2, 3) + number(rng) * sp.exp(argument)
    if rng.random() < 0.5:
        H += number(rng) * rng.choice(u) * sp.exp(argument)
    return made(u, constant(rng, u) * gradient(H, u), [H], 3 if argument.is_Add else 2)


def logarithmic(rng: Random) -> RandomSystem:
    """Of Lotka-Volterra type: S_ij = c_ij u_i u_j."""
    n = rng.randint(2, 4)
    u, C = states(rng, n), antisymmetric(n, lambda: number(rng))
    S = sp.Matrix(n, n, lambda i, j: C[i, j] * u[i] * u[j])
    H = sp.Add(*(number(rng) * z - number(rng) * sp.log(z) for z in u))
    degree = 1
    if rng.random() < 0.3:
        H, degree = H + number(rng) * rng.choice(u) * rng.choice(u), 2
    kernels = [sp.Add(*(k * sp.log(z) for k, z in zip(v, u, strict=True))) for v in C.nullspace()]
    return made(u, (S * gradient(H, u)).expand(), [H, *kernels], degree)


def root(rng: Random) -> RandomSystem:
    """A root of a polynomial that is positive for positive states.

    Candidates may hold 1/r in place of r, which is then its r^order times a power of 1/r.
    """
    n = rng.randint(2, 3)
    u = states(rng, n)
    inner = rng.choice([u[0], u[0] ** 2 + rng.randint(1, 3), u[0] ** 2 + u[1] ** 2, u[0] + u[1]])
    order = rng.choice([2, 2, 3])
    H = polynomial(rng, u, 2, 3) + number(rng) * inner ** sp.Rational(1, order)
    degree = sp.Poly(inner, *u).total_degree() + order - 1
    return made(u, constant(rng, u) * gradient(H, u), [H], max(2, degree))


def symbolic(rng: Random) -> RandomSystem:
    """Parameters in S and in H."""
    n = rng.randint(2, 3)
    u = states(rng, n)

    def coefficient() -> sp.Expr:
        return rng.choice([a, b, c, a + 1, a - b, b * c, a / b]) * rng.choice([1, -1, 2])

    if rng.random() < 0.3:
        S = sp.Matrix(n, n, lambda i, j: sp.sign(j - i) * u[i] * u[j])
        H, d = sp.Add(*(coefficient() * z - coefficient() * sp.log(z) for z in u)), 1
    else:
        d = rng.randint(2, 3)
        H = sp.Add(*(coefficient() * m for m in polynomial(rng, u, d, 3).as_coefficients_dict()))
        S = antisymmetric(n, lambda: rng.choice([coefficient(), number(rng)]))
    return made(u, (S * gradient(H, u)).expand(), [H], d)


def decimals(rng: Random) -> RandomSystem:
    """Floats, some of them stiff, that mean the decimals as written."""
    n = rng.randint(2, 3)
    u, d = states(rng, n), rng.randint(2, 3)
    sizes = [
        sp.Rational(4, 100),
        sp.Rational(13, 10),
        sp.Integer(10**4),
        sp.Rational(1, 500),
        sp.Integer(3),
    ]
    H = sp.Add(
        *(
            rng.choice(sizes) * k * m
            for m, k in polynomial(rng, u, d, 4).as_coefficients_dict().items()
        )
    )
    H = sp.expand(6 * H)
    S = antisymmetric(n, lambda: rng.choice(sizes) * rng.choice([1, -1]))
    f = (S * gradient(H, u)).expand()
    # exponents are integers, so fractions are coefficients; few digits each
    written = [
        e.xreplace({k: sp.Float(float(k)) for k in e.atoms(sp.Rational) - e.atoms(sp.Integer)})
        for e in f
    ]
    return made(u, written, [H, *casimirs(S, u)], d)


def reactions(rng: Random) -> RandomSystem:
    """Mass action between complexes of conserved moieties; their totals are planted."""
    moieties = rng.randint(1, 3)
    contents = [tuple(int(i == j) for j in range(moieties)) for i in range(moieties)]
    steps: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
    for _ in range(rng.randint(1, 4)):
        # two species bind, or one changes its form
        pair = [rng.randrange(len(contents)) for _ in range(rng.randint(1, 2))]
        contents.append(tuple(map(sum, zip(*(contents[k] for k in pair), strict=True))))
        steps.append((tuple(pair), (len(contents) - 1,)))
    u = states(rng, len(contents))
    f = [sp.S.Zero] * len(u)
    for left, right in [*steps, *((new, old) for old, new in steps if rng.random() < 0.7)]:
        speed = rng.choice([number(rng), a, b, sp.Integer(10**4), sp.Rational(1, 25)])
        speed *= sp.Mul(*(u[k] for k in left))
        for k in left:
            f[k] -= speed
        for k in right:
            f[k] += speed
    totals = [
        sp.Add(*(row[j] * z for row, z in zip(contents, u, strict=True))) for j in range(moieties)
    ]
    return made(u, map(sp.expand, f), totals, 1)


# -- without a planted law ---------------------------------------------------------------------


def generic(rng: Random) -> RandomSystem:
    """Polynomial fields with all terms: nearly always without any law of low degree."""
    n = rng.randint(2, 3)
    u = states(rng, n)
    monomials = [sp.Mul(*m) for d in range(3) for m in combinations_with_replacement(u, d)]
    f = [sp.Add(*(number(rng) * m for m in monomials)) for _ in u]
    return made(u, f, [], rng.randint(2, 4))


def sparse(rng: Random) -> RandomSystem:
    """Few terms, stiff coefficients, a forcing: some have laws by accident."""
    n = rng.randint(1, 4)
    u = states(rng, n)
    atoms = [*u, *u, *u, sp.sin(u[0]), sp.exp(-u[-1]), 1 / (1 + u[0]), sp.cos(t)]
    atoms = atoms if rng.random() < 0.4 else list(u)
    f = []
    for _ in u:
        terms = [
            number(rng) * rng.choice(atoms) * rng.choice([1, *u]) for _ in range(rng.randint(1, 3))
        ]
        f.append(sp.Add(*(rng.choice([1, 1, 1e4, 0.04, 30000000]) * term for term in terms)))
    return made(u, f, [], 2)


FAMILIES: dict[str, Callable[[Random], RandomSystem]] = {
    f.__name__.replace("_", "-"): f
    for f in (
        polynomial_energy, polynomial_structure, nambu, rational, trigonometric, exponential,
        logarithmic, root, symbolic, decimals, reactions, *FUNCTIONS, *FORCED, *UNKNOWN,
        generic, sparse,
    )
}  # fmt: skip
