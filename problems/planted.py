# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportReturnType=false, reportOperatorIssue=false, reportCallIssue=false, reportConstantRedefinition=false
"""Pieces of systems with planted laws: numbers, polynomials, antisymmetric matrices.

Every function that draws takes a `random.Random`: a seeded one in the benchmark, one that shrinks in
the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, combinations_with_replacement
from random import Random
from typing import Any

import sympy as sp

import pysymude as psu

__all__ = [
    "RandomSystem",
    "antisymmetric",
    "casimirs",
    "constant",
    "gradient",
    "made",
    "network",
    "number",
    "polynomial",
    "states",
]

Exprs = Sequence[sp.Expr]


@dataclass(frozen=True, eq=False)
class RandomSystem:
    """A system, what it is known to conserve, and the degree at which that must be found.

    `keywords` go to `first_integrals`; `degree` is the smallest degree whose candidates span the
    planted laws.
    """

    system: psu.ODESystem
    planted: tuple[sp.Expr, ...]
    degree: int
    keywords: Mapping[str, Any] = field(default_factory=dict[str, Any])


def states(rng: Random, n: int, *, positive: bool | None = None) -> list[sp.Symbol]:
    sign = rng.random() < 0.5 if positive is None else positive
    return list(psu.states(f"u1:{n + 1}", positive=sign))


def number(rng: Random) -> sp.Rational:
    """A small fraction other than 0."""
    return sp.Rational(rng.choice([-3, -2, -1, 1, 2, 3, 5]), rng.choice([1, 1, 2, 3]))


def polynomial(rng: Random, u: Exprs, degree: int, terms: int = 5) -> sp.Expr:
    """A polynomial without constant whose degree is reached."""
    monomials = [sp.Mul(*m) for d in range(1, degree) for m in combinations_with_replacement(u, d)]
    leading = [sp.Mul(*m) for m in combinations_with_replacement(u, degree)]
    chosen = [rng.choice(leading), rng.choice(leading)]
    chosen += [rng.choice(monomials or leading) for _ in range(terms - 2)]
    return sp.Add(*(number(rng) * m for m in dict.fromkeys(chosen)))


def antisymmetric(n: int, entry: Callable[[], Any]) -> sp.Matrix:
    S = sp.zeros(n, n)
    for i, j in combinations(range(n), 2):
        S[i, j] = entry()
        S[j, i] = -S[i, j]
    return S


def gradient(H: sp.Expr, u: Exprs) -> sp.Matrix:
    return sp.Matrix([H.diff(z) for z in u])


def casimirs(S: sp.Matrix, u: Exprs) -> list[sp.Expr]:
    """Linear functions that a constant S conserves whatever H is."""
    return [sp.Add(*(k * z for k, z in zip(v, u, strict=True))) for v in S.nullspace()]


def made(
    u: Sequence[sp.Symbol], f: Any, planted: Exprs, degree: int, /, **keywords: Any
) -> RandomSystem:
    system = psu.ODESystem({z: sp.sympify(e) for z, e in zip(u, f, strict=True)})
    return RandomSystem(system, tuple(planted), degree, {"degree": degree} | keywords)


def constant(rng: Random, u: Exprs) -> sp.Matrix:
    return antisymmetric(len(u), lambda: number(rng) if rng.random() < 0.8 else sp.S.Zero)


def network(u: Exprs, outputs: int) -> psu.MLP:
    return psu.MLP("nn", inputs=list(u), outputs=outputs, hidden=3)
